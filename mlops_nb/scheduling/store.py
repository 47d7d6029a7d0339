"""Schedules and their firings on the disk: a database that any number of processes may share.

A firing is claimed by putting its row in: no two rows have the same schedule and time. What was
claimed outlives every process, and is worked on until it is closed.
"""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING, TypeVar

import msgspec
from msgspec import structs

from mlops_nb import encoding
from mlops_nb.exceptions import AbsentScheduleError, ScheduleError
from mlops_nb.types import Firing, FiringState, Schedule

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from mlops_nb.settings import Config

_R = TypeVar("_R", Schedule, Firing)
FOLDER = "schedules"
_WAIT_S = 60.0
_OPEN = (FiringState.DUE.value, FiringState.RUNNING.value)
_UPDATE = (
    "UPDATE firings SET state = ?, snapshot = ?, record = ? WHERE schedule_id = ? AND due_utc = ?"
)
_TABLES = """
CREATE TABLE IF NOT EXISTS schedules (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    record TEXT NOT NULL,
    decided REAL NOT NULL,
    seen TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS firings (
    schedule_id TEXT NOT NULL REFERENCES schedules (id) ON DELETE CASCADE,
    due_utc TEXT NOT NULL,
    state TEXT NOT NULL,
    snapshot TEXT,
    record TEXT NOT NULL,
    UNIQUE (schedule_id, due_utc)
);
CREATE INDEX IF NOT EXISTS firings_by_state ON firings (state);
"""

# Of what was skipped, as may happen each minute, the newest are kept; of what ran, all.
KEPT = 10_000
_PRUNE = """
DELETE FROM firings WHERE schedule_id = ? AND state = 'SKIPPED' AND due_utc < (
    SELECT due_utc FROM firings WHERE schedule_id = ? ORDER BY due_utc DESC LIMIT 1 OFFSET ?
)
"""


class StoreError(ScheduleError):
    """The database cannot be read or written now."""


