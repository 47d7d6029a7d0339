"""Binder's steps, in its order, in a container: a machine that has nothing but Python and git."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from mlops_nb.images import access
from mlops_nb.images.engine import Engine

# Minutes of installing what tests/packaging installs too; Binder's own steps: tests/labextension.
pytestmark = pytest.mark.faults
NAME = "localhost/mlops-nb-test-binder:latest"
SECRETS = "--mount=type=secret,id=settings --mount=type=secret,id=certificates"
RECIPE = f"""ARG BASE
FROM ${{BASE}}
RUN python3 -m ensurepip && ln -s python3 /usr/local/bin/python
COPY binder/requirements.txt /src/binder/
RUN {SECRETS} set -a && . /run/secrets/settings && \\
    python3 -m pip install --no-cache-dir --requirement /src/binder/requirements.txt
WORKDIR /src
COPY . .
RUN {SECRETS} set -a && . /run/secrets/settings && \\
    UV_NO_CACHE=1 ./binder/postBuild
ENTRYPOINT ["./binder/start"]
"""


@pytest.fixture(scope="module")
def landed(base_image, tmp_path_factory):
    """Run a command where Binder's own would be run, without a network."""
    folder = tmp_path_factory.mktemp("binder")
    context = folder / "context"
    checkout = ["git", "clone", "--quiet", "--depth=1", f"file://{Path(__file__).parents[2]}"]
    subprocess.run([*checkout, str(context)], check=True)
    (context / "Containerfile").write_text(RECIPE)
    secrets = folder / "secrets"
    secrets.mkdir(mode=0o700)
    engine = Engine("podman", folder / "log")
    engine.build(
        NAME, context, arguments={"BASE": base_image}, labels={}, secrets=access.secrets(secrets)
    )

    def run(*command: str) -> str:
        fixed = ["podman", "run", "--rm", "--network", "none", "--shm-size", "1g", NAME]
        found = subprocess.run(
            [*fixed, *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert found.returncode == 0, found.stdout
        return found.stdout

    yield run
    subprocess.run(["podman", "image", "rm", "--force", NAME], check=False, capture_output=True)


def test_both_halves_of_the_extension_are_on_and_the_workspace_is_there(landed):
    listed = ("labextension list", "server extension list", "lab workspaces list")
    script = "pwd; " + "; ".join(f"jupyter {one}" for one in listed)
    said = re.sub(r"\x1b\[\d*m", "", landed("sh", "-ec", script))
    assert said.splitlines()[0] == "/root/quickstart"
    words = " ".join(said.split())
    assert "mlops_nb enabled" in words
    assert re.search(r"mlops-nb v[\d.]+ enabled OK", words), words
    assert words.endswith("default")


def test_the_quickstart_trains_there(landed):
    said = landed("jupyter", "mlops", "train", "quickstart.ipynb", "--wait")
    assert "SUCCEEDED" in said
    assert "model quickstart version 1" in said
