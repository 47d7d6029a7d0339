"""Which revision gets a request: the table that the supervisor makes and the front works by."""

from __future__ import annotations

import random

from mlops_nb.types import Record


class Upstream(Record, frozen=True, kw_only=True):
    """One revision that answers."""

    number: int
    port: int
    percent: int = 0


class Route(Record, frozen=True, kw_only=True):
    """One deployment.

    Attributes:
        name: Its name.
        upstreams: The ready revisions that have a part of the requests.
        shadow: The ready revision that gets copies.
        body_limit_bytes: Largest request.
        timeout_s: How long an answer may take.
    """

    name: str
    upstreams: tuple[Upstream, ...] = ()
    shadow: Upstream | None = None
    body_limit_bytes: int = 10 << 20
    timeout_s: float = 30.0

    def choose(self, without: frozenset[int] = frozenset()) -> Upstream | None:
        """Choose by percent, None where there is nobody to choose.

        By chance and not in turn: a client that sends two kinds of requests alternately would have
        all of a kind go to the same revision.

        Args:
            without: Ports that have just failed.
        """
        able = [upstream for upstream in self.upstreams if upstream.port not in without]
        if len(able) < 2:
            return able[0] if able else None
        return random.choices(able, [upstream.percent for upstream in able])[0]  # noqa: S311


class Table(Record, frozen=True, kw_only=True):
    """All that the front does; the newest number wins."""

    number: int
    routes: tuple[Route, ...] = ()
