"""When a cron line is due, by another library and without zoneinfo: dateutil's rules and zones."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from dateutil import rrule, tz

MINUTE = timedelta(minutes=1)
# Clocks change, and the lines that say `*` are due, at quarters of an hour.
QUARTER = timedelta(minutes=15)


@dataclass(frozen=True)
class Line:
    """A cron line, and the same by dateutil's words."""

    cron: str
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    wildcard: bool = False
    days: tuple[int, ...] | None = None
    weekdays: tuple[int, ...] | None = None

    def due(self, zone: str, start: datetime, end: datetime) -> list[datetime]:
        """Return every moment at which it is due, in UTC."""
        there = tz.gettz(zone)
        return self._elapsed(there, start, end) if self.wildcard else self._walls(there, start, end)

    def _walls(self, there, start: datetime, end: datetime) -> list[datetime]:
        """What names hours: once for each time on the wall, the skipped ones as soon as it can."""
        first, last = (m.astimezone(there).replace(tzinfo=None) for m in (start, end))
        found = rrule.rrule(
            rrule.DAILY,
            dtstart=first - timedelta(days=1),
            until=last + timedelta(days=1),
            byminute=self.minutes,
            byhour=self.hours,
            bysecond=(0,),
            bymonthday=self.days,
            byweekday=self.weekdays,
        )
        moments = {self._moment(wall.replace(microsecond=0), there) for wall in found}
        return sorted(m for m in moments if start < m <= end)

    def _moment(self, wall: datetime, there) -> datetime:
        while not tz.datetime_exists(wall, there):
            wall += MINUTE
        # fold=0 is the first of two.
        return wall.replace(tzinfo=there).astimezone(timezone.utc)

    def _elapsed(self, there, start: datetime, end: datetime) -> list[datetime]:
        """What says `*`: as time passes, it is looked at what the wall shows."""
        found, moment = [], start + QUARTER
        while moment <= end:
            wall = moment.astimezone(there)
            if wall.minute in self.minutes and wall.hour in self.hours:
                found.append(moment)
            moment += QUARTER
        return found
