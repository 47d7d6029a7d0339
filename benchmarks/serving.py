"""The model service beside a bare handler, MLflow's server, KServe's and MLServer: CPU a request.

The same logistic regression on 30 columns, asked by 8 clients over connections that they keep: once
fitted to a table, whose columns have names, once to an array, which is what the last two serve.
"""

from __future__ import annotations

import json
import os
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

from mlops_nb.deployment import assembling
from mlops_nb.deployment.assembling import Parts
from mlops_nb.deployment.descriptor import Descriptor
from mlops_nb.types import Environment, Model, Origin

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS = 6.0
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


@dataclass(frozen=True)
class Server:
    """A server: its command, where it is asked, and what its bodies look like."""

    name: str
    workers: int
    command: list[str]
    path: str
    form: str
    environment: dict[str, str]
    ready: str


def table(folder: Path) -> str:
    """Return the table."""
    root = str(Path(__file__).resolve().parent.parent)
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", TRAIN, str(folder)], check=True, capture_output=True
    )
    _bodies(folder)
    lines = [
        "| server | workers | rows | CPU ms a request | p50 ms | p99 ms | requests/s | CPU, ratio |"
    ]
    lines.append("|---|---|---|---|---|---|---|---|")
    base: dict[tuple[bool, int], float] = {}
    for server in _servers(folder):
        for rows in ROWS:
            try:
                found = _measure(server, rows, folder, root)
            except RuntimeError as error:
                # One that does not run here is said so, and the others are measured.
                lines.append(f"| {server.name} | {server.workers} | {rows} | {_said(error)} |")
                continue
            kind = (server.form == "split", rows)
            base.setdefault(kind, found.cpu_ms)
            lines.append(
                f"| {server.name} | {server.workers} | {rows} | {found.cpu_ms:.2f} | "
                f"{found.p50_ms:.1f} | {found.p99_ms:.1f} | {found.rate:.0f} | "
                f"{found.cpu_ms / base[kind]:.2f} |"
            )
    return "\n".join(lines)


def _said(error: RuntimeError) -> str:
    lines = str(error).strip().splitlines()
    return next((line for line in lines if "Error" in line), lines[-1])[:100]


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


def _servers(folder: Path) -> Iterator[Server]:
    """List them; the first of each kind is what the ratios are of."""
    python = sys.executable
    bare = [python, "-c", BARE, str(folder / "model.joblib"), "PORT"]
    yield Server("bare handler, table", 1, bare, "/", "split", {}, "/")
    yield from _ours(folder, "model", "table", "/invocations", "split")
    for workers in (1, 2):
        command = [python, "-m", "mlflow", "models", "serve", "--env-manager", "local", "-m"]
        command += [str(folder / "model"), "-p", "PORT", "-h", "127.0.0.1", "-w", str(workers)]
        allowed = {
            "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "true",
            # It starts uvicorn by its name.
            "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
        }
        yield Server("mlflow, table", workers, command, "/invocations", "split", allowed, "/ping")
    array = str(folder / "array.joblib")
    yield Server("bare handler, array", 1, [python, "-c", BARE, array, "PORT"], "/", "v1", {}, "/")
    yield from _ours(folder, "array", "array, V1", f"/v1/models/{NAME}:predict", "v1")
    yield from _ours(folder, "array", "array, V2", f"/v2/models/{NAME}/infer", "v2")
    yield from _peers(folder, array)


def _ours(folder: Path, model: str, kind: str, path: str, form: str) -> Iterator[Server]:
    package = _package(folder, model)
    runtime = {"PYTHONPATH": str(package / "runtime")}
    serve = [sys.executable, "-m", "mlops_nb.serving", str(package), "--no-access-log"]
    for workers in (1, 2):
        command = [*serve, "--port", "PORT", "--workers", str(workers)]
        yield Server(f"mlops_nb, {kind}", workers, command, path, form, runtime, "/v2/health/ready")


def _peers(folder: Path, joblib: str) -> Iterator[Server]:
    python = _installed(folder, "kserve")
    if python is not None:
        # Its workers import the program by its path.
        script = folder / "served.py"
        script.write_text(KSERVE)
        for workers in (1, 2):
            options = ["--http_port", "PORT", "--workers", str(workers), "--enable_grpc", "false"]
            yield Server(
                "kserve, array, V1", workers, [python, str(script), joblib, *options],
                f"/v1/models/{NAME}:predict", "v1", {}, "/v2/health/ready",
            )  # fmt: skip
    python = _installed(folder, "mlserver")
    if python is not None:
        for workers in (1, 2):
            place = _mlserver(folder, joblib, workers)
            command = [f"{Path(python).parent}/mlserver", "start", str(place)]
            yield Server(
                "mlserver, array, V2", workers, command,
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


def _installed(folder: Path, name: str) -> str | None:
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
            print(f"{name} cannot be installed: {done.stderr.strip()[-300:]}", file=sys.stderr)
            return None
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
        _load(port, server.path, body, 2.0, root)
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
