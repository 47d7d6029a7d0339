"""Which notebook is in front of the user, and what it says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_nb.capture import server
from mlops_nb.exceptions import NotebookError

if TYPE_CHECKING:
    from collections.abc import Mapping

PARAMETERS_TAG = "parameters"


def load(path: Path) -> dict[str, Any]:
    """Read a notebook file.

    Raises:
        NotebookError: It is absent, not JSON, not a notebook of format 4, or not in Python.
    """
    if not path.exists():
        raise NotebookError(f"there is no notebook {path}", hint=_near(path))
    try:
        document: Any = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError, RecursionError) as error:
        raise NotebookError(
            f"{path} is not a notebook: {error}", hint="name a file that Jupyter can open"
        ) from None
    version = document.get("nbformat") if isinstance(document, dict) else None
    if isinstance(version, int) and version != 4:
        raise NotebookError(
            f"{path} has notebook format {version}; format 4 is needed",
            hint=f"convert it: jupyter nbconvert --to notebook --inplace {path}",
        )
    if version is None or not isinstance(document.get("cells"), list):
        raise NotebookError(
            f"{path} is not a notebook: it has no cells",
            hint="open it in Jupyter and save it, or name another file",
        )
    found: dict[str, Any] = document
    _must_be_python(path, found)
    return found


def parameters_cell(document: Mapping[str, Any]) -> str | None:
    """Return the source of the first code cell tagged `parameters`, None where there is none."""
    for cell in document["cells"]:
        tags = (cell.get("metadata") or {}).get("tags") or []
        if cell.get("cell_type") == "code" and PARAMETERS_TAG in tags:
            return source_of(cell)
    return None


def source_of(cell: Mapping[str, Any]) -> str:
    """Return a cell's source, which the file may keep as a list of lines."""
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(source)


def locate(namespace: Mapping[str, Any] | None) -> Path:
    """Find the file of the notebook that this kernel runs.

    Asked in turn: VS Code, which leaves the path in the session, and the Jupyter server that
    started this kernel. `JPY_SESSION_NAME` is not believed: it is stale after a rename.

    Raises:
        NotebookError: Neither of them knows.
    """
    if namespace is not None:
        path = namespace.get("__vsc_ipynb_file__")
        if isinstance(path, str):
            return Path(path)
        served = server.of_kernel()
        if served is not None:
            return served.notebook
    raise NotebookError(
        "cannot tell which notebook this is", hint="name it: %mlops train NOTEBOOK.ipynb"
    )


def _must_be_python(path: Path, document: Mapping[str, Any]) -> None:
    metadata = document.get("metadata") or {}
    language = (metadata.get("kernelspec") or {}).get("language") or (
        metadata.get("language_info") or {}
    ).get("name", "python")
    if language != "python":
        raise NotebookError(
            f"{path} is a notebook in {language}; only Python notebooks can be trained",
            hint="choose a Python kernel for it in Jupyter and save it",
        )


def _near(path: Path) -> str:
    folder = path.parent if path.parent.is_dir() else Path.cwd()
    others = sorted(other.name for other in folder.glob("*.ipynb"))
    if not others:
        return "name a notebook of the project"
    return f"{folder} has: {', '.join(others[:5])}"
