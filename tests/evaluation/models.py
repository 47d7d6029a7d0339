"""Models that give what they are told, as MLflow's pyfunc loads models."""

from __future__ import annotations

from types import SimpleNamespace

import numpy
import pandas

from mlops_nb.evaluation.tables import Table


class Fixed:
    """A model of one column `x`: its predictions are a function of that."""

    def __init__(self, predict, columns=None, raw=None):
        self._predict, self._raw = predict, raw
        schema = SimpleNamespace(
            has_input_names=lambda: True,
            input_names=lambda: list(columns or []),
            inputs=[
                SimpleNamespace(
                    name=name, type=SimpleNamespace(name=kind, to_numpy=lambda: numpy.float64)
                )
                for name, kind in (columns or {}).items()
            ],
        )
        known = schema if columns is not None else None
        self.metadata = SimpleNamespace(get_input_schema=lambda: known)

    def predict(self, inputs):
        return self._predict(inputs)

    def get_raw_model(self):
        return self._raw


def table(columns, target="y", path="data/test.csv", features=()):
    return Table(path, pandas.DataFrame(columns), target, tuple(features))
