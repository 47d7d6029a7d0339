"""Importing the package and loading the extension must cost next to nothing."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {
    *("kfp", "kubernetes", "mlflow", "sqlalchemy", "papermill", "nbclient", "nbformat", "dvc"),
    *("pandas", "numpy", "sklearn", "requests", "rich", "yaml", "anywidget", "ipywidgets"),
}


def loaded_by(code: str) -> set[str]:
    script = f"import sys\n{code}\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(run.stdout.split()) & HEAVY


@pytest.mark.parametrize(
    "code",
    [
        "import mlops_nb",
        "import mlops_nb; mlops_nb.train; mlops_nb.Run",
        "from IPython.core.interactiveshell import InteractiveShell as S\n"
        "import mlops_nb; mlops_nb.load_ipython_extension(S.instance())",
        "from mlops_nb.interfaces import cli",
    ],
)
def test_nothing_heavy_is_imported(code):
    assert loaded_by(code) == set()


def test_the_check_can_fail():
    assert loaded_by("import yaml") == {"yaml"}
