"""Compile the generic pipelines; `make compile` rewrites the shipped files.

Local runs use the shipped files and never compile. A test holds them to the definitions. For a
cluster a pipeline is compiled once with what its platform has, and kept by a hash of that.
"""

from __future__ import annotations

import hashlib
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from mlops_nb.files import replace_file
from mlops_nb.pipelines import COMPILED_FOLDER, PIPELINES, Pipeline
from mlops_nb.pipelines.lint import must_be_the_same

if TYPE_CHECKING:
    from mlops_nb.pipelines.platform import Platform


def compile_pipeline(pipeline: Pipeline, platform: Platform | None = None) -> str:
    """Return the compiled YAML of a pipeline's definition.

    Args:
        pipeline: The pipeline.
        platform: Whose pods the stages run in; None for the generic pipeline.

    Raises:
        UsageError: The local engine would execute it differently from a cluster.
    """
    from kfp.compiler import Compiler

    module = import_module(f"mlops_nb.pipelines.{pipeline.name}")
    with TemporaryDirectory() as folder:
        path = Path(folder, "pipeline.yaml")
        Compiler().compile(module.define(platform), str(path))
        text = path.read_text(encoding="utf-8")
    must_be_the_same(pipeline.name, text)
    return text


def compiled_for(pipeline: Pipeline, platform: Platform, folder: Path) -> str:
    """Return the YAML of a pipeline for a platform, compiled where a folder does not have it yet.

    Args:
        pipeline: The pipeline.
        platform: Whose pods the stages run in.
        folder: Where compiled pipelines are kept.
    """
    key = hashlib.sha256(f"{pipeline.digest} {platform.digest}".encode()).hexdigest()[:32]
    path = folder / f"{pipeline.name}-{key}.yaml"
    if not path.is_file():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_file(path, compile_pipeline(pipeline, platform).encode())
    return path.read_text(encoding="utf-8")


def main() -> None:
    """Rewrite the shipped files."""
    for pipeline in PIPELINES.values():
        (COMPILED_FOLDER / f"{pipeline.name}.yaml").write_text(
            compile_pipeline(pipeline), encoding="utf-8"
        )


if __name__ == "__main__":
    main()
