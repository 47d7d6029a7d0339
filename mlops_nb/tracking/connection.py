"""A connection to MLflow, and a store on this machine made ready for many processes."""

from __future__ import annotations

import os
import sqlite3
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_nb.exceptions import TrackingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SQLITE = "sqlite:///"
MODELS = "models:/"
# What MLflow says of what is not there.
ABSENT = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")
_LOCK_TIMEOUT_S = 300


class Connection:
    """MLflow's client, by an address of its own.

    The store that a session has named to MLflow for itself stays what it is.

    Args:
        uri: Tracking URI. A SQLite file is created under a lock: MLflow's own creation of the
            schema fails when several processes do it at once.

    Attributes:
        client: MLflow's client.
        error: What MLflow raises.

    Raises:
        TrackingError: The store cannot be opened.
    """

    def __init__(self, uri: str) -> None:
        # Runs must not report to anyone, and MLflow reads this at import.
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        # A server that is down must not hold a run for minutes.
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")
        os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
        from mlflow.exceptions import MlflowException

        self.uri = uri
        self.error = MlflowException
        self.client = self._open()

    @contextmanager
    def reached(self) -> Iterator[None]:
        """Turn what MLflow raises into an error with a hint."""
        try:
            yield
        except self.error as error:
            raise self.unreachable(error) from error

    def unreachable(self, error: Exception) -> TrackingError:
        """Return the error of a store that cannot be used."""
        return TrackingError(
            f"MLflow at {self.uri} cannot be used: {error}",
            hint="check tracking.uri: jupyter mlops config",
        )

    def exclusively(self) -> AbstractContextManager[object]:
        """Keep other runs of the project out; a server has transactions of its own."""
        if not self.uri.startswith(SQLITE):
            return nullcontext()
        from filelock import FileLock

        path = self.uri.removeprefix(SQLITE)
        return FileLock(f"{path}.lock", timeout=_LOCK_TIMEOUT_S, mode=0o600)

    @contextmanager
    def ambient(self) -> Iterator[None]:
        """Be the process's store: by that MLflow finds the model behind a new version."""
        import mlflow

        before = mlflow.get_tracking_uri(), mlflow.get_registry_uri()
        mlflow.set_tracking_uri(self.uri)
        mlflow.set_registry_uri(self.uri)
        try:
            yield
        finally:
            mlflow.set_tracking_uri(before[0])
            mlflow.set_registry_uri(before[1])

    def _open(self) -> Any:
        from mlflow import MlflowClient

        # The constructor already creates the schema, so it belongs inside of the lock.
        path = Path(self.uri.removeprefix(SQLITE))
        if not self.uri.startswith(SQLITE) or _is_ready(path):
            return MlflowClient(self.uri, self.uri)
        path.parent.mkdir(parents=True, exist_ok=True)
        with self.exclusively():
            client = MlflowClient(self.uri, self.uri)
            if not _is_ready(path):
                try:
                    client.search_experiments(max_results=1)
                except self.error as error:
                    raise self.unreachable(error) from error
                _make_ready(path)
        return client


def pages(search: Callable[..., Any]) -> Iterator[Any]:
    """Yield all that a search of MLflow's finds."""
    token = None
    while True:
        page = search(page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def quoted(text: str) -> str:
    """Quote a text for MLflow's search, whose strings know no escape."""
    return f'"{text}"' if "'" in text else f"'{text}'"


def _make_ready(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        # Readers and a writer do not wait for each other; the file remembers it.
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE mlops_ready (at TEXT)")
        connection.commit()
    path.chmod(0o600)


def _is_ready(path: Path) -> bool:
    if not path.is_file():
        return False
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        query = "SELECT 1 FROM sqlite_master WHERE name = 'mlops_ready'"
        return connection.execute(query).fetchone() is not None
