"""The descriptor `deployment.yaml`: which model is served, by what, and how."""

from __future__ import annotations

import msgspec

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


class KServe(Part, frozen=True, kw_only=True):
    """What only KServe has: `mode` is "serverless" or "raw"; "" stands for the settings' value."""

    mode: str = ""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    node_selector: dict[str, str] = {}
    tolerations: tuple[str, ...] = ()
    logger_url: str = ""


class Container(Part, frozen=True, kw_only=True):
    """What only the container target has: `port` is 0 for any that is free."""

    port: int = 0


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
        example: A request with the model's input, in MLflow's format; the recorded one if empty.
        kserve: What only KServe has.
        container: What only a container has.
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
    example: dict[str, object] = {}
    kserve: KServe = KServe()
    container: Container = Container()
