"""When a schedule is due.

Times of day are those of the schedule's zone, by the rules of Debian's cron: what names hours runs
once on each day, also where the clock skips that hour (at the first moment after it) or shows it
twice (at the first of the two); what says `*` for minute or hour goes on by elapsed time.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from itertools import islice
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from mlops_nb.exceptions import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_nb.types import Schedule

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
SHORTEST_S = 10


def dues(schedule: Schedule, after: datetime) -> Iterator[datetime]:
    """Yield the moments at which a schedule is due, in UTC, to its end.

    Args:
        schedule: The schedule; one that waits for changes is due at no known moment.
        after: They come after this one.

    Raises:
        UsageError: Its cron line or its zone is not one.
    """
    last = datetime.fromisoformat(schedule.until) if schedule.until else None
    for moment in _endless(schedule, after):
        if last is not None and moment > last:
            return
        yield moment


def upcoming(schedule: Schedule, after: datetime, count: int = 5) -> tuple[str, ...]:
    """Return the next few moments, in the schedule's own zone."""
    there = zone(schedule.timezone)
    moments = islice(dues(schedule, after), count)
    return tuple(moment.astimezone(there).isoformat(timespec="seconds") for moment in moments)


def zone(name: str) -> ZoneInfo:
    """Return a time zone.

    Raises:
        UsageError: There is none of the name.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError, RecursionError):
        import difflib

        near = difflib.get_close_matches(name, available_timezones(), n=1)
        hint = f"did you mean {near[0]}?" if near else "name it as in Europe/Berlin"
        raise UsageError(f"there is no time zone {name!r}", hint=hint) from None


def must_be_cron(cron: str, timezone_name: str, now: datetime) -> None:
    """Refuse what is no cron line, or is never due.

    Raises:
        UsageError: It is not.
    """
    if next(_cron(cron, timezone_name, now), None) is None:
        raise UsageError(f"{cron!r} is never due", hint="name a day that there is, as 0 0 1 * *")


def interval_s(text: str) -> int:
    """Return the seconds of `30m`, `6h`, `1d`, or of a number of seconds.

    Raises:
        UsageError: It is no interval, or one that is too short.
    """
    number, unit = (text[:-1], text[-1]) if text[-1:] in _UNITS else (text, "s")
    if not (number.isascii() and number.isdecimal()):
        raise UsageError(f"{text!r} is no interval", hint="write it as 30m, 6h, 1d or 2w")
    found = int(number) * _UNITS[unit]
    if found < SHORTEST_S:
        raise UsageError(
            f"every {text} is too often", hint=f"{SHORTEST_S} s are the shortest interval"
        )
    return found


def last_moment(text: str, timezone_name: str) -> str:
    """Return a date, which counts to its end, or a date with a time, as ISO 8601 in UTC.

    Raises:
        UsageError: It is neither.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"{text!r} is no date", hint="write it as 2027-01-31, or 2027-01-31T12:00"
        ) from None
    if found.tzinfo is None:
        found = found.replace(tzinfo=zone(timezone_name))
    if len(text) <= len("2027-01-31"):
        found += timedelta(days=1, seconds=-1)
    return iso(found)


def iso(moment: datetime) -> str:
    """Return a moment as a firing is named by it: UTC, to the second."""
    return moment.astimezone(timezone.utc).isoformat(timespec="seconds")


def _endless(schedule: Schedule, after: datetime) -> Iterator[datetime]:
    if schedule.cron is not None:
        yield from _cron(schedule.cron, schedule.timezone, after)
    elif schedule.every_s is not None:
        start = datetime.fromisoformat(schedule.created_at)
        step = timedelta(seconds=schedule.every_s)
        number = max(0, (after - start) // step)
        while True:
            number += 1
            yield start + number * step


def _cron(cron: str, timezone_name: str, after: datetime) -> Iterator[datetime]:
    from cronsim import CronSim, CronSimError

    if len(cron.split()) != 5:
        raise UsageError(
            f"{cron!r} has {len(cron.split())} fields",
            hint="a cron line has five: minute hour day month weekday, such as 0 6 * * 1-5",
        )
    try:
        found = CronSim(cron, after.astimezone(zone(timezone_name)))
    except CronSimError as error:
        raise UsageError(
            f"{cron!r} is no cron line: {error}",
            hint="write it as minute hour day month weekday, such as 0 6 * * 1-5",
        ) from None
    for moment in found:
        # In the hour that the clock shows twice it begins with the first of the two.
        there = moment.astimezone(timezone.utc)
        if there > after:
            yield there
