"""A strict double of the API server of Kubeflow Pipelines, which runs pipelines for real.

Requests are checked against the contract of the client that Kubeflow generates, and refused as the
server refuses them. Submitted pipelines are executed by KFP's local engine, each task as its own
pod: a clean process, or a container of the task's image. All state is in a folder; runs go on while
the server is down, and a server that starts later on the same folder knows them.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_nb.exceptions import UsageError
from mlops_nb.testing.kubeflow.api import Api
from mlops_nb.testing.kubeflow.cluster import Cluster
from mlops_nb.testing.kubeflow.transport import Server

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from types import TracebackType

    from mlops_nb.testing.kubeflow.pod import Pod

__all__ = ["KubeflowServer"]


class KubeflowServer:
    """Serve the API on a port of this machine; a context manager.

    Args:
        folder: Where all state is; a later server on the same folder goes on with it.
        token: Requests need this bearer token, if given.
        cookie: Requests need this cookie, if given; without it they are sent to a login page.
        namespace: The one namespace of the user; with it the server is in multi-user mode.
        secrets: Kubernetes secrets of the namespace: name, then keys and values.
        claims: Persistent volume claims that exist.
        pod_environment: Variables that every pod has besides a clean minimum.
        port: Where to serve; 0 takes a free port.
        images: References that can be pulled; all of them if None.
        container: A command that runs containers, such as `("podman", "run", "--rm")`, or a
            function of a module that makes it for a pod. Pods are processes without it.
        terminated_state: Where a terminated run ends. Kubeflow's API has CANCELED; where the
            controller's own verdict is reported last, a server shows FAILED.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        token: str | None = None,
        cookie: tuple[str, str] | None = None,
        namespace: str | None = None,
        secrets: Mapping[str, Mapping[str, str]] | None = None,
        claims: Iterable[str] = (),
        pod_environment: Mapping[str, str] | None = None,
        port: int = 0,
        *,
        images: Iterable[str] | None = None,
        container: Sequence[str] | Callable[[Pod], Sequence[str]] = (),
        terminated_state: str = "CANCELED",
    ) -> None:
        self._cluster = Cluster(
            folder=Path(folder).resolve(),
            token=token,
            cookie=cookie,
            namespace=namespace,
            secrets={name: dict(values) for name, values in (secrets or {}).items()},
            claims=tuple(claims),
            pod_environment=dict(pod_environment or {}),
            images=None if images is None else tuple(images),
            container=_by_name(container) if callable(container) else tuple(container),
            terminated_state=terminated_state,
        )
        self._api = Api(self._cluster)
        self._port = port
        self._server: Server | None = None

    def __enter__(self) -> KubeflowServer:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Begin to serve; once stopped, on the same port again."""
        self._server = Server(self._port, self._api)
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        """Serve no more; runs go on."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    @property
    def url(self) -> str:
        """The address, which is known once the server has been started."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def requests(self) -> list[tuple[str, str, str]]:
        """All requests so far; of each method, path with query, body."""
        return list(self._api.requests)

    def fail(
        self,
        status: int = 503,
        seconds: float | None = None,
        requests: int | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        """Answer everything with an error, for some seconds or some requests."""
        self._api.faults.fail(status, seconds, requests, retry_after_s)

    def delay(self, seconds: float) -> None:
        """Answer everything that much later; 0 ends it."""
        self._api.faults.delay_s = seconds

    def expire(self, new_token: str) -> None:
        """Refuse the token from now on, and take another one."""
        self._cluster.token = new_token

    def terminate(self, run_id: str) -> None:
        """Cancel a run, as somebody does in Kubeflow's own pages."""
        with self._api.lock:
            self._api.runs.terminate(run_id)

    def evict(self, run_id: str, task: str) -> None:
        """Kill the pod of a task, as a node does that runs out of memory.

        Raises:
            KeyError: The task has no pod yet.
        """
        with self._api.lock:
            self._api.runs.evict(run_id, task)

    def fire(self, recurring_run_id: str, due: float | None = None) -> str:
        """Let a recurring run make its next run; return that run's id.

        Args:
            recurring_run_id: The recurring run.
            due: When that is to be, in seconds since the epoch; now if None.

        Raises:
            UsageError: The recurring run is disabled.
        """
        with self._api.lock:
            return self._api.recurring_runs.fire(recurring_run_id, due).id

    def pod(self, run_id: str, task: str) -> Pod:
        """Return what a task's pod is made of: the latest one's.

        Raises:
            KeyError: The task has no pod yet.
        """
        with self._api.lock:
            runs = self._api.runs
            return runs.ledger(runs.get(run_id)).pod(task)

    def log(self, run_id: str) -> str:
        """Return what the engine of a run has printed, which says why it stopped."""
        with self._api.lock:
            runs = self._api.runs
            path = runs.ledger(runs.get(run_id)).engine_log()
            return path.read_text(errors="replace")


def _by_name(function: Callable[[Pod], Sequence[str]]) -> str:
    """Name a function so that another process finds it."""
    if "<" in function.__qualname__ or "." in function.__qualname__:
        raise UsageError(
            f"{function.__qualname__} cannot be called in the process of a run",
            hint="define the function at the top of a module",
        )
    return f"{function.__module__}:{function.__qualname__}"
