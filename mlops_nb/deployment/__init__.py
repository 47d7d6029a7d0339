"""Put a package up as a service: one seam, and a target for each place where services can be."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  (`Built` is read back from JSON)
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    import builtins
    from contextlib import AbstractContextManager

    from mlops_nb.deployment.descriptor import Descriptor
    from mlops_nb.types import Deployment, Origin, Revision, Traffic


class Built(NamedTuple):
    """What a revision starts from.

    Attributes:
        package: Digest of the package.
        folder: The package, None where only the image is at hand.
        python: Interpreter of its environment, None where an image has it.
        image: The image by digest, None where it runs as a process.
    """

    package: str
    folder: Path | None = None
    python: Path | None = None
    image: str | None = None


class Endpoint(NamedTuple):
    """Where one revision, or a whole deployment, answers, and the headers that it wants."""

    url: str
    headers: dict[str, str]


class Requests(NamedTuple):
    """The inference log of a revision: its folder, and the part of the requests that it has."""

    folder: Path
    sample: float


class SharedLog(NamedTuple):
    """An inference log on a volume that pods share.

    `claim` is the volume's, `place` a folder in it, and `sample` the part of the requests that it
    has.
    """

    claim: str
    place: str
    sample: float


def log_place(name: str, number: int) -> str:
    """Return the folder in a volume that has the inference log of a revision.

    It is at the top: a service makes the folder of its log, and none above it.
    """
    return f"requests-{name}-{number}"


class Target(Protocol):
    """What every target can do. Deployments are known by name.

    All but `check`, `claim`, `create` and `list` raise `DeploymentError` where there is none of the
    name, or no revision of the number.
    """

    def claim(self, name: str) -> AbstractContextManager[None]:
        """Keep other deploys of the name out for as long as the block lasts.

        Raises:
            DeploymentError: Another one is at it; the message says which.
        """

    def check(self, descriptor: Descriptor) -> None:
        """Refuse what cannot be had here, before anything is built.

        Raises:
            MlopsError: What is missing, and what to do about it.
        """

    def create(self, descriptor: Descriptor, built: Built, origin: Origin) -> Revision:
        """Put a new revision up without traffic and wait until it is ready.

        The deployment is made where there is none of the name. A revision that does not become
        ready is taken down again, and what serves is as it was.

        Raises:
            DeploymentError: It does not become ready; the message has the service's own error.
        """

    def endpoint(self, name: str, number: int | None = None) -> Endpoint:
        """Return where a revision answers without traffic of its own; the deployment if None."""

    def route(self, name: str, traffic: Traffic) -> Deployment:
        """Give revisions their parts of the traffic, and return once it is so.

        No request fails of it. A revision without any is kept for a rollback, up to three, and the
        older ones are retired.

        Raises:
            DeploymentError: A revision is not ready, or the target cannot do it; nothing changed.
        """

    def discard(self, name: str, number: int) -> None:
        """Take a revision down that has no traffic; the deployment too where it was the first.

        Raises:
            DeploymentError: It has traffic.
        """

    def get(self, name: str) -> Deployment:
        """Return a deployment as it is now."""

    def list(self) -> tuple[Deployment, ...]:
        """Return all deployments of the project, by name."""

    def logs(self, name: str, number: int | None = None, *, last_bytes: int | None = None) -> str:
        """Return what a revision has printed; the one with the most traffic if None."""

    def requests(self, name: str, number: int) -> Requests:
        """Return where the inference log of a revision is.

        Raises:
            DeploymentError: It is not on this machine.
        """

    def shared_log(self, name: str, number: int) -> SharedLog | None:
        """Return where pods find the inference log of a revision, None where they do not."""

    def start(self, name: str) -> Deployment:
        """Start a deployment again as it was, after a stop or a reboot; it may be running."""

    def stop(self, name: str) -> Deployment:
        """End all revisions once they have answered what they have; `start` brings them back."""

    def delete(self, name: str) -> None:
        """Take a deployment down with all its revisions, once they have answered what they have."""

    def names(self) -> builtins.list[str]:
        """Return the names of all deployments."""
