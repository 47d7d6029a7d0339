"""The descriptor `deployment.yaml`: which model is served, by what, and how."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Any

import msgspec

from mlops_nb import encoding
from mlops_nb.exceptions import UsageError

if TYPE_CHECKING:
    from pathlib import Path

VERSION = 1
FILE_NAME = "deployment.yaml"


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all parts of a descriptor: a key that it does not know is an error."""


class Resources(Part, frozen=True, kw_only=True):
    """What one replica gets: Kubernetes quantities."""

    cpu: str = "1"
    memory: str = "2Gi"
    accelerator: str = ""
    accelerators: int = 0


class Replicas(Part, frozen=True, kw_only=True):
    """How many there are at least and at most; 0 at least lets KServe scale to nothing.

    On a laptop a replica is a worker process of the revision, and there are always `min`.
    """

    min: int = 1
    max: int = 1


class Service(Part, frozen=True, kw_only=True):
    """How the service behaves.

    Attributes:
        batch_rows: Rows that are predicted at once at the most; 1 for no batching.
        batch_delay_ms: How long a request waits for others.
        body_limit_mb: Largest request.
        timeout_s: How long a prediction may take.
        drain_s: How long requests may go on after the service was asked to end.
        start_s: How long it may take to be ready.
        log_sample: Part of the answered requests that the inference log keeps, 0 to 1.
        log_limit_mb: Most that the inference log holds.
    """

    batch_rows: int = 1
    batch_delay_ms: float = 5.0
    body_limit_mb: int = 10
    timeout_s: float = 30.0
    drain_s: float = 30.0
    start_s: float = 120.0
    log_sample: float = 1.0
    log_limit_mb: int = 100


class Policy(Part, frozen=True, kw_only=True):
    """What a new revision gets once it is verified.

    Attributes:
        strategy: "replace": all requests. "canary": `percent` of them. "shadow": a copy of each.
        percent: Of a canary, 1 to 99.
    """

    strategy: str = "replace"
    percent: int = 10


class Sample(Part, frozen=True, kw_only=True):
    """A request that a new revision is verified with, in place of the one that the run recorded.

    Attributes:
        request: A body of MLflow's `/invocations`.
        predictions: What it has to give; anything, where nothing is said.
    """

    request: dict[str, Any] = {}
    predictions: Any = None


class KServe(Part, frozen=True, kw_only=True):
    """What only KServe has.

    Attributes:
        mode: "serverless" or "raw"; "" stands for the settings' value.
        labels: Of the object.
        annotations: Of the object.
        node_selector: Labels of the nodes.
        tolerations: Taints of the nodes, as `key=value:Effect`.
        logger_url: Where KServe sends requests and answers, "" for nowhere.
        log_claim: A volume claim that keeps the inference log, "" for none. Pods of a monitoring
            run read it there.
    """

    mode: str = ""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    node_selector: dict[str, str] = {}
    tolerations: tuple[str, ...] = ()
    logger_url: str = ""
    log_claim: str = ""


class Descriptor(Part, frozen=True, kw_only=True):
    """One deployment.

    Attributes:
        version: Of this format.
        name: Name of the deployment, and of the model in the URLs.
        model: A run's id, `latest`, `name/version`, `name@alias`, or a URI that MLflow reads.
        wrapper: `module:Class` with `load` and `predict`; the MLflow model as it is if empty.
        modules: Files and folders of the repository that the wrapper imports.
        packages: Requirements in place of the run's lock, such as `scikit-learn==1.7`.
        resources: What one replica gets.
        replicas: How many.
        environment: Environment variables of the service.
        secrets: Variables whose values are never recorded. Name to `secret/key` of Kubernetes;
            locally the value is that of the variable here.
        target: "local", "container" or "kserve"; as the settings say if empty.
        service: How the service behaves.
        traffic: What a new revision gets.
        gates: What the model's last evaluation has to have found, such as `test_accuracy>=0.9`.
        example: What a new revision is verified with; what the run recorded if empty.
        kserve: What only KServe has.
    """

    version: int = VERSION
    name: str
    model: str
    wrapper: str = ""
    modules: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    resources: Resources = Resources()
    replicas: Replicas = Replicas()
    environment: dict[str, str] = {}
    secrets: dict[str, str] = {}
    target: str = ""
    service: Service = Service()
    traffic: Policy = Policy()
    gates: tuple[str, ...] = ()
    example: Sample = Sample()
    kserve: KServe = KServe()

    def with_words(self, name: str | None, target: str | None, traffic: str | None) -> Descriptor:
        """Return a copy in which the words of a call have the last word.

        Args:
            name: Name of the deployment.
            target: Where it is served.
            traffic: "replace", "shadow", or the percentage of a canary.

        Raises:
            UsageError: One of them cannot be.
        """
        given: dict[str, Any] = {"name": name, "target": target}
        if traffic is not None:
            given["traffic"] = _policy(traffic)
        said = {key: value for key, value in given.items() if value is not None}
        return checked(msgspec.structs.replace(self, **said), "the deployment")


STRATEGIES = ("replace", "canary", "shadow")
_NAME = re.compile(r"[a-z]([-a-z0-9]{0,38}[a-z0-9])?")
_WRAPPER = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")
_QUANTITY = re.compile(r"\d+(\.\d+)?(m|[kMGTPE]i?)?")


def load(path: Path) -> Descriptor:
    """Read a descriptor from a file.

    Raises:
        UsageError: It is no YAML, has an unknown key, or a value that cannot be; with its place.
    """
    import yaml

    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read: {error.strerror}", hint="name a file: deploy deployment.yaml"
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is no YAML: {error}", hint="mend that line") from None
    return of(data, path.name)


