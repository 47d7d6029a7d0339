"""A pod as a process: of this machine, or a container of the pod's image.

Both are made of the same record. A process has the environment and the folders that the record
names, and nothing of the environment of whoever started the server.
"""

from __future__ import annotations

import importlib
import os
import shlex
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from mlops_nb.testing.kubeflow import quantities
from mlops_nb.testing.kubeflow.resolution import WORKSPACE_PATH

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlops_nb.testing.kubeflow.ledger import Job, Ledger
    from mlops_nb.testing.kubeflow.pod import Mount, Pod

POD_NAME = "KFP_POD_NAME"


class Start(msgspec.Struct, frozen=True):
    """What is to be executed, where, and with which environment."""

    argv: tuple[str, ...]
    environment: dict[str, str]
    folder: Path
    links: tuple[tuple[Path, Path], ...] = ()


def start(pod: Pod, job: Job, ledger: Ledger) -> Start:
    """Say how a pod is started.

    Raises:
        ValueError: It cannot be: a secret, a claim or a place is missing. The message has
            Kubernetes' own word for it.
    """
    environment = {**_values(pod, job), POD_NAME: pod.name}
    folders = {mount: _folder(mount, pod, job, ledger) for mount in pod.mounts if _has(mount, job)}
    if job.container:
        return _contained(pod, job, ledger, environment, folders)
    home = _made(ledger.home(pod.name) / "home")
    return Start(
        argv=pod.command,
        environment={**_minimum(ledger, pod), **environment},
        folder=home,
        links=tuple((_reachable(mount), folder) for mount, folder in folders.items()),
    )


def _minimum(ledger: Ledger, pod: Pod) -> dict[str, str]:
    """Return what every image has."""
    return {
        "PATH": os.pathsep.join(
            (
                str(_interpreter(ledger)),
                str(Path(sys.executable).parent),
                os.environ.get("PATH", os.defpath),
            )
        ),
        "HOME": str(_made(ledger.home(pod.name) / "home")),
        "TMPDIR": str(_made(ledger.home(pod.name) / "tmp")),
        "LANG": "C.UTF-8",
    }


def _interpreter(ledger: Ledger) -> Path:
    """Make this interpreter the `python3` of the pods."""
    folder = _made(ledger.path / "bin")
    python = folder / "python3"
    if not python.exists():
        python.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
        python.chmod(0o700)
    return folder


def _values(pod: Pod, job: Job) -> dict[str, str]:
    secrets = {
        name: job.secrets[one.secret][one.key]
        for name, one in pod.secret_environment.items()
        if _has_key(one.secret, one.key, job, optional=one.optional)
    }
    return {**job.environment, **pod.environment, **secrets}


def _has_key(secret: str, key: str, job: Job, *, optional: bool) -> bool:
    if key in job.secrets.get(secret, {}):
        return True
    if optional:
        return False
    what = f"couldn't find key {key} in Secret" if secret in job.secrets else "secret not found:"
    raise ValueError(f"CreateContainerConfigError: {what} {job.namespace}/{secret}")


def _has(mount: Mount, job: Job) -> bool:
    if mount.kind == "secret" and mount.source not in job.secrets:
        if mount.optional:
            return False
        raise ValueError(f'FailedMount: secret "{mount.source}" not found')
    if mount.kind == "claim" and mount.source not in job.claims:
        raise ValueError(f'FailedScheduling: persistentvolumeclaim "{mount.source}" not found')
    return True


def _folder(mount: Mount, pod: Pod, job: Job, ledger: Ledger) -> Path:
    """Return the folder that stands for a volume."""
    if mount.kind == "claim":
        return _open(Path(job.root) / "claims" / mount.source)
    if mount.kind == "workspace":
        return _made(ledger.workspace)
    folder = _open(ledger.home(pod.name) / "volumes" / f"{mount.kind}-{mount.source}")
    for key, value in job.secrets[mount.source].items() if mount.kind == "secret" else ():
        (folder / key).write_text(value, encoding="utf-8")
    return folder


def _reachable(mount: Mount) -> Path:
    """Return where a process would see a volume, or say that it needs a container."""
    path = Path(mount.path)
    if mount.kind != "workspace" and not os.access(path.parent, os.W_OK):
        raise _unreachable(path)
    return path


def _unreachable(path: Path) -> ValueError:
    return ValueError(
        f"FailedMount: {path} cannot be made here; name an engine for containers:"
        ' KubeflowServer(..., container=("podman", "run", "--rm"))'
    )


def link(start: Start) -> list[Path]:
    """Make a process's volumes visible; return what has to be removed when it has ended."""
    made = []
    for path, folder in start.links:
        if path.as_posix() == WORKSPACE_PATH:
            # The placeholder of the workspace is resolved to the folder itself.
            continue
        if path.is_symlink() and path.readlink() == folder:
            continue
        if path.exists() or path.is_symlink():
            raise ValueError(f"FailedMount: there is something at {path} already")
        try:
            path.symlink_to(folder)
        except OSError as error:
            raise _unreachable(path) from error
        made.append(path)
    return made


def unlink(made: list[Path]) -> None:
    """Remove what made a process's volumes visible."""
    for path in made:
        with suppress(FileNotFoundError):
            path.unlink()


def _contained(
    pod: Pod, job: Job, ledger: Ledger, environment: Mapping[str, str], folders: dict[Mount, Path]
) -> Start:
    variables = ledger.home(pod.name) / "environment"
    _made(variables.parent)
    variables.touch(mode=0o600)
    variables.write_text("".join(_line(name, value) for name, value in environment.items()))
    volumes = {f"{path}": mount.path for mount, path in folders.items()}
    volumes |= {place: place for place in _shared(job, ledger)}
    options = [f"--volume={here}:{there}" for here, there in volumes.items()]
    if job.workspace:
        options.append(f"--volume={_made(ledger.workspace)}:{ledger.workspace}")
    entry, *rest = pod.command
    argv = (
        *_prefix(job, pod),
        *options,
        *_limits(pod),
        f"--env-file={variables}",
        f"--entrypoint={entry}",
        pod.image,
        *rest,
    )
    # The engine for containers itself works as whoever started the server.
    return Start(argv=argv, environment=dict(os.environ), folder=variables.parent)


def _limits(pod: Pod) -> list[str]:
    """Return what keeps a container within its memory, as a node does."""
    memory = pod.limits.get("memory")
    return [f"--memory={quantities.number(memory):.0f}b"] if memory else []


def _shared(job: Job, ledger: Ledger) -> list[str]:
    """Name the folders that stand for the artifact store, which an image's user has to write."""
    folder = _made(Path(job.root) / "artifacts")
    own = _made(folder / job.run_id)
    # Images may have different users, and a store has no owners.
    made = (path for path in own.rglob("*") if path.is_dir())
    for path in (folder, own, _made(ledger.workspace), *made):
        path.chmod(0o777)
    return [str(folder)]


def _line(name: str, value: str) -> str:
    if "\n" in value:
        raise ValueError(f"CreateContainerError: {name} has several lines; mount it as a file")
    return f"{name}={value}\n"


def _prefix(job: Job, pod: Pod) -> tuple[str, ...]:
    if not isinstance(job.container, str):
        return job.container
    module, _, name = job.container.partition(":")
    launch: Callable[[Pod], tuple[str, ...]] = getattr(importlib.import_module(module), name)
    return tuple(launch(pod))


def _open(path: Path) -> Path:
    """Make a volume, which an image's own user can write."""
    _made(path).chmod(0o777)
    return path


def _made(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path
