from __future__ import annotations

import random
from datetime import datetime, timedelta, timezone

import pytest

from mlops_nb.exceptions import UsageError
from mlops_nb.scheduling import missed, timing
from mlops_nb.types import Schedule
from tests.scheduling.oracle import Line

START = datetime(2025, 1, 1, tzinfo=timezone.utc)
END = datetime(2027, 1, 1, tzinfo=timezone.utc)
ALL_HOURS = tuple(range(24))
LINES = (
    Line("30 1 * * *", (30,), (1,)),
    Line("30 2 * * *", (30,), (2,)),
    Line("0 0 * * *", (0,), (0,)),
    Line("45 1-3 * * *", (45,), (1, 2, 3)),
    Line("0 3 1,15 * *", (0,), (3,), days=(1, 15)),
    Line("5 2 * * 0", (5,), (2,), weekdays=(6,)),
    Line("15 * * * *", (15,), ALL_HOURS, wildcard=True),
)
# Two that skip an hour in spring and show one twice in autumn, one that moves by half an hour, one
# that moves at midnight, both of the other half of the world, and one that never moves.
ZONES = (
    "America/New_York",
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "America/Santiago",
    "Asia/Kolkata",
)


def made(**known) -> Schedule:
    defaults = {"cron": "0 6 * * *", "missed": "all", "overlap": "parallel"}
    return Schedule(
        id="s", name="s", pipeline="training", arguments={}, python="python",
        created_at=START.isoformat(), **{**defaults, **known},
    )  # fmt: skip


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("line", LINES, ids=lambda line: line.cron)
def test_two_years_of_firings_are_those_of_another_library(line, zone):
    """A simulated clock that jumps irregularly, and is set back now and then."""
    schedule = made(cron=line.cron, timezone=zone)
    dice = random.Random(f"{line.cron} {zone}")  # noqa: S311
    fired: list[str] = []
    decided = now = START
    while now < END:
        now = min(END, now + timedelta(minutes=dice.choice((1, 30, 61, 400, 5000))))
        new = missed.decide(schedule, min(decided, now), now, ())
        fired += [firing.due for firing in new if firing.due not in fired[-200:]]
        decided = now
        now -= timedelta(minutes=dice.choice((0, 0, 0, 90)))
    assert fired == [timing.iso(moment) for moment in line.due(zone, START, END)]


def test_the_hour_that_is_skipped_and_the_one_that_is_shown_twice():
    schedule = made(cron="30 2 * * *", timezone="Europe/Berlin")
    assert timing.upcoming(schedule, datetime(2026, 3, 28, 12, tzinfo=timezone.utc), 2) == (
        "2026-03-29T03:00:00+02:00",
        "2026-03-30T02:30:00+02:00",
    )
    assert timing.upcoming(schedule, datetime(2026, 10, 24, 12, tzinfo=timezone.utc), 2) == (
        "2026-10-25T02:30:00+02:00",
        "2026-10-26T02:30:00+01:00",
    )


def test_a_firing_is_not_repeated_in_the_second_showing_of_its_hour():
    schedule = made(cron="45 2 * * *", timezone="Europe/Berlin")
    between_the_two = datetime(2026, 10, 25, 1, 10, tzinfo=timezone.utc)
    assert timing.upcoming(schedule, between_the_two, 1) == ("2026-10-26T02:45:00+01:00",)


def test_intervals_are_counted_from_the_beginning():
    schedule = made(cron=None, every_s=21600)
    at = datetime(2025, 3, 1, 5, 59, tzinfo=timezone.utc)
    assert timing.upcoming(schedule, at, 2) == (
        "2025-03-01T06:00:00+00:00",
        "2025-03-01T12:00:00+00:00",
    )
    assert timing.upcoming(schedule, START, 1) == ("2025-01-01T06:00:00+00:00",)


def test_nothing_is_due_after_the_last_day():
    until = timing.last_moment("2025-01-02", "Asia/Kolkata")
    assert until == "2025-01-02T18:29:59+00:00"
    moments = list(timing.dues(made(until=until), START))
    assert moments == [datetime(2025, 1, day, 6, tzinfo=timezone.utc) for day in (1, 2)]


@pytest.mark.parametrize(
    ("cron", "said"),
    [
        ("0 6 * *", "has 4 fields"),
        ("0 0 6 * * *", "has 6 fields"),
        ("61 6 * * *", "is no cron line"),
        ("0 6 * * MOON", "is no cron line"),
        ("0 0 30 2 *", "is no cron line"),
        ("@daily", "has 1 fields"),
        ("* * */20 * 1L", "is never due"),
    ],
)
def test_what_is_no_cron_line_is_refused(cron, said):
    with pytest.raises(UsageError, match=said):
        timing.must_be_cron(cron, "UTC", START)


@pytest.mark.parametrize("zone", ["Europe/Berln", "", "../etc/passwd", "/etc/localtime", "A" * 300])
def test_what_is_no_zone_is_refused(zone):
    with pytest.raises(UsageError, match="no time zone"):
        timing.zone(zone)


def test_the_zone_that_was_meant_is_named():
    with pytest.raises(UsageError) as refused:
        timing.zone("Europe/Berln")
    assert refused.value.hint == "did you mean Europe/Berlin?"


@pytest.mark.parametrize(
    ("text", "seconds"), [("30m", 1800), ("6h", 21600), ("1d", 86400), ("2w", 1209600), ("10", 10)]
)
def test_intervals_are_read(text, seconds):
    assert timing.interval_s(text) == seconds


@pytest.mark.parametrize("text", ["", "h", "1.5h", "-6h", "6 h", "9s", "0", "²h", "1y"])
def test_what_is_no_interval_is_refused(text):
    with pytest.raises(UsageError):
        timing.interval_s(text)
