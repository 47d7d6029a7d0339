"""What is wanted and what is so, on the disk: a folder for each deployment.

    _control/           leases, locks, claims and logs of the supervisor and the front
    NAME/wanted.json    what the verbs want; written by them alone, under a lock
    NAME/seen.json      what is so; written by the supervisor alone
    NAME/token          what requests have to carry
    NAME/secrets/N.json values of a revision's secrets, for starting it again
    NAME/logs/N.log     what a revision has printed
    NAME/requests/N/    a revision's inference log

The verbs make the folder of all deployments. The processes that serve only ever write into what is
there: where somebody has removed or moved the project, they find so and end.

Only the user can read any of it. The values of secrets are nowhere else: a revision that crashes at
night has to start again while nobody is there to give them.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from typing import TYPE_CHECKING, TypeVar

import msgspec

from mlops_nb import locks
from mlops_nb.deployment.descriptor import Descriptor
from mlops_nb.files import replace_file
from mlops_nb.types import Failure, Origin, Record, RevisionState

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FOLDER = "deployments"
CONTROL = "_control"
_WANTED = "wanted.json"
_SEEN = "seen.json"
_ID = "id"
_SECRET_BYTES = 32
_TICK_NS = 50_000_000

Kind = TypeVar("Kind", bound=Record)


class WantedRevision(Record, frozen=True, kw_only=True):
    """A revision as it was asked for.

    Attributes:
        number: Counted from 1, never used again.
        package: Digest of the package.
        folder: The package, "" where an image has it.
        python: Interpreter that it runs with, likewise.
        image: Image that it runs as a container of, "" for a process.
        engine: What runs that container.
        descriptor: How it is served.
        origin: What it was made of.
        created_at: ISO 8601, UTC.
        up: Whether it is to run.
        attempt: Counts the requests to start it; one more makes a failed revision try again.
        routed: Whether it has had traffic at any time, for which it was verified.
    """

    number: int
    package: str
    folder: str = ""
    python: str = ""
    image: str = ""
    engine: str = ""
    descriptor: Descriptor
    origin: Origin
    created_at: str
    up: bool = True
    attempt: int = 0
    routed: bool = False


class Wanted(Record, frozen=True, kw_only=True):
    """A deployment as it was asked for.

    Attributes:
        name: Its name.
        generation: Counts the changes of this record.
        last: The highest number that a revision has had.
        revisions: Oldest first.
        percent: Part of the requests, by number.
        shadow: The revision that gets copies.
        stopped: Whether all of it is to be down.
        deleted: Whether it is to go.
        keep_logs: Whether its logs stay when it goes.
    """

    name: str
    generation: int = 0
    last: int = 0
    revisions: tuple[WantedRevision, ...] = ()
    percent: dict[int, int] = msgspec.field(default_factory=dict)
    shadow: int | None = None
    stopped: bool = False
    deleted: bool = False
    keep_logs: bool = False

    @property
    def routed(self) -> set[int]:
        """Numbers of the revisions that get requests or copies."""
        shadow = set() if self.shadow is None else {self.shadow}
        return shadow | {number for number, percent in self.percent.items() if percent}

    def revision(self, number: int) -> WantedRevision | None:
        """Return the revision of that number, None where there is none."""
        return next((r for r in self.revisions if r.number == number), None)

    def up(self, revision: WantedRevision) -> bool:
        """Whether a revision is to run."""
        return revision.up and not self.stopped and not self.deleted


class SeenRevision(Record, frozen=True, kw_only=True):
    """A revision as it is.

    Attributes:
        number: Its number.
        state: Where it is.
        attempt: The wanted attempt that this is about.
        pid: Its process, None where there is none.
        started: When that process was started, in seconds since the epoch; tells it from another
            one that has got its number since.
        engine: What runs its container, "" for a process.
        port: Where it answers.
        proven: Whether it has been ready at any time, so that a failed start is worth another.
        crashes: Ends in a row.
        restarts: How often it was started again by itself.
        error: Why it is not ready.
    """

    number: int
    state: RevisionState = RevisionState.STARTING
    attempt: int = 0
    pid: int | None = None
    started: float = 0.0
    engine: str = ""
    port: int = 0
    proven: bool = False
    crashes: int = 0
    restarts: int = 0
    error: Failure | None = None


class Seen(Record, frozen=True, kw_only=True):
    """A deployment as it is.

    Attributes:
        generation: The wanted generation that the supervisor works by.
        routed: The wanted generation that the front works by.
        port: Of the stable URL; 0 before it is known.
        listening: Whether the port is open.
        revisions: One for each that is wanted or still running.
        error: Why the port is not open.
    """

    generation: int = 0
    routed: int = 0
    port: int = 0
    listening: bool = False
    revisions: tuple[SeenRevision, ...] = ()
    error: Failure | None = None

    def revision(self, number: int) -> SeenRevision | None:
        """Return the revision of that number, None where nothing is known of it."""
        return next((r for r in self.revisions if r.number == number), None)


class Place:
    """The folder of one deployment.

    Args:
        root: The folder of all deployments.
        name: Its name.
    """

    def __init__(self, root: Path, name: str) -> None:
        self.root = root
        self.name = name
        self.folder = root / name
        self.token = self.folder / "token"

    def log(self, number: int) -> Path:
        """Return the path of a revision's log."""
        return self.folder / "logs" / f"{number}.log"

    def open_log(self, number: int) -> int:
        """Open a revision's log to append to it, and return its descriptor."""
        path = self.log(number)
        private(path.parent)
        return appended(path)

    def requests(self, number: int) -> Path:
        """Return the folder of a revision's inference log."""
        return self.folder / "requests" / str(number)

    def make_requests(self, number: int) -> Path:
        """Make the folder of a revision's inference log, and return it."""
        path = self.requests(number)
        private(path.parent)
        return private(path)

    def wanted(self) -> Wanted | None:
        """Return what is wanted, None where there is no such deployment."""
        return _read(self.folder / _WANTED, Wanted)

    def seen(self) -> Seen:
        """Return what is so, as far as it is known."""
        return _read(self.folder / _SEEN, Seen) or Seen()

    def record(self, seen: Seen) -> None:
        """Write what is so."""
        replace_file(self.folder / _SEEN, msgspec.json.encode(seen))

    def change(self, change: Callable[[Wanted], Wanted]) -> Wanted:
        """Write what is wanted, from what was wanted before; others wait meanwhile."""
        make(self.root)
        with locks.held(control(self.root) / f"{self.name}.lock"):
            before = self.wanted() or Wanted(name=self.name)
            wanted = msgspec.structs.replace(change(before), generation=before.generation + 1)
            private(self.folder)
            replace_file(self.folder / _WANTED, msgspec.json.encode(wanted))
        return wanted

    def make(self) -> None:
        """Make the folder of all deployments and the one of this one."""
        make(self.root)
        private(self.folder)

    def make_token(self) -> None:
        """Make the token, unless there is one."""
        self.make()
        if not self.token.exists():
            replace_file(self.token, secrets.token_urlsafe(_SECRET_BYTES).encode())

    def keep_secrets(self, number: int, values: dict[str, str]) -> None:
        """Write the values of a revision's secrets."""
        self.make()
        private(self._secrets(number).parent)
        replace_file(self._secrets(number), msgspec.json.encode(values))

    def secrets(self, number: int) -> dict[str, str]:
        """Return the values of a revision's secrets."""
        path = self._secrets(number)
        return msgspec.json.decode(path.read_bytes(), type=dict[str, str]) if path.exists() else {}

    def forget(self, number: int) -> None:
        """Delete what only a revision that runs again would need."""
        self._secrets(number).unlink(missing_ok=True)

    def remove(self, *, keep_logs: bool) -> None:
        """Delete the folder. What makes it a deployment goes last."""
        import shutil

        for path in (p for p in self.folder.iterdir() if p.name != _WANTED):
            if path.name == "logs" and keep_logs:
                continue
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        with locks.held(control(self.root) / f"{self.name}.lock"):
            (self.folder / _WANTED).unlink()
        if not keep_logs:
            self.folder.rmdir()

    def _secrets(self, number: int) -> Path:
        return self.folder / "secrets" / f"{number}.json"


