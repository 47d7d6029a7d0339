"""Tell somebody what became of a firing: a command, a webhook. Neither can stop anything.

What goes out is masked like a snapshot is, and by the values of the project's secrets. Of what
comes back nothing is kept but how it ended.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from mlops_nb import encoding
from mlops_nb.capture import secrets
from mlops_nb.types import FiringState, Notice

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_nb.settings import Config
    from mlops_nb.types import Firing, Run, Schedule

# The pipeline whose runs log the metric `drift`, 1 where there is some.
_MONITORING = "monitoring"
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SHORTEST_SECRET = 4


def tell(config: Config, schedule: Schedule, firing: Firing, run: Run | None) -> tuple[Notice, ...]:
    """Tell what became of a firing to those that the settings name, and return how that went."""
    told = []
    for event in _events(firing, run):
        if event in config.notify_on:
            body = _body(config, event, schedule, firing, run)
            told += list(_send(config, event, body))
    return tuple(told)


def _events(firing: Firing, run: Run | None) -> Iterator[str]:
    if firing.state in (FiringState.FAILED, FiringState.CANCELED):
        yield "failure"
    if firing.state is FiringState.SUCCEEDED:
        yield "success"
    if run is not None and run.pipeline == _MONITORING and run.metrics.get("drift", 0.0) > 0:
        yield "drift"


def _body(config: Config, event: str, schedule: Schedule, firing: Firing, run: Run | None) -> bytes:
    error = firing.error
    said: dict[str, Any] = {
        "event": event,
        "project": config.name,
        "schedule": schedule.name,
        "pipeline": schedule.pipeline,
        "due": firing.due,
        "state": firing.state.value,
        "run": firing.run_id if run is not None else None,
        "code": firing.code,
        "metrics": dict(run.metrics) if run is not None else {},
        "error": {"type": error.type, "message": error.message, "hint": error.hint}
        if error is not None
        else None,
    }
    return json.dumps(_masked(config, encoding.strict(said)), allow_nan=False).encode()


def _masked(config: Config, value: Any) -> Any:
    if isinstance(value, str):
        for name in config.environment_secrets:
            secret = os.environ.get(name, "")
            if len(secret) >= _SHORTEST_SECRET:
                value = value.replace(secret, secrets.MASK)
        return secrets.masked(value)
    if isinstance(value, dict):
        return {key: _masked(config, item) for key, item in value.items()}
    return value


def _send(config: Config, event: str, body: bytes) -> Iterator[Notice]:
    if config.notify_command:
        trouble = _run(config.notify_command, body, config.notify_timeout_s)
        yield _notice(event, config.notify_command[0], trouble)
    if config.notify_webhook:
        to, trouble = _post(config.notify_webhook, body, config.notify_timeout_s)
        yield _notice(event, to, trouble)


def _notice(event: str, to: str, trouble: str | None) -> Notice:
    at = datetime.fromtimestamp(time.time(), timezone.utc).isoformat(timespec="seconds")
    return Notice(event=event, to=to, at=at, trouble=trouble)


def _run(command: tuple[str, ...], body: bytes, timeout_s: int) -> str | None:
    """Give a command the body, and return what was wrong."""
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        return f"it cannot be started: {error.strerror}"
    with process:
        try:
            process.communicate(body, timeout=timeout_s)
        except subprocess.TimeoutExpired:
            # With all that it has started.
            os.killpg(process.pid, signal.SIGKILL)
            return f"it did not end in {timeout_s} s, and was killed"
    return f"it ended with exit code {process.returncode}" if process.returncode else None


def _post(place: str, body: bytes, timeout_s: int) -> tuple[str, str | None]:
    """Send the body to a webhook, and return its host and what was wrong.

    A webhook's path is often its secret, and is never recorded.
    """
    import requests

    is_variable = _VARIABLE.fullmatch(place) is not None
    url = os.environ.get(place, "") if is_variable else place
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return place if is_variable else "webhook", "there is no http or https URL"
    headers = {"Content-Type": "application/json"}
    try:
        answer = requests.post(
            url, data=body, headers=headers, timeout=timeout_s, allow_redirects=False, stream=True
        )
        answer.close()
    except requests.RequestException as error:
        return parts.hostname, f"it gives no answer: {type(error).__name__}"
    taken = 200 <= answer.status_code < 300
    return parts.hostname, None if taken else f"it answers {answer.status_code}"
