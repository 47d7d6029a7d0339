"""Jobs of jupyter-scheduler, by its own scheduler, as runs of ours."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from mlops_nb import api

# Beside the environment, not in it: it would turn itself on in every server of the tests.
PACKAGE = Path(__file__).parents[2] / ".venv" / "jupyter-scheduler"


@pytest.fixture
def scheduler(project, tmp_path, monkeypatch):
    if not PACKAGE.is_dir() and "CI" not in os.environ:
        pytest.skip("jupyter-scheduler is not here: make .venv anew")
    monkeypatch.syspath_prepend(PACKAGE)
    from jupyter_scheduler.environments import StaticEnvironmentManager
    from jupyter_scheduler.orm import create_tables
    from traitlets.config import Config

    from mlops_nb.interfaces.jupyter_scheduler import PinnedScheduler

    url = f"sqlite:///{tmp_path}/jobs.db"
    create_tables(url)
    # Definitions are fired by the test, and not by a clock.
    settings = Config({"PinnedScheduler": {"task_runner_class": None}})
    return PinnedScheduler(
        root_dir=str(project.root.parent),
        environments_manager=StaticEnvironmentManager(),
        db_url=url,
        staging_path=str(tmp_path / "staging"),
        config=settings,
    )


def test_a_job_is_a_run_of_the_notebook_as_it_is_when_it_begins(project, scheduler, until):
    from jupyter_scheduler.models import CreateJobDefinition, CreateJobFromDefinition

    definition = scheduler.create_job_definition(
        CreateJobDefinition(
            input_uri="project/train.ipynb",
            runtime_environment_name="here",
            name="nightly",
            output_formats=["ipynb"],
            parameters={"rate": "0.25"},
        )
    )

    def ended():
        job_id = scheduler.create_job_from_definition(definition, CreateJobFromDefinition())

        def job():
            found = scheduler.get_job(job_id)
            return found.status.value in ("COMPLETED", "FAILED") and found

        return until(job, 120)

    job = ended()
    assert job.status.value == "COMPLETED", job.status_message
    (run,) = api.runs()
    assert run.snapshot.parameters["rate"] == 0.25
    left = json.loads(Path(scheduler.get_staging_paths(job)["ipynb"]).read_text())
    printed = [out["text"] for cell in left["cells"] for out in cell["outputs"] if "text" in out]
    assert "0.25" in "".join(map(str, printed))

    project.notebook("rate +", parameters="rate: float = 0.5")
    job = ended()
    assert job.status.value == "FAILED"
    assert "cell 2 is not valid Python" in job.status_message
    assert len(api.runs()) == 1
