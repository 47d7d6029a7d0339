"""Projects with a past: ended runs, written as a driver writes them."""

from __future__ import annotations

import random
import secrets
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from mlops_nb import api
from mlops_nb import project as projects
from mlops_nb.capture.repository import REF_PREFIX
from mlops_nb.journal import (
    RUNS,
    MetricsLogged,
    ModelLogged,
    RunFinished,
    RunFolder,
    RunQueued,
    RunStarted,
    RunTracked,
    StageFinished,
    StageStarted,
)
from mlops_nb.settings import Config
from mlops_nb.types import Failure, Model, Run, RunRequest, RunState, StageState
from tests.vocabulary import notebook

if TYPE_CHECKING:
    from pathlib import Path

PARAMETERS = "\n".join(f"p{index}: float = {index / 8}" for index in range(8))
TRAINING = "import pandas\ndata = pandas.read_csv('data/train.csv')"


def fill(root: Path, count: int) -> None:
    """Make a project with so many ended runs, or add what it lacks of them."""
    if not root.exists():
        _project(root)
    config = Config.load(root)
    like = api.train(root / "train.ipynb", dry_run=True, project=root)
    runs = config.state_folder / RUNS
    there = len(list(runs.iterdir())) if runs.exists() else 0
    start = datetime.now(timezone.utc) - timedelta(days=30)
    head = git(root, "rev-parse", "HEAD")
    refs = root / ".git" / REF_PREFIX
    refs.mkdir(parents=True, exist_ok=True)

    def one(number: int) -> None:
        dice = random.Random(number)  # noqa: S311  (the same runs each time)
        run_id = write(runs, like, start + timedelta(minutes=number), dice)
        (refs / run_id).write_text(f"{head}\n")

    # Each waits for the disk at the end of every stage.
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(there, count)))


def _project(root: Path) -> None:
    projects.init(root, example=None)
    notebook(root / "train.ipynb", TRAINING, parameters=PARAMETERS)
    (root / "data").mkdir()
    (root / "data" / "train.csv").write_text("a,label\n1,0\n2,1\n")
    settings = root / "mlops.toml"
    settings.write_text('[project]\nname = "sample"\n[data]\ntrain = "data/train.csv"\n')
    config = Config.load(root)
    projects.prepare_state(config)
    projects.track(config, root / "data" / "train.csv")
    commit(root)


def commit(root: Path) -> None:
    """Commit all that has changed."""
    git(root, "add", "-A")
    git(root, "-c", "user.name=b", "-c", "user.email=b", "commit", "-qm", "all")


def dvc(root: Path, *arguments: str) -> None:
    """Run a command of DVC's."""
    command = [sys.executable, "-m", "dvc", *arguments]
    subprocess.run(command, cwd=root, check=True, capture_output=True)


def git(root: Path, *arguments: str) -> str:
    """Run a command of git's, and return what it says."""
    done = subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def write(runs: Path, like: Run, at: datetime, dice: random.Random) -> str:
    """Write one run, of which most succeed, and return its id."""
    run_id = f"{at:%Y%m%d-%H%M%S}-{dice.randrange(4096):03x}{secrets.token_hex(2)}"
    folder = RunFolder(runs / run_id)
    stages = tuple(stage.name for stage in like.stages)
    folder.create(
        RunRequest(
            id=run_id, pipeline=like.pipeline, stages=stages, backend=like.backend,
            snapshot=like.snapshot, arguments={}, created_at=at.isoformat(timespec="seconds"),
        )
    )  # fmt: skip
    good = dice.random() < 0.9
    folder.append(RunQueued(pid=1))
    folder.append(RunStarted(pid=1))
    for stage in stages if good else stages[:3]:
        folder.append(StageStarted(stage=stage))
        if stage == "train":
            folder.append(RunTracked(mlflow_run_id=secrets.token_hex(16), tracking_uri="file:///"))
            folder.append(MetricsLogged(metrics={f"m{i}": dice.random() for i in range(6)}))
        state = StageState.SUCCEEDED if good or stage != stages[2] else StageState.FAILED
        folder.append(StageFinished(stage=stage, state=state, seconds=dice.random() * 60))
    if good:
        folder.append(MetricsLogged(metrics={"test_accuracy": dice.random()}))
        folder.append(
            ModelLogged(model=Model(uri=f"models:/m-{run_id}", name="sample", version="1"))
        )
    error = Failure(type="ValueError", message="the script says so", hint="mend it")
    state = RunState.SUCCEEDED if good else RunState.FAILED
    folder.append(
        RunFinished(state=state, seconds=dice.random() * 300, error=None if good else error)
    )
    return run_id
