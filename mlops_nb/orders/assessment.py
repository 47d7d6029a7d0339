"""From what a user names to an evaluation: which model, on which data, against which other."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import msgspec

from mlops_nb import pipelines
from mlops_nb.capture import snapshot as snapshots
from mlops_nb.capture.repository import DATA_SUFFIX
from mlops_nb.capture.snapshot import Captured
from mlops_nb.exceptions import UsageError
from mlops_nb.orders import reach, rollout, terms
from mlops_nb.pipelines.arguments import evaluation
from mlops_nb.settings import FILE_NAME
from mlops_nb.types import Earlier

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlops_nb.orders.rollout import Found
    from mlops_nb.settings import Config
    from mlops_nb.types import Criteria, Finding, Run, RunRequest, Snapshot

CHAMPION = "champion"
_AGAINST = "against"


def tests(given: Sequence[str], config: Config) -> tuple[str, ...]:
    """Return the test datasets: those that are given, or that of the settings.

    Raises:
        UsageError: There is none.
    """
    found = tuple(given) or tuple(filter(None, (config.data_test,)))
    if not found:
        raise UsageError(
            "there is no test dataset to evaluate on",
            hint="name one: --test PATH, or data.test in mlops.toml",
        )
    return found


def request(
    found: Found,
    wanted: Criteria,
    config: Config,
    run_id: str,
    created_at: str,
    captured: Captured,
    reached: tuple[Finding, ...],
) -> RunRequest:
    """Return the request of an evaluation.

    Args:
        found: The model.
        wanted: What to look at, and the gates.
        config: The project's settings.
        run_id: The new run's id.
        created_at: ISO 8601, UTC.
        captured: What was pinned for it.
        reached: What is to be said of its reach.
    """
    pins = captured.snapshot
    arguments = evaluation.arguments(
        pins,
        config,
        found.model,
        wanted,
        beside=pins.notebook or str(PurePosixPath(pins.code.folder, FILE_NAME)),
        earlier=_trained_on(found, pins),
    )
    return terms.request(
        pipelines.EVALUATION,
        config,
        pins,
        reach.addressed(arguments, config, pins, reached),
        run_id=run_id,
        created_at=created_at,
        findings=(*captured.findings, *reached),
    )


def criteria(
    found: Found, against: str | None, config: Config, run_of: Callable[[str], Run], run_id: str
) -> Criteria:
    """Return what to look at, and the gates.

    Args:
        found: The model.
        against: The model to compare with: "champion", a version, or what `rollout.find` finds.
        config: The project's settings.
        run_of: Returns the run of an id or of its beginning.
        run_id: The new run's id.

    Raises:
        MlopsError: A gate is none, or a model does not exist.
    """
    model = found.model
    name = model.name or config.registered_model
    wanted = evaluation.criteria(config, name=name, run_id=run_id)
    opponents = {}
    if against is not None and against != CHAMPION:
        place = f"{name}/{against}" if against.isdigit() else against
        opponents = {_AGAINST: rollout.find(place, config, run_of).model.uri}
    return msgspec.structs.replace(
        wanted,
        version=model.version or "",
        opponents=opponents,
        compare=against is None or against == CHAMPION,
        once=run_id,
    )


def pinned(found: Found, places: Sequence[str], config: Config, run_id: str) -> Captured:
    """Pin code and test data.

    The code is that of the run that trained the model, which may need its modules, or that of now
    for a model from elsewhere. The test data are those of now.

    Args:
        found: The model.
        places: The test datasets.
        config: The project's settings.
        run_id: The new run's id, and the name of its snapshot's ref.

    Raises:
        MlopsError: Something cannot be pinned.
    """
    if found.snapshot is None:
        return Captured(*snapshots.take_code(config, name=run_id, tests=places))
    trained = rollout.kept(found.snapshot, config, run_id)
    here, findings = snapshots.take_code(config, name=run_id + DATA_SUFFIX, tests=places)
    code = msgspec.structs.replace(trained.code, remote=here.code.remote)
    return Captured(msgspec.structs.replace(trained, code=code, datasets=here.datasets), findings)


def models(found: Found, wanted: Criteria) -> tuple[str, ...]:
    """Return the URIs of all models that an evaluation is known to load."""
    return (found.model.uri, *wanted.opponents.values())


def _trained_on(found: Found, pins: Snapshot) -> Earlier | None:
    """Return the training data of a model, where they are in the repository of the test data."""
    train = found.snapshot.dataset("train") if found.snapshot is not None else None
    if train is None or train.repo != pins.datasets[0].repo:
        return None
    return Earlier(sha=train.sha, paths=(train.path,), needed=False)
