"""Real git and DVC projects, made once and copied for each test."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mlops_nb import processes
from tests.vocabulary import Project, notebook

if TYPE_CHECKING:
    from collections.abc import Iterator

# A Jupyter Server for the tests of the extension; plugins can only be named at the top.
pytest_plugins = ["pytest_jupyter.jupyter_server"]


# The longest come first, so that the processes of the tests end at about the same time.
LONGEST = ("containers", "end_to_end", "browser")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the tests by how long those of their folder take."""

    def place(item: pytest.Item) -> int:
        folder = Path(item.path).relative_to(Path(__file__).parent).parts[0]
        return LONGEST.index(folder) if folder in LONGEST else len(LONGEST)

    items.sort(key=place)


@pytest.fixture(scope="session", autouse=True)
def _isolated(tmp_path_factory: pytest.TempPathFactory):
    """Keep the machine's own git, DVC and Jupyter settings out, and the tests' out of it."""
    folder = tmp_path_factory.mktemp("isolated")
    config = folder / "gitconfig"
    config.write_text(
        "[user]\n\tname = Test\n\temail = test@localhost\n[init]\n\tdefaultBranch = main\n"
    )
    patch = pytest.MonkeyPatch()
    patch.setenv("GIT_CONFIG_GLOBAL", str(config))
    patch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    patch.setenv("DVC_SITE_CACHE_DIR", str(folder / "dvc"))
    patch.setenv("DVC_NO_ANALYTICS", "1")
    patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    patch.setenv("JUPYTER_PLATFORM_DIRS", "1")
    yield
    patch.undo()


@pytest.fixture(autouse=True)
def _no_store_of_another_test():
    """Forget the store, registry and experiment that a test has named for its process."""
    yield
    if "mlflow" in sys.modules:
        import mlflow
        from mlflow.tracking import fluent

        mlflow.set_registry_uri("")
        mlflow.set_tracking_uri("")
        # `set_experiment` keeps it beside the environment.
        fluent._active_experiment_id = None
        os.environ.pop("MLFLOW_EXPERIMENT_ID", None)


@pytest.fixture(scope="session")
def _template(tmp_path_factory: pytest.TempPathFactory, _isolated) -> Path:
    from mlops_nb import project

    folder = tmp_path_factory.mktemp("template") / "project"
    project.init(folder, example=None)
    rows = "\n".join(f"{i},{i % 7},{int(i % 7 > 3)}" for i in range(60))
    (folder / "data").mkdir()
    for name in ("train", "test"):
        (folder / "data" / f"{name}.csv").write_text(f"a,b,label\n{rows}\n")
    (folder / "mlops.toml").write_text(
        '[project]\nname = "sample"\n[data]\ntrain = "data/train.csv"\ntest = "data/test.csv"\n'
    )
    (folder / "helper.py").write_text("ANSWER = 41\n")
    notebook(folder / "train.ipynb", "print(rate)", parameters="rate: float = 0.5\nname = 'x'")
    subprocess.run(["dvc", "remote", "add", "-d", "storage", "../remote"], cwd=folder, check=True)
    subprocess.run(["dvc", "add", "-q", "data/train.csv", "data/test.csv"], cwd=folder, check=True)
    subprocess.run(["dvc", "push", "-q"], cwd=folder, check=True)
    subprocess.run(["git", "add", "-A"], cwd=folder, check=True)
    subprocess.run(["git", "commit", "-qm", "start"], cwd=folder, check=True)
    return folder


@pytest.fixture
def project(_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """A clean git + DVC project with a notebook, two datasets and a remote; the current folder."""
    folder = tmp_path / "project"
    shutil.copytree(_template, folder, symlinks=True)
    shutil.copytree(_template.parent / "remote", tmp_path / "remote")
    monkeypatch.chdir(folder)
    yield Project(folder)
    for run in folder.glob(".mlops/runs/*"):
        processes.end(run.name, grace_s=0)


@pytest.fixture
def state_of():
    """Return all that a snapshot must leave alone, to be compared before and after."""
    return state


@pytest.fixture
def json_of(capsys: pytest.CaptureFixture[str]):
    """Run a command line with --json and return exit code and the object it printed."""
    from mlops_nb.interfaces import cli

    def run(*arguments: str) -> tuple[int, dict]:
        patch = pytest.MonkeyPatch()
        patch.setattr(sys, "argv", ["jupyter-mlops", *arguments, "--json"])
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            cli.main()
        patch.undo()
        return int(stop.value.code or 0), json.loads(capsys.readouterr().out)

    return run


def state(root: Path) -> dict[str, object]:
    """Return all that a snapshot must leave alone, to be compared before and after."""

    def git(*arguments: str) -> str:
        # Looking must not refresh the index, nor run a hook.
        command = ["git", "--no-optional-locks", "-c", "core.hooksPath=/dev/null", *arguments]
        run = subprocess.run(command, cwd=root, capture_output=True, check=False)
        return run.stdout.decode(errors="surrogateescape")

    files = {
        str(p.relative_to(root)): (p.lstat().st_mtime_ns, p.lstat().st_mode, p.read_bytes())
        for p in sorted(root.rglob("*"))
        if p.is_file() and not {".git", ".mlops", "tmp"} & set(p.relative_to(root).parts)
    }
    index = root / ".git" / "index"
    refs = git("for-each-ref", "--format=%(refname) %(objectname)").splitlines()
    return {
        "files": {k: v for k, v in files.items() if not k.startswith(".dvc/cache")},
        "index": index.read_bytes() if index.exists() else None,
        "head": (root / ".git" / "HEAD").read_text(),
        "refs": [ref for ref in refs if not ref.startswith("refs/mlops/")],
        "stash": git("stash", "list"),
        "status": git("status", "--porcelain"),
        "reflog": git("reflog", "--all"),
    }


@pytest.fixture
def until():
    """Wait until something is so, and fail when it is not so in time."""

    def wait(condition, timeout_s: float = 60.0):
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            value = condition()
            if value:
                return value
            time.sleep(0.1)
        raise AssertionError(f"not so after {timeout_s} s")

    return wait
