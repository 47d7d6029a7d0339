"""Podman, Docker or Buildah: what differs between them when an image is built and pushed."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_nb.exceptions import ImageError, UsageError
from mlops_nb.images import access

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ENGINES = ("podman", "docker", "buildah")
_LOOPBACK = re.compile(r"(localhost|127(\.\d+){3}|\[::1\])(:\d+)?")
_LAST_LINES = 5
LOG = "images.log"


@dataclass(frozen=True)
class Engine:
    """One engine of this machine.

    Attributes:
        name: Its command.
        log: The file that gets all that it prints.
    """

    name: str
    log: Path

    def build(
        self,
        image: str,
        context: Path,
        *,
        arguments: Mapping[str, str],
        labels: Mapping[str, str],
        secrets: Mapping[str, Path],
    ) -> None:
        """Build an image from the Containerfile of a folder, which gets a line for the labels.

        Raises:
            ImageError: The engine fails.
        """
        recipe = context / "Containerfile"
        # As options they are a layer each, which take longer than the model's.
        if given := " ".join(f"{name}={_quoted(value)}" for name, value in labels.items()):
            with recipe.open("a", encoding="utf-8") as lines:
                lines.write(f"LABEL {given}\n")
        command = ["build", "--tag", image, "--file", str(recipe)]
        if self.name != "docker":
            # The other format has no health check. Layers are not kept by buildah unless asked.
            command += ["--format", "docker", "--layers"]
        # An index or a proxy may be one that only this machine can see.
        command += ["--network", "host"]
        for name, value in arguments.items():
            command += ["--build-arg", f"{name}={value}"]
        for name, path in secrets.items():
            command += ["--secret", f"id={name},src={path}"]
        code, last = self._run(*command, str(context))
        if code:
            raise ImageError(
                f"{self.name} cannot build {image}; it ends with:\n  {_indented(last)}",
                hint=f"see all that it says: less {self.log}",
            )

    def identify(self, image: str) -> tuple[str, int]:
        """Return an image's id, and its size in bytes as its layers are on the disk."""
        if self.name != "buildah":
            found = self._json("image", "inspect", image)[0]
            return found["Id"].removeprefix("sha256:"), found["Size"]
        found = self._json("inspect", "--type", "image", image)
        layers = json.loads(found["Manifest"])["layers"]
        return found["FromImageID"], sum(layer["size"] for layer in layers)

    def push(self, image: str, reference: str) -> str:
        """Push an image under another name and return the digest that the registry knows it by.

        Raises:
            ImageError: The registry cannot be reached, or refuses.
        """
        if self.name != "docker":
            return self._push(image, reference)
        self._must_push(reference, "tag", image, reference)
        self._must_push(reference, "push", "--quiet", reference)
        digests = self._json("image", "inspect", reference)[0]["RepoDigests"]
        repository = reference.rpartition(":")[0]
        return str(next(d for d in digests if d.startswith(f"{repository}@")).partition("@")[2])

    def _push(self, image: str, reference: str) -> str:
        with tempfile.TemporaryDirectory() as folder:
            digest = Path(folder, "digest")
            options = ["--digestfile", str(digest)]
            if _LOOPBACK.fullmatch(reference.partition("/")[0]):
                options.append("--tls-verify=false")
            self._must_push(reference, "push", *options, image, f"docker://{reference}")
            return digest.read_text(encoding="utf-8").strip()

    def _must_push(self, reference: str, *arguments: str) -> None:
        code, last = self._run(*arguments)
        if code:
            raise ImageError(
                f"{self.name} cannot push {reference}; it ends with:\n  {_indented(last)}",
                hint=f"log in, then try again: {self.name} login {reference.partition('/')[0]}",
            )

    def _run(self, *arguments: str) -> tuple[int, list[str]]:
        """Run the engine, with its output in the log; return its exit code and last lines."""
        last: deque[str] = deque(maxlen=_LAST_LINES)
        with (
            self.log.open("a", encoding="utf-8") as log,
            subprocess.Popen(
                [self.name, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
            ) as process,
        ):
            for line in process.stdout or ():
                shown = access.inert(line)
                log.write(shown)
                last += [shown.rstrip()] if shown.strip() else []
        return process.returncode, list(last)

    def _json(self, *arguments: str) -> Any:
        command = [self.name, *arguments]
        return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)


def find(name: str | None, log: Path, among: Sequence[str] = ENGINES) -> Engine:
    """Return the engine of a name, or the first one of `among` that this machine has.

    Raises:
        UsageError: There is no engine of that name.
        ImageError: It is not installed, or none is.
    """
    if name is not None and name not in ENGINES:
        raise UsageError(f"there is no engine {name!r}", hint=f"there are: {', '.join(ENGINES)}")
    if name is not None and name not in among:
        raise ImageError(
            f"{name} builds images and does not run them", hint=f"install {' or '.join(among)}"
        )
    wanted = among if name is None else (name,)
    for candidate in wanted:
        if shutil.which(candidate):
            return Engine(candidate, log)
    missing = " or ".join(wanted)
    raise ImageError(f"{missing} is not installed", hint=f"install {wanted[0]}, then try again")


def _quoted(value: str) -> str:
    """Return a value as a Containerfile has it, with nothing in it that stands for something."""
    return json.dumps(value, ensure_ascii=False).replace("$", r"\$")


def _indented(lines: list[str]) -> str:
    return "\n  ".join(lines) or "it says nothing"
