"""The process that runs one submitted pipeline with KFP's local engine, to its end.

    python -m mlops_nb.testing.kubeflow.engine RUN_FOLDER

It plays the workflow controller of one run: `graph.py` and the local engine decide what is next,
`controller.py` makes a pod of it, and `kubelet.py` executes that.
"""

from __future__ import annotations

import shutil
import signal
import sys
import types
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from mlops_nb.testing.kubeflow import graph, nodes
from mlops_nb.testing.kubeflow.controller import Controller
from mlops_nb.testing.kubeflow.ledger import FAILED, RUNNING, SUCCEEDED, Ledger

if TYPE_CHECKING:
    from mlops_nb.testing.kubeflow.ledger import Job


class _Terminated(BaseException):
    """Somebody asked for the end of this run."""


def main(path: str) -> None:
    """Run the pipeline of a run folder."""
    ledger = Ledger(Path(path))
    job = ledger.job()
    controller = Controller(ledger, job)

    def terminate(*_: object) -> NoReturn:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        # First of all: on its way out of the engine an exception waits for the tasks that run.
        controller.stop()
        raise _Terminated

    signal.signal(signal.SIGTERM, terminate)
    try:
        _run(ledger, job, controller)
    except _Terminated:
        # A pod that was just being started may have escaped the first time.
        controller.stop()
        ledger.end(job.terminated_state)
    except Exception as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        ledger.end(FAILED)
    else:
        # As the volume of a workflow: it stays where the run failed, for a retry.
        shutil.rmtree(ledger.workspace, ignore_errors=True)
        ledger.append(SUCCEEDED)


def _run(ledger: Ledger, job: Job, controller: Controller) -> None:
    # The client talks to servers, which this process never does, and is most of the import.
    sys.modules["kfp.client"] = types.ModuleType("kfp.client")
    sys.modules["kfp.client"].Client = None  # type: ignore[attr-defined]
    from kfp import components, local

    ledger.append(RUNNING, nodes.ROOT_DRIVER_NODE, nodes.ROOT_DRIVER)
    ledger.append(RUNNING)
    ledger.workspace.mkdir(exist_ok=True)
    local.init(
        runner=local.SubprocessRunner(use_venv=False),
        pipeline_root=str(Path(job.root) / "artifacts" / job.run_id),
        workspace_root=str(ledger.workspace),
        enable_caching=True,
        cache_root=str(Path(job.root) / "cache" / (job.namespace or "default")),
    )
    controller.take_over()
    graph.install()
    pipeline = components.load_component_from_text(job.package)
    ledger.append(SUCCEEDED, nodes.ROOT_DRIVER_NODE, nodes.ROOT_DRIVER)
    pipeline(**job.arguments)


if __name__ == "__main__":
    main(sys.argv[1])
