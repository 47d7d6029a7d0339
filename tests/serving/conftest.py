from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas
import pytest
import requests

from mlops_nb.deployment import assembling
from mlops_nb.deployment.assembling import Parts
from mlops_nb.deployment.descriptor import Descriptor
from mlops_nb.serving.package import Example
from mlops_nb.types import Environment, Model, Origin

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS = {"radius": [1.5, 2.5, 3.5, 9.0], "count": [1, 2, 3, 9], "kind": ["a", "b", "a", "b"]}


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    """Three models in MLflow's format: of columns, of a tensor, and pickled."""
    import mlflow
    from mlflow.models import infer_signature
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    folder = tmp_path_factory.mktemp("models")
    frame = pandas.DataFrame(COLUMNS)
    truth = [0, 0, 1, 1]
    encoded = make_column_transformer((OneHotEncoder(), ["kind"]), remainder="passthrough")
    of_columns = make_pipeline(encoded, LogisticRegression()).fit(frame, truth)
    numbers = frame[["radius", "count"]].to_numpy()
    of_tensor = LogisticRegression().fit(numbers, truth)
    requirements = {"pip_requirements": ["scikit-learn", "pandas"]}
    mlflow.sklearn.save_model(
        of_columns,
        folder / "columns",
        signature=infer_signature(frame, of_columns.predict(frame)),
        serialization_format="cloudpickle",
        **requirements,
    )
    mlflow.sklearn.save_model(
        of_tensor,
        folder / "tensor",
        signature=infer_signature(numbers, of_tensor.predict(numbers)),
        serialization_format="skops",
        **requirements,
    )
    return folder


@pytest.fixture(scope="session")
def assembled(models, tmp_path_factory):
    """Return a function that puts a package together, from the modules in `code`."""

    def assemble(model="columns", *, wrapper="", code=None, trusted=True):
        folder = tmp_path_factory.mktemp("package")
        checkout, target = folder / "code", folder / "package"
        checkout.mkdir()
        target.mkdir()
        for name, text in (code or {}).items():
            (checkout / name).write_text(text)
        request = {"dataframe_split": pandas.DataFrame(COLUMNS).to_dict(orient="split")}
        parts = Parts(
            descriptor=Descriptor(name="tumours", model="latest", wrapper=wrapper),
            model=models / model,
            code=checkout,
            import_folders=(".",),
            environment=Environment.of(
                python="3.11.7", implementation="CPython", platform="Linux-x86_64", lock=["a==1"]
            ),
            trusted=trusted,
            origin=Origin(model=Model(uri="models:/m-1")),
            example=Example(request=request, predictions=[0, 0, 1, 1]),
        )
        assembling.assemble(parts, target)
        return target

    return assemble


@dataclass
class Service:
    url: str
    process: subprocess.Popen
    log: Path

    def post(self, path, data=None, **options):
        if not isinstance(data, (bytes, str)) and data is not None:
            return requests.post(self.url + path, json=data, timeout=60, **options)
        headers = {"Content-Type": "application/json"} | options.pop("headers", {})
        return requests.post(self.url + path, data=data, headers=headers, timeout=60, **options)

    def get(self, path, **options):
        return requests.get(self.url + path, timeout=60, **options)

    def said(self):
        return self.log.read_text()

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


@pytest.fixture(scope="session")
def started(tmp_path_factory):
    """Return a function that serves a package as a process of its own, runtime and all."""
    import socket

    running = []

    def start(package, *options, environment=None, ready=True):
        listening = socket.create_server(("127.0.0.1", 0))
        log = tmp_path_factory.mktemp("log") / "service.log"
        command = [sys.executable, "-m", "mlops_nb.serving", "--revision", "7"]
        with log.open("w") as file:
            process = subprocess.Popen(
                [*command, str(package), "--fd", str(listening.fileno()), *map(str, options)],
                pass_fds=[listening.fileno()],
                env={**os.environ, "PYTHONPATH": str(package / "runtime"), **(environment or {})},
                stdout=file,
                stderr=subprocess.STDOUT,
                cwd=log.parent,
            )
        port = listening.getsockname()[1]
        listening.close()
        service = Service(f"http://127.0.0.1:{port}", process, log)
        running.append(service)
        if ready:
            assert service.get("/v2/health/ready").status_code == 200, service.said()
        return service

    yield start
    for service in running:
        if service.process.poll() is None:
            service.process.kill()
            service.process.wait()


@pytest.fixture(scope="session")
def service(assembled, started):
    return started(assembled())


@pytest.fixture
def in_process(monkeypatch):
    """Take back what loading a model does to its process."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "true")


@pytest.fixture
def loaded(assembled, in_process):
    """Return a function that loads a package in this process."""
    from mlops_nb.serving.model import Model as Loaded

    def load(*arguments, **options):
        return Loaded(assembled(*arguments, **options))

    return load
