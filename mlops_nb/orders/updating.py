"""From a parent and the data of now to an update: what is new, and whether it can learn on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from mlops_nb import increment, novelty
from mlops_nb.capture import dvc
from mlops_nb.evaluation import tables
from mlops_nb.exceptions import DataError, RunError, UsageError
from mlops_nb.orders import rollout
from mlops_nb.types import Dataset, Earlier, Finding, Lineage

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas

    from mlops_nb.orders.rollout import Found
    from mlops_nb.settings import Config
    from mlops_nb.types import Run, Snapshot


@dataclass(frozen=True)
class Plan:
    """What an update is to do.

    Attributes:
        lineage: Where the model comes from.
        earlier: The data that the parent knows.
        snapshot: What was pinned, with the notebook's parameters for parent and data.
        findings: What is to be said about it.
    """

    lineage: Lineage
    earlier: Earlier
    snapshot: Snapshot
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class _News:
    """What is new: so many files, or rows; `altered` says what the parent knows otherwise."""

    files: int | None
    rows: int | None
    altered: str


def find(parent: str | None, config: Config, run_of: Callable[[str], Run]) -> Found:
    """Find the parent of an update.

    Args:
        parent: A deployment, or what `rollout.find` finds; the champion if None.
        config: The project's settings.
        run_of: Returns the run of an id or of its beginning.

    Raises:
        MlopsError: There is no such model, or nothing says what it was trained on.
    """
    wanted = parent or f"{config.registered_model}@champion"
    if parent is not None and parent in rollout.names(config):
        wanted = _served(parent, config)
    found = rollout.find(wanted, config, run_of)
    if found.snapshot is None or found.snapshot.dataset("train") is None:
        raise RunError(
            f"nothing says on which data {wanted} was trained, and so what is new since",
            hint="name a parent that a run of this project has trained, on data under DVC",
        )
    return found


def _served(name: str, config: Config) -> str:
    serving = rollout.target_of(name, config).get(name).serving
    if serving is None:
        raise RunError(f"no revision of {name} serves", hint="name a run or name/version instead")
    model, run_id = serving.origin.model, serving.origin.run_id
    if model.name and model.version:
        return f"{model.name}/{model.version}"
    return run_id or model.uri


def plan(
    config: Config,
    pins: Snapshot,
    found: Found,
    *,
    chain: tuple[str, ...],
    replay: float,
    only_new: bool,
) -> Plan | None:
    """Return what an update is to do, None where nothing is new.

    Args:
        config: The project's settings.
        pins: What was pinned now.
        found: The parent.
        chain: The runs that led to the parent, oldest first.
        replay: Share of the old data to be learnt again.
        only_new: Whether the parent learns on also where data that it knows have changed or are
            gone; all is learnt anew if not.

    Raises:
        DataError: The data of then and now cannot be compared.
        UsageError: The notebook does not take a parent, or the share is none.
    """
    if not 0 <= replay <= 1:
        raise UsageError(f"a replay of {replay} is no share", hint="say 0 to 1, such as 0.1")
    before, now = _datasets(found, pins)
    if before.hash == now.hash:
        return None
    news = _news(config, before, now)
    if not news.altered and not (news.files or news.rows):
        return None
    retrained = news.altered if news.altered and not only_new else None
    lineage = Lineage(
        parent=found.model,
        run_id=found.run,
        since=before.hash,
        until=now.hash,
        files=news.files,
        rows=news.rows,
        replay=replay,
        retrained=retrained,
        chain=(*chain, *filter(None, (found.run,))),
    )
    return Plan(
        lineage=lineage,
        earlier=Earlier(sha=before.sha, paths=_paths(found, pins)),
        snapshot=pins if retrained else _pointing(pins, lineage),
        findings=tuple(_findings(news, retrained)),
    )


def _datasets(found: Found, pins: Snapshot) -> tuple[Dataset, Dataset]:
    before = found.snapshot.dataset("train") if found.snapshot is not None else None
    now = pins.dataset("train")
    if now is None or before is None:
        raise DataError(
            "there is no training dataset",
            hint="name it: --train PATH, or data.train in mlops.toml",
        )
    if (before.path, before.repo) != (now.path, now.repo):
        raise DataError(
            f"the parent was trained on {before.path} of {before.repo}, and not on {now.path} of "
            f"{now.repo}",
            hint="update with the dataset that the parent knows: --train PATH; or train anew",
        )
    return before, now


def _paths(found: Found, pins: Snapshot) -> tuple[str, ...]:
    """Return the datasets of now that the parent knows from then."""
    known = {d.path for d in found.snapshot.datasets} if found.snapshot is not None else set()
    return tuple(d.path for d in pins.datasets if d.role in ("train", "test") and d.path in known)


def _news(config: Config, before: Dataset, now: Dataset) -> _News:
    if before.hash.endswith(".dir") and now.hash.endswith(".dir"):
        cache = _cache(config, now)
        files = novelty.of_files(_listed(cache, before), _listed(cache, now))
        altered = _altered(len(files.changed), len(files.gone), "files")
        return _News(len(files.new), None, altered)
    if before.hash.endswith(".dir") or now.hash.endswith(".dir"):
        return _News(None, None, f"{now.path} was a folder, or is one now")
    try:
        rows = novelty.of_rows(_read(config, before), _read(config, now), config.update_key)
    except KeyError:
        raise DataError(
            f"{now.path} has no column {config.update_key!r} to tell rows by",
            hint="mend update.key in mlops.toml",
        ) from None
    return _News(None, len(rows.new), _altered(rows.changed, rows.gone, "rows"))


def _altered(changed: int, gone: int, what: str) -> str:
    parts = [
        f"{changed:,} {what} have changed" * bool(changed),
        f"{gone:,} {what} are gone" * bool(gone),
    ]
    return " and ".join(filter(None, parts))


def _cache(config: Config, dataset: Dataset) -> Path:
    root = dvc.root_of(Path(dataset.repo)) if Path(dataset.repo).is_dir() else None
    return dvc.cache_folder(root) if root else dvc.cache_below(config.state_folder / "dvc")


def _listed(cache: Path, dataset: Dataset) -> dict[str, str]:
    if not dvc.object_path(cache, dataset.hash).is_file():
        raise _lost(dataset)
    return {file.path: file.md5 for file in dvc.list_files(cache, dataset.hash)}


def _read(config: Config, dataset: Dataset) -> pandas.DataFrame:
    suffix = Path(dataset.path).suffix
    place = dvc.object_path(_cache(config, dataset), dataset.hash)
    if suffix not in tables.READERS:
        raise DataError(
            f"{dataset.path} is one file and no table: what of it is new cannot be told",
            hint="keep data as a folder of files, and add files to it",
        )
    if not place.is_file():
        raise _lost(dataset)
    return tables.read_as(place, suffix)


def _lost(dataset: Dataset) -> DataError:
    return DataError(
        f"DVC's cache does not have {dataset.path} as it was ({dataset.hash[:12]})",
        hint=f"get it from the remote, at commit {dataset.sha[:12]}: dvc fetch {dataset.path}",
    )


def _pointing(pins: Snapshot, lineage: Lineage) -> Snapshot:
    """Let the notebook's own parameters name parent and data."""
    declared = {p.name for p in pins.hyperparameters}
    missing = [name for name in increment.PARAMETERS if name not in declared]
    if missing:
        raise UsageError(
            f"the notebook does not take a parent: its parameters cell has no {missing[0]}",
            hint=f'write into it: {missing[0]}: str = ""',
        )
    data = f"{lineage.since}..{lineage.until} replay {lineage.replay:g}"
    values = dict(zip(increment.PARAMETERS, (lineage.parent.uri, data), strict=True))
    given = tuple(
        msgspec.structs.replace(p, value=values[p.name], source="argument", expression=None)
        if p.name in values
        else p
        for p in pins.hyperparameters
    )
    return msgspec.structs.replace(pins, hyperparameters=given)


def _findings(news: _News, retrained: str | None) -> list[Finding]:
    if retrained:
        return [
            Finding(
                severity="warning",
                message=f"of the data that the parent knows {retrained}: all is learnt anew",
                hint="let it learn on from the new ones alone: update --only-new",
            )
        ]
    if news.altered:
        return [
            Finding(
                severity="warning",
                message=f"of the data that the parent knows {news.altered}; it learns on though",
                hint="train anew where that matters: jupyter mlops train",
            )
        ]
    return []
