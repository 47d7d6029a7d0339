"""Stage: find out what a model is worth on the test data, and whether that is enough."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from mlops_nb import encoding, evaluation, journal, novelty
from mlops_nb.drawing import report as drawn
from mlops_nb.evaluation import Opponent, gates, predictions, tables
from mlops_nb.exceptions import MlopsError
from mlops_nb.journal import MetricsLogged, ModelEvaluated, RunFolder, RunTracked, emit
from mlops_nb.monitoring import reference
from mlops_nb.stages import Skipped, workspace
from mlops_nb.stages import volume as volumes
from mlops_nb.tracking import tags
from mlops_nb.tracking.store import Store
from mlops_nb.types import Criteria, Evaluation, Report, Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pandas

    from mlops_nb.evaluation.tables import Table
    from mlops_nb.types import TableReport

PREFIX = "test_"
_CHAMPION = "champion"
_PARTS = ("new", "old")
_EXAMPLE_ROWS = 5
_TAG_LIMIT = 4_000
# More than these of training data are not read again to look for test rows among them.
_SEEN_BYTES = 200_000_000


def run(
    *,
    volume: str,
    code: str,
    data: str,
    code_paths: str,
    notebook: str,
    tests: str,
    target: str,
    tracking_uri: str,
    experiment: str,
    mlflow_run_id: str,
    model_uri: str,
    snapshot: str,
    criteria: str,
) -> dict[str, str]:
    """Evaluate a model on test datasets, and log what was found to MLflow.

    Args:
        volume: What the stages of the run share.
        code: Place of the repository in it; the model may need the project's modules.
        data: Place of the datasets in it.
        code_paths: JSON list of folders of the repository to import from.
        notebook: Path of the notebook in the repository, or of a file beside which to work.
        tests: JSON list of the paths of test datasets in the repository.
        target: Column to predict; "" for the one column that the model does not take.
        tracking_uri: Where MLflow keeps the run.
        experiment: Name of the MLflow experiment, for a run of this evaluation's own.
        mlflow_run_id: The run that logged the model in this pipeline, "" for a model from before.
        model_uri: The model, "" for none.
        snapshot: The whole snapshot as JSON; a pod evaluates in the environment that it records.
        criteria: What to look at, and the gates, as JSON.

    Returns:
        `metrics` as a JSON object, and `refusal`, "" where all gates were passed.

    Raises:
        StageError: A dataset and the model do not fit.
        TrackingError: There is no such model, or MLflow cannot be used.
    """
    if not model_uri:
        raise Skipped("the notebook logged no model", metrics="{}", refusal="")
    wanted = msgspec.convert(encoding.loads(criteria), Criteria)
    pins = msgspec.convert(encoding.loads(snapshot), Snapshot)
    store = Store(tracking_uri)
    found = _Findings(store, model_uri, wanted)
    with workspace.opened(volume, code, data, notebook) as top:
        workspace.import_from(workspace.import_folders(top, code_paths))
        places = encoding.loads(tests)
        seen = _seen(top, pins)
        if mlflow_run_id and seen is not None:
            found.profile(top, seen, pins, places, target, mlflow_run_id)
        why_not = _why_not(top, places)
        if why_not and not wanted.gates:
            raise Skipped(why_not, metrics="{}", refusal="")
        if not why_not:
            found.evaluate(top, places, target, seen)
    known = store.metrics(mlflow_run_id) if mlflow_run_id and wanted.gates else {}
    outcome = found.outcome(tuple(places), known)
    if not mlflow_run_id:
        mlflow_run_id = _tracked(store, experiment, pins, volume, model_uri)
    report = Report(
        run_id=volumes.ref(volume).rpartition("/")[2],
        evaluation=outcome,
        significance=wanted.significance,
        tables=tuple(found.reports),
    )
    _keep(store, mlflow_run_id, report, found)
    return {
        "metrics": encoding.dumps(found.metrics, name="metrics"),
        "refusal": outcome.refusal,
    }


def identity(**inputs: str) -> object:
    """Return what decides the result: a model belongs to one training, and so to one snapshot."""
    if msgspec.convert(encoding.loads(inputs["criteria"]), Criteria).once:
        return None
    named = ("tracking_uri", "model_uri", "notebook", "tests", "target", "criteria")
    return [inputs[name] for name in named]


def restore(source: RunFolder, outputs: Mapping[str, str], **inputs: str) -> bool:
    """Bring the report along; the metrics are in the run of the training, which was found whole."""
    target = RunFolder(Path(os.environ[journal.RUN_FOLDER]))
    if source.report.is_file() and source.path != target.path:
        for page in (source.report, source.report.with_suffix(".json")):
            shutil.copyfile(page, target.path / page.name)
    return True


@dataclass
class _Findings:
    """A model, and what was found of it so far."""

    store: Store
    uri: str
    wanted: Criteria
    reports: list[TableReport] = field(default_factory=list)
    example: dict[str, Any] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    untested: dict[str, str] = field(default_factory=dict)

    @property
    def metrics(self) -> dict[str, float]:
        """The metrics on all tables, by their names with prefix."""
        return {name: value for r in self.reports for name, value in r.metrics.items()}

    @cached_property
    def model(self) -> Any:
        """The model; loading it executes the code that it brings along."""
        return self.store.models.load(self.uri)

    def evaluate(
        self, top: Path, places: list[str], target: str, seen: pandas.DataFrame | None
    ) -> None:
        """Evaluate the model on each dataset."""
        model = self.model
        given = [
            (place, prefix, tables.of(model, tables.read(tables.files(top / place)), place, target))
            for place, prefix in zip(places, prefixes(places), strict=True)
        ]
        opponents = self._opponents(given[0][2])
        parts = self._parts(top, given) if self.wanted.parted else []
        for _, prefix, table in [*given, *parts]:
            self.reports.append(
                evaluation.assess(
                    model, table, self.wanted, prefix=prefix, opponents=opponents, seen=seen
                )
            )
        self.example = _example(model, given[0][2])

    def profile(
        self,
        top: Path,
        seen: pandas.DataFrame,
        pins: Snapshot,
        places: list[str],
        target: str,
        mlflow_run_id: str,
    ) -> None:
        """Keep what the training data look like with the run, for monitoring."""
        train = pins.dataset("train")
        place = places[0] if places and tables.files(top / places[0]) else ""
        profile = reference.build(
            self.model,
            seen,
            tables.read(tables.files(top / place)) if place else None,
            places=(train.path if train is not None else "", place),
            target=target,
        )
        if profile is not None:
            reference.keep(self.store, mlflow_run_id, profile)

    def _parts(
        self, top: Path, given: list[tuple[str, str, Table]]
    ) -> Iterator[tuple[str, str, Table]]:
        """Yield what the test data had when the parent was trained, and what is new in them."""
        earlier = workspace.earlier(top) or top
        for place, prefix, table in given:
            before, now = earlier / place, top / place
            known = before != now and before.exists()
            parts = novelty.parted(before, now, self.wanted.key) if known else ()
            for name, frame in zip(_PARTS, parts or (None, None), strict=True):
                if frame is None or not len(frame):
                    self.untested[f"{prefix}{name}_"] = f"the test data have no {name} rows"
                else:
                    part = replace(table, path=f"{place}, {name} rows", frame=frame)
                    yield place, f"{prefix}{name}_", part

    def outcome(self, places: tuple[str, ...], known: Mapping[str, float]) -> Evaluation:
        """Return what all of it came to.

        Args:
            places: The test datasets.
            known: What else is known of the model.
        """
        passed = gates.outcomes(
            self.wanted.gates,
            {**known, **self.metrics, **evaluation.main_metrics(self.reports)},
            evaluation.all_duels(self.reports),
            self.absent,
            self.broken,
            self.untested,
        )
        return Evaluation(model=self.uri, tests=places, gates=passed)

    def _opponents(self, table: Table) -> list[Opponent]:
        """Return the models to compare with; why there are not more is noted."""
        compared = gates.compared(self.wanted.gates)
        named = dict(self.wanted.opponents)
        if self.wanted.compare or _CHAMPION in compared:
            named.setdefault(_CHAMPION, self._champion())
        found = []
        for name, uri in named.items():
            if uri and uri != self.uri:
                found += self._opponent(name, uri, compared.get(name, []), table)
        for name in compared:
            if not named.get(name):
                self.absent[name] = f"{gates.called(name)} is not there to compare with"
            elif named[name] == self.uri:
                self.absent[name] = f"it is {gates.called(name)} itself"
        return found

    def _champion(self) -> str:
        known = (
            self.store.registry.find_alias(self.wanted.name, _CHAMPION)
            if self.wanted.name
            else None
        )
        return known.uri if known is not None else ""

    def _opponent(self, name: str, uri: str, metrics: list[str], table: Table) -> list[Opponent]:
        try:
            model = self.store.models.load(uri)
            predictions.predict(model, table, self.wanted.task)
        except Exception as error:
            # Its code is not that of this run, and may raise anything.
            said = error.message if isinstance(error, MlopsError) else str(error)
            self.broken[name] = f"{gates.called(name)} cannot predict these data: {said}"
            print(self.broken[name])
            return []
        return [Opponent(name, uri, model, metrics)]


def prefixes(places: list[str]) -> list[str]:
    """Return what the metrics on each dataset begin with; those on the first have the short one."""
    found = [PREFIX]
    for place in places[1:]:
        stem = "".join(c if c.isalnum() else "_" for c in Path(place).stem.removeprefix(PREFIX))
        prefix = f"{PREFIX}{stem}_"
        found.append(prefix if prefix not in found else f"{PREFIX}{stem}_{len(found) + 1}_")
    return found


def _why_not(top: Path, places: list[str]) -> str:
    """Return why nothing can be evaluated, "" where it can."""
    if not places:
        return "there is no test dataset"
    strange = [place for place in places if not tables.files(top / place)]
    return f"{strange[0]} is no table ({', '.join(tables.READERS)})" if strange else ""


def _seen(top: Path, pins: Snapshot) -> pandas.DataFrame | None:
    """Return the rows that the model was trained on, None where they are not here or too many."""
    train = pins.dataset("train")
    # Only an evaluation has none of its own: what is there from earlier is then the training's.
    place = top / train.path if train is not None else workspace.earlier(top)
    found = tables.files(place) if place is not None else []
    small = sum(path.stat().st_size for path in found) <= _SEEN_BYTES
    return tables.read(found) if found and small else None


def _example(model: Any, table: Table) -> dict[str, Any]:
    """Return a request with its predictions, as a deployment is verified with them."""
    import numpy

    inputs = table.inputs(model).head(_EXAMPLE_ROWS)
    rows = inputs.astype(object).where(inputs.notna(), None)
    data = json.loads(json.dumps(rows.to_dict(orient="split")["data"], default=str))
    request = {"columns": [str(name) for name in inputs.columns], "data": data}
    made = numpy.asarray(model.predict(inputs)).tolist()
    return {"request": {"dataframe_split": request}, "predictions": made, "source": "run"}


def _tracked(store: Store, experiment: str, pins: Snapshot, volume: str, model_uri: str) -> str:
    """Make the MLflow run of an evaluation that is no part of a training."""
    run_id = volumes.ref(volume).rpartition("/")[2]
    kfp_run_id = os.environ.get(volumes.KFP_RUN_ID, run_id)
    # Hyperparameters are the training's, and not of this run.
    pins = msgspec.structs.replace(pins, hyperparameters=())
    mlflow_run_id = store.start(
        experiment=experiment, snapshot=pins, run_id=run_id, kfp_run_id=kfp_run_id
    )
    store.tag(mlflow_run_id, {tags.EVALUATED: model_uri})
    store.finish(mlflow_run_id, "FINISHED")
    emit(RunTracked(mlflow_run_id=mlflow_run_id, tracking_uri=store.uri))
    return mlflow_run_id


def _keep(store: Store, mlflow_run_id: str, report: Report, found: _Findings) -> None:
    """Keep report, metrics and gates, here and in MLflow."""
    page = drawn.page(report)
    store.log_metrics(mlflow_run_id, found.metrics)
    store.log_text(mlflow_run_id, page, f"{tags.REPORT_ARTIFACT}.html")
    store.log_text(mlflow_run_id, encoding.record(report, indent=2), f"{tags.REPORT_ARTIFACT}.json")
    if found.example:
        store.log_text(mlflow_run_id, encoding.plain(found.example), tags.EXAMPLE_ARTIFACT)
    outcome, wanted = report.evaluation, found.wanted
    if outcome.gates:
        said = (outcome.refusal or tags.PASSED)[:_TAG_LIMIT]
        store.tag(mlflow_run_id, {tags.GATES: said})
        if wanted.name and wanted.version:
            store.registry.tag_version(wanted.name, wanted.version, tags.GATES, said)
    journal.keep_report(page, report)
    emit(MetricsLogged(metrics=found.metrics))
    emit(ModelEvaluated(evaluation=outcome))
    for name, value in found.metrics.items():
        print(f"{name} = {value:.6g}")
    for passed in outcome.gates:
        print(f"{'ok  ' if passed.passed else 'BAD '} {passed.gate}: {passed.reason}")
