"""What is asked of a Kubeflow Pipelines server, in its own words (API v2beta1)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mlops_nb.runners.kubeflow.client import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlops_nb.runners.kubeflow.client import Client

_API = "v2beta1"
# Logs are served by the first version of the API alone.
_LOG_API = "v1alpha1"
_EQUALS = 1


class Server:
    """A server, as one namespace of it sees it.

    Args:
        client: Sends the requests.
        namespace: The profile's namespace, "" where the server has one user.
    """

    def __init__(self, client: Client, namespace: str) -> None:
        self._client, self._namespace = client, namespace

    def experiment(self, name: str) -> str:
        """Return the id of an experiment, which is made where there is none of that name."""
        found = self._find("experiments", name)
        if found is None:
            body = {"display_name": name, **self._in_namespace()}
            try:
                found = self._client.post(_API, "experiments", body=body)
            except RefusedError as error:
                # Somebody else has made it in between.
                found = self._find("experiments", name)
                if error.status != 409 or found is None:
                    raise
        return str(found["experiment_id"])

    def delete_experiment(self, experiment_id: str) -> None:
        """Delete an experiment that holds nothing."""
        self._client.delete(_API, "experiments", experiment_id)

    def pipeline(self, name: str) -> str:
        """Return the id of a pipeline, which is made where there is none of that name."""
        try:
            found = self._client.get(_API, "pipelines", "names", name, namespace=self._namespace)
        except RefusedError as error:
            if error.status != 404:
                raise
            body = {"display_name": name, "name": name, **self._in_namespace()}
            found = self._client.post(_API, "pipelines", body=body)
        return str(found["pipeline_id"])

    def version(self, pipeline_id: str, name: str) -> str | None:
        """Return the id of a pipeline's version, None where it has none of that name."""
        query = {"sort_by": "created_at desc"}
        versions = self._pages(
            "pipeline_versions", _API, "pipelines", pipeline_id, "versions", **query
        )
        ids = (v["pipeline_version_id"] for v in versions if v["display_name"] == name)
        return next(ids, None)

    def has_version(self, pipeline_id: str, version_id: str) -> bool:
        """Whether there is such a version of such a pipeline."""
        try:
            self._client.get(_API, "pipelines", pipeline_id, "versions", version_id)
        except RefusedError as error:
            if error.status != 404:
                raise
            return False
        return True

    def upload(self, pipeline_id: str, name: str, text: str) -> str:
        """Add a version to a pipeline and return its id."""
        made = self._client.upload(
            _API,
            "pipelines",
            "upload_version",
            file=text.encode(),
            name=name,
            pipelineid=pipeline_id,
        )
        return str(made["pipeline_version_id"])

    def create_run(
        self,
        name: str,
        *,
        description: str,
        experiment_id: str,
        pipeline_id: str,
        version_id: str,
        parameters: dict[str, str],
        service_account: str,
    ) -> str:
        """Start a run of a pipeline's version and return its id."""
        body: dict[str, Any] = {
            "display_name": name,
            "description": description,
            "experiment_id": experiment_id,
            "pipeline_version_reference": {
                "pipeline_id": pipeline_id,
                "pipeline_version_id": version_id,
            },
            "runtime_config": {"parameters": parameters},
        }
        if service_account:
            body["service_account"] = service_account
        return str(self._client.post(_API, "runs", body=body)["run_id"])

    def create_recurring_run(self, body: dict[str, Any]) -> str:
        """Have the server start runs at their times, and return the id of that."""
        made = self._client.post(_API, "recurringruns", body={**body, **self._in_namespace()})
        return str(made["recurring_run_id"])

    def recurring_run(self, recurring_run_id: str) -> dict[str, Any] | None:
        """Return a recurring run, None where there is none."""
        try:
            found = self._client.get(_API, "recurringruns", recurring_run_id)
        except RefusedError as error:
            if error.status != 404:
                raise
            return None
        return dict(found)

    def find_recurring_runs(self, part: str) -> list[dict[str, Any]]:
        """Return the recurring runs whose names have a part."""
        predicate = {"operation": "IS_SUBSTRING", "key": "display_name", "stringValue": part}
        query = {"filter": json.dumps({"predicates": [predicate]}), "namespace": self._namespace}
        found = self._pages("recurringRuns", _API, "recurringruns", **query)
        return [one for one in found if part in one["display_name"]]

    def disable(self, recurring_run_id: str) -> None:
        """Let a recurring run rest."""
        self._client.post(_API, "recurringruns", recurring_run_id, action="disable")

    def delete_recurring_run(self, recurring_run_id: str) -> None:
        """Delete a recurring run, if it is there; its runs stay."""
        self._client.delete(_API, "recurringruns", recurring_run_id)

    def runs_of(self, experiment_id: str) -> Iterator[dict[str, Any]]:
        """Yield the runs of an experiment, newest first."""
        query = {"experiment_id": experiment_id, "sort_by": "created_at desc"}
        return self._pages("runs", _API, "runs", **query)

    def runs_named(self, names: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Return those of some runs that are there, by name."""
        if not names:
            return {}
        values = {"values": list(names)}
        predicate = {"operation": "IN", "key": "display_name", "stringValues": values}
        query = {"filter": json.dumps({"predicates": [predicate]}), "namespace": self._namespace}
        found = self._pages("runs", _API, "runs", **query)
        return {one["display_name"]: one for one in found if one["display_name"] in names}

    def page(self, run_id: str) -> str:
        """Return where the server's own pages show a run."""
        return f"{self._client.url}/#/runs/details/{run_id}"

    def find_run(self, name: str) -> dict[str, Any] | None:
        """Return a run by its name, None where there is none."""
        return self._find("runs", name)

    def run(self, run_id: str) -> dict[str, Any]:
        """Return a run with its tasks."""
        found: dict[str, Any] = self._client.get(_API, "runs", run_id)
        return found

    def terminate(self, run_id: str) -> None:
        """Have a run end."""
        self._client.post(_API, "runs", run_id, action="terminate")

    def retry(self, run_id: str) -> None:
        """Have an ended run go on from what has failed."""
        self._client.post(_API, "runs", run_id, action="retry")

    def delete(self, run_id: str) -> None:
        """Delete a run, if it is there."""
        self._client.delete(_API, "runs", run_id)

    def log(self, run_id: str, pod: str) -> bytes:
        """Return what a pod has printed so far."""
        return self._client.text(_LOG_API, "runs", run_id, "nodes", pod, "log")

    def _find(self, kind: str, name: str) -> dict[str, Any] | None:
        predicate = {"operation": _EQUALS, "key": "display_name", "stringValue": name}
        query = {"filter": json.dumps({"predicates": [predicate]})}
        found = self._pages(kind, _API, kind, namespace=self._namespace, **query)
        return next((item for item in found if item["display_name"] == name), None)

    def _pages(self, key: str, *path: str, **query: str) -> Iterator[dict[str, Any]]:
        token = ""
        while True:
            page = self._client.get(*path, page_size="100", page_token=token, **query)
            yield from page.get(key) or ()
            token = page.get("next_page_token") or ""
            if not token:
                return

    def _in_namespace(self) -> dict[str, str]:
        return {"namespace": self._namespace} if self._namespace else {}
