"""What a stranger installs: built from the sdist, into an environment of its own, without Node."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from uv import find_uv_bin

ROOT = Path(__file__).parents[2]
_MOST_BYTES = 1_500_000
_OF_NODE = {"node", "nodejs", "npm", "npx", "corepack", "yarn", "jlpm"}


def run(*command: str | Path, env: dict[str, str] | None = None, cwd: Path | None = None) -> str:
    done = subprocess.run(
        list(map(str, command)), env=env, cwd=cwd, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)


@pytest.fixture(scope="session")
def built(tmp_path_factory) -> dict[str, Path]:
    """The sdist of what is committed, and the wheel that is made from it."""
    folder = tmp_path_factory.mktemp("dist")
    run(find_uv_bin(), "build", "--out-dir", folder, ROOT)
    return {path.suffix: path for path in folder.iterdir()}


@pytest.fixture(scope="session")
def installed(built, tmp_path_factory) -> dict[str, str]:
    """The environment variables of a machine that has the wheel and no Node."""
    folder = tmp_path_factory.mktemp("machine")
    python = folder / "venv" / "bin" / "python"
    run(find_uv_bin(), "venv", "--python", sys.executable, folder / "venv")
    run(
        *(find_uv_bin(), "pip", "install", "--python", python),
        *("--constraint", ROOT / "requirements.txt", f"{built['.whl']}[lab]"),
    )
    (folder / "bin").mkdir()
    for tool in Path("/usr/bin").iterdir():
        if tool.name not in _OF_NODE:
            (folder / "bin" / tool.name).symlink_to(tool)
    path = os.pathsep.join([str(python.parent), str(folder / "bin")])
    (folder / "home").mkdir()
    assert shutil.which("node", path=path) is None
    return {"PATH": path, "HOME": str(folder / "home"), "LANG": "C.UTF-8"}


def test_the_wheel_has_what_is_needed_and_no_more(built):
    assert built[".whl"].stat().st_size < _MOST_BYTES
    with zipfile.ZipFile(built[".whl"]) as wheel:
        names = set(wheel.namelist())
    assert {
        "mlops_nb/py.typed",
        "mlops_nb/pipelines/compiled/training.yaml",
        "mlops_nb/examples/quickstart/quickstart.ipynb",
        "mlops_nb/images/train/Containerfile",
        "mlops_nb/interfaces/widgets/live.js",
    } <= names
    data = next(name for name in names if name.endswith("/labextensions/mlops-nb/package.json"))
    assert data.replace("package.json", "install.json") in names
    assert any(name.endswith("/jupyter_server_config.d/mlops_nb.json") for name in names)
    tops = {name.split("/")[0].split("-")[0] for name in names}
    assert tops == {"mlops_nb"}
    assert not any("__pycache__" in name or "node_modules" in name for name in names)


def test_the_sdist_has_the_sources_of_all_of_it(built):
    with tarfile.open(built[".gz"]) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert {"pyproject.toml", "LICENSE", "labextension/package.json", "tests/conftest.py"} <= names
    assert not any("node_modules" in name for name in names)


def test_its_requirements_agree(installed):
    python = shutil.which("python", path=installed["PATH"])
    run(find_uv_bin(), "pip", "check", "--python", python)


def test_jupyter_has_both_extensions(installed):
    labextensions = run("jupyter", "labextension", "list", env=installed)
    (ours,) = [line for line in labextensions.splitlines() if "mlops-nb" in line]
    assert "enabled" in ours and "OK" in ours
    assert "error" not in labextensions.lower()
    servers = run("jupyter", "server", "extension", "list", env=installed)
    assert "mlops_nb enabled" in servers
    assert "error" not in servers.lower()
    assert re.search(r"^ +mlops_nb \S+ OK$", servers, re.MULTILINE)


def test_the_main_job_is_done_by_it(installed, tmp_path):
    run("jupyter", "mlops", "init", "--example", "quickstart", tmp_path / "p", env=installed)
    run(
        *("jupyter", "mlops", "train", "quickstart.ipynb", "--wait"),
        *("--project", tmp_path / "p"),
        env=installed,
    )
    told = subprocess.run(
        ["jupyter", "mlops", "runs", "--json", "--project", str(tmp_path / "p")],
        env=installed, capture_output=True, text=True, check=True,
    )  # fmt: skip
    (done,) = json.loads(told.stdout)["runs"]
    assert done["state"] == "SUCCEEDED"
    assert done["metrics"]["test_accuracy"] > 0.9