class Store:
    """The schedules of a project.

    Args:
        config: The project's settings.
    """

    def __init__(self, config: Config) -> None:
        self.folder = config.state_folder / FOLDER
        self._path = self.folder / "schedules.db"

    @property
    def exists(self) -> bool:
        """Whether anything was ever scheduled."""
        return self._path.is_file()

    def stamp(self) -> tuple[int, int]:
        """Return what changes with every change; the same for as long as there is none."""
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return (0, 0)
        return (status.st_mtime_ns, status.st_size)

    @property
    def lease(self) -> Path:
        """Held by the one process that fires."""
        return self.folder / "scheduler.lock"

    def lock(self, run_id: str) -> Path:
        """Return the file that the process of a firing holds for as long as it lives."""
        return self.folder / "firings" / f"{run_id}.lock"

    def log(self, run_id: str) -> Path:
        """Return what the process of a firing has printed."""
        return self.folder / "firings" / f"{run_id}.log"

    def add(self, schedule: Schedule, *, seen: str = "") -> None:
        """Keep a new schedule, whose firings are those that come from now on.

        Args:
            schedule: The schedule.
            seen: Id of the pins that are no change any more, for one that waits for changes.

        Raises:
            ScheduleError: There is one of its name.
        """
        since = datetime.fromisoformat(schedule.created_at).timestamp()
        row = (schedule.id, schedule.name, _text(schedule), since, seen)
        try:
            with self._connection() as database:
                database.execute("INSERT INTO schedules VALUES (?, ?, ?, ?, ?)", row)
        except sqlite3.IntegrityError:
            raise _taken(schedule.name) from None

    def must_be_new(self, name: str) -> None:
        """Refuse a name that a schedule has.

        Raises:
            ScheduleError: There is one of the name.
        """
        with self._connection() as database:
            row = database.execute("SELECT 1 FROM schedules WHERE name = ?", (name,)).fetchone()
        if row is not None:
            raise _taken(name)

    def looks(self, at_most_every_s: float) -> bool:
        """Whether it is time for a look at clusters; if so, the next one is so much later."""
        path = self.folder / "looked"
        try:
            last = path.stat().st_mtime
        except FileNotFoundError:
            last = 0.0
        if at_most_every_s and 0 <= time.time() - last < at_most_every_s:
            return False
        path.touch()
        return True

    def get(self, name: str) -> Schedule:
        """Return a schedule by its name, or by its id.

        Raises:
            AbsentScheduleError: There is none.
        """
        with self._connection() as database:
            query = "SELECT record FROM schedules WHERE name = ? OR id = ?"
            # What is no text is no name, and no value for SQLite.
            known = name.encode(errors="replace").decode()
            row = database.execute(query, (known, known)).fetchone()
        if row is None:
            raise AbsentScheduleError(
                f"there is no schedule {name!r}", hint="list them: jupyter mlops schedules"
            )
        return _record(row[0], Schedule)

    def all(self) -> list[Schedule]:
        """Return the schedules, by name."""
        with self._connection() as database:
            rows = database.execute("SELECT record FROM schedules ORDER BY name").fetchall()
        return [_record(row[0], Schedule) for row in rows]

    def change(self, schedule: Schedule, *, since: datetime | None = None) -> None:
        """Keep a schedule as it is now.

        Args:
            schedule: The schedule.
            since: When its times count from, where they are others now.
        """
        with self._connection() as database:
            query = "UPDATE schedules SET record = ? WHERE id = ?"
            database.execute(query, (_text(schedule), schedule.id))
            if since is not None:
                query = "UPDATE schedules SET decided = ? WHERE id = ?"
                database.execute(query, (since.timestamp(), schedule.id))

    def note_trouble(self, schedule: Schedule, trouble: str | None) -> None:
        """Keep what is wrong with a schedule, whatever else of it has changed meanwhile."""
        with self._connection() as database:
            query = "SELECT record FROM schedules WHERE id = ?"
            row = database.execute(query, (schedule.id,)).fetchone()
            known = _record(row[0], Schedule) if row is not None else None
            if known is not None and known.trouble != trouble:
                changed = structs.replace(known, trouble=trouble)
                query = "UPDATE schedules SET record = ? WHERE id = ?"
                database.execute(query, (_text(changed), schedule.id))

    def remove(self, schedule: Schedule) -> None:
        """Forget a schedule and its firings; their runs stay."""
        with self._connection() as database:
            database.execute("DELETE FROM schedules WHERE id = ?", (schedule.id,))

    def decided(self, schedule: Schedule) -> datetime:
        """Return the moment up to which it is decided what becomes of a schedule's firings."""
        with self._connection() as database:
            query = "SELECT decided FROM schedules WHERE id = ?"
            row = database.execute(query, (schedule.id,)).fetchone()
        return datetime.fromtimestamp(row[0] if row else 0.0, timezone.utc)

    def claim(self, schedule: Schedule, firings: Sequence[Firing], until: datetime) -> None:
        """Put firings in that are not there yet, and note up to when all is decided."""
        with self._connection() as database:
            for firing in firings:
                _insert(database, firing)
            query = "UPDATE schedules SET decided = ? WHERE id = ?"
            database.execute(query, (until.timestamp(), schedule.id))
            database.execute(_PRUNE, (schedule.id, schedule.id, KEPT))

    def claim_change(self, schedule: Schedule, firing: Firing, pins: str) -> bool:
        """Put the firing of a change in, and return whether it is a change that nobody has seen."""
        with self._connection() as database:
            query = "UPDATE schedules SET seen = ? WHERE id = ? AND seen <> ?"
            new = database.execute(query, (pins, schedule.id, pins)).rowcount == 1
            return new and _insert(database, firing)

    def save(self, firing: Firing) -> None:
        """Keep a firing as it is now."""
        with self._connection() as database:
            database.execute(_UPDATE, _row(firing))

    def close(self, firing: Firing) -> bool:
        """Keep a firing that has come to its end; False where it was closed already."""
        with self._connection() as database:
            done = database.execute(f"{_UPDATE} AND state IN (?, ?)", (*_row(firing), *_OPEN))
            return done.rowcount == 1

    def firing(self, schedule: Schedule, due: str) -> Firing | None:
        """Return a firing, None where it was not claimed."""
        with self._connection() as database:
            query = "SELECT record FROM firings WHERE schedule_id = ? AND due_utc = ?"
            row = database.execute(query, (schedule.id, due)).fetchone()
        return None if row is None else _record(row[0], Firing)

    def open(self) -> list[Firing]:
        """Return the firings that are not closed, oldest first."""
        with self._connection() as database:
            query = "SELECT record FROM firings WHERE state IN (?, ?) ORDER BY due_utc, rowid"
            rows = database.execute(query, _OPEN).fetchall()
        return [_record(row[0], Firing) for row in rows]

    def history(self, schedule: Schedule, limit: int) -> tuple[Firing, ...]:
        """Return the newest firings of a schedule, newest first."""
        with self._connection() as database:
            rows = database.execute(
                "SELECT record FROM firings WHERE schedule_id = ? ORDER BY due_utc DESC LIMIT ?",
                (schedule.id, limit),
            ).fetchall()
        return tuple(_record(row[0], Firing) for row in rows)

    def histories(self, limit: int) -> dict[str, tuple[Firing, ...]]:
        """Return the newest firings of every schedule, by its id, newest first."""
        query = (
            "SELECT f.schedule_id, f.record FROM schedules s JOIN firings f"
            " ON f.schedule_id = s.id AND f.rowid IN (SELECT rowid FROM firings"
            " WHERE schedule_id = s.id ORDER BY due_utc DESC LIMIT ?) ORDER BY f.due_utc DESC"
        )
        with self._connection() as database:
            rows = database.execute(query, (limit,)).fetchall()
        found: dict[str, list[Firing]] = {}
        for schedule_id, text in rows:
            found.setdefault(schedule_id, []).append(_record(text, Firing))
        return {schedule_id: tuple(firings) for schedule_id, firings in found.items()}

    def last_success(self, schedule: Schedule) -> Firing | None:
        """Return the newest firing of a schedule that succeeded."""
        with self._connection() as database:
            row = database.execute(
                "SELECT record FROM firings WHERE schedule_id = ? AND state = ?"
                " ORDER BY due_utc DESC LIMIT 1",
                (schedule.id, FiringState.SUCCEEDED.value),
            ).fetchone()
        return None if row is None else _record(row[0], Firing)

    @contextlib.contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        """Open the database for one transaction, which another process's may have to wait for."""
        (self.folder / "firings").mkdir(mode=0o700, parents=True, exist_ok=True)
        database = None
        try:
            database = sqlite3.connect(self._path, timeout=_WAIT_S, isolation_level=None)
            database.execute("PRAGMA foreign_keys = ON")
            database.execute("PRAGMA synchronous = FULL")
            database.execute("BEGIN IMMEDIATE")
            if not database.execute("PRAGMA user_version").fetchone()[0]:
                for statement in _TABLES.split(";"):
                    database.execute(statement)
                database.execute("PRAGMA user_version = 1")
            yield database
            database.execute("COMMIT")
        except sqlite3.IntegrityError:
            raise
        except sqlite3.Error as error:
            raise StoreError(
                f"{self._path} cannot be read or written: {error}",
                hint=f"see whether there is room, and who holds it: lsof {self._path}",
            ) from error
        finally:
            # What was not committed is as if it had not been.
            if database is not None:
                database.close()


