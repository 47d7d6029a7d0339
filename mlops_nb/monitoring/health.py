"""What a revision says of itself at `/metrics`: it counts refusals too, which no log has."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from mlops_nb.deployment import Endpoint
    from mlops_nb.types import Health

_TIMEOUT_S = 10
_ASKS = re.compile(r"/invocations|/v[12]/models/[^/]+(:predict|/infer)")
_COUNTED = re.compile(r'mlops_requests_total\{route="(?P<route>[^"]*)",status="(?P<status>\d+)"\}')
_UNLOGGED = "mlops_log_rows_dropped_total"


def asked(endpoint: Endpoint, health: Health) -> Health:
    """Return the health of a window with what the revision has counted since its start.

    One that gives no answer is left as it is: it has no figures, and a deployment that is down is
    no matter of its window.
    """
    import requests

    with requests.Session() as session:
        session.trust_env = False
        try:
            answer = session.get(
                f"{endpoint.url}/metrics", headers=endpoint.headers, timeout=_TIMEOUT_S
            )
        except requests.RequestException as error:
            print(f"no metrics from {endpoint.url}: {error}")
            return health
    return counted(answer.text, health) if answer.ok else health


def counted(text: str, health: Health) -> Health:
    """Return the health with the figures of a text in Prometheus' format."""
    by_kind = {"2": 0, "4": 0, "5": 0}
    unlogged = 0
    for line in text.splitlines():
        name, _, value = line.rpartition(" ")
        found = _COUNTED.fullmatch(name)
        if found and _ASKS.fullmatch(found["route"]):
            kind = found["status"][0]
            by_kind[kind] = by_kind.get(kind, 0) + int(value)
        elif name == _UNLOGGED:
            unlogged = int(value)
    return msgspec.structs.replace(
        health,
        answered=sum(by_kind.values()),
        refused=by_kind["4"],
        failed=by_kind["5"],
        unlogged=unlogged,
    )
