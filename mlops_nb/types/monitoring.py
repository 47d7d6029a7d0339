"""What a model was trained on, in figures, and a window of its requests beside it."""

from __future__ import annotations

from enum import Enum

import msgspec

from mlops_nb.types.base import Record
from mlops_nb.types.pins import Finding


class ColumnKind(str, Enum):
    """How a column is counted. TEXT: of so many values that only the missing ones are counted."""

    NUMERIC = "NUMERIC"
    CATEGORICAL = "CATEGORICAL"
    TEXT = "TEXT"


class ColumnProfile(Record, frozen=True, kw_only=True):
    """One column of the reference.

    Attributes:
        name: Its name.
        kind: How it is counted.
        type: Its type as pandas has it, such as "float64".
        rows: How many values were counted, missing ones among them.
        missing: How many of them are missing; what is not finite counts as such.
        edges: Upper ends of the bins of a numeric column but for the last one, which has none.
        counts: Values in each bin.
        low: The smallest value, None where there is none.
        high: The largest one.
        categories: How often each value is there.
    """

    name: str
    kind: ColumnKind
    type: str
    rows: int
    missing: int = 0
    edges: tuple[float, ...] = ()
    counts: tuple[int, ...] = ()
    low: float | None = None
    high: float | None = None
    categories: dict[str, int] = msgspec.field(default_factory=dict)


class Profile(Record, frozen=True, kw_only=True):
    """The reference of a model: the rows that it was trained on, and what it makes of rows.

    Attributes:
        dataset: Path of the dataset that the columns are of.
        rows: How many rows were counted.
        duplicates: How many of them are copies of another one.
        columns: What the model takes.
        predicted: Path of the dataset that the predictions are of, "" where there are none.
        predictions: What it gives.
        tensor: Whether the model takes rows as one array, whose columns have no names.
    """

    dataset: str
    rows: int
    duplicates: int = 0
    columns: tuple[ColumnProfile, ...] = ()
    predicted: str = ""
    predictions: tuple[ColumnProfile, ...] = ()
    tensor: bool = False


class ColumnCounts(Record, frozen=True, kw_only=True):
    """One column of a window, in the bins of its reference.

    Attributes:
        name: Its name.
        rows: How many values were counted.
        missing: How many are missing.
        wrong: How many are of another type than the reference's; they count as missing.
        counts: Values in each bin of a numeric column.
        below: Values below the smallest one of the reference.
        above: Values above the largest one.
        low: The smallest value, None where there is none.
        high: The largest one.
        categories: How often each value is there.
    """

    name: str
    rows: int = 0
    missing: int = 0
    wrong: int = 0
    counts: tuple[int, ...] = ()
    below: int = 0
    above: int = 0
    low: float | None = None
    high: float | None = None
    categories: dict[str, int] = msgspec.field(default_factory=dict)


class Span(Record, frozen=True, kw_only=True):
    """Which requests a window has.

    Attributes:
        since: Seconds since the epoch, None from the first on.
        until: Likewise, None up to the last.
        rows: The newest rows, about so many: requests are whole; None for all of them.
    """

    since: float | None = None
    until: float | None = None
    rows: int | None = None


class Health(Record, frozen=True, kw_only=True):
    """How the service did.

    Attributes:
        requests: Answered predictions in the window, as the inference log has them.
        rate: Requests a second between the first and the last of them.
        p50_s: Half of them were answered within so many seconds.
        p99_s: 99 of 100 were.
        answered: Requests for predictions since the revision was started last, None where it does
            not say.
        refused: Those of them that were the callers' mistakes (4xx).
        failed: Those that were its own (5xx).
    """

    requests: int = 0
    rate: float = 0.0
    p50_s: float | None = None
    p99_s: float | None = None
    answered: int | None = None
    refused: int = 0
    failed: int = 0


