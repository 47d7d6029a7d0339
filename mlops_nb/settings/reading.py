"""How settings are read, from `mlops.toml` and from the environment."""

from __future__ import annotations

import difflib
import json
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from mlops_nb.exceptions import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FILE_NAME = "mlops.toml"
# Settings have been added and none renamed; a file of another number means other things by them.
FORMAT = 1


class Structure(dict[str, Any]):
    """The default of a table of any values."""


def dotted(name: str) -> str:
    """Return the name that a setting has in `mlops.toml`: `data_train` is `data.train`."""
    return name.replace("_", ".", 1)


def read(path: Path) -> dict[str, Any]:
    """Return the values of the settings in a file, by the names of their fields.

    Raises:
        ConfigError: It is not what this release reads.
    """
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        sections = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}", hint="mend that line") from None
    written = sections.pop("format", FORMAT)
    if written != FORMAT:
        later = isinstance(written, int) and written > FORMAT
        raise ConfigError(
            f"{path} has the format {written!r}, and this release of mlops_nb reads {FORMAT}",
            hint="pip install --upgrade mlops_nb" if later else f"write format = {FORMAT}",
        )
    flat = {}
    for section, values in sections.items():
        if not isinstance(values, dict):
            raise ConfigError(
                f"{path}: {section!r} stands outside a section",
                hint="write it under a section such as [project]",
            )
        for key, value in values.items():
            flat[f"{section}_{key}"] = value
    return flat


def unknown(name: str, known: Mapping[str, Any]) -> ConfigError:
    """Return the error of a setting that there is not."""
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {dotted(near[0])}?" if near else "see: jupyter mlops config"
    return ConfigError(f"{FILE_NAME} has an unknown setting {dotted(name)!r}", hint=hint)


def checked(name: str, value: Any, default: Any) -> Any:
    """Return a value as the type of its default has it.

    Raises:
        ConfigError: It has another type.
    """
    if isinstance(default, tuple):
        if isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value):
            return tuple(value)
        raise _ill_typed(name, value, 'a list of strings, such as ["a", "b"]')
    if isinstance(default, Structure):
        if isinstance(value, dict):
            return value
        raise _ill_typed(name, value, f"a table: [{dotted(name)}]")
    if isinstance(default, dict):
        if isinstance(value, dict) and all(isinstance(item, str) for item in value.values()):
            return value
        raise _ill_typed(name, value, f'a table of strings: [{dotted(name)}] and KEY = "value"')
    if isinstance(default, float) and type(value) is int:
        return float(value)
    if type(value) is not type(default):
        raise _ill_typed(name, value, f"{type(default).__name__}, such as {default!r}")
    return value


def must_hold_no_password(name: str, uri: str) -> None:
    """Refuse an address with a password.

    Raises:
        ConfigError: It has one.
    """
    # It is a pipeline parameter and a tag: both are shown in clear.
    if urlsplit(uri).password is not None:
        raise ConfigError(f"{name} holds a password", hint=f"take it out; {_PASSWORDS[name]}")


_PASSWORDS = {
    "tracking.uri": "MLflow reads MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD",
    "notify.webhook": "name an environment variable that has the whole URL",
    "kubeflow.url": "set kubeflow.auth, and give the password by MLOPS_NB_KUBEFLOW_PASSWORD",
    "kubeflow.url_of_pods": "pods have a token of their own",
    "data.repo": "git asks its credential helper: git config credential.helper",
}


def _ill_typed(name: str, value: Any, wanted: str) -> ConfigError:
    return ConfigError(f"the setting {dotted(name)} is {value!r}", hint=f"it takes {wanted}")


def _json(variable: str, text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise ConfigError(f"{variable} is {text!r}", hint="it takes a JSON object")
    return value


def parsed(variable: str, text: str, default: Any) -> Any:
    """Return the value that a text of the environment stands for.

    Raises:
        ConfigError: It stands for none of its default's type.
    """
    if isinstance(default, tuple):
        return tuple(item.strip() for item in text.split(",") if item.strip())
    if isinstance(default, Structure):
        return _json(variable, text)
    if isinstance(default, dict):
        pairs = [item.strip().partition("=") for item in text.split(",") if item.strip()]
        if not all(key and sign for key, sign, _ in pairs):
            raise ConfigError(f"{variable} is {text!r}", hint="it takes key=value,key=value")
        return {key: value for key, _, value in pairs}
    if isinstance(default, bool):
        if text.lower() in ("1", "true", "yes", "on"):
            return True
        if text.lower() in ("0", "false", "no", "off"):
            return False
        raise ConfigError(f"{variable} is {text!r}", hint="it takes true or false")
    if isinstance(default, int):
        try:
            return int(text)
        except ValueError:
            raise ConfigError(f"{variable} is {text!r}", hint="it takes a whole number") from None
    if isinstance(default, float):
        try:
            return float(text)
        except ValueError:
            raise ConfigError(f"{variable} is {text!r}", hint="it takes a number") from None
    return text
