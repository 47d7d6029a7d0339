"""Compile the generic pipelines; `make compile` rewrites the shipped files.

Runs use the shipped files and never compile. A test holds them to the definitions.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

from mlops_nb.pipelines import COMPILED_FOLDER, PIPELINES, Pipeline


def compile_pipeline(pipeline: Pipeline) -> str:
    """Return the compiled YAML of a pipeline's definition."""
    from kfp.compiler import Compiler

    module = import_module(f"mlops_nb.pipelines.{pipeline.name}")
    with TemporaryDirectory() as folder:
        path = Path(folder, "pipeline.yaml")
        Compiler().compile(getattr(module, pipeline.name), str(path))
        return path.read_text(encoding="utf-8")


def main() -> None:
    """Rewrite the shipped files."""
    for pipeline in PIPELINES.values():
        (COMPILED_FOLDER / f"{pipeline.name}.yaml").write_text(
            compile_pipeline(pipeline), encoding="utf-8"
        )


if __name__ == "__main__":
    main()
