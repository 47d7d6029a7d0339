"""An engine, an image to build on, and the stage images, once for all tests of containers."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

import mlops_nb as mlops
from tests.containers import machine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_nb.types import Image


@pytest.fixture(scope="session")
def _engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    missing = machine.missing()
    if missing and "CI" in os.environ:
        pytest.fail(f"no containers: {missing}")
    if missing:
        pytest.skip(f"no containers: {missing}")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in machine.settings(tmp_path_factory.mktemp("engine")).items():
            patch.setenv(name, value)
        yield
        # Not what another process of the tests is building on just now.
        prune = ["podman", "image", "prune", "--force", "--filter", "until=24h"]
        subprocess.run(prune, check=True, capture_output=True)


@pytest.fixture(scope="session")
def base_image(_engine: None) -> str:
    """Name of an image with Debian and Python."""
    return machine.base_image()


@pytest.fixture(scope="session")
def stage_images(base_image: str) -> dict[str, Image]:
    """The images of all stages, built."""
    with machine.alone():
        return {image.stage: image for image in mlops.build_images(base=base_image)}


@pytest.fixture(scope="session")
def in_image(stage_images: dict[str, Image]):
    """Run a command in the image of a stage and return what it prints."""

    def run(stage: str, *command: str, options: tuple[str, ...] = ()) -> str:
        # A health check is a systemd timer, and not every machine has systemd.
        fixed = ("podman", "run", "--rm", "--no-healthcheck", "--network", "none")
        found = subprocess.run(
            [*fixed, *options, stage_images[stage].name, *command],
            capture_output=True,
            text=True,
            check=False,
        )
        assert found.returncode == 0, found.stderr
        return found.stdout

    return run
