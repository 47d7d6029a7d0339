"""A window of the requests that a revision has answered, counted in the bins of its reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from mlops_nb.monitoring import reading
from mlops_nb.monitoring.counting import Copies, all_of
from mlops_nb.serving import inference_log
from mlops_nb.types import Health, Window

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from mlops_nb.monitoring.reading import Part
    from mlops_nb.types import Profile, Span


class Pairs(NamedTuple):
    """Predictions whose labels are known, beside them."""

    predicted: list[Any]
    truth: list[Any]


def collect(
    folder: Path, profile: Profile, span: Span, *, deployment: str, revision: int
) -> tuple[Window, Pairs]:
    """Count the requests of a log that are in a span.

    Args:
        folder: The log's.
        profile: The reference, whose bins and columns are those of the window.
        span: Which requests.
        deployment: Whose log it is.
        revision: Number of the revision that answered.
    """
    counting = _Counting(profile, inference_log.labels(folder))
    for part in reading.parts(folder, profile, span):
        counting.add(part)
    return counting.result(deployment, revision), counting.pairs


class _Counting:
    def __init__(self, profile: Profile, labels: Mapping[str, Any]) -> None:
        self.pairs = Pairs([], [])
        self._labels = labels
        self._columns, self._predictions = all_of(profile.columns), all_of(profile.predictions)
        self._copies = Copies()
        self._rows = self._torn = self._unfit = 0
        self._at: list[Any] = []
        self._latency_s: list[Any] = []

    def add(self, part: Part) -> None:
        self._rows += part.rows
        self._torn += part.torn
        self._at.append(part.at)
        self._latency_s.append(part.latency_s)
        for name, values in part.columns.items():
            self._columns[name].add(values)
        for name, values in part.predictions.items():
            self._predictions[name].add(values)
        if part.columns:
            self._copies.add(part.columns.values(), part.rows)
        if self._labels:
            self._match(part)

    def _match(self, part: Part) -> None:
        for place, id_ in enumerate(map(str, part.ids)):
            if id_ not in self._labels:
                continue
            label, outputs = self._labels[id_], part.outputs[place]
            truth = label if isinstance(label, list) else [label]
            predicted = outputs.as_py() if hasattr(outputs, "as_py") else outputs
            if not isinstance(predicted, list) or len(predicted) != len(truth):
                self._unfit += 1
                continue
            self.pairs.predicted.extend(predicted)
            self.pairs.truth.extend(truth)

    def result(self, deployment: str, revision: int) -> Window:
        at = _joined(self._at)
        return Window(
            deployment=deployment,
            revision=revision,
            since=float(at.min()) if len(at) else None,
            until=float(at.max()) if len(at) else None,
            rows=self._rows,
            duplicates=self._copies.result(),
            torn=self._torn,
            columns=tuple(counts.result() for counts in self._columns.values()),
            predictions=tuple(counts.result() for counts in self._predictions.values()),
            health=_health(at, _joined(self._latency_s)),
            labelled=len(self.pairs.truth),
            unfit=self._unfit,
        )


def _joined(arrays: Sequence[Any]) -> Any:
    import numpy as np

    return np.concatenate(arrays) if arrays else np.empty(0)


def _health(at: Any, latency_s: Any) -> Health:
    import numpy as np

    if not len(at):
        return Health()
    seconds = float(at.max() - at.min())
    p50, p99 = np.percentile(latency_s, (50, 99)).tolist()
    rate = (len(at) - 1) / seconds if seconds else 0.0
    return Health(requests=len(at), rate=rate, p50_s=p50, p99_s=p99)
