"""The model service beside a bare handler, MLflow's server, KServe's and MLServer: CPU a request.

The same logistic regression on 30 columns, asked by 8 clients over connections that they keep: once
fitted to a table, whose columns have names, once to an array, which is what the last two serve.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from benchmarks.record import Table, say, version_of
from mlops_nb.deployment import assembling
from mlops_nb.deployment.assembling import Parts
from mlops_nb.deployment.descriptor import Descriptor
from mlops_nb.types import Environment, Model, Origin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

PACKAGES = ("mlops_nb", "scikit-learn", "pandas", "uvicorn")
TABLES = ("serving", "serving-arrays", "serving-workers")
SECONDS, WARM_S = 3.0, 1.0
QUICK = {"SECONDS": 1.0, "WARM_S": 0.3}
CLIENTS = 8
ROWS = (1, 1000)
NAME = "tumours"
TRAIN = """
import sys, joblib, pathlib
import mlflow
from mlflow.models import infer_signature
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
folder = pathlib.Path(sys.argv[1])
X, y = load_breast_cancer(return_X_y=True, as_frame=True)
model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)).fit(X, y)
mlflow.sklearn.save_model(model, folder / "model", signature=infer_signature(X, model.predict(X)),
    serialization_format="skops", pip_requirements=["scikit-learn", "pandas"])
joblib.dump(model, folder / "model.joblib")
array = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)).fit(X.to_numpy(), y)
mlflow.sklearn.save_model(array, folder / "array", serialization_format="skops",
    signature=infer_signature(X.to_numpy(), model.predict(X)),
    pip_requirements=["scikit-learn", "pandas"])
joblib.dump(array, folder / "array.joblib")
rows = X.sample(1000, replace=True, random_state=0)
rows.to_json(folder / "rows.json", orient="split", index=False)
"""
BARE = """
import sys, msgspec, joblib, numpy, pandas, uvicorn
def read(body):
    data = msgspec.json.decode(body)
    if "instances" in data:
        return numpy.array(data["instances"])
    split = data["dataframe_split"]
    return pandas.DataFrame(split["data"], columns=split["columns"])
model = joblib.load(sys.argv[1])
async def app(scope, receive, send):
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    if scope["method"] == "POST":
        found = model.predict(read(body)).tolist()
    else:
        found = []
    answer = msgspec.json.encode({"predictions": found})
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})
uvicorn.run(app, port=int(sys.argv[2]), log_level="warning", http="httptools", access_log=False)
"""
KSERVE = """
import sys, joblib, numpy
from kserve import Model, ModelServer
PLACE = sys.argv.pop(1)
class Served(Model):
    def __init__(self):
        super().__init__("tumours")
        self.model, self.ready = joblib.load(PLACE), True
    def predict(self, payload, headers=None):
        rows = numpy.array(payload["instances"])
        return {"predictions": self.model.predict(rows).tolist()}
if __name__ == "__main__":
    ModelServer().start([Served()])
