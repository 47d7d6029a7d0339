"""The card in a real kernel, over a run whose journal is written by hand."""

from __future__ import annotations

from pathlib import Path

import nbclient
import nbformat
import pytest
from nbconvert import HTMLExporter

from mlops_nb.interfaces.follower import MIME as OURS
from mlops_nb.interfaces.widgets.live import MIME

PREPARE = """
import fcntl, json, threading, _thread
import msgspec
from pathlib import Path
from mlops_nb import api
from mlops_nb.interfaces.display import NotebookView
from mlops_nb.journal import RunFinished, RunFolder, RunStarted, StageStarted
from mlops_nb.types import RunState
from tests.vocabulary import request

def start(run_id):
    folder = RunFolder(Path(".mlops/runs", run_id).absolute())
    folder.create(msgspec.structs.replace(request(), id=run_id))
    lock = folder.lock.open("ab")
    fcntl.flock(lock, fcntl.LOCK_EX)
    folder.append(RunStarted(pid=1))
    return folder, lock

def follow(run_id, **how):
    return NotebookView().follow(api.follow(run_id), cancel=None, **how)

def finish(folder, state):
    with folder.points.open("a") as file:
        for step in range(1000):
            print(json.dumps(["loss", step, 1.0, 1 / (1 + step)]), file=file)
    folder.append(RunFinished(state=state))
"""
CELLS = (
    PREPARE,
    "one, two, three = map(start, ('one', 'two', 'three'))",
    "follow('one', wait=False)",
    "follow('two', wait=False)",
    # An interrupt ends the wait, not the card.
    "threading.Timer(1, _thread.interrupt_main).start()\n"
    "try:\n    follow('three', wait=True)\nexcept KeyboardInterrupt:\n    print('interrupted')",
    # The kernel is busy from here to the end of the last run.
    "followers = [t for t in threading.enumerate() if t.name.startswith('mlops-')]\n"
    "finish(one[0], RunState.SUCCEEDED)\n"
    "finish(two[0], RunState.FAILED)\n"
    "finish(three[0], RunState.CANCELED)\n"
    "for thread in followers:\n    thread._over.wait()",
)


@pytest.fixture(scope="module")
def outputs(shared_project):
    document = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in CELLS])
    path = {"metadata": {"path": str(shared_project.root)}}
    patch = pytest.MonkeyPatch()
    patch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    nbclient.NotebookClient(document, kernel_name="python3", resources=path).execute()
    patch.undo()
    return [
        next(o.data for o in cell.outputs if o.output_type == "display_data")
        for cell in document.cells[2:5]
    ]


@pytest.mark.parametrize(("cell", "state"), [(0, "SUCCEEDED"), (1, "FAILED"), (2, "CANCELED")])
def test_each_card_has_come_to_its_end_while_the_kernel_was_busy(outputs, cell, state):
    assert state in outputs[cell]["text/html"]
    assert state in outputs[cell]["text/plain"]
    assert "1,000 values" in outputs[cell]["text/html"]


def test_what_is_saved_needs_no_widget(outputs):
    for data in outputs:
        assert MIME not in data
        assert set(data) == {OURS, "text/html", "text/plain"}


def test_what_is_saved_names_the_run_for_our_front_end(outputs):
    for data, run in zip(outputs, ("one", "two", "three"), strict=True):
        assert data[OURS]["run_id"] == run


def test_what_is_saved_reads_as_html_where_our_front_end_is_not(outputs):
    cell = nbformat.v4.new_code_cell(
        "", outputs=[nbformat.v4.new_output("display_data", data=outputs[0])]
    )
    page, _ = HTMLExporter().from_notebook_node(nbformat.v4.new_notebook(cells=[cell]))
    assert "1,000 values" in page
    assert "run_id" not in page
