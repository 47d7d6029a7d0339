"""What was found of a model on test data, and whether that is enough."""

from __future__ import annotations

import msgspec

from mlops_nb.types.base import Record
from mlops_nb.types.pins import Finding


class Criteria(Record, frozen=True, kw_only=True):
    """What an evaluation is to look at, and what a model has to meet.

    Attributes:
        gates: Conditions, such as "test_accuracy>=0.9" or "test_accuracy>=champion-0.01".
        significance: How often a comparison with no true difference may pass as a gain.
        slices: Columns by whose values the metrics are given, too.
        task: "classification" or "regression", "" to find out.
        name: Registered name, whose champion is meant by "champion"; "" where there is none.
        version: The version of it that is evaluated, "" where it is none.
        opponents: URI of each other model to compare with, by the word that gates have for it.
        compare: Whether to compare with the champion where no gate asks for it.
        parted: Whether the test data are looked at in parts: what they had once, and what is new.
        key: The column that names a row of them, "" for all that it holds.
        once: Is in no other run, where what comes out depends on more than is pinned.
    """

    gates: tuple[str, ...] = ()
    significance: float = 0.05
    slices: tuple[str, ...] = ()
    task: str = ""
    name: str = ""
    version: str = ""
    opponents: dict[str, str] = msgspec.field(default_factory=dict)
    compare: bool = False
    parted: bool = False
    key: str = ""
    once: str = ""


class Outcome(Record, frozen=True, kw_only=True):
    """Whether a model has passed a gate.

    Attributes:
        gate: The gate, as it was written.
        passed: Whether it has.
        reason: Why, with the figures.
    """

    gate: str
    passed: bool
    reason: str


class Evaluation(Record, frozen=True, kw_only=True):
    """What an evaluation came to, as the run has it; the report has the rest.

    Attributes:
        model: URI of the model.
        tests: Paths of the test datasets, the first of which gives the metrics `test_...`.
        gates: One outcome a gate, in their order.
        report: Path of the report as HTML, None where it is not on this machine.
    """

    model: str
    tests: tuple[str, ...] = ()
    gates: tuple[Outcome, ...] = ()
    report: str | None = None

    @property
    def passed(self) -> bool:
        """Whether no gate has failed."""
        return all(outcome.passed for outcome in self.gates)

    @property
    def refusal(self) -> str:
        """Why the model is to go no further, "" where it may."""
        failed = [f"{o.gate} ({o.reason})" for o in self.gates if not o.passed]
        return f"gate failed: {'; '.join(failed)}" if failed else ""


class Slice(Record, frozen=True, kw_only=True):
    """The rows with one value of a column, and the metrics on them.

    Attributes:
        column: The column.
        value: Its value in these rows, or the range of its values.
        rows: How many rows there are.
        metrics: Value of each metric on them.
    """

    column: str
    value: str
    rows: int
    metrics: dict[str, float]


class Duel(Record, frozen=True, kw_only=True):
    """Two models on the same rows.

    Attributes:
        opponent: What gates call the other model: "champion", "parent" or "against".
        model: Its URI.
        metric: What they are compared by.
        ours: Value of the model that is evaluated.
        theirs: Value of the other one.
        gain: By how much ours is better; positive is better, also where less is.
        low: Lower bound of the gain at the significance of the evaluation, one-sided.
        high: Upper bound, likewise.
        p_value: How likely so much of a gain would be if there were none.
        test: How that was found: "McNemar" or "bootstrap".
        rows: How many there are.
        only_ours: Rows that only our model has right, None where it is not about classes.
        only_theirs: Rows that only the other one has right.
    """

    opponent: str
    model: str
    metric: str
    ours: float
    theirs: float
    gain: float
    low: float
    high: float
    p_value: float
    test: str
    rows: int
    only_ours: int | None = None
    only_theirs: int | None = None


class Plot(Record, frozen=True, kw_only=True):
    """A line of a picture, from 0 to 1 on both axes.

    Attributes:
        label: Of which class it is.
        points: x and y of each point.
    """

    label: str
    points: tuple[tuple[float, float], ...]


class TableReport(Record, frozen=True, kw_only=True):
    """What was found on one test dataset.

    Attributes:
        path: The dataset, or the part of it.
        prefix: What its metrics begin with.
        rows: How many it has.
        task: "classification" or "regression".
        metrics: With their prefix.
        classes: Names of the classes, in the order of `confusion`.
        confusion: Rows of a class (first index) that were predicted as another (second index).
        roc: False positives (x) and true positives (y), a line a class.
        calibration: What was said (x) and what came true (y), a line a class.
        residuals: Truth and prediction of some rows, scaled to 0 to 1.
        slices: By columns of the settings.
        duels: Comparisons with other models.
        findings: What is to be said about the data.
    """

    path: str
    prefix: str
    rows: int
    task: str
    metrics: dict[str, float]
    classes: tuple[str, ...] = ()
    confusion: tuple[tuple[int, ...], ...] = ()
    roc: tuple[Plot, ...] = ()
    calibration: tuple[Plot, ...] = ()
    residuals: tuple[tuple[float, float], ...] = ()
    slices: tuple[Slice, ...] = ()
    duels: tuple[Duel, ...] = ()
    findings: tuple[Finding, ...] = ()


class Report(Record, frozen=True, kw_only=True):
    """All that was found of a model.

    Attributes:
        run_id: The run that evaluated it.
        evaluation: What it came to.
        significance: `gates.significance`, by which gates decided.
        tables: One report a test dataset, and one a part of it, where it has parts.
    """

    run_id: str
    evaluation: Evaluation
    significance: float
    tables: tuple[TableReport, ...]