def of(data: Any, where: str = FILE_NAME) -> Descriptor:
    """Return the descriptor that plain data describe.

    Args:
        data: As YAML or JSON has it.
        where: What messages call it.

    Raises:
        UsageError: A key is unknown or missing, or a value cannot be.
    """
    if not isinstance(data, dict):
        raise UsageError(f"{where} holds no keys", hint="begin with: name, and model")
    if data.get("version", VERSION) != VERSION:
        raise UsageError(
            f"{where} has version {data['version']!r}, and this release reads {VERSION}",
            hint=f"write it as version {VERSION}, or install the release that reads it",
        )
    _must_be_known(data, Descriptor, where, "")
    try:
        found = msgspec.convert(data, Descriptor, strict=True)
    except (msgspec.ValidationError, UnicodeEncodeError) as error:
        raise UsageError(
            f"{where}: {error}".replace("`$.", "`"),
            hint="docs/deployment.md has all keys and their kinds",
        ) from None
    return checked(found, where)


def text(descriptor: Descriptor) -> str:
    """Return a descriptor as YAML, without what is as it would be anyway."""
    import yaml

    data = {"version": VERSION, **_said(descriptor)}
    return str(yaml.safe_dump(data, sort_keys=False, allow_unicode=True))


def checked(descriptor: Descriptor, where: str = FILE_NAME) -> Descriptor:
    """Return the descriptor, whose values can be.

    Raises:
        UsageError: One of them cannot.
    """
    for key, value, fits, hint in _rules(descriptor):
        if not fits:
            raise UsageError(f"{where}: {key} is {value!r}", hint=hint)
    return descriptor


def as_name(name: str) -> str:
    """Return a name of a deployment made from any other name."""
    found = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-").lstrip("0123456789-")
    return found[:40].rstrip("-") or "model"


def _policy(traffic: str) -> Policy:
    percent = traffic.removesuffix("%")
    if percent.isdecimal():
        return Policy(strategy="canary", percent=int(percent))
    return Policy(strategy=traffic)


def _rules(d: Descriptor) -> list[tuple[str, object, bool, str]]:
    service, part = d.service, "it is a number above 0"
    return [
        ("name", d.name, _NAME.fullmatch(d.name) is not None,
         f"it takes a-z, 0-9 and -, 40 at the most, such as {as_name(d.name)}"),
        ("model", d.model, bool(d.model), "name a run, name/version, name@alias or a URI"),
        ("wrapper", d.wrapper, not d.wrapper or _WRAPPER.fullmatch(d.wrapper) is not None,
         "write it as module:Class"),
        ("replicas.min", d.replicas.min, 0 <= d.replicas.min <= d.replicas.max,
         "it is 0 or more, and replicas.max no less"),
        ("replicas.max", d.replicas.max, d.replicas.max >= 1, "it is 1 or more"),
        ("resources.cpu", d.resources.cpu, _is_quantity(d.resources.cpu), "such as 500m or 2"),
        ("resources.memory", d.resources.memory, _is_quantity(d.resources.memory), "such as 2Gi"),
        ("traffic.strategy", d.traffic.strategy, d.traffic.strategy in STRATEGIES,
         f"it is one of {', '.join(STRATEGIES)}"),
        ("traffic.percent", d.traffic.percent, 1 <= d.traffic.percent <= 99, "it is 1 to 99"),
        ("service.log_sample", service.log_sample, 0 <= service.log_sample <= 1, "it is 0 to 1"),
        ("service.batch_rows", service.batch_rows, service.batch_rows >= 1, "it is 1 or more"),
        ("service.batch_delay_ms", service.batch_delay_ms, service.batch_delay_ms >= 0,
         "it is 0 or more"),
        ("service.body_limit_mb", service.body_limit_mb, service.body_limit_mb > 0, part),
        ("service.timeout_s", service.timeout_s, service.timeout_s > 0, part),
        ("service.drain_s", service.drain_s, service.drain_s > 0, part),
        ("service.start_s", service.start_s, service.start_s > 0, part),
        ("service.log_limit_mb", service.log_limit_mb, service.log_limit_mb > 0, part),
        ("environment", sorted(d.environment), not d.environment.keys() & d.secrets.keys(),
         "a variable is either there or under secrets"),
        ("kserve.mode", d.kserve.mode, d.kserve.mode in ("", "serverless", "raw"),
         "it is serverless or raw"),
    ]  # fmt: skip


def _is_quantity(text: str) -> bool:
    return _QUANTITY.fullmatch(text) is not None


def _must_be_known(data: dict[str, Any], part: Any, where: str, path: str) -> None:
    """Refuse a key that a part does not know, with the nearest one that it does."""
    fields = {field.name: field.type for field in msgspec.structs.fields(part)}
    for key, value in data.items():
        if key not in fields:
            near = difflib.get_close_matches(str(key), fields, n=1)
            raise UsageError(
                f"{where} has an unknown key {path}{key}",
                hint=f"did you mean {path}{near[0]}?" if near else f"known: {', '.join(fields)}",
            )
        if isinstance(value, dict) and _is_part(fields[key]):
            _must_be_known(value, fields[key], where, f"{path}{key}.")


def _is_part(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, Part)


def _said(part: Part) -> dict[str, Any]:
    """Return what differs from the defaults, as plain data."""
    data: dict[str, Any] = {}
    for field in msgspec.structs.fields(part):
        value = getattr(part, field.name)
        if value == field.default or value == () or value == {}:
            continue
        data[field.name] = _said(value) if isinstance(value, Part) else _plain(value)
    return data


def _plain(value: object) -> Any:
    return encoding.loads(encoding.plain(msgspec.to_builtins(value)))
