"""The data of the example: rows that arrive month by month, and change.

    python stream.py 5            # add the fifth month, with a sensor that is new
    python stream.py 5 --turned   # or one in which what the sensors say means something else

A month is a file of data/train and a smaller one of data/test. Put both under DVC again then:
jupyter mlops track data/train && jupyter mlops track data/test
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

ROWS = 10_000
SENSORS = 6
MONTHS = 4
FIRST_WITH_NEW_SENSOR = 5


def month(number: int, *, turned: bool = False) -> pd.DataFrame:
    """Return the rows of a month: the first sensors are old, the others are silent at first."""
    random = np.random.default_rng(number)
    old, new = random.normal(size=(2, ROWS, SENSORS))
    weights = np.array([2.0, -1.5, 1.0, 0.5, -0.5, 0.25])
    if number < FIRST_WITH_NEW_SENSOR or turned:
        new[:] = 0
    else:
        old[:] = 0
    score = (old * (-weights if turned else weights)).sum(axis=1) + (new * weights[::-1]).sum(axis=1)
    frame = pd.DataFrame(
        np.hstack([old, new]), columns=[f"sensor_{i + 1}" for i in range(2 * SENSORS)]
    ).round(4)
    return frame.assign(label=(score + random.normal(size=ROWS) * 0.7 > 0).astype(int))


def write(folder: Path, number: int, *, turned: bool = False) -> list[Path]:
    """Write a month into data/train and data/test below a folder."""
    rows = month(number, turned=turned)
    written = []
    for part, share in (("train", rows[ROWS // 5 :]), ("test", rows[: ROWS // 5])):
        path = folder / "data" / part / f"2026-{number:02}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        share.to_csv(path, index=False)
        written.append(path)
    return written


if __name__ == "__main__":
    for path in write(Path(__file__).parent, int(sys.argv[1]), turned="--turned" in sys.argv):
        print(f"wrote {path}")
