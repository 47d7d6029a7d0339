"""Where workers on several machines keep one study: an RDB, or Optuna's proxy in front of one.

Nothing here imports Optuna until a storage is opened: a session only reads addresses.
"""

from __future__ import annotations

import importlib.util
import os
import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from mlops_nb.exceptions import ConfigError, StageError

if TYPE_CHECKING:
    from collections.abc import Callable

GRPC = "grpc"
SQLITE = "sqlite"
_SETTING = "tuning.storage"
_FOLDER = "studies"
# The name of an environment variable, which has the address where that holds a password.
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_EXAMPLE = "such as postgresql://optuna@database/optuna, grpc://optuna:13000 or sqlite:///study.db"
# Of each scheme the package that SQLAlchemy reaches the database with, or that speaks gRPC.
_DRIVERS = {
    GRPC: "grpcio",
    SQLITE: "",
    "postgresql": "psycopg2",
    "postgresql+psycopg2": "psycopg2",
    "postgresql+psycopg": "psycopg",
    "mysql": "mysqlclient",
    "mysql+pymysql": "pymysql",
}
_ALSO = {"psycopg2": "psycopg2-binary"}
# Seconds that a worker waits for another one to let go of an SQLite file.
_SQLITE_TIMEOUT_S = 120.0


def variable(address: str) -> str:
    """Return the environment variable that an address is in, "" where it is one itself."""
    return address if _VARIABLE.fullmatch(address) else ""


def must_be_shared(address: str, packages: Callable[[str], bool]) -> None:
    """Check that pods can share a study there, as far as the address says it.

    Args:
        address: As `tuning.storage` has it.
        packages: Whether a run's environment has a package.

    Raises:
        ConfigError: They cannot.
    """
    if not address:
        raise ConfigError(
            "tuning.storage is not set: workers in pods have no file in common to keep a study in",
            hint=f"name a database that they reach, {_EXAMPLE}",
        )
    if variable(address):
        return
    scheme, driver = _scheme(address)
    if urlsplit(address).password:
        # The address is not shown: there is a password in it.
        raise ConfigError(
            "tuning.storage has a password in it, and it is recorded with each run",
            hint="put the URL into a Kubernetes secret, name it under [kubeflow.secrets_tuning], "
            "and set tuning.storage to the name of that variable",
        )
    if scheme == SQLITE:
        _file(address)
    named = [driver, _ALSO.get(driver, driver)]
    if driver and not any(packages(name) for name in named):
        raise ConfigError(
            f"tuning.storage is {address}, and the environment of the run has no {driver}",
            hint=f"install it where the notebook runs, then tune again: pip install {named[-1]}",
        )


def opened(address: str, folder: Path) -> Any:
    """Return the storage of an address.

    Args:
        address: As `tuning.storage` has it.
        folder: What the workers share; a relative SQLite file is in it.

    Raises:
        StageError: It cannot be had.
    """
    name = variable(address)
    if name and not os.environ.get(name):
        raise StageError(
            f"tuning.storage is the variable {name}, which this pod does not have",
            hint=f'name its secret: [kubeflow.secrets_tuning] {name} = "secret/key" in mlops.toml',
        )
    where = os.environ[name] if name else address
    try:
        scheme, _ = _scheme(where)
        if scheme == GRPC:
            return _proxy(where)
        return _of_file(where, folder) if scheme == SQLITE else _database(where)
    except StageError:
        raise
    except Exception as error:
        # SQLAlchemy's drivers have errors of their own, and tell the address with its password.
        raise StageError(
            f"the database of the study cannot be used: {type(error).__name__}",
            hint=f"see whether pods reach {_without_secrets(where)}, named by tuning.storage",
        ) from None


def _scheme(address: str) -> tuple[str, str]:
    scheme = urlsplit(address).scheme
    if scheme not in _DRIVERS:
        raise ConfigError(
            f"{_SETTING} is no address of a study: {_without_secrets(address)}", hint=_EXAMPLE
        )
    return scheme, _DRIVERS[scheme]


def _file(address: str) -> str:
    """Return the file of an SQLite address, which is one of the volume that pods share."""
    path = urlsplit(address).path.removeprefix("/")
    if not path or path.startswith("/") or ".." in Path(path).parts:
        raise ConfigError(
            f"{_SETTING} is {address}, a file that every pod has of its own",
            hint="name a file of the volume that they share, as sqlite:///study.db; "
            "or a server, as postgresql://optuna@database/optuna",
        )
    return path


def _of_file(address: str, folder: Path) -> Any:
    path = folder / _FOLDER / _file(address)
    path.parent.mkdir(parents=True, exist_ok=True)
    storage = _database(f"sqlite:///{path}", connect_args={"timeout": _SQLITE_TIMEOUT_S})
    _take_turns(storage.engine)
    return storage


def _take_turns(engine: Any) -> None:
    """Let SQLite lock for a transaction as a whole: it has no rows to lock.

    Two workers would else see the same trial waiting, and both take it. SQLAlchemy documents this
    way: https://docs.sqlalchemy.org/en/20/dialects/sqlite.html
    """
    from sqlalchemy import event

    def connected(connection: Any, _: Any) -> None:
        connection.isolation_level = None

    def begun(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    engine.dispose()
    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", begun)


def _database(url: str, **engine: Any) -> Any:
    from optuna.storages import RDBStorage

    return RDBStorage(url, engine_kwargs={"pool_pre_ping": True, **engine})


def _proxy(address: str) -> Any:
    if importlib.util.find_spec("grpc") is None:
        raise StageError(
            "tuning.storage is a gRPC proxy, and the environment of the run has no grpcio",
            hint="install it where the notebook runs, then tune again: pip install grpcio",
        )
    from optuna.exceptions import ExperimentalWarning
    from optuna.storages import GrpcStorageProxy

    parts = urlsplit(address)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        return GrpcStorageProxy(host=parts.hostname or "", port=parts.port or 13000)


def _without_secrets(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.hostname or ''}{parts.path}" if parts.scheme else "that"
