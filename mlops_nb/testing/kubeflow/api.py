"""All operations of the API that this server has, one request at a time."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from mlops_nb.testing.kubeflow import contract, refusals
from mlops_nb.testing.kubeflow.experiments import Experiments
from mlops_nb.testing.kubeflow.faults import Faults
from mlops_nb.testing.kubeflow.pipelines import Pipelines
from mlops_nb.testing.kubeflow.recurring_runs import RecurringRuns
from mlops_nb.testing.kubeflow.runs import Runs

if TYPE_CHECKING:
    from mlops_nb.testing.kubeflow.cluster import Cluster
    from mlops_nb.testing.kubeflow.request import Request


class Api:
    """The operations, and what has been asked of them.

    Args:
        cluster: Where the server is.
    """

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.faults = Faults()
        self.requests: list[tuple[str, str, str]] = []
        self.lock = threading.RLock()
        self.experiments = Experiments(cluster)
        self.pipelines = Pipelines(cluster)
        self.runs = Runs(cluster, self.experiments, self.pipelines)
        self.recurring_runs = RecurringRuns(cluster, self.experiments, self.runs)

    def note(self, method: str, path: str, body: bytes) -> None:
        """Remember a request."""
        self.requests.append((method, path, body.decode(errors="replace")))

    def answer(self, route: contract.Route, request: Request) -> Any:
        """Do an operation; its answer keeps to the contract as requests have to."""
        services = (self, self.experiments, self.pipelines, self.runs, self.recurring_runs)
        for service in services:
            if operation := getattr(service, route.operation, None):
                with self.lock:
                    answer = operation(request)
                contract.check(answer, route.answer, "answer")
                return answer
        raise refusals.RefusedError(12, f"this double does not have {route.operation}")

    def log(self, run: str, node: str) -> bytes:
        """Return what a pod has printed so far."""
        with self.lock:
            return self.runs.log(run, node)

    def healthz_service_get_healthz(self, _: Request) -> dict[str, Any]:
        """Say that the server is there, and whether it has many users."""
        return {"multi_user": self.cluster.namespace is not None, "pipeline_store": "database"}
