from __future__ import annotations

import pytest

from mlops_nb import watching
from mlops_nb.exceptions import UsageError
from mlops_nb.types import Span

NOW = 1_700_000_000.0


def span(**given):
    words = dict.fromkeys(("last", "since", "until", "rows"))
    return watching.span(**{**words, **given}, now=NOW)


@pytest.mark.parametrize(
    ("last", "seconds"), [("30m", 1_800), ("24h", 86_400), ("1.5d", 129_600), ("2w", 1_209_600)]
)
def test_a_window_goes_so_far_back(last, seconds):
    assert span(last=last) == Span(since=NOW - seconds)


def test_a_time_without_a_zone_is_utc():
    assert span(since="1970-01-02") == Span(since=86_400.0)
    assert span(since="1970-01-02T01:00:00+01:00") == Span(since=86_400.0)
    assert span(since="1970-01-02T00:00:00Z") == Span(since=86_400.0)


@pytest.mark.parametrize(
    "given",
    [
        {"last": "soon"},
        {"last": "-1h"},
        {"last": "1h", "since": "2025-01-01"},
        {"rows": 0},
        {"since": "yesterday"},
        {"since": "2025-01-02", "until": "2025-01-01"},
    ],
)
def test_a_window_that_is_none_is_refused(given):
    with pytest.raises(UsageError):
        span(**given)