"""
PEERS = {
    "kserve": ["kserve==0.21.0", "joblib"],
    "mlserver": ["mlserver==1.7.1", "mlserver-sklearn==1.7.1"],
}


@dataclass(frozen=True)
class Figures:
    """CPU of all processes a request, latencies, requests a second."""

    cpu_ms: float
    p50_ms: float
    p99_ms: float
    rate: float


@dataclass(frozen=True, eq=False)
class Server:
    """A server: its command, where it is asked, and what its bodies look like."""

    name: str
    workers: int
    command: list[str]
    path: str
    form: str
    environment: dict[str, str]
    ready: str

    @property
    def of_table(self) -> bool:
        """Whether its model takes a table, and not an array."""
        return self.form == "split"


BARE_NAME = "a bare handler that calls the model"
OURS, MLFLOW, KSERVE_NAME, MLSERVER = "mlops_nb", "`mlflow models serve`", "KServe", "MLServer"
# By protocol where there is more than one.
ROUTES = {"split": "/invocations", "v1": "V1", "v2": "V2"}
COLUMNS = ("CPU ms/request", "p50 ms", "p99 ms", "requests/s", "CPU ratio")


def measure(folder: Path) -> Iterator[Table]:
    """Measure all servers, one after another."""
    root = str(Path(__file__).resolve().parent.parent)
    say("training the model")
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", TRAIN, str(folder)], check=True, capture_output=True
    )
    _bodies(folder)
    peers: dict[str, str] = {}
    found: dict[tuple[Server, int], Figures | str] = {}
    for server in _servers(folder, peers):
        say(f"{server.name}, {ROUTES[server.form]}, {server.workers} workers")
        for rows in ROWS if server.workers == 1 else ROWS[:1]:
            found[server, rows] = _tried(server, rows, folder, root)
    yield from _tables(found, peers)


def _tables(
    found: dict[tuple[Server, int], Figures | str], peers: dict[str, str]
) -> Iterator[Table]:
    cpu_ms = {
        (server.name, server.form, rows): figures.cpu_ms
        for (server, rows), figures in found.items()
        if server.workers == 1 and isinstance(figures, Figures)
    }

    def ratio(name: str, form: str, rows: int = 1) -> float:
        base = cpu_ms[BARE_NAME, "split" if form == "split" else "v1", rows]
        return cpu_ms.get((name, form, rows), float("nan")) / base

    def cells(server: Server, rows: int) -> tuple[str, ...]:
        figures = found[server, rows]
        if isinstance(figures, str):
            return (figures, *("",) * (len(COLUMNS) - 1))
        base = cpu_ms[BARE_NAME, "split" if server.of_table else "v1", rows]
        return (
            f"{figures.cpu_ms:.2f}", f"{figures.p50_ms:.1f}", f"{figures.p99_ms:.1f}",
            f"{figures.rate:.0f}", f"{figures.cpu_ms / base:.2f}",
        )  # fmt: skip

    one = [(server, rows) for rows in ROWS for server, r in found if r == rows]
    note = (
        f"{CLIENTS} clients over connections that they keep, for {SECONDS:.0f} s; CPU is that of "
        "all of a server's processes. The ratio is to the bare handler, asked the same."
    )
    yield Table(
        name="serving",
        title="A scaler and a logistic regression on a table of 30 columns, one worker",
        columns=("service", "rows a request", *COLUMNS),
        rows=tuple(
            (server.name, f"{rows:,}", *cells(server, rows))
            for server, rows in one
            if server.of_table and server.workers == 1
        ),
        note=note,
        says=f"With one row a request mlops_nb takes {ratio(OURS, 'split'):.2f} times the CPU of a "
        f"bare handler, and `mlflow models serve` {ratio(MLFLOW, 'split'):.2f} times; with 1,000 "
        f"rows {ratio(OURS, 'split', 1000):.2f} and {ratio(MLFLOW, 'split', 1000):.2f}.",
        peers={"mlflow": version_of("mlflow")},
    )
    yield Table(
        name="serving-arrays",
        title="The same on arrays, which is what KServe's server and MLServer take",
        columns=("service", "protocol", "rows a request", *COLUMNS),
        rows=tuple(
            (server.name, ROUTES[server.form], f"{rows:,}", *cells(server, rows))
            for server, rows in one
            if not server.of_table and server.workers == 1
        ),
        note=note,
        says=_of_arrays(ratio, cpu_ms),
        peers=peers,
    )
    yield Table(
        name="serving-workers",
        title="With two workers, one row a request",
        columns=("service", "protocol", *COLUMNS),
        rows=tuple(
            (server.name, ROUTES[server.form], *cells(server, rows))
            for server, rows in found
            if server.workers == 2
        ),
        note="The ratio is to the bare handler with one.",
        peers={"mlflow": version_of("mlflow")} | peers,
    )


def _of_arrays(ratio: Callable[..., float], known: Mapping[tuple[str, str, int], float]) -> str:
    """Say what is known of those that could be installed."""
    others = [
        f"{name} takes {ratio(name, form):.2f} times the bare handler's CPU by {form.upper()}, "
        f"where mlops_nb takes {ratio(OURS, form):.2f}"
        for name, form in ((KSERVE_NAME, "v1"), (MLSERVER, "v2"))
        if (name, form, 1) in known
    ]
    return f"On arrays, one row a request: {'; '.join(others)}." if others else ""


def _tried(server: Server, rows: int, folder: Path, root: str) -> Figures | str:
    """Measure a server; one that does not run here says so, and the others are measured."""
    try:
        return _measure(server, rows, folder, root)
    except RuntimeError as error:
        return _said(error)


def _said(error: RuntimeError) -> str:
    lines = str(error).strip().splitlines()
    # What was raised at last, and not the line of the source that raised it.
    raised = [line for line in lines if re.match(r"[\w.]*(Error|Exception): ", line)]
    return (raised or lines)[-1][:100]


def _bodies(folder: Path) -> None:
    split = json.loads((folder / "rows.json").read_text())
    for rows in ROWS:
        data = split["data"][:rows]
        flat = [value for row in data for value in row]
        forms: dict[str, Any] = {
            "split": {"dataframe_split": {"columns": split["columns"], "data": data}},
            "v1": {"instances": data},
            "v2": {
                "inputs": [
                    {
                        "name": "input",
                        "datatype": "FP64",
                        "shape": [rows, len(data[0])],
                        "data": flat,
                    }
                ]
            },
        }
        for form, body in forms.items():
            (folder / f"{form}-{rows}.json").write_text(json.dumps(body))


def _servers(folder: Path, peers: dict[str, str]) -> Iterator[Server]:
    """List them; the first of each kind is what the ratios are of."""
    python = sys.executable
    bare = [python, "-c", BARE, str(folder / "model.joblib"), "PORT"]
    yield Server(BARE_NAME, 1, bare, "/", "split", {}, "/")
    yield from _ours(folder, "model", "/invocations", "split")
    for workers in (1, 2):
        command = [python, "-m", "mlflow", "models", "serve", "--env-manager", "local", "-m"]
        command += [str(folder / "model"), "-p", "PORT", "-h", "127.0.0.1", "-w", str(workers)]
        allowed = {
            "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "true",
            # It starts uvicorn by its name.
            "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
        }
        yield Server(MLFLOW, workers, command, "/invocations", "split", allowed, "/ping")
    array = str(folder / "array.joblib")
    yield Server(BARE_NAME, 1, [python, "-c", BARE, array, "PORT"], "/", "v1", {}, "/")
    yield from _ours(folder, "array", f"/v1/models/{NAME}:predict", "v1")
    yield from _ours(folder, "array", f"/v2/models/{NAME}/infer", "v2")
    yield from _peers(folder, array, peers)


def _ours(folder: Path, model: str, path: str, form: str) -> Iterator[Server]:
    package = _package(folder, model)
    runtime = {"PYTHONPATH": str(package / "runtime")}
    serve = [sys.executable, "-m", "mlops_nb.serving", str(package), "--no-access-log"]
    for workers in (1, 2):
        command = [*serve, "--port", "PORT", "--workers", str(workers)]
        yield Server(OURS, workers, command, path, form, runtime, "/v2/health/ready")


def _peers(folder: Path, joblib: str, peers: dict[str, str]) -> Iterator[Server]:
    python = _installed(folder, "kserve", peers)
    if python is not None:
        # Its workers import the program by its path.
        script = folder / "served.py"
        script.write_text(KSERVE)
        for workers in (1, 2):
            options = ["--http_port", "PORT", "--workers", str(workers), "--enable_grpc", "false"]
            yield Server(
                KSERVE_NAME, workers, [python, str(script), joblib, *options],
                f"/v1/models/{NAME}:predict", "v1", {}, "/v2/health/ready",
            )  # fmt: skip
    python = _installed(folder, "mlserver", peers)
    if python is not None:
        for workers in (1, 2):
            place = _mlserver(folder, joblib, workers)
            command = [f"{Path(python).parent}/mlserver", "start", str(place)]
            yield Server(
                MLSERVER, workers, command,
                f"/v2/models/{NAME}/infer", "v2", {"MLSERVER_HTTP_PORT": "PORT"},
                f"/v2/models/{NAME}/ready",
            )  # fmt: skip


def _package(folder: Path, model: str) -> Path:
    code, target = folder / "code", folder / f"package-{model}"
    if target.exists():
        return target
    code.mkdir(exist_ok=True)
    target.mkdir()
    assembling.assemble(
        Parts(
            descriptor=Descriptor(name=NAME, model="latest"),
            model=folder / model,
            code=code,
            import_folders=(),
            environment=Environment.of(python="3", implementation="", platform="", lock=()),
            trusted=True,
            origin=Origin(model=Model(uri="models:/m-1")),
            example=None,
        ),
        target,
    )
    return target


def _installed(folder: Path, name: str, peers: dict[str, str]) -> str | None:
    """Install a peer into an environment of its own, with the libraries of the model."""
    from importlib.metadata import version

    from uv import find_uv_bin

    uv, place = find_uv_bin(), folder / name
    python = str(place / "bin" / "python")
    model = [f"{package}=={version(package)}" for package in ("scikit-learn", "joblib")]
    for command in (
        ["venv", "--quiet", "--python", sys.executable, str(place)],
        ["pip", "install", "--quiet", "--python", python, *PEERS[name], *model, "pandas"],
    ):
        done = subprocess.run([uv, *command], capture_output=True, text=True, check=False)
        if done.returncode:
            say(f"{name} cannot be installed: {done.stderr.strip()[-300:]}")
            peers[name] = "absent, since it could not be installed"
            return None
    peers[name] = PEERS[name][0].partition("==")[2]
    return python


def _mlserver(folder: Path, joblib: str, workers: int) -> Path:
    place = folder / f"mlserver-{workers}"
    place.mkdir()
    model = {
        "name": NAME,
        "implementation": "mlserver_sklearn.SKLearnModel",
        "parameters": {"uri": joblib},
    }
    settings = {
        "parallel_workers": 0 if workers == 1 else workers,
        "metrics_endpoint": None,
        "host": "127.0.0.1",
        "debug": False,
    }
    (place / "model-settings.json").write_text(json.dumps(model))
    (place / "settings.json").write_text(json.dumps(settings))
    return place


def _measure(server: Server, rows: int, folder: Path, root: str) -> Figures:
    with _running(server, folder) as (process, port):
        body = str(folder / f"{server.form}-{rows}.json")
        _load(port, server.path, body, WARM_S, root)
        before = _cpu_s(process)
        found = _load(port, server.path, body, SECONDS, root)
        spent = _cpu_s(process) - before
    return Figures(
        cpu_ms=1000 * spent / found["requests"],
        p50_ms=found["p50_ms"],
        p99_ms=found["p99_ms"],
        rate=found["requests"] / found["seconds"],
    )


def _load(port: int, path: str, body: str, seconds: float, root: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.load", str(port), path, body]
    done = subprocess.run(
        [*command, str(CLIENTS), str(seconds)], cwd=root, capture_output=True, check=True
    )
    found: dict[str, Any] = json.loads(done.stdout)
    if found["failed"]:
        raise RuntimeError(f"{path} answers {found['failed'][0]}")
    return found


@contextmanager
def _running(server: Server, folder: Path) -> Iterator[tuple[psutil.Popen, int]]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    def here(text: str) -> str:
        return text.replace("PORT", str(port)) if text == "PORT" else text

    log = (folder / "server.log").open("w")
    process = psutil.Popen(
        [here(part) for part in server.command],
        env={**os.environ, **{name: here(value) for name, value in server.environment.items()}},
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    try:
        _until_ready(f"http://127.0.0.1:{port}{server.ready}", process, folder / "server.log")
        yield process, port
    finally:
        family = _family(process)
        for one in family:
            one.terminate()
        for one in psutil.wait_procs(family, timeout=10)[1]:
            one.kill()


def _until_ready(url: str, process: psutil.Popen, log: Path) -> None:
    deadline = time.monotonic() + 120
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310
                if answer.status == 200:
                    return
        except OSError:
            pass
        if time.monotonic() > deadline or process.poll() is not None:
            raise RuntimeError(f"no answer from {url}:\n{log.read_text()[-2000:]}")
        time.sleep(0.2)


def _family(process: psutil.Popen) -> list[Any]:
    return [process, *process.children(recursive=True)] if process.poll() is None else []


def _cpu_s(process: psutil.Popen) -> float:
    family = _family(process)
    return sum(sum(one.cpu_times()[:2]) for one in family)
