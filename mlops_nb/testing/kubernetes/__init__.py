"""A strict double of the Kubernetes API with KServe, whose pods are processes of this machine.

Objects are checked field by field and refused as the server and KServe's webhook refuse them. The
controller starts a process for every revision, probes it, splits the traffic, and tells of failures
as the kubelet does. The gateway is at the same address, by the host of a service.
"""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_nb.testing.kubernetes.controller import Controller
from mlops_nb.testing.kubernetes.store import Store
from mlops_nb.testing.kubernetes.transport import Server

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from mlops_nb.testing.kubernetes.pods import Pod

__all__ = ["KubernetesServer"]

_STEP_S = 0.05


class KubernetesServer:
    """Serve the API on a port of this machine; a context manager.

    Args:
        folder: Where the kubeconfig and the output of pods are.
        images: Command of each image that can be pulled. It gets the container's arguments, and the
            port to listen on as the variable `MLOPS_SERVING_PORT`. Another image cannot be pulled.
        secrets: Secrets of the namespace: name, then keys and values.
        token: Requests need this bearer token, if given.
        namespace: The one namespace of the user.
        claims: Persistent volume claims of the namespace, each with the folder that stands for it.
        renames_modes: Whether KServe reports its modes as it does since 0.16.
        certificate: Files of a certificate and its key: the API is served by TLS, then.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        images: Mapping[str, Sequence[str]],
        secrets: Mapping[str, Mapping[str, str]] | None = None,
        token: str | None = None,
        namespace: str = "team",
        *,
        claims: Mapping[str, Path] | None = None,
        renames_modes: bool = True,
        certificate: tuple[str, str] | None = None,
    ) -> None:
        self.folder = Path(folder).resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.images = images
        self.namespace = namespace
        self._token = token
        self._store = Store(namespace, renames_modes=renames_modes)
        self._controller = Controller(
            self._store, self.folder, self.images, secrets or {}, claims or {}
        )
        self._server = Server(self._store, self._controller, token, certificate)
        self._over = threading.Event()
        self._threads = (
            threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True),
            threading.Thread(target=self._control, daemon=True),
        )

    def __enter__(self) -> KubernetesServer:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._over.set()
        self._threads[1].join()
        self._controller.close()

    @property
    def url(self) -> str:
        """The address of the API, and of the gateway to the services."""
        return f"{self._server.scheme}://127.0.0.1:{self._server.server_address[1]}"

    @property
    def requests(self) -> list[tuple[str, str]]:
        """All requests to the API so far; of each method, and path with query."""
        return list(self._server.requests)

    @property
    def kubeconfig(self) -> Path:
        """A kubeconfig for the server, with its namespace; written when it is asked for."""
        user = {"token": self._token} if self._token else {}
        path = self.folder / "kubeconfig"
        held = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "here", "cluster": {"server": self.url}}],
            "users": [{"name": "me", "user": user}],
            "contexts": [
                {
                    "name": "here",
                    "context": {"cluster": "here", "user": "me", "namespace": self.namespace},
                }
            ],
            "current-context": "here",
        }
        path.write_text(json.dumps(held), encoding="utf-8")
        return path

    def names(self, kind: str) -> list[str]:
        """Return the names of all objects of a kind, such as "Pod"."""
        return sorted(one["metadata"]["name"] for one in self._store.list(kind, {}))

    def object(self, kind: str, name: str) -> dict[str, Any]:
        """Return an object as the API has it."""
        return self._store.get(kind, name)

    def pod(self, name: str) -> Pod | None:
        """Return a pod, None where there is none of the name."""
        return self._controller.pod(name)

    def _control(self) -> None:
        while not self._over.wait(_STEP_S):
            with self._store.lock:
                self._controller.step()
