"""What listens: each place that opens a port or a socket is known, and so is who may ask there."""

from __future__ import annotations

import ast
from pathlib import Path

import mlops_nb

PACKAGE = Path(mlops_nb.__file__).parent
CALLS = {
    "bind", "listen", "create_server", "start_server", "start_unix_server", "create_unix_server",
    "HTTPServer", "ThreadingHTTPServer", "TCPServer", "UnixStreamServer", "Listener", "run_app",
}  # fmt: skip
# By file: who may ask, and the test that holds it to that.
KNOWN = {
    "serving/__main__.py": "tests/serving/test_every_route.py::test_none_answers_without_the_token",
    "deployment/local/launch.py": (
        "tests/deployment/local/test_local.py::test_ports_are_those_of_this_machine_alone"
    ),
    "deployment/local/front.py": (
        "tests/deployment/local/test_local.py::test_ports_are_those_of_this_machine_alone"
    ),
    "deployment/local/process.py": (
        "tests/deployment/local/test_local.py::test_ports_are_those_of_this_machine_alone"
    ),
    "deployment/local/container.py": (
        "tests/containers/test_revisions.py::test_a_container_answers_as_the_process_does"
    ),
    "deployment/local/supervisor.py": (
        "tests/deployment/local/test_local.py::test_ports_are_those_of_this_machine_alone"
    ),
    "deployment/local/channel.py": (
        "tests/deployment/local/test_local.py::test_what_is_kept_is_the_users_alone"
    ),
    "stages/host.py": (
        "tests/end_to_end/test_deployment.py::test_others_of_this_machine_see_nothing_of_it"
    ),
    "runners/kubeflow/authentication/browser.py": (
        "tests/runners/authentication/test_browser.py::test_an_answer_with_another_state_is_not_ours"
    ),
}


def listeners():
    """Return the files that open something to be asked at."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        place = path.relative_to(PACKAGE).as_posix()
        if place.startswith("testing/"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                of_event = getattr(getattr(node.func, "value", None), "id", "") == "event"
                if name in CALLS and not of_event:
                    found.add(place)
            if isinstance(node, ast.ClassDef):
                bases = {getattr(base, "id", getattr(base, "attr", "")) for base in node.bases}
                if bases & CALLS:
                    found.add(place)
    return found


def test_every_listener_is_known():
    assert listeners() == KNOWN.keys()


def test_each_is_held_to_who_may_ask():
    from tests.docs.evidence import missing

    assert missing(KNOWN.values()) == []


def test_nothing_listens_to_other_machines():
    """But for a container, whose port is given to this machine alone."""
    open_ones = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and node.value in ("0.0.0.0", "::")  # noqa: S104
    }
    assert open_ones == {"deployment/local/container.py"}
