"""Count the values of columns as they come, in the bins of a profile; none of them is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from mlops_nb.types import ColumnCounts, ColumnKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy as np

    from mlops_nb.types import ColumnProfile

    Floats = np.ndarray[Any, np.dtype[np.float64]]
    Integers = np.ndarray[Any, np.dtype[np.int64]]
    Hashes = np.ndarray[Any, np.dtype[np.uint64]]

# New values of a column beyond these are counted under one name.
_NEW = 5_000
OTHERS = "\u2026"
_MULTIPLIER = 0x9E3779B97F4A7C15
_SHIFT = 29


class Texts(NamedTuple):
    """Values as places in a list of names, -1 for missing ones."""

    codes: Integers
    names: Sequence[str]


class Values(NamedTuple):
    """The values of a column in a part of the log: numbers, NaN for missing ones, or texts.

    Attributes:
        found: The values.
        wrong: How many were of another type, and are missing therefore.
    """

    found: Floats | Texts
    wrong: int = 0


class Counts:
    """Counts one column.

    Args:
        profile: The column of the reference.
    """

    def __init__(self, profile: ColumnProfile) -> None:
        import numpy as np

        self.profile = profile
        self._edges = np.array(profile.edges)
        self._bins: Integers = np.zeros(len(profile.counts), dtype=np.int64)
        self._rows = self._missing = self._wrong = self._below = self._above = 0
        self._ends: list[float] = []
        self._categories: dict[str, int] = {}

    def add(self, values: Values) -> None:
        """Count the values of a part of the log."""
        self._wrong += values.wrong
        if isinstance(values.found, Texts):
            self._add_texts(values.found)
        else:
            self._add_numbers(values.found)

    def result(self) -> ColumnCounts:
        """Return what was counted."""
        return ColumnCounts(
            name=self.profile.name,
            rows=self._rows,
            missing=self._missing,
            wrong=self._wrong,
            counts=tuple(self._bins.tolist()),
            below=self._below,
            above=self._above,
            low=min(self._ends, default=None),
            high=max(self._ends, default=None),
            categories=self._categories,
        )

    def _add_numbers(self, found: Floats) -> None:
        import numpy as np

        known = found[np.isfinite(found)]
        self._rows += len(found)
        self._missing += len(found) - len(known)
        if not len(known) or self.profile.low is None or self.profile.high is None:
            return
        places = np.searchsorted(self._edges, known)
        self._bins += np.bincount(places, minlength=len(self._bins))
        self._below += int((known < self.profile.low).sum())
        self._above += int((known > self.profile.high).sum())
        self._ends = [
            min([*self._ends, float(known.min())]),
            max([*self._ends, float(known.max())]),
        ]

    def _add_texts(self, found: Texts) -> None:
        import numpy as np

        counts = np.bincount(found.codes + 1, minlength=len(found.names) + 1)
        self._rows += len(found.codes)
        self._missing += int(counts[0])
        if self.profile.kind is not ColumnKind.CATEGORICAL:
            return
        for name, count in zip(found.names, counts[1:].tolist(), strict=True):
            known = name in self.profile.categories or name in self._categories
            key = name if known or len(self._categories) < _NEW else OTHERS
            self._categories[key] = self._categories.get(key, 0) + count


class Copies:
    """Counts the rows that are copies of another one, by a hash of each."""

    def __init__(self) -> None:
        self._hashes: list[Hashes] = []

    def add(self, columns: Iterable[Values], rows: int) -> None:
        """Take the rows of a part of the log, by their columns."""
        import numpy as np

        mixed: Hashes = np.zeros(rows, dtype=np.uint64)
        for values in columns:
            mixed = (mixed ^ _hashed(values.found)) * np.uint64(_MULTIPLIER)
            mixed ^= mixed >> np.uint64(_SHIFT)
        self._hashes.append(mixed)

    def result(self) -> int:
        """Return how many there are."""
        import numpy as np

        if not self._hashes:
            return 0
        every = np.concatenate(self._hashes)
        return len(every) - len(np.unique(every))


def all_of(profiles: Iterable[ColumnProfile]) -> Mapping[str, Counts]:
    """Return a counter for each column."""
    return {profile.name: Counts(profile) for profile in profiles}


def _hashed(found: Floats | Texts) -> Hashes:
    import numpy as np

    if isinstance(found, Texts):
        # The last one stands for -1.
        hashes = np.array([*map(hash, found.names), 0], dtype=np.int64)
        mixed: Hashes = hashes[found.codes].view(np.uint64)
    else:
        mixed = np.where(np.isnan(found), np.nan, found).view(np.uint64)
    return mixed
