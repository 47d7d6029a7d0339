"""Stage: compute the model's metrics on the test dataset."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_nb import encoding
from mlops_nb.exceptions import StageError
from mlops_nb.journal import MetricsLogged, emit
from mlops_nb.stages import Skipped, workspace
from mlops_nb.tracking import tags
from mlops_nb.tracking.store import Store

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas

    from mlops_nb.journal import RunFolder

PREFIX = "test_"
_EXAMPLE_ROWS = 5
_READERS = {
    ".csv": "read_csv",
    ".parquet": "read_parquet",
    ".feather": "read_feather",
    ".json": "read_json",
}


def run(
    *,
    volume: str,
    code: str,
    data: str,
    code_paths: str,
    notebook: str,
    test: str,
    target: str,
    tracking_uri: str,
    mlflow_run_id: str,
    model_uri: str,
    snapshot: str,
) -> dict[str, str]:
    """Predict the test dataset and log the metrics of the model's kind to its MLflow run.

    Args:
        volume: What the stages of the run share.
        code: Place of the repository in it; the model may need the project's modules.
        data: Place of the datasets in it.
        code_paths: JSON list of folders of the repository to import from.
        notebook: Path of the notebook in the repository.
        test: Path of the test dataset in the repository, "" for none.
        target: Column to predict; "" for the one column that the model does not take.
        tracking_uri: Where MLflow keeps the run.
        mlflow_run_id: The run that logged the model.
        model_uri: The model, "" for none.
        snapshot: The whole snapshot as JSON; a pod evaluates in the environment that it records.

    Returns:
        `metrics` as a JSON object.

    Raises:
        StageError: The dataset and the model do not fit.
    """
    if not model_uri:
        raise Skipped("the notebook logged no model", metrics="{}")
    if not test:
        raise Skipped("there is no test dataset", metrics="{}")
    if Path(test).suffix not in _READERS:
        raise Skipped(f"{test} is no table ({', '.join(_READERS)})", metrics="{}")
    store = Store(tracking_uri)
    with workspace.opened(volume, code, data, notebook) as top:
        workspace.import_from(workspace.import_folders(top, code_paths))
        metrics, example = _evaluate(model_uri, top / test, target)
    store.log_metrics(mlflow_run_id, metrics)
    store.log_text(mlflow_run_id, encoding.plain(example), tags.EXAMPLE_ARTIFACT)
    emit(MetricsLogged(metrics=metrics))
    for name, value in metrics.items():
        print(f"{name} = {value:.6g}")
    return {"metrics": encoding.dumps(metrics, name="metrics")}


def identity(**inputs: str) -> object:
    """Return what decides the result: a model belongs to one training, and so to one snapshot."""
    return [inputs[name] for name in ("tracking_uri", "model_uri", "notebook", "test", "target")]


def restore(source: RunFolder, outputs: Mapping[str, str], **inputs: str) -> bool:
    """Return True: the metrics are in the run of the training, which was found whole."""
    return True


def _evaluate(model_uri: str, path: Path, target: str) -> tuple[dict[str, float], dict[str, Any]]:
    """Return the metrics, and some rows with what the model makes of them."""
    import mlflow
    import pandas

    model = mlflow.pyfunc.load_model(model_uri, suppress_warnings=True)
    frame = getattr(pandas, _READERS[path.suffix])(path)
    features = _features(model, frame)
    target = target or _target(frame, features, path)
    if target not in frame.columns:
        raise StageError(
            f"{path.name} has no column {target!r}",
            hint=f"set data.target in mlops.toml; it has: {', '.join(map(str, frame.columns))}",
        )
    inputs = frame[features] if features else frame.drop(columns=target)
    inputs = _as_trained(model, inputs)
    return _metrics(model, inputs, frame[target]), _example(model, inputs.head(_EXAMPLE_ROWS))


def _example(model: Any, inputs: pandas.DataFrame) -> dict[str, Any]:
    """Return a request with its predictions, as a deployment is verified with them."""
    import numpy

    rows = inputs.astype(object).where(inputs.notna(), None)
    data = json.loads(json.dumps(rows.to_dict(orient="split")["data"], default=str))
    request = {"columns": [str(name) for name in inputs.columns], "data": data}
    predictions = numpy.asarray(model.predict(inputs)).tolist()
    return {"request": {"dataframe_split": request}, "predictions": predictions, "source": "run"}


def _features(model: Any, frame: pandas.DataFrame) -> list[str]:
    """Return the columns that the model takes, by its signature; empty where it names none."""
    schema = model.metadata.get_input_schema()
    names = list(schema.input_names()) if schema is not None and schema.has_input_names() else []
    missing = [name for name in names if name not in frame.columns]
    if missing:
        raise StageError(
            f"the test dataset lacks columns that the model takes: {', '.join(missing[:5])}",
            hint="evaluate on data with the columns of the training data",
        )
    return names


def _as_trained(model: Any, inputs: pandas.DataFrame) -> pandas.DataFrame:
    """Return whole numbers as the floats that the model was trained on, where it was.

    A column of a file is read as whole numbers when it happens to hold no others.
    """
    schema = model.metadata.get_input_schema()
    if schema is None or not schema.has_input_names():
        return inputs
    floats = {
        column.name: column.type.to_numpy()
        for column in schema.inputs
        if column.type.name in ("float", "double") and inputs[column.name].dtype.kind in "iu"
    }
    return inputs.astype(floats)


def _target(frame: pandas.DataFrame, features: list[str], path: Path) -> str:
    left = [str(column) for column in frame.columns if column not in features]
    if not features or len(left) != 1:
        raise StageError(
            f"cannot tell which column of {path.name} is to be predicted",
            hint="set data.target in mlops.toml",
        )
    return left[0]


def _metrics(model: Any, inputs: pandas.DataFrame, truth: pandas.Series) -> dict[str, float]:
    import numpy

    raw = model.get_raw_model() if hasattr(model, "get_raw_model") else None
    predicted = numpy.asarray(model.predict(inputs)).reshape(len(truth), -1)[:, 0]
    classes = getattr(raw, "classes_", None)
    if classes is None and _is_continuous(truth):
        return _regression(truth, predicted)
    metrics = _classification(truth, predicted)
    if raw is not None and classes is not None and hasattr(raw, "predict_proba"):
        metrics.update(_probabilistic(truth, raw.predict_proba(inputs), classes))
    return metrics


def _is_continuous(truth: pandas.Series) -> bool:
    return truth.dtype.kind == "f" and bool((truth % 1 != 0).any())


def _regression(truth: Any, predicted: Any) -> dict[str, float]:
    from sklearn import metrics

    return {
        f"{PREFIX}rmse": float(metrics.mean_squared_error(truth, predicted) ** 0.5),
        f"{PREFIX}mae": float(metrics.mean_absolute_error(truth, predicted)),
        f"{PREFIX}r2": float(metrics.r2_score(truth, predicted)),
    }


def _classification(truth: Any, predicted: Any) -> dict[str, float]:
    from sklearn import metrics

    return {
        f"{PREFIX}accuracy": float(metrics.accuracy_score(truth, predicted)),
        f"{PREFIX}balanced_accuracy": float(metrics.balanced_accuracy_score(truth, predicted)),
        f"{PREFIX}f1": float(metrics.f1_score(truth, predicted, average="macro")),
    }


def _probabilistic(truth: Any, probabilities: Any, classes: Any) -> dict[str, float]:
    from sklearn import metrics

    known = set(classes)
    if len(set(truth)) < 2 or not set(truth) <= known:
        return {}
    scores = probabilities[:, 1] if len(classes) == 2 else probabilities
    return {
        f"{PREFIX}roc_auc": float(
            metrics.roc_auc_score(truth, scores, multi_class="ovr", labels=classes)
            if len(classes) > 2
            else metrics.roc_auc_score(truth, scores)
        ),
        f"{PREFIX}log_loss": float(metrics.log_loss(truth, probabilities, labels=classes)),
    }
