from __future__ import annotations

import pytest

from mlops_nb.monitoring import performance
from mlops_nb.monitoring.windows import Pairs


def test_without_labels_there_is_no_performance():
    assert performance.of(Pairs([], []), {}) is None
    assert performance.of(Pairs([1], [None]), {}) is None


def test_classes_are_classes_however_they_are_typed():
    found = performance.of(Pairs([1, 0, 1.0, 1], [1.0, 0, 1, 0]), {"test_accuracy": 0.9})
    assert found.rows == 4
    assert found.metrics["accuracy"] == 0.75
    assert found.before == {"accuracy": 0.9}


def test_a_regression_is_one_by_the_metrics_of_its_run():
    found = performance.of(Pairs([1, 2, 3], [1, 2, 5]), {"test_rmse": 1.0, "test_mae": 0.5})
    assert found.metrics["mae"] == pytest.approx(2 / 3)
    assert found.before == {"rmse": 1.0, "mae": 0.5}


def test_of_an_unknown_model_broken_numbers_say_that_it_is_a_regression():
    assert "rmse" in performance.of(Pairs([1.5, 2.0], [1.0, 2.0]), {}).metrics
    assert "accuracy" in performance.of(Pairs([1, 2], [1, 2]), {}).metrics
    assert "accuracy" in performance.of(Pairs(["a", "b"], ["a", "a"]), {}).metrics