def names(root: Path) -> list[str]:
    """List the names of all deployments."""
    return sorted(path.parent.name for path in root.glob(f"*/{_WANTED}"))


def signature(root: Path) -> dict[str, tuple[int, int] | None]:
    """Return what changes with every change of what is wanted, by name.

    It is None where that was written just now: another change may be in the same tick of the clock.
    """
    found: dict[str, tuple[int, int] | None] = {}
    settled_ns = time.time_ns() - _TICK_NS
    for name in names(root):
        with contextlib.suppress(FileNotFoundError):
            status = (root / name / _WANTED).stat()
            settled = status.st_mtime_ns < settled_ns
            found[name] = (status.st_ino, status.st_mtime_ns) if settled else None
    return found


def stamps(root: Path) -> dict[str, tuple[int, ...]]:
    """Return what changes with every change of what is wanted or so, by name."""
    found = {}
    for name in names(root):
        with contextlib.suppress(FileNotFoundError):
            paths = [path for path in (root / name / _WANTED, root / name / _SEEN) if path.exists()]
            found[name] = tuple(path.stat().st_mtime_ns for path in paths)
    return found


def make(root: Path) -> None:
    """Make the folder of all deployments, and their id on this machine."""
    for folder in (root.parent, root, control(root)):
        private(folder)
    with locks.held(control(root) / "id.lock"):
        if not (control(root) / _ID).exists():
            replace_file(control(root) / _ID, secrets.token_hex(8).encode())


def control(root: Path) -> Path:
    """Return the folder of what belongs to no single deployment."""
    return root / CONTROL


def identity(root: Path) -> str:
    """Return the id of this project's deployments on this machine; a copy of them has another.

    Raises:
        FileNotFoundError: There are no deployments, or not any more.
    """
    with (control(root) / _ID).open() as file:
        return f"{file.read()}-{os.fstat(file.fileno()).st_ino:x}"


def private(folder: Path) -> Path:
    """Make a folder that only the user can enter, in one that is there."""
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def appended(path: Path) -> int:
    """Open a log that only the user can read, and return its descriptor."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def tail(path: Path, last_bytes: int | None = None) -> str:
    """Return the end of a text file; nothing where there is none."""
    if not path.exists():
        return ""
    with path.open("rb") as file:
        if last_bytes is not None:
            file.seek(max(0, path.stat().st_size - last_bytes))
        return file.read().decode(errors="replace")


def _read(path: Path, kind: type[Kind]) -> Kind | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError:
        return None
