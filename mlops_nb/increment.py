"""What a notebook learns on from: its parent model, and the data that are new.

    model = mlops_nb.parent()      # None where there is no parent: begin anew
    frame = mlops_nb.new_data()    # all of the training data where there is no parent

A run of `update` says in its kernel's environment what they are; the same notebook, trained without
a parent, begins anew. In a session they are what the cell tagged `parameters` says.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_nb import novelty
from mlops_nb.capture import session
from mlops_nb.evaluation import tables
from mlops_nb.exceptions import UsageError
from mlops_nb.journal import RUN_ID
from mlops_nb.settings import Config

if TYPE_CHECKING:
    import pandas

PARENT = "MLOPS_PARENT_MODEL"
TRAIN = "MLOPS_TRAIN_DATA"
EARLIER = "MLOPS_EARLIER_DATA"
REPLAY = "MLOPS_REPLAY"
KEY = "MLOPS_UPDATE_KEY"
# What a notebook declares that is to be updated.
PARAMETERS = ("parent_model", "new_data")


def parent() -> Any:
    """Return the model to learn on from, as its own library has it; None where there is none.

    In a run it is the parent of the update. In a session it is what `parent_model` names, if it
    does: `name/version`, `name@alias` as a URI, or any other that MLflow reads.
    """
    uri = os.environ.get(PARENT) or _said("parent_model")
    if not uri:
        return None
    from mlflow.exceptions import MlflowException

    from mlops_nb.tracking.store import Store

    model = Store(_tracking_uri()).models.load(uri)
    try:
        return model.get_raw_model()
    except (MlflowException, NotImplementedError, AttributeError):
        return model


def new_data(*, paths: bool = False) -> pandas.DataFrame | list[Path]:
    """Return the training data that the parent has not seen, with a share of those that it has.

    Where there is no parent, as in a first training and in a session, it is all of the data.

    Args:
        paths: Return files instead of rows, for data that are no tables. The share of what the
            parent has seen is then one of files.

    Returns:
        A DataFrame, or paths.

    Raises:
        UsageError: There are no training data, or they are no tables.
    """
    train, earlier = _train(), os.environ.get(EARLIER)
    replay = float(os.environ.get(REPLAY) or 0)
    if paths:
        return _paths(train, Path(earlier), replay) if earlier else _files(train)
    return _rows(train, Path(earlier), replay) if earlier else _table(_files(train), train)


def _tracking_uri() -> str:
    given = os.environ.get("MLFLOW_TRACKING_URI") if RUN_ID in os.environ else None
    return given or Config.load().resolved_tracking_uri


def _said(name: str) -> str:
    value = (session.namespace() or {}).get(name)
    return value if isinstance(value, str) else ""


def _train() -> Path:
    """Return where the training data are: of the run, of the notebook, or of the settings."""
    given = os.environ.get(TRAIN) or _said("train_dataset")
    if given:
        return Path(given)
    config = Config.load()
    if not config.data_train:
        raise UsageError(
            "there are no training data to take the new ones of",
            hint='name them in mlops.toml: train = "data/train" under [data]',
        )
    return config.root / config.data_train


def _files(place: Path) -> list[Path]:
    if not place.is_dir():
        return [place]
    return sorted(path for path in place.rglob("*") if path.is_file())


def _paths(train: Path, earlier: Path, replay: float) -> list[Path]:
    if not train.is_dir():
        return [train]
    found = novelty.of_files(novelty.listed(earlier), novelty.listed(train))
    again = found.old[:: round(1 / replay)] if replay else ()
    return [train / path for path in (*found.new, *again)]


def _rows(train: Path, earlier: Path, replay: float) -> pandas.DataFrame:
    import pandas

    _must_be_tables(_files(train), train)
    new, old = novelty.parted(earlier, train, os.environ.get(KEY, ""))
    return pandas.concat([novelty.replayed(old, replay), new], ignore_index=True)


def _table(files: list[Path], place: Path) -> pandas.DataFrame:
    return tables.read(_must_be_tables(files, place))


def _must_be_tables(files: list[Path], place: Path) -> list[Path]:
    found = [path for path in files if path.suffix in tables.READERS]
    if not found:
        raise UsageError(
            f"{place.name} holds no table ({', '.join(tables.READERS)})",
            hint="take its files: mlops_nb.new_data(paths=True)",
        )
    return found
