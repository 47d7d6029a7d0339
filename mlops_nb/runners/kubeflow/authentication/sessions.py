"""Sessions that outlive a process: one private file for an endpoint, a way to log in and a user.

The file is locked while a session is renewed. Issuers that rotate refresh tokens take the second
use of one for a theft and end the session, so that a process must take up what another has got.
"""

from __future__ import annotations

import hashlib
import os
import stat
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from mlops_nb.exceptions import BackendError, LoginError
from mlops_nb.files import replace_file
from mlops_nb.runners.kubeflow.authentication.claims import LOG_IN

if TYPE_CHECKING:
    from collections.abc import Iterator

STATE = "MLOPS_NB_STATE"
# Longer than a login that goes through all of its pages.
_LOCK_TIMEOUT_S = 120


@dataclass(frozen=True)
class Session:
    """What a login gave.

    Args:
        who: Who is logged in, as a person reads it.
        bearer: Token that says so.
        refresh_token: Token that gets the next one.
        cookie: Header that says so, where it is no token.
        expires_at: End of the bearer, in seconds since 1970; None where nobody knows.
    """

    who: str
    bearer: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)
    cookie: str = field(default="", repr=False)
    expires_at: float | None = None


@dataclass(frozen=True)
class Store:
    """The place of one session."""

    path: Path

    @classmethod
    def of(cls, *key: str) -> Store:
        """Return the place of the session that a key names."""
        digest = hashlib.sha256(msgspec.json.encode(key)).hexdigest()
        return cls(folder() / f"{digest[:32]}.json")

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the lock of the session, from reading it to writing the next.

        Raises:
            BackendError: Another process holds it and does not come to an end.
        """
        from filelock import FileLock, Timeout

        path = self.path.with_suffix(".lock")
        try:
            with FileLock(path, timeout=_LOCK_TIMEOUT_S, mode=0o600):
                yield
        except Timeout:
            raise BackendError(
                f"another process has held {path} for {_LOCK_TIMEOUT_S} s",
                hint=f"find it: fuser {path}",
            ) from None

    def read(self) -> Session | None:
        """Return the session, None where nobody is logged in.

        Raises:
            LoginError: Others can read the file, or it holds something else.
        """
        try:
            descriptor = os.open(self.path, os.O_RDONLY)
        except FileNotFoundError:
            return None
        with os.fdopen(descriptor, "rb") as file:
            _must_be_private(self.path, os.fstat(file.fileno()))
            data = file.read()
        try:
            return msgspec.json.decode(data, type=Session)
        except msgspec.DecodeError:
            raise LoginError(f"{self.path} does not hold a session", hint=LOG_IN) from None

    def write(self, session: Session) -> None:
        """Keep a session in place of the one that was there."""
        replace_file(self.path, msgspec.json.encode(session), 0o600)

    def delete(self) -> bool:
        """Forget the session; return whether there was one."""
        try:
            self.path.unlink()
        except FileNotFoundError:
            return False
        return True


def folder() -> Path:
    """Return the folder of all sessions of this user, made where it does not exist.

    Raises:
        LoginError: Others can look into it.
    """
    path = _state() / "sessions"
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    _must_be_private(path, path.stat())
    return path


def _state() -> Path:
    from platformdirs import user_state_path

    named = os.environ.get(STATE)
    return Path(named) if named else user_state_path("mlops_nb")


def _must_be_private(path: Path, status: os.stat_result) -> None:
    mode = stat.S_IMODE(status.st_mode)
    if mode & 0o077 or status.st_uid != os.getuid():
        raise LoginError(
            f"others can read {path} (mode {mode:o}, owner {status.st_uid}), which holds logins",
            hint=f"take it away and log in again: rm -r {path}",
        )
