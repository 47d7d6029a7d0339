"""A service so small that it starts at once, with faults to be switched on by its environment."""

from __future__ import annotations

import sys
import threading
import time

import pytest
import requests

from mlops_nb.deployment import Built
from mlops_nb.deployment.descriptor import Descriptor, Resources, Service
from mlops_nb.deployment.local import LocalTarget
from mlops_nb.settings import Config
from mlops_nb.types import Model, Origin, Traffic

SERVICE = """
import http.server, json, os, signal, socket, sys, threading, time
fault = os.environ.get("FAULT", "")
options = dict(zip(sys.argv[2::2], sys.argv[3::2]))
if fault == "load": sys.exit("error: no such layer")
if fault == "hang": time.sleep(600)
def waste(): kept = [bytearray(b"x" * 10**7) for _ in range(40)]; time.sleep(600)
if fault == "memory": waste()
if fault == "memory of a child":
    if os.fork() == 0: waste()
    time.sleep(600)
count, stuck = [0], [False]
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        while stuck[0]: time.sleep(1)
        self.say({"ready": True})
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        count[0] += 1
        if fault == "crash" and count[0] > 3: os._exit(3)
        if body == b"stick": stuck[0] = True
        if body == b"die": os._exit(4)
        known = {"secret": os.environ.get("KEY"), "run": os.environ.get("MLOPS_RUN_ID")}
        known["predictions"] = [7]
        self.say({"revision": options["--revision"], "count": count[0], **known})
    def say(self, data):
        text = json.dumps(data).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
    def log_message(self, *_): pass
class Server(http.server.ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = False
server = Server(("127.0.0.1", 0), Handler, bind_and_activate=False)
server.socket.close()
server.socket = socket.socket(fileno=int(options["--fd"]))
def end(*_):
    threading.Thread(target=lambda: (time.sleep(0.2), server.shutdown())).start()
signal.signal(signal.SIGTERM, signal.SIG_IGN if fault == "deaf" else end)
print("serving", flush=True)
server.serve_forever()
os._exit(0)
"""


@pytest.fixture
def package(tmp_path):
    folder = tmp_path / "package"
    module = folder / "runtime" / "mlops_nb" / "serving"
    module.mkdir(parents=True)
    (module.parent / "__init__.py").touch()
    (module / "__init__.py").touch()
    (module / "__main__.py").write_text(SERVICE)
    return folder


class Place:
    """A project's deployments, and the few words that tests need of them."""

    def __init__(self, target, package):
        self.target, self.package = target, package

    def create(self, fault="", name="tumours", secrets=None, **service):
        descriptor = Descriptor(
            name=name,
            model="latest",
            environment={"FAULT": fault},
            secrets=secrets or {},
            resources=Resources(memory="200Mi"),
            service=Service(**({"drain_s": 5.0, "start_s": 20.0} | service)),
        )
        built = Built(package="0" * 64, folder=self.package, python=sys.executable)
        return self.target.create(descriptor, built, Origin(model=Model(uri="models:/m-1"))).number

    def serve(self, fault="", name="tumours", **service):
        number = self.create(fault, name, **service)
        self.target.route(name, Traffic(percent={number: 100}))
        return number

    def route(self, percent, shadow=None, name="tumours"):
        return self.target.route(name, Traffic(percent=percent, shadow=shadow))

    def ask(self, body="1", number=None, name="tumours"):
        endpoint = self.target.endpoint(name, number)
        answer = requests.post(
            endpoint.url + "/invocations", data=body, headers=endpoint.headers, timeout=30
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    def until(self, is_so, seconds=30):
        deadline = time.monotonic() + seconds
        while not is_so():
            assert time.monotonic() < deadline
            time.sleep(0.05)


@pytest.fixture
def place(tmp_path, package):
    root = tmp_path / "project"
    (root / ".mlops").mkdir(parents=True)
    place = Place(LocalTarget(Config(root=root)), package)
    yield place
    for name in place.target.names():
        place.target.delete(name)


class Load:
    """Clients that ask all the time, over connections that they keep."""

    def __init__(self, endpoint, clients=4, pause=0.01):
        self.endpoint, self.pause = endpoint, pause
        self.answers, self.failures = [], []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(clients)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self):
        with requests.Session() as session:
            while not self._stop.is_set():
                try:
                    answer = session.post(
                        self.endpoint.url + "/invocations",
                        data="1",
                        headers=self.endpoint.headers,
                        timeout=30,
                    )
                    if answer.status_code == 200:
                        self.answers.append(answer.json().get("revision"))
                    else:
                        self.failures.append(f"{answer.status_code} {answer.text[:200]}")
                except requests.RequestException as error:
                    self.failures.append(repr(error))
                time.sleep(self.pause)
