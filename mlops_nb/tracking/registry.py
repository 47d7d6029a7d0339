"""MLflow's model registry."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from mlops_nb.exceptions import AbsentModelError, TrackingError
from mlops_nb.tracking import tags
from mlops_nb.tracking.connection import ABSENT, MODELS, pages, quoted
from mlops_nb.types import Model, ModelVersion, RegisteredModel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops_nb.tracking.connection import Connection

# What a version has of its run.
_VERSION_TAGS = (tags.GIT_COMMIT, tags.RUN_ID, tags.SNAPSHOT_ID, tags.DIRTY)


class Registry:
    """The registered models, their versions and aliases.

    Args:
        connection: To MLflow.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find_alias(self, name: str, alias: str) -> Model | None:
        """Return the version of a registered model that has an alias, None where none has it.

        Raises:
            TrackingError: MLflow cannot be asked.
        """
        try:
            found = self._connection.client.get_model_version_by_alias(name, alias)
        except self._connection.error as error:
            if error.error_code in ABSENT:
                return None
            raise self._connection.unreachable(error) from error
        return Model(uri=found.source, name=name, version=str(found.version), alias=alias)

    def find_version(self, name: str, version: str = "", alias: str = "") -> tuple[Model, str]:
        """Find a version of a registered model.

        Args:
            name: The registered model.
            version: Its version.
            alias: Its alias, where no version is given.

        Returns:
            The model, and the run of ours that made it, "" for one from elsewhere.

        Raises:
            AbsentModelError: There is none.
        """
        try:
            found = (
                self._connection.client.get_model_version(name, version)
                if version
                else self._connection.client.get_model_version_by_alias(name, alias)
            )
        except self._connection.error as error:
            wanted = f"version {version}" if version else f"alias {alias}"
            raise AbsentModelError(
                f"there is no {wanted} of a model {name!r}",
                hint="name a run, name/version or name@alias; list runs: jupyter mlops runs",
            ) from error
        model = Model(uri=found.source, name=name, version=str(found.version), alias=alias or None)
        return model, found.tags.get(tags.RUN_ID, "")

    def models(self) -> tuple[RegisteredModel, ...]:
        """Return all registered models, by name."""
        with self._connection.reached():
            found = list(pages(self._connection.client.search_registered_models))
            versions = list(pages(self._connection.client.search_model_versions))
        of_model: dict[str, list[ModelVersion]] = {model.name: [] for model in found}
        # Only a model itself knows the aliases of its versions.
        aliases = {model.name: dict(model.aliases) for model in found}
        for version in sorted(versions, key=lambda v: int(v.version), reverse=True):
            if version.name in of_model:
                of_model[version.name].append(_version(version, aliases[version.name]))
        return tuple(
            RegisteredModel(name=name, versions=tuple(of_model[name])) for name in sorted(of_model)
        )

    def alias(self, name: str, alias: str) -> str | None:
        """Return the version that has an alias, None where none has it."""
        with self._connection.reached():
            aliases = self._connection.client.get_registered_model(name).aliases
        return str(aliases[alias]) if alias in aliases else None

    def set_alias(self, name: str, alias: str, version: str | None) -> None:
        """Give an alias to a version, or take it from all where there is none."""
        with self._connection.reached(), self._connection.exclusively():
            if version is None:
                self._connection.client.delete_registered_model_alias(name, alias)
            else:
                self._connection.client.set_registered_model_alias(name, alias, version)

    def tag_version(self, name: str, version: str, tag: str, value: str) -> None:
        """Tag a version of a registered model."""
        with self._connection.reached():
            self._connection.client.set_model_version_tag(name, version, tag, value)

    def version_tag(self, name: str, version: str, tag: str) -> str:
        """Return a tag of a version of a registered model, "" where it has none."""
        with self._connection.reached():
            found: str = self._connection.client.get_model_version(name, version).tags.get(tag, "")
        return found

    def register(self, *, name: str, uri: str, mlflow_run_id: str, alias: str) -> tuple[str, bool]:
        """Give the version of a model the alias; a version is made where there is none of it.

        Returns:
            The version, and whether it was made now.

        Raises:
            TrackingError: The registry refuses.
        """
        try:
            # Two at once would both insert the alias, and one of them fail.
            with self._connection.exclusively(), self._connection.ambient():
                return self._register(name, uri, mlflow_run_id, alias)
        except self._connection.error as error:
            raise TrackingError(
                f"the registry at {self._connection.uri} refuses model {name!r}: {error}",
                hint="check model.name and model.alias: jupyter mlops config",
            ) from error

    def _register(self, name: str, uri: str, mlflow_run_id: str, alias: str) -> tuple[str, bool]:
        self._create_registered_model(name)
        found = self._version_of(name, uri)
        version = found or self._make_version(name, uri, mlflow_run_id)
        if alias:
            self._connection.client.set_registered_model_alias(name, alias, version)
        return version, found is None

    def _version_of(self, name: str, uri: str) -> str | None:
        """Return the version that a model has already: after a retry, or of an unchanged run."""
        versions = self._connection.client.search_model_versions(f"name = {quoted(name)}")
        return next((str(v.version) for v in versions if v.source == uri), None)

    def _make_version(self, name: str, uri: str, mlflow_run_id: str) -> str:
        run = self._connection.client.get_run(mlflow_run_id)
        version = self._connection.client.create_model_version(
            name,
            uri,
            run_id=mlflow_run_id,
            # A server takes no source without being told what it belongs to.
            model_id=uri.removeprefix(MODELS) if uri.startswith(MODELS) else None,
            tags={t: run.data.tags[t] for t in _VERSION_TAGS if t in run.data.tags},
        ).version
        return str(version)

    def _create_registered_model(self, name: str) -> None:
        try:
            self._connection.client.create_registered_model(name)
        except self._connection.error as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise


def _version(found: Any, aliases: Mapping[str, Any]) -> ModelVersion:
    created = datetime.fromtimestamp(found.creation_timestamp / 1000, timezone.utc)
    return ModelVersion(
        version=str(found.version),
        uri=found.source,
        aliases=tuple(sorted(a for a, v in aliases.items() if str(v) == str(found.version))),
        run_id=found.tags.get(tags.RUN_ID),
        mlflow_run_id=found.run_id or None,
        snapshot=found.tags.get(tags.SNAPSHOT_ID),
        code=found.tags.get(tags.GIT_COMMIT),
        created_at=created.isoformat("T", "seconds"),
    )
