"""Experiments: created, found, listed, archived, deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlops_nb.testing.kubeflow import listing, refusals
from mlops_nb.testing.kubeflow.records import Entry, Records, timestamp

if TYPE_CHECKING:
    from mlops_nb.testing.kubeflow.cluster import Cluster
    from mlops_nb.testing.kubeflow.request import Request

_DEFAULT = "Default"


class Experiments:
    """The operations of the API on experiments.

    Args:
        cluster: Where the server is.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._records = Records(cluster.folder / "records", "experiment")

    def check_namespace(self, namespace: str) -> None:
        """Refuse a namespace that is not the asker's; none is one where there is one user."""
        if self._cluster.namespace is None:
            if namespace:
                raise refusals.invalid("In single-user mode, the namespace should be empty")
        elif not namespace:
            raise refusals.invalid("A namespace should be given in multi-user mode")
        elif namespace != self._cluster.namespace:
            raise refusals.forbidden(f"User is not authorized in namespace {namespace}")

    def experiment_service_create_experiment(self, request: Request) -> dict[str, Any]:
        """Create an experiment of a name that is new in its namespace."""
        body = request.body
        name, namespace = body.get("display_name", ""), body.get("namespace", "")
        if not name:
            raise refusals.invalid("Experiment must have a non-empty name")
        self.check_namespace(namespace)
        return self._create(name, namespace, body.get("description", "")).public

    def experiment_service_get_experiment(self, request: Request) -> dict[str, Any]:
        """Return an experiment."""
        return self.get(request.path["experiment_id"]).public

    def experiment_service_list_experiments(self, request: Request) -> dict[str, Any]:
        """List the experiments of a namespace."""
        namespace = request.query.get("namespace", "")
        self.check_namespace(namespace)
        found = [one for one in self._records.all() if one.public["namespace"] == namespace]
        return listing.page(found, request.query, "experiments")

    def experiment_service_archive_experiment(self, request: Request) -> dict[str, Any]:
        """Archive an experiment."""
        return self._store(request, "ARCHIVED")

    def experiment_service_unarchive_experiment(self, request: Request) -> dict[str, Any]:
        """Take an experiment back."""
        return self._store(request, "AVAILABLE")

    def experiment_service_delete_experiment(self, request: Request) -> dict[str, Any]:
        """Delete an experiment."""
        self._records.delete(request.path["experiment_id"])
        return {}

    def get(self, name: str) -> Entry:
        """Return an experiment by its id, or refuse."""
        return self._records.get(name)

    def of_run(self, name: str) -> Entry:
        """Return the experiment of a new run: the default one where it names none."""
        if name:
            experiment = self.get(name)
            experiment.public["last_run_created_at"] = timestamp()
            self._records.put(experiment)
            return experiment
        if self._cluster.namespace is not None:
            raise refusals.invalid("A run cannot have an empty namespace in multi-user mode")
        found = [one for one in self._records.all() if one.public["display_name"] == _DEFAULT]
        return found[0] if found else self._create(_DEFAULT, "", "")

    def _create(self, name: str, namespace: str, description: str) -> Entry:
        for one in self._records.all():
            if (one.public["display_name"], one.public["namespace"]) == (name, namespace):
                raise refusals.exists("Experiment", name)
        return self._records.add(
            "experiment_id",
            {
                "display_name": name,
                "description": description,
                "created_at": timestamp(),
                "last_run_created_at": timestamp(0),
                "namespace": namespace,
                "storage_state": "AVAILABLE",
            },
        )

    def _store(self, request: Request, state: str) -> dict[str, Any]:
        experiment = self.get(request.path["experiment_id"])
        experiment.public["storage_state"] = state
        self._records.put(experiment)
        return {}
