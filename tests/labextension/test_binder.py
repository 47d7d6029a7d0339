"""The steps of Binder, as far as they need no Binder."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

BINDER = Path(__file__).parents[2] / "binder"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The folder that `project` has made, and that of Lab's workspaces."""
    folder = tmp_path_factory.mktemp("binder")
    environment = {**os.environ, "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces")}
    command = ["sh", str(BINDER / "project"), str(folder / "quickstart")]
    subprocess.run(command, env=environment, check=True, capture_output=True)
    return folder


def test_the_quickstart_is_a_project_to_begin_with(made):
    assert (made / "quickstart" / "mlops.toml").is_file()
    assert (made / "quickstart" / "quickstart.ipynb").is_file()


def test_lab_opens_with_the_notebook_and_the_panel(made):
    (workspace,) = (made / "workspaces").iterdir()
    layout = json.loads(workspace.read_text())["data"]["layout-restorer:data"]
    assert layout["main"]["current"] == "notebook:quickstart.ipynb"
    assert layout["left"]["current"] == "mlops-panel"


@pytest.mark.parametrize("step", ["postBuild", "start"])
def test_each_step_is_a_program(step):
    assert os.access(BINDER / step, os.X_OK)
    subprocess.run(["sh", "-n", str(BINDER / step)], check=True)
