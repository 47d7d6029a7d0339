"""What a run is started for: by somebody at a front door, or by a firing of a schedule.

A firing says which id the run has and which commit it takes, and looks at what was pinned before
anything is submitted. It holds for the verbs that are called meanwhile, none of which knows of it:
whatever pins by `capture.snapshot` and asks for a new id can be scheduled.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlops_nb.types import Snapshot, Surroundings


@dataclass(frozen=True)
class Occasion:
    """What a firing says.

    Attributes:
        run_id: Id of the run.
        commit: The commit to pin in place of the working tree, None for the working tree.
        branch: The branch that the commit was the head of.
        surroundings: Pinned in place of this process's own, which the run is not to be like.
        published: Whether the commit comes from `origin`; that the data are where its runs fetch
            them is for their first stage to find out.
        accept: Is given the pins before they are used, and raises where nothing is to run.
    """

    run_id: str
    commit: str | None = None
    branch: str | None = None
    surroundings: Surroundings | None = None
    published: bool = False
    accept: Callable[[Snapshot], None] = lambda _: None


_CURRENT: ContextVar[Occasion | None] = ContextVar("occasion", default=None)


def current() -> Occasion | None:
    """Return the firing that verbs are called for, None where a user calls them."""
    return _CURRENT.get()


@contextmanager
def on(occasion: Occasion) -> Iterator[None]:
    """Call verbs for a firing."""
    token = _CURRENT.set(occasion)
    try:
        yield
    finally:
        _CURRENT.reset(token)
