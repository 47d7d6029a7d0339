from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from mlops_nb.scheduling import missed
from mlops_nb.scheduling.store import new_firing
from tests.scheduling.test_timing import made

NOON = datetime(2026, 1, 5, 12, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)


def decided(now: datetime, *, since: datetime, going_on=(), **policies):
    found = missed.decide(made(cron="0 * * * *", **policies), since, now, going_on)
    return [(f.due[11:16], f.state.value, f.made_up) for f in found], found


@pytest.mark.parametrize(
    ("policy", "states"),
    [
        ("skip", ["SKIPPED", "SKIPPED", "SKIPPED"]),
        ("once", ["SKIPPED", "SKIPPED", "DUE"]),
        ("all", ["DUE", "DUE", "DUE"]),
    ],
)
def test_a_server_that_was_down_over_three_firings(policy, states):
    back = NOON + timedelta(minutes=30)
    rows, found = decided(back, since=NOON - 3 * HOUR, missed=policy, overlap="skip")
    assert [state for _, state, _ in rows] == states
    assert [due for due, _, _ in rows] == ["10:00", "11:00", "12:00"]
    assert all(firing.reason.startswith("missed") for firing in found if firing.state == "SKIPPED")


@pytest.mark.parametrize(
    ("policy", "states"),
    [
        ("skip", ["SKIPPED", "SKIPPED", "DUE"]),
        ("once", ["SKIPPED", "SKIPPED", "DUE"]),
        ("all", ["DUE", "DUE", "DUE"]),
    ],
)
def test_one_that_is_in_time_stands_for_those_that_were_missed(policy, states):
    rows, _ = decided(NOON, since=NOON - 3 * HOUR, missed=policy, overlap="queue")
    assert [state for _, state, _ in rows] == states
    assert [made_up for _, _, made_up in rows] == [True, True, False]


def test_the_firing_that_stands_for_others_is_named():
    _, found = decided(NOON, since=NOON - 2 * HOUR, missed="once")
    assert found[0].reason.endswith(f"that of {found[1].due} stands for it")


@pytest.mark.parametrize(("policy", "state"), [("skip", "SKIPPED"), ("queue", "DUE")])
def test_while_another_goes_on(policy, state):
    before = new_firing(made(), "2026-01-05T11:00:00+00:00")
    rows, found = decided(NOON, since=NOON - HOUR / 2, overlap=policy, going_on=(before,))
    assert rows == [("12:00", state, False)]
    assert (found[0].reason or "").count("11:00:00+00:00 was still going on") == (state != "DUE")


def test_what_is_made_up_waits_for_its_turn_and_is_not_skipped():
    before = new_firing(made(), "2026-01-05T08:00:00+00:00")
    rows, _ = decided(NOON, since=NOON - 2 * HOUR, missed="all", overlap="skip", going_on=(before,))
    assert rows == [("11:00", "DUE", True), ("12:00", "SKIPPED", False)]


def test_after_years_the_newest_thousand_are_recorded():
    _, found = decided(NOON, since=NOON - timedelta(days=900), missed="once")
    assert len(found) == missed.MOST
    assert found[-1].due.startswith("2026-01-05T12:00")


def test_a_moment_is_decided_once_at_the_edge():
    assert decided(NOON, since=NOON)[0] == []
    assert len(decided(NOON, since=NOON - timedelta(seconds=1))[0]) == 1
