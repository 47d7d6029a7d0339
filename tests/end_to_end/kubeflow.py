"""A project whose runs go to a double of Kubeflow, and what pods find there."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psutil

from mlops_nb import environments
from mlops_nb.capture import environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.vocabulary import Project

SETTINGS = """\
[project]
name = "sample"
[data]
train = "data/train.csv"
test = "data/test.csv"
[run]
backend = "kubeflow"
push = true
[tracking]
uri = "{tracking}"
[kubeflow]
url = "{url}"
"""


@contextmanager
def mlflow_server(folder: Path, port: int = 0) -> Iterator[str]:
    """Serve an MLflow store of a folder on a port of this machine, any that is free for 0."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))
        port = probe.getsockname()[1]
    store = f"sqlite:///{folder}/mlflow.db"
    command = ["-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)]
    options = ["--backend-store-uri", store, "--artifacts-destination", str(folder / "artifacts")]
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, *command, *options, "--workers", "1"], stdout=log, stderr=log
        )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for(f"{url}/health", server)
        yield url
    finally:
        # Asked to end, it would wait for clients that keep their connections.
        for process in (*psutil.Process(server.pid).children(recursive=True), server):
            process.kill()
        server.wait(20)


def _wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    import time

    for _ in range(3000):
        assert server.poll() is None, "the MLflow server has ended"
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the MLflow server does not answer")


def baked(folder: Path, top: Path) -> Path:
    """Return a folder of environments, as images have one, with this process's own in it."""
    mine = folder / "environments" / environment.read(top).hash[:16]
    python = mine / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    (mine / environments.READY).touch()
    return mine.parent


def with_remotes(project: Project, *, tracking: str, url: str, more: str = "") -> None:
    """Give a project an origin and a DVC remote that pods reach, and settings for a cluster."""
    outside = project.root.parent
    subprocess.run(["git", "init", "-q", "--bare", outside / "origin.git"], check=True)
    project.git("remote", "add", "origin", f"file://{outside}/origin.git")
    subprocess.run(
        ["dvc", "remote", "modify", "storage", "url", str(outside / "remote")],
        cwd=project.root,
        check=True,
    )
    project.write("mlops.toml", SETTINGS.format(tracking=tracking, url=url) + more)
    project.git("commit", "-qam", "for a cluster")


def path_of_pods() -> dict[str, str]:
    """Return what a pod's image would have in its environment."""
    return {"PATH": os.environ["PATH"]}
