"""The few words that tests are written in."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops_nb.types import Code, Environment, Hyperparameter, RunRequest, Snapshot

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Project:
    """A project on disk."""

    root: Path

    def git(self, *arguments: str) -> str:
        """Run git in the project and return what it printed."""
        run = subprocess.run(["git", *arguments], cwd=self.root, capture_output=True, check=True)
        return run.stdout.decode().strip()

    def write(self, path: str, text: str) -> Path:
        """Write a file of the project."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        return target

    def notebook(
        self, *cells: str, parameters: str | None = None, path: str = "train.ipynb"
    ) -> Path:
        """Write a notebook of the project."""
        return notebook(self.root / path, *cells, parameters=parameters)


def notebook(path: Path, *cells: str, parameters: str | None = None) -> Path:
    """Write a notebook with a parameters cell, if it is to have one, and code cells."""

    def cell(name: str, source: str, tags: list[str]) -> dict:
        return {
            "cell_type": "code",
            "id": name,
            "execution_count": None,
            "metadata": {"tags": tags},
            "outputs": [],
            "source": source,
        }

    made = [cell(f"cell-{i}", source, []) for i, source in enumerate(cells)]
    if parameters is not None:
        made.insert(0, cell("parameters", parameters, ["parameters"]))
    document = {
        "cells": made,
        "metadata": {"kernelspec": {"name": "python3", "language": "python", "display_name": "P"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    path.write_text(json.dumps(document))
    return path


def executed(path: Path, *, then: str = "", **parameters: str) -> dict[str, list]:
    """Execute a notebook in a kernel, where it lies; return the outputs of its cells by their ids.

    Args:
        path: The notebook, which stays as it is.
        then: Code of one more cell.
        parameters: Values in place of those of its parameters cell.
    """
    import nbclient
    import nbformat

    document = nbformat.read(path, as_version=4)
    assigned = "\n".join(f"{name} = {value!r}" for name, value in parameters.items())
    cells = {cell.id: cell for cell in document.cells if cell.cell_type == "code"}
    document.cells.append(nbformat.v4.new_code_cell(then))
    cells["parameters"].source += f"\n{assigned}"
    place = {"metadata": {"path": str(path.parent)}}
    nbclient.NotebookClient(document, kernel_name="python3", resources=place, timeout=900).execute()
    return {name: cell.outputs for name, cell in cells.items()}


# A cell that waits until what is shown live has come to its end.
PANELS_END = (
    "import threading\n"
    "for thread in threading.enumerate():\n"
    "    if thread.name.startswith('mlops-'):\n"
    "        thread.join()"
)


def shown(outputs: list) -> str:
    """Return what a cell prints, or the last thing that it shows, as text."""
    printed = "".join(output["text"] for output in outputs if output.output_type == "stream")
    return printed.strip() or outputs[-1].data["text/plain"]


def request(**parameters: object) -> RunRequest:
    """Return the request of a run of two stages, with these hyperparameters."""
    return RunRequest(
        id="one",
        pipeline="training",
        pipeline_digest="d" * 64,
        stages=("first", "second"),
        backend="local",
        snapshot=Snapshot(
            code=Code(repo="/r", sha="a" * 40, branch="main", dirty=False, ref="r"),
            notebook="n.ipynb",
            datasets=(),
            hyperparameters=tuple(
                Hyperparameter(name=n, type="any", default=None, value=v, source="argument")
                for n, v in parameters.items()
            ),
            environment=Environment(
                python="3", implementation="C", platform="L", lock=(), hash="h"
            ),
        ),
        arguments={"a": "b"},
        created_at="2026-01-01T00:00:00+00:00",
    )
