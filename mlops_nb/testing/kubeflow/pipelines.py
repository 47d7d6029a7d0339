"""Pipelines and their versions: uploaded, found by id and by name, listed, deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from mlops_nb.testing.kubeflow import listing, refusals, specification
from mlops_nb.testing.kubeflow.records import Entry, Records, timestamp

if TYPE_CHECKING:
    from mlops_nb.testing.kubeflow.cluster import Cluster
    from mlops_nb.testing.kubeflow.request import Request
    from mlops_nb.testing.kubeflow.specification import Specification


class Pipelines:
    """The operations of the API on pipelines.

    Args:
        cluster: Where the server is.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._records = Records(cluster.folder / "records", "pipeline")
        self._versions = Records(cluster.folder / "records", "version")

    def pipeline_service_create_pipeline(self, request: Request) -> dict[str, Any]:
        """Create a pipeline that has no version yet."""
        return self._create(request.body).public

    def pipeline_service_get_pipeline(self, request: Request) -> dict[str, Any]:
        """Return a pipeline."""
        return self._records.get(request.path["pipeline_id"]).public

    def pipeline_service_get_pipeline_by_name(self, request: Request) -> dict[str, Any]:
        """Return the pipeline of a name in a namespace."""
        name, namespace = request.path["name"], request.query.get("namespace", "")
        found = self._find(name, namespace)
        if found is None:
            raise refusals.not_found("Pipeline", name)
        return found.public

    def pipeline_service_list_pipelines(self, request: Request) -> dict[str, Any]:
        """List the pipelines of a namespace; those of none are everybody's."""
        namespace = request.query.get("namespace", "")
        self._check_namespace(namespace)
        found = [one for one in self._records.all() if one.public["namespace"] == namespace]
        return listing.page(found, request.query, "pipelines")

    def pipeline_service_delete_pipeline(self, request: Request) -> dict[str, Any]:
        """Delete a pipeline that has no versions, or with them where that is asked."""
        name = request.path["pipeline_id"]
        versions = self._of(name)
        if versions and request.query.get("cascade") != "true":
            raise refusals.precondition(f"pipeline {name} has {len(versions)} versions")
        self._records.delete(name)
        for version in versions:
            self._versions.delete(version.id)
        return {}

    def pipeline_service_get_pipeline_version(self, request: Request) -> dict[str, Any]:
        """Return a version."""
        return self.version(request.path).public

    def pipeline_service_list_pipeline_versions(self, request: Request) -> dict[str, Any]:
        """List the versions of a pipeline."""
        pipeline = self._records.get(request.path["pipeline_id"])
        return listing.page(self._of(pipeline.id), request.query, "pipeline_versions")

    def pipeline_service_delete_pipeline_version(self, request: Request) -> dict[str, Any]:
        """Delete a version."""
        self._versions.delete(self.version(request.path).id)
        return {}

    def upload_pipeline(self, request: Request) -> dict[str, Any]:
        """Create a pipeline and its first version, which has the same name."""
        found = specification.read_package(request.upload)
        named: dict[str, Any] = dict(request.query)
        named.setdefault("name", named.get("display_name") or found.name)
        named["tags"] = _tags(request)
        pipeline = self._create(named)
        self._add_version(pipeline, {**named, "display_name": ""}, found)
        return pipeline.public

    def upload_pipeline_version(self, request: Request) -> dict[str, Any]:
        """Create a version of a name that is new in its pipeline."""
        if not request.query.get("pipelineid"):
            raise refusals.invalid("Failed to create a pipeline version: pipelineid is empty")
        pipeline = self._records.get(request.query["pipelineid"])
        found = specification.read_package(request.upload)
        named = {**request.query, "tags": _tags(request)}
        if not named.get("name") and not named.get("display_name"):
            raise refusals.invalid("a pipeline version needs a name")
        return self._add_version(pipeline, named, found).public

    def version(self, reference: dict[str, str]) -> Entry:
        """Return the version that is referred to: the latest where only the pipeline is."""
        pipeline, name = reference.get("pipeline_id", ""), reference.get("pipeline_version_id", "")
        if not name:
            versions = self._of(self._records.get(pipeline).id)
            if not versions:
                raise refusals.not_found("PipelineVersion", f"of pipeline {pipeline}")
            return versions[-1]
        version = self._versions.get(name)
        if pipeline and version.public["pipeline_id"] != pipeline:
            raise refusals.invalid(f"Pipeline version {name} does not belong to {pipeline}")
        return version

    def specification(self, version: Entry) -> Specification:
        """Return the pipeline of a version."""
        return specification.read_shown(version.public["pipeline_spec"])

    def _check_namespace(self, namespace: str) -> None:
        if namespace and namespace != self._cluster.namespace:
            raise refusals.forbidden(f"User is not authorized in namespace {namespace}")

    def _find(self, name: str, namespace: str) -> Entry | None:
        for one in self._records.all():
            if (one.public["name"], one.public["namespace"]) == (name, namespace):
                return one
        return None

    def _create(self, body: dict[str, Any]) -> Entry:
        name = body.get("name") or body.get("display_name", "")
        namespace = body.get("namespace", "")
        if not name:
            raise refusals.invalid("pipeline's name cannot be empty")
        self._check_namespace(namespace)
        if self._find(name, namespace):
            raise refusals.exists("Pipeline", name)
        return self._records.add("pipeline_id", {**_named(name, body), "namespace": namespace})

    def _of(self, pipeline: str) -> list[Entry]:
        return [one for one in self._versions.all() if one.public["pipeline_id"] == pipeline]

    def _add_version(self, pipeline: Entry, body: dict[str, Any], found: Specification) -> Entry:
        name = body.get("name") or body["display_name"]
        if any(one.public["name"] == name for one in self._of(pipeline.id)):
            raise refusals.exists("PipelineVersion", name)
        public = {"pipeline_id": pipeline.id, **_named(name, body), "pipeline_spec": found.shown}
        return self._versions.add("pipeline_version_id", public)


def _named(name: str, body: dict[str, Any]) -> dict[str, Any]:
    public = {
        "name": name,
        "display_name": body.get("display_name") or name,
        "description": body.get("description", ""),
        "created_at": timestamp(),
    }
    return {**public, "tags": body["tags"]} if body.get("tags") else public


def _tags(request: Request) -> dict[str, str]:
    text = request.query.get("tags", "")
    try:
        return msgspec.json.decode(text, type=dict[str, str]) if text else {}
    except msgspec.MsgspecError as error:
        raise refusals.invalid(f"tags are not a JSON object of text: {error}") from error
