"""Reading and checking an inference log of a million rows, one a request, of twenty columns.

python -m benchmarks.monitoring FOLDER own|pandas    one measurement, in a process of its own
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.record import Table, say, version_of

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGES = ("mlops_nb", "pyarrow", "numpy")
TABLES = ("monitoring",)
ROWS = 1_000_000
# Pandas makes an object of each line, and would take gigabytes for all of them.
PANDAS_ROWS = 100_000
_FILE_ROWS = 14_000
_REFERENCE_ROWS = 20_000


QUICK = {}


def measure(folder: Path) -> Iterator[Table]:
    """Measure our reading and checking, and a plain read of the same lines by pandas."""
    say(f"writing {ROWS:,} rows")
    size = _write(folder / "own", ROWS)
    _write(folder / "pandas", PANDAS_ROWS)
    say("reading them")
    own, peer = _measured(folder / "own", "own"), _measured(folder / "pandas", "pandas")
    ratio = (own["cpu_s"] / ROWS) / (peer["cpu_s"] / PANDAS_ROWS)
    yield Table(
        name="monitoring",
        title=f"An inference log of {ROWS:,} requests of one row with twenty columns",
        columns=("way", "rows", "wall, s", "CPU, s", "most memory, MB", "CPU a row, us", "ratio"),
        rows=(
            (*_row("mlops_nb: read, count, test 21 columns", own, ROWS), f"{ratio:.2f}"),
            (*_row("pandas.read_json(lines=True), read alone", peer, PANDAS_ROWS), "1.00"),
        ),
        note=f"{size / 1e6:,.0f} MB, and a reference of {_REFERENCE_ROWS:,} rows. Each in a "
        "process of its own; imports are part of it.",
        says=f"A million logged requests of 20 columns are read, counted and tested for drift in "
        f"{own['wall_s']:.1f} s and {own['memory_mb']:,.0f} MB, at {ratio:.2f} of the CPU a row "
        "that pandas takes to read them.",
        peers={"pandas": version_of("pandas")},
    )


def _row(name: str, found: dict[str, float], rows: int) -> tuple[str, ...]:
    cpu_us = found["cpu_s"] / rows * 1e6
    figures = (f"{found['wall_s']:.1f}", f"{found['cpu_s']:.1f}", f"{found['memory_mb']:,.0f}")
    return (name, f"{rows:,}", *figures, f"{cpu_us:.1f}")


def _measured(folder: Path, way: str) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.monitoring", str(folder), way]
    start = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return {**found, "wall_s": time.monotonic() - start}


def _frame(seed: int, rows: int):
    import numpy as np
    import pandas as pd

    random = np.random.default_rng(seed)
    numbers = {f"measurement {i}": random.normal(size=rows).round(6) for i in range(16)}
    texts = {f"kind {i}": random.choice(["red", "green", "blue"], rows) for i in range(4)}
    return pd.DataFrame(numbers | texts)


def _write(folder: Path, rows: int) -> int:
    """Write a log as the service does, in files of its size; return its size."""
    import msgspec

    folder.mkdir()
    size = 0
    for number, start in enumerate(range(0, rows, _FILE_ROWS)):
        frame = _frame(number + 1, min(_FILE_ROWS, rows - start))
        outputs = (frame["measurement 0"] > 0).astype(int).tolist()
        values = frame.to_dict(orient="records")
        lines = [
            msgspec.json.encode(
                {
                    "id": f"{start + i:032x}",
                    "at": 1.7e9 + (start + i) / 100,
                    "revision": "1",
                    "latency_s": 0.003,
                    "inputs": {name: [value] for name, value in row.items()},
                    "outputs": [outputs[i]],
                    "label": None,
                }
            )
            for i, row in enumerate(values)
        ]
        data = b"\n".join(lines) + b"\n"
        (folder / f"1-1-{number}.jsonl").write_bytes(data)
        size += len(data)
    return size


def _own(folder: Path) -> None:
    from mlops_nb.monitoring import judging, windows
    from mlops_nb.monitoring import profile as profiles
    from mlops_nb.types import DriftVerdict, Profile, Span

    before = _frame(0, _REFERENCE_ROWS)
    profile = Profile(
        dataset="train.csv",
        rows=len(before),
        columns=profiles.of_frame(before),
        predictions=profiles.of_predictions((before["measurement 0"] > 0).astype(int).to_numpy()),
    )
    window, _ = windows.collect(folder, profile, Span(), deployment="d", revision=1)
    found = judging.report(window, profile, run_id="", reference=None, performance=None)
    assert window.rows == ROWS
    assert found.verdict is DriftVerdict.STABLE


def _pandas(folder: Path) -> None:
    import pandas as pd

    frames = [pd.read_json(path, lines=True) for path in sorted(folder.glob("*.jsonl"))]
    assert sum(map(len, frames)) == PANDAS_ROWS


if __name__ == "__main__":
    {"own": _own, "pandas": _pandas}[sys.argv[2]](Path(sys.argv[1]))
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps({"cpu_s": used.ru_utime + used.ru_stime, "memory_mb": used.ru_maxrss / 1024}))