def _taken(name: str) -> ScheduleError:
    return ScheduleError(
        f"there is a schedule {name!r} already",
        hint=f"change it: jupyter mlops reschedule {name}; or say --name",
    )


def run_id(schedule_id: str, due: str) -> str:
    """Return the id of the run of a firing: the same, whoever asks, and no other firing's."""
    moment = datetime.fromisoformat(due)
    digest = hashlib.sha256(f"{schedule_id} {due}".encode()).hexdigest()[:10]
    return f"{moment:%Y%m%d-%H%M%S}-{digest}"


def new_firing(schedule: Schedule, due: str, **known: object) -> Firing:
    """Return a firing that is due."""
    firing = Firing(schedule_id=schedule.id, due=due, run_id=run_id(schedule.id, due))
    return structs.replace(firing, **known)


def _insert(database: sqlite3.Connection, firing: Firing) -> bool:
    row = (firing.schedule_id, firing.due, firing.state.value, firing.snapshot, _text(firing))
    query = "INSERT INTO firings VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
    return database.execute(query, row).rowcount == 1


def _row(firing: Firing) -> tuple[str | None, ...]:
    return (firing.state.value, firing.snapshot, _text(firing), firing.schedule_id, firing.due)


def _text(record: Schedule | Firing) -> str:
    if isinstance(record, Schedule):
        record = structs.replace(record, upcoming=(), history=())
    return encoding.record(record)


def _record(text: str, kind: type[_R]) -> _R:
    return msgspec.convert(encoding.loads(text), kind)
