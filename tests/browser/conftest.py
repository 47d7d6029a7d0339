"""A real Lab on a real project, in a real browser: one of each for all tests here."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mlops_nb import processes
from tests.browser.front import Front
from tests.vocabulary import notebook

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN = "a-token-of-the-tests"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""
# As root there is no sandbox; the rest looks for hosts of the browser's maker.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
TRAINING = """import time
import mlflow
import pandas
from sklearn.linear_model import LogisticRegression
data = pandas.read_csv('data/train.csv')
inputs = data[['a', 'b']].astype(float)
model = LogisticRegression().fit(inputs, data['label'])
print('fitted')
with mlflow.start_run():
    for step in range(steps):
        mlflow.log_metric('loss', 1 / (step + rate), step=step)
        time.sleep(pause_s)
    mlflow.sklearn.log_model(
        model,
        name='model',
        input_example=inputs.head(3),
        pip_requirements=['scikit-learn', 'pandas'],
    )
"""
EDITED = "rate: float = 0.25\nsteps: int = 8\npause_s: float = 0.05"
PARAMETERS = "rate: float = 0.5\nsteps: int = 12\npause_s: float = 0.05"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without a browser there is nothing to test; on Debian `.ci/browser` installs one."""
    for item in items:
        if Path(item.path).parent == Path(__file__).parent and not CHROMIUM:
            item.add_marker(pytest.mark.skip(reason="there is no chromium here"))


@dataclass(frozen=True)
class Server:
    """A Jupyter server with our extension; `root` has the projects."""

    url: str
    root: Path

    def ask(self, method: str, path: str, **given: str) -> dict:
        """Ask for a route of the project `sample`, with what is given in the query or the body."""
        posted = method == "POST"
        query = urllib.parse.urlencode({"project": "sample", **({} if posted else given)})
        request = urllib.request.Request(
            f"{self.url}/mlops{path}?{query}",
            method=method,
            data=json.dumps(given).encode() if posted else None,
            headers={"Authorization": f"token {TOKEN}"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def runs(self) -> list[dict]:
        """Return the project's runs, newest first."""
        return self.ask("GET", "/runs")["runs"]


@pytest.fixture(scope="session")
def server(_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root = tmp_path_factory.mktemp("server") / "root"
    project = root / "sample"
    shutil.copytree(_template, project, symlinks=True)
    shutil.copytree(_template.parent / "remote", root / "remote")
    settings = project / "mlops.toml"
    settings.write_text(settings.read_text() + 'target = "label"\n')
    notebook(project / "live.ipynb", TRAINING, parameters=PARAMETERS)
    notebook(
        project / "card.ipynb",
        "%load_ext mlops_nb",
        "%mlops train live.ipynb --param steps=600 --param pause_s=0.2",
    )
    subprocess.run(["git", "add", "-A"], cwd=project, check=True)
    subprocess.run(["git", "commit", "-qm", "more"], cwd=project, check=True)
    with served(root, tmp_path_factory.mktemp("jupyter")) as made:
        yield made
    for run in project.glob(".mlops/runs/*"):
        processes.end(run.name, grace_s=0)


@contextmanager
def served(root: Path, own: Path) -> Iterator[Server]:
    """Serve a folder with projects, with settings and data of Jupyter's in a folder of its own."""
    port = _free_port()
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    command += ["--ip=127.0.0.1", f"--port={port}", f"--IdentityProvider.token={TOKEN}"]
    command += ["--LabApp.expose_app_in_browser=True", "--LabApp.news_url="]
    # Nothing of the user's, and the front end of this checkout.
    environment = {
        **os.environ,
        "JUPYTER_CONFIG_DIR": str(own / "config"),
        "JUPYTER_DATA_DIR": str(own / "data"),
    }
    environment["JUPYTERLAB_SETTINGS_DIR"] = str(own / "settings")
    environment["JUPYTERLAB_WORKSPACES_DIR"] = str(own / "workspaces")
    environment["IPYTHONDIR"] = str(own / "ipython")
    extensions = own / "data" / "labextensions"
    extensions.mkdir(parents=True)
    (extensions / "mlops-nb").symlink_to(Path(__file__).parents[2] / "mlops_nb" / "labextension")
    enabled = own / "config" / "jupyter_server_config.d"
    enabled.mkdir(parents=True)
    (enabled / "mlops_nb.json").write_text(
        '{"ServerApp": {"jpserver_extensions": {"mlops_nb": true}}}'
    )
    with (own / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=root, env=environment, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for(f"{url}/api?token={TOKEN}", process, own / "log")
        yield Server(url, root)
    finally:
        process.terminate()
        process.wait(timeout=120)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait_for(url: str, process: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise AssertionError(log.read_text())


@pytest.fixture(autouse=True)
def jp_asyncio_loop() -> None:
    """Stand in for pytest-jupyter's loop: the browser's runs in this thread all the time."""


@pytest.fixture(autouse=True)
def jp_server_cleanup() -> None:
    """Stand in for what wants that loop: our server is a process of its own."""


# Playwright's loop runs in this thread until the browser is closed: no test of others before that.
@pytest.fixture(scope="package")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield made
        made.close()


@pytest.fixture(scope="package")
def front(server: Server, browser) -> Iterator[Front]:
    """Lab in a page that is kept for all tests, with what goes wrong in it."""
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    page.set_default_timeout(60_000)
    made = Front(page, f"{server.url}/lab/tree/sample", TOKEN)
    yield made


@pytest.fixture
def calm(front: Front) -> Iterator[Front]:
    """The same page; the test fails where the page raised an error meanwhile."""
    front.errors.clear()
    yield front
    assert front.errors == []


@pytest.fixture(scope="package")
def trained(front: Front) -> str:
    """The id of a run from the toolbar of a notebook with an edit that was not saved."""
    front.open_alone("live.ipynb")
    front.edit_first_code_cell(EDITED)
    run_id = front.train()
    front.ended()
    return run_id
