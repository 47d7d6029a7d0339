"""A project of code alone, with schedules that are due when a test says so."""

from __future__ import annotations

import shutil
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from msgspec import structs

from mlops_nb import project as projects
from mlops_nb.scheduling.firing import Process
from mlops_nb.scheduling.store import Store, new_firing
from mlops_nb.settings import Config
from mlops_nb.types import Firing, Schedule
from tests.vocabulary import Project, notebook

if TYPE_CHECKING:
    from pathlib import Path


class Office:
    """A project's store, and the processes of its firings, run in this process."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.config = Config.load(project.root)
        self.store = Store(self.config)
        self._day = datetime(2026, 1, 1, 6, tzinfo=timezone.utc)

    def schedule(self, name: str = "nightly", **known) -> Schedule:
        """Keep a schedule that trains in memory every day at six."""
        defaults = {
            "id": f"id-{name}",
            "arguments": {"notebook": "train.ipynb", "backend": "memory"},
            "cron": "0 6 * * *",
            "created_at": "2026-01-01T00:00:00+00:00",
            "python": sys.executable,
            "pipeline": "training",
        }
        made = Schedule(name=name, **{**defaults, **known})
        self.store.add(made)
        return made

    def due(self, schedule: Schedule) -> Firing:
        """Claim a firing, of a day later than the one before."""
        firing = new_firing(schedule, self._day.isoformat())
        self.store.claim(schedule, [firing], self._day)
        self._day += timedelta(days=1)
        return firing

    def fire(self, schedule: Schedule, firing: Firing | None = None) -> Firing:
        """Let a firing's process do its work, and return the firing as it is kept then."""
        firing = firing or self.due(schedule)
        Process(self.config, schedule, firing, poll_s=0.01).work()
        return self.kept(schedule, firing)

    def kept(self, schedule: Schedule, firing: Firing) -> Firing:
        """Return a firing as it is on the disk."""
        found = self.store.firing(schedule, firing.due)
        assert found is not None
        return found

    def change(self, schedule: Schedule, **known) -> Schedule:
        """Change a schedule."""
        changed = structs.replace(schedule, **known)
        self.store.change(changed)
        return changed


@pytest.fixture(scope="session")
def _empty_office(tmp_path_factory: pytest.TempPathFactory, _isolated) -> Path:
    folder = tmp_path_factory.mktemp("template") / "office"
    folder.mkdir()
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    (folder / "mlops.toml").write_text('[project]\nname = "office"\n')
    notebook(folder / "train.ipynb", "print(rate)", parameters="rate: float = 0.5")
    subprocess.run(["git", "add", "-A"], cwd=folder, check=True)
    subprocess.run(["git", "commit", "-qm", "start"], cwd=folder, check=True)
    return folder


@pytest.fixture
def office(_empty_office: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    """A git project with one notebook and no data; the current folder."""
    folder = tmp_path / "office"
    shutil.copytree(_empty_office, folder)
    monkeypatch.chdir(folder)
    made = Office(Project(folder))
    projects.prepare_state(made.config)
    return made
