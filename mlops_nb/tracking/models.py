"""Models as MLflow keeps them: their files, loaded or copied, and the hash of their contents."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_nb.exceptions import TrackingError
from mlops_nb.tracking import digest
from mlops_nb.tracking.connection import MODELS, SQLITE

if TYPE_CHECKING:
    from mlops_nb.tracking.connection import Connection


class Models:
    """The files of models.

    Args:
        connection: To MLflow.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def fetch(self, uri: str, target: Path) -> Path:
        """Copy a model into a folder and return its place there.

        Args:
            uri: Any that MLflow reads: of a registry, a run, a store of files, a folder.
            target: It is made where it does not exist.

        Raises:
            TrackingError: There is no such model, or it cannot be read.
        """
        target.mkdir(parents=True, exist_ok=True)
        try:
            found = self._download(uri, target)
        except (self._connection.error, OSError) as error:
            raise TrackingError(
                f"there is no model at {uri}: {error}",
                hint="name a run, name/version, name@alias or a URI; list runs: jupyter mlops runs",
            ) from error
        if not (found / "MLmodel").is_file():
            raise TrackingError(
                f"{uri} holds no model in MLflow's format: it has no file MLmodel",
                hint="log it with log_model of its library's MLflow flavour",
            )
        return found

    def load(self, uri: str) -> Any:
        """Return a model as MLflow's pyfunc loads it; that executes the code that it brings along.

        Raises:
            TrackingError: There is no such model, or it needs a package that is not installed.
        """
        import mlflow.pyfunc

        try:
            return mlflow.pyfunc.load_model(str(self._download(uri)), suppress_warnings=True)
        except ModuleNotFoundError as error:
            raise TrackingError(
                f"the model at {uri} needs {error.name}, which is not installed",
                hint=f"install it where runs go: pip install {error.name}",
            ) from error
        except (self._connection.error, OSError) as error:
            raise TrackingError(
                f"there is no model at {uri}: {error}",
                hint="name a run, name/version, name@alias or a URI; list runs: jupyter mlops runs",
            ) from error

    def digest(self, uri: str, mlflow_run_id: str) -> str:
        """Return the hash of the contents of a model that a run logged."""
        local = uri.startswith(MODELS) and self._connection.uri.startswith(SQLITE)
        with tempfile.TemporaryDirectory() as scratch:
            path = self._download(uri, None if local else Path(scratch))
            return digest.of_model(path, run_id=mlflow_run_id)

    def _download(self, uri: str, target: Path | None = None) -> Path:
        """Copy artifacts; without a target those of a store on this machine are where they are."""
        from mlflow.artifacts import download_artifacts

        place = str(target) if target else None
        found = download_artifacts(
            self._source(uri), dst_path=place, tracking_uri=self._connection.uri
        )
        return Path(found)

    def _source(self, uri: str) -> str:
        """Return where a model's artifacts are; MLflow by itself asks the session's store."""
        from mlflow.store.artifact.utils.models import get_model_name_and_version

        if not uri.startswith(MODELS):
            return uri
        named = get_model_name_and_version(self._connection.client, uri)
        if len(named) == 1:
            return str(self._connection.client.get_logged_model(*named).artifact_location)
        return self._source(str(self._connection.client.get_model_version_download_uri(*named)))
