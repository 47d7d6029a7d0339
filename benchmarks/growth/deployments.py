"""Deployments on this machine, of a service that does nothing."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import past
from benchmarks.growth.costs import Costs, Line, table
from benchmarks.growth.processes import idle, processes
from benchmarks.record import Table, say
from mlops_nb import api
from mlops_nb.deployment import Built
from mlops_nb.deployment.descriptor import Descriptor, Resources, Service
from mlops_nb.deployment.local import LocalTarget
from mlops_nb.orders import rollout
from mlops_nb.settings import Config
from mlops_nb.types import Model, Origin, Traffic

if TYPE_CHECKING:
    from collections.abc import Sequence


def deployments(folder: Path, sizes: Sequence[int], costs: Costs) -> Table:
    """Measure deployments of a service that does nothing, so that the rest is what one costs."""
    root = folder / "project"
    past.fill(root, 0)
    config = Config.load(root)
    target = LocalTarget(config)
    package = _service(folder / "package")
    resting: dict[str, list[float]] = {"supervisor": [], "front": [], "memory": []}
    try:
        for size in sizes:
            say(f"{size:,} deployments")
            for number in range(len(target.names()), size):
                _deploy(target, package, f"d{number:03d}")
            costs.of("list them (the verb `deployments`)", lambda: api.deployments(project=root))
            costs.of("show one", lambda: rollout.target_of("d000", config).get("d000"))
            for name in ("supervisor", "front"):
                spent, own = idle(processes(root, f"local.{name}"))
                resting[name].append(spent)
                resting["memory"].append(own)
            costs.of("a request (by a new connection)", lambda: _ask(target, "d000"))
    finally:
        for name in target.names():
            target.delete(name)
    named = [Line(f"CPU of the {n}, a second", tuple(resting[n])) for n in ("supervisor", "front")]
    both = sum(resting["memory"][-2:]) / 1e6
    return table(
        "growth-deployments", "deployments", "{:,}", sizes, [*costs.lines(), *named],
        note="Each is a process of its own, here one that does nothing. Supervisor and front "
        f"together hold {both:.0f} MB at the last size, however many there are.",
    )  # fmt: skip


_SERVICE = """
import http.server, json, socket, sys
options = dict(zip(sys.argv[2::2], sys.argv[3::2]))
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        text = json.dumps({"ready": True, "predictions": [1]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
    do_POST = do_GET
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler, bind_and_activate=False)
server.socket.close()
server.socket = socket.socket(fileno=int(options["--fd"]))
server.serve_forever()
"""


def _service(folder: Path) -> Path:
    module = folder / "runtime" / "mlops_nb" / "serving"
    module.mkdir(parents=True)
    (module.parent / "__init__.py").touch()
    (module / "__init__.py").touch()
    (module / "__main__.py").write_text(_SERVICE)
    return folder


def _deploy(target: LocalTarget, package: Path, name: str) -> None:
    descriptor = Descriptor(
        name=name, model="latest", resources=Resources(memory="200Mi"),
        service=Service(drain_s=1.0, start_s=60.0),
    )  # fmt: skip
    built = Built(package="0" * 64, folder=package, python=Path(sys.executable))
    number = target.create(descriptor, built, Origin(model=Model(uri="models:/m-1"))).number
    target.route(name, Traffic(percent={number: 100}))


def _ask(target: LocalTarget, name: str) -> None:
    import requests

    endpoint: Any = target.endpoint(name)
    url = f"{endpoint.url}/invocations"
    answer = requests.post(url, data="1", headers=endpoint.headers, timeout=30)
    assert answer.status_code == 200, answer.text
