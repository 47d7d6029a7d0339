"""A revision as KServe takes it: an InferenceService of the version v1beta1, field by field.

Only the fields that are used are here, under the names of KServe's API; none else can be sent.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import msgspec

from mlops_nb.deployment import command, log_place
from mlops_nb.exceptions import ConfigError, DeploymentError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops_nb.deployment.descriptor import Descriptor
    from mlops_nb.settings import Config

API_VERSION = "serving.kserve.io/v1beta1"
STOP = "serving.kserve.io/stop"
MODE = "serving.kserve.io/deploymentMode"
MANAGER = "mlops-nb"
SERVERLESS, RAW = "serverless", "raw"
# KServe to 0.15 has the first name of each only; later ones have both, and report the second.
_MODES = {SERVERLESS: ("Serverless", "Knative"), RAW: ("RawDeployment", "Standard")}
_DEADLINE = "serving.knative.dev/progress-deadline"
_CONTAINER = "kserve-container"
# The volume of the inference log, and where it is.
_LOG, _LOG_PATH = "requests", "/mlops"
_PORT = 8080
_USER = 1000
_PROBE_S = 2


class Part(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    rename="camel",
    omit_defaults=True,
    forbid_unknown_fields=True,
):
    """A part of the object; what is not set is not sent."""


class SecretKey(Part, frozen=True, kw_only=True):
    """A key of a secret."""

    name: str
    key: str


class Source(Part, frozen=True, kw_only=True):
    """Where a variable comes from."""

    secret_key_ref: SecretKey


class Variable(Part, frozen=True, kw_only=True):
    """An environment variable, with its value or where that comes from."""

    name: str
    value: str | None = None
    value_from: Source | None = None


class Port(Part, frozen=True, kw_only=True):
    """The port that a container listens on."""

    container_port: int
    protocol: str


class HttpGet(Part, frozen=True, kw_only=True):
    """What a probe asks for."""

    path: str
    port: int


class Probe(Part, frozen=True, kw_only=True):
    """How a container is looked after."""

    http_get: HttpGet
    period_seconds: int
    timeout_seconds: int
    failure_threshold: int


class Capabilities(Part, frozen=True, kw_only=True):
    """What a container may not do."""

    drop: tuple[str, ...]


class Profile(Part, frozen=True, kw_only=True):
    """Which calls of the kernel are filtered."""

    type: str


class Security(Part, frozen=True, kw_only=True):
    """What Kubernetes calls the restricted standard."""

    run_as_non_root: bool
    run_as_user: int
    read_only_root_filesystem: bool
    allow_privilege_escalation: bool
    capabilities: Capabilities
    seccomp_profile: Profile


class Mount(Part, frozen=True, kw_only=True):
    """Where a volume is."""

    name: str
    mount_path: str


class EmptyDir(Part, frozen=True, kw_only=True):
    """A folder that lives as long as the pod."""


class Claim(Part, frozen=True, kw_only=True):
    """A volume that outlives pods."""

    claim_name: str


class Volume(Part, frozen=True, kw_only=True):
    """A volume of the pod: a folder of its own, or a claim."""

    name: str
    empty_dir: EmptyDir | None = None
    persistent_volume_claim: Claim | None = None


class Resources(Part, frozen=True, kw_only=True):
    """What a container gets."""

    requests: dict[str, str]
    limits: dict[str, str]


class Container(Part, frozen=True, kw_only=True):
    """The one container of a pod."""

    name: str
    image: str
    args: tuple[str, ...]
    ports: tuple[Port, ...]
    resources: Resources
    readiness_probe: Probe
    liveness_probe: Probe
    security_context: Security
    volume_mounts: tuple[Mount, ...]
    env: tuple[Variable, ...] = ()


class Logger(Part, frozen=True, kw_only=True):
    """Where KServe sends requests and answers."""

    mode: str
    url: str


class Reference(Part, frozen=True, kw_only=True):
    """A secret by name."""

    name: str


class Toleration(Part, frozen=True, kw_only=True):
    """A taint that is put up with."""

    key: str
    operator: str
    value: str | None = None
    effect: str | None = None


class Predictor(Part, frozen=True, kw_only=True):
    """What predicts."""

    containers: tuple[Container, ...]
    volumes: tuple[Volume, ...]
    min_replicas: int
    max_replicas: int
    timeout: int
    canary_traffic_percent: int | None = None
    logger: Logger | None = None
    service_account_name: str | None = None
    image_pull_secrets: tuple[Reference, ...] = ()
    node_selector: dict[str, str] = {}
    tolerations: tuple[Toleration, ...] = ()
    annotations: dict[str, str] = {}


class Spec(Part, frozen=True, kw_only=True):
    """What is wanted."""

    predictor: Predictor


class Metadata(Part, frozen=True, kw_only=True):
    """What it is called."""

    name: str
    namespace: str
    labels: dict[str, str]
    annotations: dict[str, str]


class InferenceService(Part, frozen=True, kw_only=True):
    """The object."""

    api_version: str
    kind: str
    metadata: Metadata
    spec: Spec


def mode(descriptor: Descriptor, config: Config) -> str:
    """Return how KServe is to run it: `SERVERLESS` or `RAW`.

    Raises:
        ConfigError: `kserve.mode` is neither.
    """
    found = descriptor.kserve.mode or config.kserve_mode
    if found not in _MODES:
        raise ConfigError(f"there is no kserve.mode {found!r}", hint="serverless or raw")
    return found


def mode_name(wanted: str, reported: str) -> str:
    """Return what an object has to call its mode.

    Args:
        wanted: `SERVERLESS` or `RAW`.
        reported: What the server calls the mode of the object that is there, "" where none is: it
            refuses a change that has not the very same word.

    Raises:
        DeploymentError: The object that is there has the other mode.
    """
    names = _MODES[wanted]
    if reported and reported not in names:
        raise DeploymentError(
            f"the service runs in KServe's mode {reported}, which cannot be changed to {wanted}",
            hint="set kserve.mode back, or undeploy it first",
        )
    return reported or names[0]


def service(
    descriptor: Descriptor,
    config: Config,
    *,
    name: str,
    namespace: str,
    number: int,
    image: str,
    canary: int | None = None,
    stopped: bool = False,
    candidate: bool = False,
    reported_mode: str = "",
) -> dict[str, Any]:
    """Return the object of a revision.

    Args:
        descriptor: What the revision is to be.
        config: The project's settings.
        name: Of the object; that of the deployment, or of a candidate for it.
        namespace: Where it is.
        number: Of the revision.
        image: By digest.
        canary: Its part of the traffic in percent; all of it if None.
        stopped: Whether it is to have no pods.
        candidate: Whether it is only to be verified, for which one pod will do.
        reported_mode: What the server calls the mode of the object that is there, "" for a new one.

    Raises:
        ConfigError: A secret or a toleration is not written as it must be.
        DeploymentError: The object that is there has another mode.
    """
    wanted = descriptor.kserve
    annotations = {
        **wanted.annotations,
        MODE: mode_name(mode(descriptor, config), reported_mode),
        **({STOP: "true"} if stopped else {}),
    }
    pulled = tuple(Reference(name=secret) for secret in config.kserve_pull_secrets)
    predictor = Predictor(
        containers=(_container(descriptor, number, image),),
        volumes=_volumes(wanted.log_claim),
        min_replicas=min(descriptor.replicas.min, 1) if candidate else descriptor.replicas.min,
        max_replicas=1 if candidate else descriptor.replicas.max,
        timeout=math.ceil(descriptor.service.timeout_s) + 1,
        canary_traffic_percent=canary,
        logger=Logger(mode="all", url=wanted.logger_url) if wanted.logger_url else None,
        service_account_name=config.kserve_service_account or None,
        image_pull_secrets=pulled,
        node_selector=wanted.node_selector,
        tolerations=tuple(_toleration(text) for text in wanted.tolerations),
        annotations={_DEADLINE: f"{math.ceil(descriptor.service.start_s)}s"},
    )
    labels = {**wanted.labels, "app.kubernetes.io/managed-by": MANAGER}
    made = InferenceService(
        api_version=API_VERSION,
        kind="InferenceService",
        metadata=Metadata(name=name, namespace=namespace, labels=labels, annotations=annotations),
        spec=Spec(predictor=predictor),
    )
    built: dict[str, Any] = msgspec.to_builtins(made)
    return built


def _container(descriptor: Descriptor, number: int, image: str) -> Container:
    wanted = descriptor.resources
    held = {"cpu": wanted.cpu, "memory": wanted.memory}
    if wanted.accelerator:
        held[wanted.accelerator] = str(wanted.accelerators)
    options = command.options(number, descriptor)
    mounts = [Mount(name="tmp", mount_path="/tmp")]  # noqa: S108  (the pod's own)
    if descriptor.kserve.log_claim:
        options["log-folder"] = f"{_LOG_PATH}/{log_place(descriptor.name, number)}"
        mounts.append(Mount(name=_LOG, mount_path=_LOG_PATH))
    return Container(
        name=_CONTAINER,
        image=image,
        args=tuple(command.arguments(options)),
        ports=(Port(container_port=_PORT, protocol="TCP"),),
        resources=Resources(requests=held, limits=held),
        readiness_probe=_probe("ready", misses=3),
        liveness_probe=_probe("live", misses=round(descriptor.service.start_s / _PROBE_S) + 1),
        security_context=Security(
            run_as_non_root=True,
            run_as_user=_USER,
            read_only_root_filesystem=True,
            allow_privilege_escalation=False,
            capabilities=Capabilities(drop=("ALL",)),
            seccomp_profile=Profile(type="RuntimeDefault"),
        ),
        volume_mounts=tuple(mounts),
        env=_variables(descriptor.environment, descriptor.secrets),
    )


def _volumes(claim: str) -> tuple[Volume, ...]:
    own = Volume(name="tmp", empty_dir=EmptyDir())
    if not claim:
        return (own,)
    return (own, Volume(name=_LOG, persistent_volume_claim=Claim(claim_name=claim)))


def _probe(what: str, *, misses: int) -> Probe:
    return Probe(
        http_get=HttpGet(path=f"/v2/health/{what}", port=_PORT),
        period_seconds=_PROBE_S,
        timeout_seconds=5,
        failure_threshold=misses,
    )


def _variables(plain: Mapping[str, str], secrets: Mapping[str, str]) -> tuple[Variable, ...]:
    held = (Variable(name=n, value_from=_secret(n, place)) for n, place in secrets.items())
    return (*(Variable(name=n, value=v) for n, v in plain.items()), *held)


def _secret(name: str, place: str) -> Source:
    secret, _, key = place.partition("/")
    if not secret or not key:
        raise ConfigError(
            f"the secret {name} is {place!r}, and KServe needs where it is",
            hint=f"write it as secrets: {{{name}: SECRET/KEY}}",
        )
    return Source(secret_key_ref=SecretKey(name=secret, key=key))


def _toleration(text: str) -> Toleration:
    taint, _, effect = text.partition(":")
    key, equal, value = taint.partition("=")
    if not key or not effect:
        raise ConfigError(
            f"kserve.tolerations: {text!r} is none", hint="key=value:Effect, or key:Effect"
        )
    operator = "Equal" if equal else "Exists"
    return Toleration(key=key, operator=operator, value=value if equal else None, effect=effect)
