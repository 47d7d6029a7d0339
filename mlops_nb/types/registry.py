"""The models of a registry, and what their versions came from."""

from __future__ import annotations

from mlops_nb.types.base import Record


class ModelVersion(Record, frozen=True, kw_only=True):
    """One version of a registered model.

    Attributes:
        version: Counted from 1 by the registry.
        uri: Where the model is.
        aliases: Names that point at it, sorted.
        run_id: The run of ours that it came from, None for one from elsewhere.
        mlflow_run_id: That run in MLflow, None where there is none.
        snapshot: Id of what the run had pinned, None where that is not known.
        code: Commit of the run's code, likewise.
        created_at: ISO 8601, UTC.
    """

    version: str
    uri: str
    aliases: tuple[str, ...] = ()
    run_id: str | None = None
    mlflow_run_id: str | None = None
    snapshot: str | None = None
    code: str | None = None
    created_at: str = ""


class RegisteredModel(Record, frozen=True, kw_only=True):
    """A model of the registry.

    Attributes:
        name: Its registered name.
        versions: Its versions, newest first.
    """

    name: str
    versions: tuple[ModelVersion, ...]
