"""What a platform has of ours, and how it is set."""

from __future__ import annotations

from typing import Any

from mlops_nb.types.base import Record


class Published(Record, frozen=True, kw_only=True):
    """A pipeline as a server has it.

    Attributes:
        pipeline: Its name there.
        version: Name of the version.
        digest: SHA-256 of the compiled pipeline.
        pipeline_id: The server's id of the pipeline.
        version_id: The server's id of the version.
        uploaded: Whether it was uploaded now; the server had it before if not.
    """

    pipeline: str
    version: str
    digest: str
    pipeline_id: str
    version_id: str
    uploaded: bool


class Setting(Record, frozen=True, kw_only=True):
    """One setting.

    Attributes:
        name: Its name, such as "data.train".
        value: Its value now.
        source: Where that came from: "argument", a variable, "mlops.toml" or "default".
        description: What it is.
    """

    name: str
    value: Any
    source: str
    description: str


class Image(Record, frozen=True, kw_only=True):
    """The image of a stage, as it was built.

    Attributes:
        stage: What it is for; `evaluate` is that of register as well.
        name: Its name on this machine.
        id: The engine's id of it.
        size_bytes: Its size with all layers, also those that it shares with other images.
        seconds: How long its build took, 0.0 or so where nothing had changed.
        reference: Its name by digest in the registry, None where it was not pushed.
    """

    stage: str
    name: str
    id: str
    size_bytes: int
    seconds: float
    reference: str | None = None
