"""The few words that these tests are written in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import requests

if TYPE_CHECKING:
    from mlops_nb.runners.kubeflow.authentication import Authentication
    from mlops_nb.settings import Config

HEADERS = """
import json, sys
from pathlib import Path
from mlops_nb.runners.kubeflow import authentication
from mlops_nb.settings import Config
settings = json.loads(sys.argv[1])
way = authentication.of(Config(**{**settings, "root": Path(settings["root"])}))
if sys.argv[2] == "renew":
    way.headers()
print("ready", flush=True)
sys.stdin.readline()
if sys.argv[2] == "renew":
    assert way.renew()
Path(sys.argv[3]).write_text(json.dumps(way.headers()))
"""


def reach(way: Authentication, path: str = "/apis/v2beta1/healthz") -> int:
    """Ask the endpoint as a client does, and return the status."""
    endpoint = way.endpoint
    answer = requests.get(
        endpoint.url + path,
        headers=way.headers(),
        verify=endpoint.ca_file or True,
        cert=endpoint.client_certificate,
        timeout=30,
        allow_redirects=False,
    )
    return answer.status_code


def headers_of_processes(config: Config, number: int, given, *, act: str = "ask") -> list[dict]:
    """Let so many processes ask for headers at the same time, and return what each got."""
    names = ("url", "auth", "issuer", "client_id", "username")
    values = {f"kubeflow_{name}": getattr(config, f"kubeflow_{name}") for name in names}
    settings = json.dumps({"root": str(config.root), **values})
    answers = [given / f"headers-{i}.json" for i in range(number)]
    started = [
        subprocess.Popen(
            [sys.executable, "-c", HEADERS, settings, act, str(answer)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=dict(os.environ),
        )
        for answer in answers
    ]
    assert [process.stdout.readline() for process in started] == [b"ready\n"] * number
    for process in started:
        process.stdin.write(b"\n")
        process.stdin.flush()
    for process in started:
        process.communicate(timeout=60)
    assert [process.returncode for process in started] == [0] * number
    return [json.loads(answer.read_text()) for answer in answers]
