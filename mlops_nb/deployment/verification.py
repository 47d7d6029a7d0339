"""Ask a revision what its users will ask, before any of them does."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

from mlops_nb.types import Check

if TYPE_CHECKING:
    from collections.abc import Iterator

    import requests

    from mlops_nb.deployment import Endpoint
    from mlops_nb.serving.package import Example, Manifest

# Relative, for the same arithmetic on another machine's libraries; absolute below 1.
TOLERANCE = 1e-6
_MALFORMED = b'{"dataframe_split": {"columns": 3'
_READY_S = 30


def verify(
    endpoint: Endpoint,
    digest: str,
    manifest: Manifest,
    example: Example | None,
    *,
    timeout_s: float,
) -> tuple[Check, ...]:
    """Compare what a revision answers with what it has to.

    Args:
        endpoint: Where it answers.
        digest: Of the package that it is to be.
        manifest: Of that package.
        example: A request with its predictions; where there is none, none are compared.
        timeout_s: How long an answer may take.

    Returns:
        A check each for health, metadata, predictions and the refusal of a malformed request.
    """
    import requests

    with requests.Session() as session:
        # A proxy of the environment knows nothing of this revision.
        session.trust_env = False
        session.headers.update(endpoint.headers)
        asked = _Asked(session, endpoint.url, timeout_s)
        return tuple(_checks(asked, digest, manifest.name, example))


class _Asked:
    def __init__(self, session: requests.Session, url: str, timeout_s: float) -> None:
        self.session, self.url, self.timeout_s = session, url, timeout_s

    def get(self, path: str) -> tuple[str, Any]:
        return self._call("GET", path, None)

    def post(self, path: str, body: bytes) -> tuple[str, Any]:
        return self._call("POST", path, body)

    def _call(self, method: str, path: str, body: bytes | None) -> tuple[str, Any]:
        """Return the status, or what went wrong instead of one, and the answer."""
        import requests

        try:
            answer = self.session.request(
                method,
                f"{self.url}{path}",
                data=body,
                headers={"Content-Type": "application/json"},
                timeout=self.timeout_s,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            return type(error).__name__, None
        try:
            return str(answer.status_code), answer.json()
        except ValueError:
            return str(answer.status_code), answer.text


def _checks(asked: _Asked, digest: str, name: str, example: Example | None) -> Iterator[Check]:
    yield _check("health", "ready", "200", _ready(asked))
    status, answer = asked.get("/")
    served = answer.get("package", "") if isinstance(answer, dict) else f"status {status}"
    yield _check("metadata", "package", digest[:12], str(served)[:12])
    status, answer = asked.get(f"/v2/models/{name}")
    served = answer.get("name", "") if isinstance(answer, dict) else f"status {status}"
    yield _check("metadata", "model", name, str(served))
    if example is not None:
        yield _predictions(asked, example)
    status, _ = asked.post("/invocations", _MALFORMED)
    refused = "4xx" if status.startswith("4") else status
    yield _check("refusal", "malformed request", "4xx", refused)


def _ready(asked: _Asked) -> str:
    deadline = time.monotonic() + _READY_S
    while True:
        status, _ = asked.get("/v2/health/ready")
        if status == "200" or time.monotonic() > deadline:
            return status
        time.sleep(0.2)


def _predictions(asked: _Asked, example: Example) -> Check:
    import msgspec

    status, answer = asked.post("/invocations", msgspec.json.encode(example.request))
    given = answer.get("predictions") if isinstance(answer, dict) else answer
    if status != "200":
        said = answer.get("message", answer) if isinstance(answer, dict) else answer
        return _check("prediction", "example", _short(example.predictions), f"{status}: {said}")
    equal = example.predictions is None or same(example.predictions, given)
    return Check(
        kind="prediction",
        name="example",
        recorded=_short(example.predictions),
        again=_short(given),
        passed=equal,
    )


def same(recorded: Any, given: Any) -> bool:
    """Whether predictions are the same: text and whole numbers exactly, others by tolerance."""
    if isinstance(recorded, dict) and isinstance(given, dict):
        return recorded.keys() == given.keys() and all(same(recorded[k], given[k]) for k in given)
    if isinstance(recorded, (list, tuple)) and isinstance(given, (list, tuple)):
        return len(recorded) == len(given) and all(map(same, recorded, given))
    if isinstance(recorded, bool) or isinstance(given, bool):
        return recorded is given
    if isinstance(recorded, (int, float)) and isinstance(given, (int, float)):
        if isinstance(recorded, int) and isinstance(given, int):
            return recorded == given
        both_nan = math.isnan(recorded) and math.isnan(given)
        return both_nan or math.isclose(recorded, given, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    return bool(recorded == given)


def _check(kind: str, name: str, recorded: str, again: str) -> Check:
    return Check(kind=kind, name=name, recorded=recorded, again=again, passed=recorded == again)


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
