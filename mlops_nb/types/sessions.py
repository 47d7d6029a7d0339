"""What sessions and front ends tell each other."""

from __future__ import annotations

from mlops_nb.types.base import Record


class Saved(Record, frozen=True, kw_only=True):
    """What became of the wish that a notebook be saved.

    Attributes:
        saved: Whether it was; None where no front end has it open.
        message: Why it was not.
        unanswered: How many front ends have said nothing in time.
    """

    saved: bool | None
    message: str = ""
    unanswered: int = 0
