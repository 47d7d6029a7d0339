"""Whether a window is drawn from what the reference was drawn from, column by column.

A column drifts if its bins differ, by a chi-squared test and by a population stability index above
0.02 (a difference that is certain but too small to matter is none), or if it has more values that
the reference has none of than chance gives. Of values beyond the largest one of a sample of m,
a sample of n has x or more by chance with a probability of C(n, x) / C(n + m, x): the x largest
values of both have to be in the second. For categories the reference's own values that are there
once say how many new ones to expect (Good and Turing): a value seen once would have been new to the
rest.

All tests of a window share one level of 0.5 % (Bonferroni), however many columns there are. What is
promised is twice as much: no more than one window of a hundred without drift comes out as drift.
The chi-squared distribution is an approximation, and least so in its tail.

I. J. Good, "The population frequencies of species and the estimation of population parameters",
Biometrika 40, 1953.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from mlops_nb.types import ColumnDrift, ColumnKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np

    from mlops_nb.types import ColumnCounts, ColumnProfile, Profile, Window

    Array = np.ndarray[Any, np.dtype[np.float64]]

LEVEL = 0.005
# The most windows without drift, as a part of all, that come out as drift.
FALSE_ALARMS = 0.01
PSI = 0.02
# Fewer rows than these tell nothing: the test's own approximation does not hold.
ROWS = 200
# Part of the rows that new values have to be: a handful in a million is certain, and nothing.
NOVEL = 0.002
_EXPECTED = 10
_SHOWN = 15
_MISSING, _OTHERS = "missing", "others"


class _Novelty(NamedTuple):
    """Values of a window that the reference has none of, and the chance of so many of them."""

    what: str
    rows: int
    p_value: float


class _Compared(NamedTuple):
    before: ColumnProfile
    now: ColumnCounts
    role: str
    p_value: float | None
    psi: float
    novelties: tuple[_Novelty, ...]


def drifts(profile: Profile, window: Window) -> tuple[ColumnDrift, ...]:
    """Return what became of each column and of the predictions, drifted ones first."""
    compared = [
        *_compared(profile.columns, window.columns, "input"),
        *_compared(profile.predictions, window.predictions, "prediction"),
    ]
    tests = sum((one.p_value is not None) + len(one.novelties) for one in compared)
    found = [_judged(one, LEVEL / max(1, tests)) for one in compared]
    return tuple(sorted(found, key=lambda one: (not one.drifted, one.role == "input", -one.psi)))


def _compared(
    before: Iterable[ColumnProfile], now: Iterable[ColumnCounts], role: str
) -> list[_Compared]:
    counted = {one.name: one for one in now}
    return [_compare(one, counted[one.name], role) for one in before if one.name in counted]


def _compare(before: ColumnProfile, now: ColumnCounts, role: str) -> _Compared:
    table = _pooled(*_bins(before, now), ordered=before.kind is ColumnKind.NUMERIC)
    p_value = _p_value(table)
    psi = _psi(table) if p_value is not None else 0.0
    return _Compared(before, now, role, p_value, psi, tuple(_novelties(before, now)))


def _judged(one: _Compared, level: float) -> ColumnDrift:
    novel = [
        new
        for new in one.novelties
        if new.p_value < level and new.rows >= NOVEL * max(1, one.now.rows)
    ]
    moved = one.p_value is not None and one.p_value < level and one.psi > PSI
    reasons = [f"{new.rows / one.now.rows:.1%} {new.what}" for new in novel]
    if moved:
        reasons.insert(0, _moved(one))
    labels, before, now = _drawn(one.before, one.now)
    return ColumnDrift(
        name=one.before.name,
        role=one.role,
        kind=one.before.kind,
        drifted=bool(reasons),
        reason="; ".join(reasons),
        p_value=one.p_value,
        psi=one.psi,
        novel=sum(new.rows for new in one.novelties) / max(1, one.now.rows),
        missing=_part(one.now.missing, one.now.rows),
        missing_before=_part(one.before.missing, one.before.rows),
        labels=labels,
        before=before,
        now=now,
    )


def _moved(one: _Compared) -> str:
    before, now = _part(one.before.missing, one.before.rows), _part(one.now.missing, one.now.rows)
    if abs(now - before) > PSI:
        return f"missing {now:.1%} of the rows, {before:.1%} before"
    return f"other frequencies (PSI {one.psi:.3f})"


def _bins(before: ColumnProfile, now: ColumnCounts) -> tuple[Array, Array]:
    """Return how often each value or bin is there, missing ones last."""
    import numpy as np

    if before.kind is ColumnKind.NUMERIC:
        old, new = list(before.counts), list(now.counts)
    else:
        names = [*before.categories, *(c for c in now.categories if c not in before.categories)]
        old = [before.categories.get(name, 0) for name in names]
        new = [now.categories.get(name, 0) for name in names]
    if before.kind is ColumnKind.TEXT:
        old, new = [before.rows - before.missing], [now.rows - now.missing]
    return (
        np.array([*old, before.missing], dtype=float),
        np.array([*new, now.missing], dtype=float),
    )


def _pooled(before: Array, now: Array, *, ordered: bool) -> Array:
    """Return the two rows of the test, with bins put together that are too small for it.

    Neighbours of numbers, and otherwise all that are small; the missing ones stay by themselves
    unless they are too few.
    """
    import numpy as np

    table: Array = np.stack([before, now])
    sizes = table.sum(axis=1)
    if not sizes.all():
        return table[:, :0]
    # What a bin is expected to hold in the smaller of the two samples.
    wanted = _EXPECTED * sizes.sum() / sizes.min()
    values, missing = table[:, :-1], table[:, -1:]
    pooled: Array = _neighbours(values, wanted) if ordered else _rest(values, wanted)
    if 0 < missing.sum() < wanted and pooled.shape[1]:
        pooled[:, -1:] += missing
    elif missing.sum():
        pooled = np.concatenate([pooled, missing], axis=1)
    return pooled


def _neighbours(table: Array, wanted: float) -> Array:
    import numpy as np

    columns: list[Array] = []
    open_ = np.zeros(2)
    for column in table.T:
        open_ = open_ + column
        if open_.sum() >= wanted:
            columns.append(open_)
            open_ = np.zeros(2)
    if columns:
        columns[-1] = columns[-1] + open_
    elif open_.sum():
        columns = [open_]
    joined: Array = np.array(columns).T if columns else table[:, :0]
    return joined


def _rest(table: Array, wanted: float) -> Array:
    import numpy as np

    large = table.sum(axis=0) >= wanted
    rest = table[:, ~large].sum(axis=1, keepdims=True)
    kept: Array = table[:, large].copy()
    if rest.sum() >= wanted or (rest.sum() and not large.any()):
        kept = np.concatenate([kept, rest], axis=1)
    elif rest.sum():
        kept[:, [int(kept.sum(axis=0).argmin())]] += rest
    return kept


def _p_value(table: Array) -> float | None:
    """Return the p-value of the two rows being of one distribution, None for a single bin."""
    from scipy.stats import chi2

    if table.shape[1] < 2:
        return None
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()
    return float(chi2.sf(((table - expected) ** 2 / expected).sum(), table.shape[1] - 1))


def _psi(table: Array) -> float:
    import numpy as np

    # Half a row more in each bin: none of them is empty then.
    parts = (table + 0.5) / (table.sum(axis=1, keepdims=True) + 0.5 * table.shape[1])
    return float(((parts[1] - parts[0]) * np.log(parts[1] / parts[0])).sum())


def _novelties(before: ColumnProfile, now: ColumnCounts) -> Iterable[_Novelty]:
    if not before.missing and before.rows:
        yield _new("missing, and none before", now.missing, now.rows, 0, before.rows)
    known = before.rows - before.missing
    if not known:
        return
    valued = now.rows - now.missing
    if before.kind is ColumnKind.NUMERIC:
        yield _new(f"below {before.low:.6g}", now.below, valued, 0, known)
        yield _new(f"above {before.high:.6g}", now.above, valued, 0, known)
    elif before.kind is ColumnKind.CATEGORICAL:
        unseen = {n: c for n, c in now.categories.items() if n not in before.categories}
        once = sum(count == 1 for count in before.categories.values())
        yield _new(_named(unseen), sum(unseen.values()), valued, once, known)


def _new(what: str, count: int, rows: int, expected: int, known: int) -> _Novelty:
    """Return new values, and the chance of as many among all that are or would have been new."""
    from scipy.stats import hypergeom

    if not count:
        return _Novelty(what, 0, 1.0)
    chance = hypergeom.sf(count - 1, rows + known, count + expected, rows)
    return _Novelty(what, count, float(chance))


def _named(unseen: dict[str, int]) -> str:
    names = sorted(unseen, key=lambda name: -unseen[name])
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"new values: {', '.join(name[:40] for name in names[:3])}{more}"


def _part(count: int, rows: int) -> float:
    return count / rows if rows else 0.0


def _drawn(
    before: ColumnProfile, now: ColumnCounts
) -> tuple[tuple[str, ...], tuple[float, ...], tuple[float, ...]]:
    """Return the bins that a picture has, as parts of all rows."""
    if before.kind is ColumnKind.NUMERIC:
        pairs = list(zip(_ranges(before), before.counts, now.counts, strict=True))
    elif before.kind is ColumnKind.CATEGORICAL:
        pairs = _most(before.categories, now.categories)
    else:
        pairs = [("values", before.rows - before.missing, now.rows - now.missing)]
    pairs.append((_MISSING, before.missing, now.missing))
    pairs = [pair for pair in pairs if pair[1] or pair[2] or pair[0] != _MISSING]
    return (
        tuple(label for label, _, _ in pairs),
        tuple(_part(count, before.rows) for _, count, _ in pairs),
        tuple(_part(count, now.rows) for _, _, count in pairs),
    )


def _ranges(before: ColumnProfile) -> Sequence[str]:
    if not before.edges:
        return ["values"] * len(before.counts)
    last = f"> {before.edges[-1]:.4g}"
    return [*(f"\u2264 {edge:.4g}" for edge in before.edges), last]


def _most(before: dict[str, int], now: dict[str, int]) -> list[tuple[str, int, int]]:
    names = sorted({*before, *now}, key=lambda n: (-before.get(n, 0) - now.get(n, 0), n))
    shown = [(name, before.get(name, 0), now.get(name, 0)) for name in names[:_SHOWN]]
    if len(names) > _SHOWN:
        rest = names[_SHOWN:]
        old, new = (sum(counts.get(name, 0) for name in rest) for counts in (before, now))
        shown.append((_OTHERS, old, new))
    return shown