class Window(Record, frozen=True, kw_only=True):
    """Requests of one revision, counted.

    Attributes:
        deployment: Its name.
        revision: Number of the revision.
        since: Time of the first request, in seconds since the epoch, None where there is none.
        until: Time of the last one.
        rows: Rows of all requests.
        duplicates: How many of them are copies of another one.
        torn: Lines of the log that cannot be read.
        columns: What was asked.
        predictions: What was answered.
        health: How the service did.
        labelled: Rows whose label is known.
        unfit: Requests whose label has another number of rows than they.
    """

    deployment: str
    revision: int
    since: float | None = None
    until: float | None = None
    rows: int = 0
    duplicates: int = 0
    torn: int = 0
    columns: tuple[ColumnCounts, ...] = ()
    predictions: tuple[ColumnCounts, ...] = ()
    health: Health = Health()
    labelled: int = 0
    unfit: int = 0


class ColumnDrift(Record, frozen=True, kw_only=True):
    """What became of a column, or of the predictions.

    Attributes:
        name: Its name.
        role: "input" or "prediction".
        kind: How it was counted.
        drifted: Whether it is another one than in the reference.
        reason: What is different, "" where nothing is.
        p_value: Of the test over the bins, None where there was nothing to test.
        psi: Population stability index.
        novel: Part of the rows with values that the reference has none of.
        missing: Part of the rows without a value.
        missing_before: The same of the reference.
        labels: Names of the bins that a picture has.
        before: Part of the reference's rows in each.
        now: Part of the window's rows.
    """

    name: str
    role: str
    kind: ColumnKind
    drifted: bool = False
    reason: str = ""
    p_value: float | None = None
    psi: float = 0.0
    novel: float = 0.0
    missing: float = 0.0
    missing_before: float = 0.0
    labels: tuple[str, ...] = ()
    before: tuple[float, ...] = ()
    now: tuple[float, ...] = ()


class Performance(Record, frozen=True, kw_only=True):
    """What the predictions were worth, of the rows whose label is known.

    Attributes:
        rows: How many.
        metrics: By their names without prefix.
        before: The same metrics of the test dataset, where the model's run has them.
    """

    rows: int
    metrics: dict[str, float]
    before: dict[str, float] = msgspec.field(default_factory=dict)


class DriftVerdict(str, Enum):
    """What a window is. INSUFFICIENT: too few rows to tell. UNKNOWN: there is no reference."""

    STABLE = "STABLE"
    DRIFT = "DRIFT"
    INSUFFICIENT = "INSUFFICIENT"
    UNKNOWN = "UNKNOWN"


class MonitoringReport(Record, frozen=True, kw_only=True):
    """All that was found of a window.

    Attributes:
        run_id: The monitoring run.
        verdict: What the window is.
        window: The window.
        reference: The run that trained the model, or whichever was named; None where there is none.
        dataset: Path of the dataset that the reference is of.
        reference_rows: How many rows the reference has.
        false_alarms: The most windows without drift, as a part of all, that come out as drift.
        columns: Drifted ones first.
        findings: What is to be said about the quality of the data, and about the service.
        performance: None where no label is known.
    """

    run_id: str
    verdict: DriftVerdict
    window: Window
    reference: str | None = None
    dataset: str = ""
    reference_rows: int = 0
    false_alarms: float = 0.01
    columns: tuple[ColumnDrift, ...] = ()
    findings: tuple[Finding, ...] = ()
    performance: Performance | None = None


class Monitoring(Record, frozen=True, kw_only=True):
    """What a monitoring run came to, as the run has it; the report has the rest.

    Attributes:
        deployment: The deployment.
        revision: The revision whose requests were looked at.
        verdict: What the window is.
        alarm: Whether somebody should look.
        rows: Rows of the window.
        drifted: Names of the columns that drifted; of predictions with "prediction: " before.
        false_alarms: The most windows without drift, as a part of all, that raise an alarm.
        started: The run that was started because of it.
        report: Path of the report as HTML, None where it is not on this machine.
    """

    deployment: str
    revision: int
    verdict: DriftVerdict
    alarm: bool
    rows: int = 0
    drifted: tuple[str, ...] = ()
    false_alarms: float = 0.01
    started: str | None = None
    report: str | None = None


class Labels(Record, frozen=True, kw_only=True):
    """What became of labels.

    Attributes:
        told: How many were told.
        unknown: How many of them no logged request has.
    """

    told: int
    unknown: int = 0
