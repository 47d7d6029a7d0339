"""How runs end when they do not end well."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys

import mlflow
import nbformat
import psutil
import pytest

from mlops_nb import api, processes
from mlops_nb.journal import StageStarted
from mlops_nb.types import RunState, StageState


def mlflow_status(run) -> str:
    client = mlflow.MlflowClient(tracking_uri=run.tracking_uri)
    return client.get_run(run.mlflow_run_id).info.status


def running(project, until, *cells):
    """Start a run and return it when its second cell runs."""
    project.notebook("1", *cells)
    run = api.train("train.ipynb")
    until(lambda: (p := api.show(run.id).progress) and p.done >= 1)
    return run


def command_lines(run_id: str) -> dict[str, psutil.Process]:
    """Return the run's processes by their command lines."""
    found = {}
    for process in processes.of_run(run_id):
        with contextlib.suppress(psutil.Error):
            found[" ".join(process.cmdline())] = process
    return found


def process_of(run_id: str, word: str) -> psutil.Process:
    """Return the process of a run that has this word in its command line."""
    return next(p for line, p in command_lines(run_id).items() if word in line)


def test_a_notebook_that_raises_then_resumes(project, tmp_path, folder_of):
    flag = tmp_path / "flag"
    project.notebook(
        "print('before')",
        f"value = open({str(flag)!r}).read()",
        "print('after')",
        parameters="rate = 1",
    )
    command = [sys.executable, "-m", "mlops_nb", "train", "train.ipynb", "--wait"]
    done = subprocess.run(command, cwd=project.root, capture_output=True, text=True, check=False)
    run = api.show()

    assert done.returncode == 1
    assert "FileNotFoundError" in done.stdout
    assert run.state is RunState.FAILED
    assert [s.state for s in run.stages] == [
        StageState.SUCCEEDED, StageState.SUCCEEDED, StageState.FAILED,
        StageState.PENDING, StageState.PENDING,
    ]  # fmt: skip
    assert (run.error.type, run.error.stage, run.error.cell) == ("FileNotFoundError", "train", 3)
    assert str(flag) in run.error.message
    log = api.logs(run.id, stage="train")
    assert "value = open(" in log, "the user's own traceback"
    assert "stages/train.py" not in log, "and not ours"
    assert mlflow_status(run) == "FAILED"
    executed = nbformat.read(run.notebook, as_version=4)
    kept = [o.get("text", o.get("ename")) for c in executed.cells for o in c.get("outputs", [])]
    assert kept == ["before\n", "FileNotFoundError"]
    client = mlflow.MlflowClient(tracking_uri=run.tracking_uri)
    assert [a.path for a in client.list_artifacts(run.mlflow_run_id, "notebook")] == [
        "notebook/train.ipynb"
    ]

    flag.write_text("there")
    again = api.resume(run.id, wait=True)

    assert again.state is RunState.SUCCEEDED
    assert again.error is None
    started = [e.stage for e in folder_of(run.id).read()[0] if isinstance(e, StageStarted)]
    assert started.count("provision-code") == started.count("provision-data") == 1
    assert started.count("train") == 2
    assert again.stage("evaluate").note == "the notebook logged no model"


def test_a_cell_that_takes_too_long_is_ended(project, monkeypatch, until):
    monkeypatch.setenv("MLOPS_NB_RUN_CELL_TIMEOUT_S", "2")
    # It keeps the interpreter's lock, so that no interrupt is heard.
    project.notebook("import ctypes; ctypes.PyDLL(None).sleep(300)")
    run = api.train("train.ipynb", wait=True)
    assert run.state is RunState.FAILED
    assert (run.error.type, run.error.cell) == ("CellTimeoutError", 1)
    assert "2 s" in run.error.message
    until(lambda: processes.of_run(run.id) == [], 5)


def interrupt(run_id):
    """Send the driver what a terminal sends at Ctrl-C, and return the run when it has ended."""
    process_of(run_id, "local.driver").send_signal(signal.SIGINT)
    return list(api.watch(run_id))[-1]


@pytest.mark.parametrize("cancel", [api.cancel, pytest.param(interrupt, marks=pytest.mark.faults)])
def test_cancel_ends_all_processes_and_keeps_the_notebook(project, until, cancel):
    stubborn = (
        "import subprocess, sys, time\n"
        "subprocess.Popen(['sleep', '300'], start_new_session=True)\n"
        "subprocess.Popen([sys.executable, '-c', 'import signal, time\\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\\ntime.sleep(300)  # stubborn'],"
        " start_new_session=True)\ntime.sleep(300)"
    )
    run = running(project, until, stubborn)
    for word in ("sleep 300", "stubborn"):
        until(lambda word=word: any(word in line for line in command_lines(run.id)))

    canceled = cancel(run.id)

    assert canceled.state is RunState.CANCELED
    assert canceled.stage("train").state is StageState.CANCELED
    # Of an interrupted driver the last thing is to end itself.
    until(lambda: processes.of_run(run.id) == [], 5)
    assert mlflow_status(canceled) == "KILLED"
    assert api.cancel(run.id) == canceled
    nbformat.validate(nbformat.read(canceled.notebook, as_version=4))


