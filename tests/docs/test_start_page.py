"""The first page is done as it stands there, in a folder with nothing in it."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import nbclient
import nbformat
import pytest

from mlops_nb import api
from mlops_nb.types import RunState
from tests import vocabulary
from tests.docs import page

PAGE = Path(__file__).parents[2] / "docs" / "start.md"
SCRIPT, PARAMETERS, CELL = "make_data.py", "a cell tagged parameters", "a cell"
# Pictures are most of a small run's time, and nobody looks at them here.
QUICK = {"MLOPS_NB_TRACKING_AUTOLOG": "false"}


class Newcomer:
    """Somebody who does what the page says, in its order."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cells: list[nbformat.NotebookNode] = []
        self._parameters = ""

    def follow(self, block: page.Block) -> None:
        """Do what a block says."""
        doing = {
            ("sh", ""): self._type,
            ("toml", ""): self._set,
            ("python", ""): self._cell,
            ("python", SCRIPT): lambda text: (self.folder / SCRIPT).write_text(text),
            ("python", PARAMETERS): self._parametrize,
            ("python", CELL): self._notebook,
        }
        doing[block.kind, block.note](block.text)

    def execute(self) -> None:
        """Execute the cells so far, in one kernel."""
        document = nbformat.v4.new_notebook(cells=self.cells)
        place = {"metadata": {"path": str(self.folder)}}
        nbclient.NotebookClient(document, kernel_name="python3", resources=place).execute()

    def _type(self, text: str) -> None:
        for words in map(shlex.split, text.splitlines()):
            if words[0] == "cd":
                self.folder = (self.folder / words[1]).resolve()
                continue
            done = subprocess.run(words, cwd=self.folder, capture_output=True, text=True)
            assert done.returncode == 0, (words, done.stdout, done.stderr)

    def _set(self, text: str) -> None:
        file = self.folder / "mlops.toml"
        file.write_text(page.settings(file.read_text(), page.Block("toml", text)))

    def _cell(self, text: str) -> None:
        self.cells.append(nbformat.v4.new_code_cell(text))

    def _parametrize(self, text: str) -> None:
        self._parameters = text

    def _notebook(self, text: str) -> None:
        vocabulary.notebook(self.folder / "mine.ipynb", text, parameters=self._parameters)


@pytest.fixture(scope="module")
def followed(tmp_path_factory):
    """The folders of the page's two projects, and the cells with what they show."""
    newcomer = Newcomer(tmp_path_factory.mktemp("start"))
    patch = pytest.MonkeyPatch()
    for name, value in QUICK.items():
        patch.setenv(name, value)
    blocks = page.blocks(PAGE)
    last = max(at for at, block in enumerate(blocks) if (block.kind, block.note) == ("python", ""))
    for at, block in enumerate(blocks):
        newcomer.follow(block)
        if at == last:
            newcomer.execute()
    yield newcomer.folder.parent, newcomer.cells
    patch.undo()


def shown(cells, source):
    (cell,) = (cell for cell in cells if source in cell.source)
    return vocabulary.shown(cell.outputs)


def test_the_first_project_has_two_runs_and_nothing_that_serves(followed):
    top, _ = followed
    runs = api.runs(project=top / "first")
    assert [run.state for run in runs] == [RunState.SUCCEEDED] * 3
    trained = [run for run in runs if run.pipeline == "training"]
    assert [run.snapshot.parameters["C"] for run in trained] == [0.1, 1.0]
    assert api.deployments(project=top / "first") == ()


def test_the_cells_show_what_the_page_says(followed):
    _, cells = followed
    assert "quickstart version 1" in shown(cells, "%load_ext mlops_nb")
    assert "SUCCEEDED" in shown(cells, "first.state")
    assert "cross-validated accuracy" in shown(cells, "%mlops logs")
    assert len(shown(cells, "mlops.predict").split(",")) == 3
    assert "quickstart is gone" in shown(cells, "%mlops undeploy")


def test_what_differs_comes_first(followed):
    top, _ = followed
    runs = [r.id for r in api.runs(project=top / "first") if r.pipeline == "training"]
    rows = api.compare(*runs, project=top / "first").rows
    assert (rows[0].kind, rows[0].name, rows[0].differs) == ("parameter", "C", True)


def test_own_data_make_a_model_that_is_evaluated(followed):
    top, _ = followed
    run = api.show(project=top / "mine")
    assert run.state is RunState.SUCCEEDED
    assert run.snapshot.parameters == {"alpha": 0.5}
    assert {"test_rmse", "test_mae", "test_r2"} <= set(run.metrics)
    assert [finding.severity for finding in run.findings] == ["info"]
