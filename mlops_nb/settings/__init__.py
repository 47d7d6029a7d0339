"""The settings of a project: one frozen record, each value with where it came from.

Precedence: an argument of the call, then `MLOPS_NB_<SECTION>_<KEY>` in the environment, then
`mlops.toml`, then the default.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_nb import formats, paths
from mlops_nb.exceptions import ProjectError
from mlops_nb.settings.reading import (
    FILE_NAME,
    Structure,
    checked,
    dotted,
    must_hold_no_password,
    parsed,
    read,
    unknown,
)
from mlops_nb.types import Setting

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FILE_NAME", "STATE_FOLDER", "Config", "dotted", "find_root"]

STATE_FOLDER = ".mlops"
_OF_TARGETS = ("project_", "deploy_", "kserve_", "container_", "images_")


def _setting(default: Any, description: str) -> Any:
    return field(default=default, metadata={"description": description, "default": default})


def _table(description: str) -> Any:
    return field(default_factory=dict, metadata={"description": description, "default": {}})


def _structure(description: str) -> Any:
    metadata = {"description": description, "default": Structure()}
    return field(default_factory=dict, metadata=metadata)


@dataclass(frozen=True)
class Config:
    """The settings of one project.

    A field `data_train` is `train` of the section `[data]` in `mlops.toml`, and
    `MLOPS_NB_DATA_TRAIN` in the environment. Lists are comma-separated there, and tables lists of
    `key=value`; `[tuning.space]` is JSON.
    """

    root: Path
    project_name: str = _setting("", "name of the project; experiments and models are named by it")
    run_backend: str = _setting("local", "where runs go")
    run_parallel: int = _setting(0, "runs at once on this machine; 0 for one a core")
    run_push: bool = _setting(False, "whether snapshot and data are pushed before every run")
    run_cache: bool = _setting(True, "whether a run skips what an earlier one has done already")
    run_timeout_s: int = _setting(0, "seconds that a run may take; 0 for no limit")
    run_stage_timeout_s: int = _setting(0, "seconds that a stage may take; 0 for no limit")
    run_cell_timeout_s: int = _setting(0, "seconds that a cell may take; 0 for no limit")
    code_file_limit_mb: int = _setting(10, "largest changed file that a snapshot takes, in MB")
    code_include: tuple[str, ...] = _setting((), "paths that git ignores and runs need")
    data_repo: str = _setting("", "repository of the data: folder or URL; the code's own if empty")
    data_revision: str = _setting(
        "HEAD", "branch, tag or commit of data.repo, pinned at submission"
    )
    data_train: str = _setting("", "dataset to train on")
    data_test: str = _setting("", "dataset to evaluate on, never shown to tuning")
    data_other: tuple[str, ...] = _setting((), "further datasets that the notebook reads")
    data_target: str = _setting("", "column to predict; found by the model's signature if empty")
    gates_require: tuple[str, ...] = _setting(
        (), "what a model has to meet, such as test_accuracy>=0.9 or test_accuracy>=champion-0.01"
    )
    gates_significance: float = _setting(
        0.05, "how often a model that is no better may pass for one that is"
    )
    evaluation_slices: tuple[str, ...] = _setting(
        (), "columns by whose values the metrics are given as well"
    )
    evaluation_task: str = _setting("", "classification or regression; found out if empty")
    update_key: str = _setting(
        "", "column that names a row, to find the new ones; all that it holds if empty"
    )
    update_replay: float = _setting(0.1, "share of the old data that an update learns again")
    update_gates: tuple[str, ...] = _setting(
        ("test_new_score>=parent-2%", "test_old_score>=parent-5%"),
        "what an updated model has to meet, beside gates.require",
    )
    model_name: str = _setting("", "registered name of the model; the project's name if empty")
    model_alias: str = _setting("challenger", "alias that a new model version gets")
    deploy_target: str = _setting("local", "where models are served: local, container or kserve")
    tuning_space: Mapping[str, Any] = _structure(
        "what tune searches, by parameter: {low, high, step, log} or a list of choices"
    )
    tuning_objective: str = _setting("", "metric that tune looks at, as the notebook logs it")
    tuning_direction: str = _setting("", "maximize or minimize")
    tuning_trials: int = _setting(20, "trials of a tuning")
    tuning_parallel: int = _setting(
        0, "trials at once; 0 for one a core, and on a cluster for 2 workers"
    )
    tuning_sampler: str = _setting("tpe", "what is tried next: tpe, random, grid or cmaes")
    tuning_pruner: str = _setting(
        "median", "what is stopped early: none, median, percentile, halving or hyperband"
    )
    tuning_seed: int = _setting(0, "seed of the sampler")
    tuning_deadline_s: int = _setting(0, "seconds after which a tuning ends; 0 for no limit")
    tuning_storage: str = _setting(
        "",
        "database that workers on a cluster share, such as postgresql://optuna@host/optuna, or "
        "the name of the environment variable that has it",
    )
    tracking_uri: str = _setting("", "MLflow tracking URI; the project's own store if empty")
    tracking_experiment: str = _setting("", "MLflow experiment; the project's name if empty")
    tracking_autolog: bool = _setting(True, "whether MLflow logs what libraries do by itself")
    environment_variables: tuple[str, ...] = _setting(
        (), "names of environment variables that runs receive; their values are recorded"
    )
    environment_secrets: tuple[str, ...] = _setting(
        (), "names of environment variables that runs receive and that are never recorded"
    )
    environment_rebuild: bool = _setting(
        False, "whether runs work in an environment built from the lock, instead of in this one"
    )
    resources_cpu: str = _setting("1", "cores that the train stage asks for, such as 500m or 4")
    resources_memory: str = _setting("2Gi", "memory of the train stage, which it may not exceed")
    resources_accelerator: str = _setting(
        "", "accelerator of the train stage, such as nvidia.com/gpu"
    )
    resources_accelerators: int = _setting(1, "how many of them")
    kubeflow_url: str = _setting("", "address of Kubeflow Pipelines, such as https://host/pipeline")
    kubeflow_namespace: str = _setting("", "profile's namespace; empty where KFP serves one user")
    kubeflow_auth: str = _setting(
        "none", "none, token, token-file, cookie, dex, device, browser or kubeconfig"
    )
    kubeflow_ca_file: str = _setting("", "certificates to trust, in PEM; the system's if empty")
    kubeflow_token_file: str = _setting("", "file of the token, read again as it rotates")
    kubeflow_username: str = _setting(
        "", "user for dex; MLOPS_NB_KUBEFLOW_PASSWORD has the password"
    )
    kubeflow_issuer: str = _setting("", "OpenID Connect issuer, for device and browser")
    kubeflow_client_id: str = _setting("", "OpenID Connect client, for device and browser")
    kubeflow_scopes: tuple[str, ...] = _setting(
        ("openid", "email", "profile", "offline_access"), "scopes to ask the issuer for"
    )
    kubeflow_redirect_port: int = _setting(
        0, "port here that browser comes back to; 0 for any, unless the issuer has one registered"
    )
    kubeflow_context: str = _setting("", "context of the kubeconfig; the current one if empty")
    kubeflow_url_of_pods: str = _setting(
        "", "address of the same server for its own pods; kubeflow.url if empty"
    )
    kubeflow_cron_timezone: str = _setting(
        "UTC", "zone in which the server reads cron lines: CRON_SCHEDULE_TIMEZONE of its controller"
    )
    kubeflow_service_account: str = _setting("", "service account of the pods; KFP's own if empty")
    kubeflow_volume_claim: str = _setting(
        "", "claim that keeps code, data and environments between runs; a volume a run if empty"
    )
    kubeflow_workspace_gb: int = _setting(10, "size of the volume of a run, in GiB")
    kubeflow_storage_class: str = _setting("", "storage class of the volume of a run")
    kubeflow_access_mode: str = _setting("ReadWriteMany", "access mode of the volume of a run")
    kubeflow_secrets_code: Mapping[str, str] = _table(
        "variables of provision-code, each from a Kubernetes secret: NAME = secret/key"
    )
    kubeflow_secrets_data: Mapping[str, str] = _table("the same for provision-data")
    kubeflow_secrets_tracking: Mapping[str, str] = _table(
        "the same for the stages that use MLflow: train, evaluate, register"
    )
    kubeflow_secrets_notebook: Mapping[str, str] = _table(
        "the same for what environment.secrets names: train and worker alone"
    )
    kubeflow_secrets_tuning: Mapping[str, str] = _table(
        "the same for what tuning.storage names: study, worker, best"
    )
    kubeflow_secret_files: Mapping[str, str] = _table(
        "folders of provision-code and provision-data, each a Kubernetes secret: PATH = secret"
    )
    kubeflow_variables: Mapping[str, str] = _table("environment variables of all pods")
    kubeflow_node_selector: Mapping[str, str] = _table("labels of the nodes for the train stage")
    kubeflow_tolerations: tuple[str, ...] = _setting(
        (), "taints that the train stage tolerates: key=value:Effect, or key:Effect"
    )
    kubeflow_pull_secrets: tuple[str, ...] = _setting((), "secrets for pulling the images")
    images_registry: str = _setting("", "where the stage images are, such as host/team")
    images_code: str = _setting("", "image of provision-code, by digest; registry's if empty")
    images_data: str = _setting("", "image of provision-data")
    images_train: str = _setting("", "image of train")
    images_evaluate: str = _setting("", "image of evaluate and register")
    container_engine: str = _setting("", "podman, docker or buildah; the first one here if empty")
    container_base: str = _setting("", "image with Python that models' images are built on")
    container_registry: str = _setting(
        "", "where they are pushed, such as host/team; kept if empty"
    )
    kserve_context: str = _setting("", "context of the kubeconfig; its current one if empty")
    kserve_namespace: str = _setting("", "namespace of the services; the context's if empty")
    kserve_mode: str = _setting("serverless", "serverless (Knative) or raw (Deployments)")
    kserve_ingress: str = _setting(
        "", "URL of the gateway, where this machine does not resolve the services' names"
    )
    kserve_service_account: str = _setting("", "service account of the services' pods")
    kserve_pull_secrets: tuple[str, ...] = _setting((), "secrets for pulling the models' images")
    schedule_fired_by: str = _setting(
        "scheduler", "who fires new schedules: scheduler (a process of yours) or kubeflow"
    )
    schedule_timezone: str = _setting("UTC", "zone of cron lines that name none")
    schedule_in_server: bool = _setting(
        True, "whether the Jupyter server fires schedules while it runs"
    )
    schedule_parallel: int = _setting(16, "firings that this machine follows at once")
    schedule_poll_s: int = _setting(60, "seconds between two looks for changes")
    notify_on: tuple[str, ...] = _setting(
        ("failure", "drift"), "what of a firing is told: failure, success, drift"
    )
    notify_command: tuple[str, ...] = _setting(
        (), "command that is told, program and arguments; it reads JSON from its standard input"
    )
    notify_webhook: str = _setting(
        "", "URL that is told by POST, or the name of the environment variable that has it"
    )
    notify_timeout_s: int = _setting(30, "seconds that each of them may take")
    sources: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def state_folder(self) -> Path:
        """Folder of all that the project keeps by itself."""
        return self.root / STATE_FOLDER

    @property
    def on_cluster(self) -> bool:
        """Whether runs go where this machine's files are not."""
        return self.run_backend == "kubeflow"

    @property
    def names_cluster(self) -> bool:
        """Whether anything is set of the cluster that models may be served on."""
        return any(
            getattr(self, f.name) != f.metadata["default"]
            for f in _fields()
            if f.name.startswith("kserve_")
        )

    @property
    def name(self) -> str:
        """The project's name, that of its folder unless it is set."""
        return self.project_name or self.root.name

    @property
    def experiment(self) -> str:
        """Name of the MLflow experiment."""
        return self.tracking_experiment or self.name

    @property
    def registered_model(self) -> str:
        """Registered name that a trained model gets."""
        return self.model_name or self.name

    @property
    def embedded_tracking(self) -> bool:
        """Whether the MLflow store is the project's own."""
        return not self.tracking_uri

    @property
    def resolved_tracking_uri(self) -> str:
        """The tracking URI that runs use."""
        return self.tracking_uri or f"sqlite:///{self.tracking_file}"

    @property
    def tracking_file(self) -> Path:
        """The MLflow store that is the project's own."""
        return self.state_folder / "mlflow.db"

    @property
    def for_targets(self) -> dict[str, Any]:
        """The settings that targets need, by their names in `mlops.toml`; none is secret."""
        return {
            dotted(f.name): getattr(self, f.name)
            for f in _fields()
            if f.name.startswith(_OF_TARGETS) and getattr(self, f.name) != f.metadata["default"]
        }

    def settings(self) -> tuple[Setting, ...]:
        """List every setting with its value and source."""
        return tuple(
            Setting(
                name=dotted(f.name),
                value=getattr(self, f.name),
                source=self.sources.get(f.name, "default"),
                description=f.metadata["description"],
            )
            for f in _fields()
        )

    def override(self, **arguments: Any) -> Config:
        """Return a copy in which the arguments that are not None have the last word."""
        given = {name: value for name, value in arguments.items() if value is not None}
        sources = {**self.sources, **dict.fromkeys(given, "argument")}
        return replace(self, sources=sources, **given)

    def with_settings(self, settings: Mapping[str, Any]) -> Config:
        """Return a copy in which settings, by their names in `mlops.toml`, have the last word.

        Args:
            settings: Name to value; a text is read as it would be in the environment.

        Raises:
            ConfigError: A setting is unknown, or its value has a wrong type.
        """
        known = {dotted(f.name): f for f in _fields()}
        given = {}
        for name, value in settings.items():
            if name not in known:
                raise unknown(name.replace(".", "_", 1), {f.name: f for f in _fields()})
            default = known[name].metadata["default"]
            if isinstance(value, str):
                given[known[name].name] = parsed(name, str(value), default)
            else:
                given[known[name].name] = checked(known[name].name, value, default)
        return self.override(**given)

    @classmethod
    def given(cls, root: Path, settings: Mapping[str, Any]) -> Config:
        """Return settings that came along with a run, whatever is set where it goes on.

        Raises:
            ConfigError: A setting is unknown, or its value has a wrong type.
        """
        return cls(root=root).with_settings(settings)

    @classmethod
    def load(cls, start: Path | str | None = None) -> Config:
        """Read the settings of the project that holds `start` (the current folder if None).

        Raises:
            ProjectError: No folder upwards has an `mlops.toml`, or what the project keeps is of a
                later release, or another user's.
            ConfigError: A setting is unknown, or its value has a wrong type.
        """
        root = find_root(paths.given(start) if start is not None else Path.cwd())
        known = {f.name: f for f in _fields()}
        values: dict[str, Any] = {}
        sources: dict[str, str] = {}
        for name, value in read(root / FILE_NAME).items():
            if name not in known:
                raise unknown(name, known)
            values[name], sources[name] = (
                checked(name, value, known[name].metadata["default"]),
                FILE_NAME,
            )
        for name, f in known.items():
            variable = f"MLOPS_NB_{name.upper()}"
            text = os.environ.get(variable)
            if text is not None:
                values[name], sources[name] = (
                    parsed(variable, text, f.metadata["default"]),
                    variable,
                )
        for name in (
            *("tracking_uri", "data_repo", "kubeflow_url", "kubeflow_url_of_pods"),
            "notify_webhook",
        ):
            must_hold_no_password(dotted(name), values.get(name, ""))
        _must_be_own(root / STATE_FOLDER)
        formats.settle(root / STATE_FOLDER)
        return cls(root=root, sources=sources, **values)


def find_root(start: Path) -> Path:
    """Return the nearest folder upwards that has an `mlops.toml`."""
    folder = start.absolute()
    for candidate in (folder, *folder.parents):
        if (candidate / FILE_NAME).is_file():
            return candidate
    raise ProjectError(
        f"no {FILE_NAME} in {folder} or above it",
        hint=f"make it a project: jupyter mlops init {start}",
    )


def _must_be_own(folder: Path) -> None:
    """Refuse records that somebody else may have written: what they name is executed."""
    try:
        owner = folder.stat().st_uid
    except OSError:
        return
    if owner != os.geteuid() != 0:
        raise ProjectError(
            f"{folder} belongs to another user, with the id {owner}",
            hint=f"work in a copy of your own: git clone {folder.parent} COPY",
        )


def _fields() -> list[Any]:
    return [f for f in fields(Config) if "description" in f.metadata]