def test_a_driver_that_was_killed_leaves_a_lost_run_that_resumes(project, until, tmp_path):
    flag = tmp_path / "flag"
    waiting = f"import os, time\nwhile not os.path.exists({str(flag)!r}): time.sleep(0.1)"
    run = running(project, until, waiting)
    process_of(run.id, "local.driver").send_signal(signal.SIGKILL)

    lost = until(lambda: (r := api.show(run.id)).state is RunState.LOST and r, 10)
    assert (lost.error.type, lost.error.stage) == ("DriverLost", "train")
    assert f"resume {run.id}" in lost.error.hint
    assert processes.of_run(run.id) == []
    assert mlflow_status(lost) == "FAILED"
    assert [r.state for r in api.watch(run.id)][-1] is RunState.LOST

    flag.touch()
    assert api.resume(run.id, wait=True).state is RunState.SUCCEEDED


def statuses(run) -> list[str]:
    cells = nbformat.read(run.notebook, as_version=4).cells
    return [cell.metadata.papermill["status"] for cell in cells]


@pytest.mark.parametrize(
    ("deed", "signal_name"),
    [
        ("import os; os.kill(os.getpid(), 9)", "SIGKILL"),
        pytest.param("import ctypes; ctypes.string_at(0)", "SIGSEGV", marks=pytest.mark.faults),
        pytest.param("import os; os._exit(0)", None, marks=pytest.mark.faults),
    ],
)
def test_what_ended_a_kernel_is_said_and_cells_are_marked_as_they_ended(project, deed, signal_name):
    project.notebook("held = bytearray(50_000_000)\nprint('kept')", deed, "print('never')")
    run = api.train("train.ipynb", wait=True)
    assert run.state is RunState.FAILED
    assert (run.error.type, run.error.stage, run.error.cell) == ("DeadKernelError", "train", 2)
    assert (f"died of {signal_name}" in run.error.message) == (signal_name is not None)
    assert run.stage("train").peak_memory_bytes > 50_000_000
    assert statuses(run) == ["completed", "failed", "pending"]
    executed = nbformat.read(run.notebook, as_version=4)
    assert executed.cells[0].outputs[0].text == "kept\n"
    assert mlflow_status(run) == "FAILED"


def test_a_stage_that_was_killed_tells_the_signal_and_the_cell_that_ran(project, until):
    run = running(project, until, "import time; time.sleep(300)", "1")
    # The stage is the parent of the kernel.
    process_of(run.id, "ipykernel_launcher").parent().send_signal(signal.SIGKILL)
    failed = until(lambda: (r := api.show(run.id)).state.terminal and r, 20)
    assert failed.state is RunState.FAILED
    assert (failed.error.type, failed.error.stage) == ("StageKilled", "train")
    assert "was killed by SIGKILL; it held" in failed.error.message
    assert failed.stage("train").peak_memory_bytes > 10_000_000
    assert statuses(failed) == ["completed", "failed", "pending"]
    assert mlflow_status(failed) == "FAILED"
    until(lambda: processes.of_run(run.id) == [], 5)


@pytest.mark.parametrize(
    ("setting", "seconds", "kind"),
    [
        pytest.param("RUN_TIMEOUT_S", 20, "RunTimeout", marks=pytest.mark.faults),
        ("RUN_STAGE_TIMEOUT_S", 10, "StageTimeout"),
    ],
)
def test_a_run_and_a_stage_may_take_so_long_and_no_longer(
    project, monkeypatch, until, setting, seconds, kind
):
    monkeypatch.setenv(f"MLOPS_NB_{setting}", str(seconds))
    project.notebook("import time; time.sleep(300)")
    run = api.train("train.ipynb", wait=True)
    assert run.state is RunState.FAILED
    assert (run.error.type, run.error.stage) == (kind, "train")
    assert f"took longer than {seconds} s" in run.error.message
    assert mlflow_status(run) == "FAILED"
    until(lambda: processes.of_run(run.id) == [], 5)
    monkeypatch.undo()


def test_what_a_cell_says_has_a_limit(project):
    project.notebook(
        "for _ in range(30_000):\n    print('x' * 999)",
        "from IPython.display import clear_output\n"
        "for n in range(3):\n    print(str(n) * 9_000_000)\n    clear_output()\nprint('last')",
    )
    run = api.train("train.ipynb", wait=True)
    assert run.state is RunState.SUCCEEDED, run.error
    first, second = nbformat.read(run.notebook, as_version=4).cells
    kept = "".join(output.text for output in first.outputs)
    assert 19_000_000 < len(kept) < 21_000_000
    assert kept.rstrip().endswith("mlops_nb: the rest of more than 20 MB was cut off")
    assert second.outputs[-1].text == "last\n"
