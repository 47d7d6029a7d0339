"""`jupyter mlops serve` as the process that it is, and five hundred requests that nobody means."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
import requests
from hypothesis import HealthCheck, given, seed, settings

from mlops_nb.interfaces.server.routes import PREFIX, ROUTES, SWITCHING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Served:
    """A server that runs for itself."""

    process: subprocess.Popen
    said: dict
    root: Path

    @property
    def headers(self):
        return {"Authorization": f"token {self.said['token']}"}

    def get(self, path, **asked):
        return requests.get(f"{self.said['url']}{path}", timeout=60, **asked)


@pytest.fixture(scope="module")
def served(_template, tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    shutil.copytree(_template, folder / "root" / "project", symlinks=True)
    places = {f"JUPYTER_{name}_DIR": str(folder / "jupyter") for name in ("CONFIG", "RUNTIME")}
    command = [sys.executable, "-m", "mlops_nb", "serve", "--port", "0", "--json"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--", "--allow-root"],
            cwd=folder / "root",
            env={**os.environ, **places, "MLOPS_NB_RUN_BACKEND": "memory", "HOME": str(folder)},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    with process:
        yield Served(process, first_object(process.stdout), folder / "root")
        process.terminate()
    assert process.returncode == 0


def first_object(stream):
    """Read a stream up to the end of the object that it begins with."""
    text = ""
    for line in stream:
        text += line
        if line.startswith("}"):
            break
    return json.loads(text)


def test_it_says_where_it_is_and_answers_there_alone(served):
    assert served.said["url"].startswith("http://127.0.0.1:")
    assert served.said["pid"] == served.process.pid
    assert served.get("/runs").status_code == 403
    found = served.get("/runs", params={"project": "project"}, headers=served.headers)
    assert (found.status_code, found.json()) == (200, {"runs": [], "total": 0})


def test_it_serves_nothing_but_the_verbs(served):
    base = served.said["url"].removesuffix(PREFIX)
    for path in ("contents", "kernels", "sessions", "terminals"):
        found = requests.get(f"{base}/api/{path}", headers=served.headers, timeout=60)
        assert found.status_code == 404, path


def test_a_folder_that_is_no_project_is_said_to_be_none(served):
    refused = served.get("/config", headers=served.headers)
    assert refused.status_code == 422
    assert refused.json()["error"]["type"] == "ProjectError"


# Seventeen for each of some thirty routes.
EXAMPLES = 17
FUZZED = [route for route in ROUTES if route.status != SWITCHING]


@pytest.fixture(scope="module")
def operations(served):
    """Return what the server's own description says can be asked for."""
    import schemathesis

    description = served.get("/openapi.json", headers=served.headers).json()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return schemathesis.openapi.from_dict(description)


def files(root, *, without):
    return {p for p in root.rglob("*") if without not in p.parts and "jupyter" not in p.parts}


@pytest.mark.parametrize("mode", ["POSITIVE", "NEGATIVE"])
def test_no_request_is_the_servers_fault_and_none_leaves_the_project(served, operations, mode):
    from schemathesis import GenerationMode

    before = files(served.root.parent, without="project")
    seen = []
    for route in FUZZED:
        operation = operations[PREFIX + route.path][route.method]
        asked = operation.as_strategy(generation_mode=GenerationMode[mode])

        @seed(7)
        @settings(
            max_examples=EXAMPLES // 2 + 1, deadline=None, database=None,
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=asked)
        def ask(case):
            case.query = {**(case.query or {}), "project": "project"}
            answer = case.call(
                base_url=served.said["url"].removesuffix(PREFIX), headers=served.headers, timeout=60
            )
            seen.append(answer.status_code)
            assert answer.status_code < 500, (case.as_curl_command(), answer.text)
            assert answer.status_code < 400 or answer.json()["error"]["hint"]

        ask()
    assert len(seen) >= 200
    assert files(served.root.parent, without="project") == before
