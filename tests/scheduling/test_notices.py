from __future__ import annotations

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from msgspec import structs

from mlops_nb import api
from mlops_nb.capture.secrets import MASK
from mlops_nb.scheduling import notices
from mlops_nb.types import Failure, FiringState

TOKEN = "ghp_" + "a1B2c3D4e5F6g7H8i9J0" + "k1L2m3N4o5P6g7H8"
KEEP = "import sys; open(sys.argv[1], 'a').write(sys.stdin.read() + '\\n')"


class Hook(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.told.append((self.path, json.loads(body)))
        self.send_response(302 if self.path == "/elsewhere" else 200)
        self.send_header("Location", "/moved")
        self.end_headers()

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def hook():
    server = HTTPServer(("127.0.0.1", 0), Hook)
    server.told = []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def told(office, tmp_path):
    """Tell what became of a firing by a command that keeps it; return what it was told."""
    file = tmp_path / "told.txt"
    command = (sys.executable, "-c", KEEP, str(file))

    def tell(firing, run=None, **settings):
        config = office.config.override(notify_command=command, **settings)
        found = notices.tell(config, office.store.get("nightly"), firing, run)
        lines = file.read_text().splitlines() if file.exists() else []
        return found, [json.loads(line) for line in lines]

    return tell


def closed(office, state: FiringState, **known):
    schedule = office.schedule()
    return structs.replace(office.due(schedule), state=state, **known)


def test_a_failure_is_told_with_what_to_do(office, told):
    error = Failure(type="ValueError", message="broken", hint="mend it")
    found, (body,) = told(closed(office, FiringState.FAILED, error=error))
    assert [(notice.event, notice.trouble) for notice in found] == [("failure", None)]
    assert (body["event"], body["schedule"], body["project"]) == ("failure", "nightly", "office")
    assert body["error"] == {"type": "ValueError", "message": "broken", "hint": "mend it"}
    assert body["run"] is None


@pytest.mark.parametrize("state", [FiringState.SUCCEEDED, FiringState.SKIPPED])
def test_success_is_told_to_who_asks_for_it(office, told, state):
    firing = closed(office, state)
    assert told(firing)[1] == []
    _, bodies = told(firing, notify_on=("success",))
    assert [body["state"] for body in bodies] == ["SUCCEEDED"] * (state is FiringState.SUCCEEDED)


@pytest.mark.parametrize(
    ("pipeline", "drift", "events"),
    [("monitoring", 1.0, ["drift"]), ("monitoring", 0.0, []), ("training", 1.0, [])],
)
def test_drift_is_told_of_a_run_that_looks_for_it(office, told, pipeline, drift, events):
    office.fire(office.schedule(branch="main"))
    (run,) = api.runs()
    run = structs.replace(run, pipeline=pipeline, metrics={"drift": drift})
    firing = office.store.history(office.store.get("nightly"), 1)[0]
    assert [notice.event for notice in told(firing, run)[0]] == events


def test_secrets_are_masked(office, told, monkeypatch):
    monkeypatch.setenv("DATABASE", "hunter2hunter2")
    error = Failure(type="E", message=f"no access with {TOKEN}, hunter2hunter2", hint=TOKEN)
    firing = closed(office, FiringState.FAILED, error=error)
    _, (body,) = told(firing, environment_secrets=("DATABASE",))
    assert body["error"]["message"] == f"no access with {MASK}, {MASK}"
    assert body["error"]["hint"] == MASK


@pytest.mark.parametrize(
    ("command", "trouble"),
    [
        ((sys.executable, "-c", "raise SystemExit(3)"), "it ended with exit code 3"),
        (("/nowhere/tell",), "it cannot be started: No such file or directory"),
        ((sys.executable, "-c", "input(); input()"), "it ended with exit code 1"),
    ],
)
def test_a_command_that_fails_is_recorded(office, command, trouble):
    config = office.config.override(notify_command=command)
    firing = closed(office, FiringState.FAILED)
    (found,) = notices.tell(config, office.store.get("nightly"), firing, None)
    assert (found.to, found.trouble) == (command[0], trouble)


def test_a_command_that_hangs_is_killed_with_its_children(office, tmp_path, until):
    child = f"import fcntl, time; f = open({str(tmp_path / 'lock')!r}, 'w'); "
    child += "fcntl.flock(f, fcntl.LOCK_EX); time.sleep(600)"
    hangs = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    command = (sys.executable, "-c", hangs)
    config = office.config.override(notify_command=command, notify_timeout_s=2)
    firing = closed(office, FiringState.FAILED)
    (found,) = notices.tell(config, office.store.get("nightly"), firing, None)
    assert found.trouble == "it did not end in 2 s, and was killed"

    def is_free() -> bool:
        import fcntl

        with (tmp_path / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
        return True

    assert until(is_free)


def test_a_webhook_is_told_and_its_address_is_not_recorded(office, hook, monkeypatch):
    monkeypatch.setenv("HOOK", f"http://127.0.0.1:{hook.server_port}/services/T0/secret")
    config = office.config.override(notify_webhook="HOOK")
    firing = closed(office, FiringState.FAILED)
    (found,) = notices.tell(config, office.store.get("nightly"), firing, None)
    assert (found.to, found.trouble) == ("127.0.0.1", None)
    ((path, body),) = hook.told
    assert (path, body["state"]) == ("/services/T0/secret", "FAILED")


@pytest.mark.parametrize(
    ("place", "trouble"),
    [
        ("http://127.0.0.1:{port}/elsewhere", "it answers 302"),
        ("http://127.0.0.1:1/", "it gives no answer: ConnectionError"),
        ("file:///etc/passwd", "there is no http or https URL"),
        ("NO_SUCH_VARIABLE", "there is no http or https URL"),
    ],
)
def test_a_webhook_that_fails_is_recorded(office, hook, place, trouble):
    config = office.config.override(notify_webhook=place.format(port=hook.server_port))
    firing = closed(office, FiringState.FAILED)
    (found,) = notices.tell(config, office.store.get("nightly"), firing, None)
    assert found.trouble == trouble
    assert "/moved" not in [path for path, _ in hook.told]


def test_a_hook_that_fails_leaves_the_firing_as_it_is(office, monkeypatch):
    monkeypatch.setenv("MLOPS_NB_NOTIFY_COMMAND", "/nowhere/tell")
    office.config = type(office.config).load(office.project.root)
    fired = office.fire(office.schedule(branch="gone"))
    assert fired.state is FiringState.FAILED
    assert fired.notices[0].trouble.startswith("it cannot be started")
