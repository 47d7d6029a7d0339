"""The reference of a model: made from its training data, kept with its run and its package."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from mlops_nb.evaluation import tables
from mlops_nb.monitoring import profile as profiles
from mlops_nb.serving import package
from mlops_nb.tracking import tags
from mlops_nb.types import Profile

if TYPE_CHECKING:
    from pathlib import Path

    import pandas

    from mlops_nb.tracking.store import Store

# Rows of the test dataset from which on the predictions are of them: a model says less certain
# things of rows that it has not seen, as those of a service are.
_TESTED = 1_000


def build(
    model: Any,
    train: pandas.DataFrame,
    test: pandas.DataFrame | None,
    *,
    places: tuple[str, str],
    target: str,
) -> Profile | None:
    """Return the profile of a model, None where the data are not what the model takes.

    A notebook may compute what its model takes, and then nobody knows it but the notebook.

    Args:
        model: As MLflow's pyfunc loads it.
        train: The training dataset.
        test: The test dataset, None where there is none.
        places: Their paths.
        target: The column to predict, "" where the model's signature names what it takes.
    """
    inputs = _inputs(model, train, target)
    if inputs is None:
        print(f"no profile: {places[0]} has not the columns that the model takes")
        return None
    held_out = _inputs(model, test, target) if test is not None and len(test) >= _TESTED else None
    asked, place = (inputs, places[0]) if held_out is None else (held_out, places[1])
    predictions = _predictions(model, asked)
    return Profile(
        dataset=places[0],
        rows=len(inputs),
        duplicates=int(inputs.duplicated().sum()),
        columns=profiles.of_frame(inputs),
        predicted=place if predictions else "",
        predictions=predictions,
        tensor=not tables.features_of(model) and _takes_tensor(model),
    )


def keep(store: Store, mlflow_run_id: str, profile: Profile) -> None:
    """Keep a profile with the run that logged the model."""
    text = msgspec.json.encode(profile).decode()
    store.log_text(mlflow_run_id, text, tags.PROFILE_ARTIFACT)


def of_package(folder: Path) -> Profile | None:
    """Return the profile in a package, None where it has none."""
    path = folder / package.PROFILE
    return msgspec.json.decode(path.read_bytes(), type=Profile) if path.is_file() else None


def of_run(store: Store, run_id: str) -> Profile | None:
    """Return the profile that a run has kept, None where it has not."""
    mlflow_run_id, _ = store.find(run_id)
    text = store.read_text(mlflow_run_id, tags.PROFILE_ARTIFACT) if mlflow_run_id else None
    return msgspec.json.decode(text, type=Profile) if text else None


def _inputs(model: Any, frame: pandas.DataFrame, target: str) -> pandas.DataFrame | None:
    features = tables.features_of(model)
    if any(name not in frame.columns for name in features):
        return None
    if not features and target not in frame.columns:
        return None
    return tables.Table("", frame, target, features).inputs(model)


def _predictions(model: Any, inputs: pandas.DataFrame) -> tuple[Any, ...]:
    try:
        return profiles.of_predictions(model.predict(inputs))
    except Exception as error:
        # The model's own code; a notebook may have left out the rows that it cannot take.
        print(f"no predictions in the profile: the model raised {type(error).__name__}: {error}")
        return ()


def _takes_tensor(model: Any) -> bool:
    schema = model.metadata.get_input_schema()
    return schema is not None and schema.is_tensor_spec()
