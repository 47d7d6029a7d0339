"""Rows as a service logs them, and their reference; drawn anew for each seed."""

from __future__ import annotations

import msgspec
import numpy as np
import pandas as pd
import pytest

from mlops_nb.monitoring import profile as profiles
from mlops_nb.monitoring import windows
from mlops_nb.types import Profile, Span

COLOURS = ("red", "green", "blue")


def rows(seed, count):
    """Rows of twelve columns of different shapes, some with gaps, some whole, some of text."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame({f"normal {i}": random.normal(size=count) * 10**i for i in range(4)})
    frame["skewed"] = random.lognormal(0, 1.5, count)
    frame["tailed"] = random.standard_t(3, count)
    frame["count"] = random.poisson(2, count)
    frame["mostly zero"] = np.where(random.random(count) < 0.6, 0, random.gamma(2, 1, count))
    frame["gaps"] = np.where(random.random(count) < 0.1, np.nan, random.normal(size=count))
    frame["colour"] = random.choice(COLOURS, count, p=(0.7, 0.2, 0.1))
    frame["many"] = [f"place {n}" for n in np.minimum(random.zipf(1.5, count), 400)]
    frame["yes"] = random.random(count) < 0.05
    return frame


def predicted(frame):
    """What a model makes of rows."""
    return (frame["normal 0"] + frame["count"] / 2 > 1).astype(int).to_numpy()


def reference(frame):
    return Profile(
        dataset="data/train.csv",
        rows=len(frame),
        columns=profiles.of_frame(frame),
        predicted="data/train.csv",
        predictions=profiles.of_predictions(predicted(frame)),
    )


def logged(folder, frame, *, outputs=None, size=1, at=1_000.0, name="1-7-0"):
    """Write rows as the service logs them, `size` a request, one request a second."""
    outputs = predicted(frame) if outputs is None else outputs
    folder.mkdir(exist_ok=True)
    values = frame.astype(object).where(frame.notna(), None)
    columns = {column: values[column].tolist() for column in frame.columns}
    with (folder / f"{name}.jsonl").open("ab") as file:
        for number, start in enumerate(range(0, len(frame), size)):
            part = slice(start, start + size)
            line = {
                "id": f"{name}-{number}",
                "at": at + number,
                "revision": "1",
                "latency_s": 0.01,
                "inputs": {column: given[part] for column, given in columns.items()},
                "outputs": outputs[part].tolist(),
                "label": None,
            }
            file.write(msgspec.json.encode(line) + b"\n")
    return folder


@pytest.fixture
def collected(tmp_path):
    """Count rows through a log on the disk, as the stage does."""

    def collect(frame, profile, *, outputs=None, size=50, span=None):
        folder = logged(
            tmp_path / f"log{len(list(tmp_path.iterdir()))}", frame, outputs=outputs, size=size
        )
        return windows.collect(folder, profile, span or Span(), deployment="d", revision=1)

    return collect
