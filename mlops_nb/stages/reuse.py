"""What an earlier run of the project has done already, under the same circumstances.

A stage that can be reused says in `identity` what decides its result, and in `restore` whether that
result is still whole. Of the rest of what could matter, this program is part of every key, and the
values of secrets are not: they are recorded nowhere.
"""

from __future__ import annotations

import hashlib
import json
import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from mlops_nb import encoding, journal
from mlops_nb.files import replace_file
from mlops_nb.journal import (
    AnyEvent,
    MetricsLogged,
    ModelEvaluated,
    ModelLogged,
    RunFolder,
    RunTracked,
    StageStarted,
    emit,
)
from mlops_nb.types import Record

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = "MLOPS_STAGE_CACHE"


class Done(Record, frozen=True, kw_only=True):
    """What a stage of a run came to."""

    run_id: str
    outputs: dict[str, str]
    events: tuple[RunTracked | MetricsLogged | ModelLogged | ModelEvaluated, ...]


_KEPT = (RunTracked, MetricsLogged, ModelLogged, ModelEvaluated)


class Reusable(Protocol):
    """A stage whose result can be that of an earlier run."""

    def identity(self, **inputs: str) -> Any:
        """Return what decides the result, as JSON data; None where more does than is known."""

    def restore(self, source: RunFolder, outputs: Mapping[str, str], **inputs: str) -> bool:
        """Bring the earlier run's files into this one; False where its result is not whole."""


def find(stage: str, reusable: Reusable, inputs: Mapping[str, str]) -> Done | None:
    """Return what an earlier run has done with the same inputs, after bringing it into this run.

    Returns:
        None where there is no such run, where it was deleted, or where nothing may be reused.
    """
    entry = _entry(stage, reusable, inputs)
    if entry is None or not entry.is_file():
        return None
    done: Done = msgspec.convert(encoding.loads(entry.read_bytes()), Done)
    source = RunFolder(Path(os.environ[journal.RUN_FOLDER]).parent / done.run_id)
    if not source.request.is_file() or not reusable.restore(source, done.outputs, **inputs):
        return None
    for event in done.events:
        emit(event)
    return done


def keep(
    stage: str, reusable: Reusable, inputs: Mapping[str, str], outputs: dict[str, str]
) -> None:
    """Remember what a stage has come to."""
    entry = _entry(stage, reusable, inputs)
    if entry is None:
        return
    folder = RunFolder(Path(os.environ[journal.RUN_FOLDER]))
    events = _since_start(stage, folder.read()[0])
    kept = tuple(e for e in events if isinstance(e, _KEPT))
    done = Done(run_id=folder.path.name, outputs=outputs, events=kept)
    entry.parent.mkdir(mode=0o700, exist_ok=True)
    replace_file(entry, encoding.record(done).encode())


def _entry(stage: str, reusable: Reusable, inputs: Mapping[str, str]) -> Path | None:
    folder = os.environ.get(FOLDER)
    identity = reusable.identity(**inputs) if folder else None
    if not folder or identity is None:
        return None
    key = [_program(), stage, identity]
    text = json.dumps(key, sort_keys=True).encode()
    return Path(folder) / f"{stage}-{hashlib.sha256(text).hexdigest()}.json"


def _since_start(stage: str, events: list[AnyEvent]) -> list[AnyEvent]:
    starts = [i for i, e in enumerate(events) if isinstance(e, StageStarted) and e.stage == stage]
    return events[starts[-1] :] if starts else []


@cache
def _program() -> str:
    """Return a hash of this package's own code."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
