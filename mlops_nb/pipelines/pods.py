"""Give the tasks of a pipeline what a platform has for them, through kfp-kubernetes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kfp import dsl, kubernetes

from mlops_nb.pipelines.platform import CLAIM_PATH

if TYPE_CHECKING:
    from mlops_nb.pipelines.platform import Platform

# The stages that fetch from elsewhere. What they leave in the volume is no output that a cache has.
FETCHING = ("provision-code", "provision-data", "fire")
# Registration is the last word of a run, and says what the stages that were skipped had come to.
UNCACHED = (*FETCHING, "register", "study", "worker", "best")
WITHOUT_VOLUME = ("register", "fire")
# The stages that run notebooks.
TRAINING = ("train", "worker")
# What Kubeflow gives to pods with this label is a token for Kubeflow Pipelines itself.
_TOKEN_LABEL = "access-ml-pipeline"  # noqa: S105


class Pods:
    """The tasks of one pipeline; of the generic one where there is no platform."""

    def __init__(self, platform: Platform | None) -> None:
        self.platform = platform

    @property
    def volume(self) -> str:
        """Path of the volume that the pods share."""
        if self.platform is not None and self.platform.claim:
            return CLAIM_PATH
        return str(dsl.WORKSPACE_PATH_PLACEHOLDER)

    @property
    def config(self) -> Any:
        """The pipeline's configuration, with the volume of a run where it needs one."""
        if self.platform is not None and self.platform.claim:
            return dsl.PipelineConfig()
        claim: dict[str, Any] = {"accessModes": ["ReadWriteMany"]}
        size = 10
        if self.platform is not None:
            claim["accessModes"] = [self.platform.access_mode]
            size = self.platform.workspace_gb
            if self.platform.storage_class:
                claim["storageClassName"] = self.platform.storage_class
        # The server makes the volume only where something is said of Kubernetes.
        workspace = dsl.WorkspaceConfig(
            size=f"{size}Gi", kubernetes=dsl.KubernetesWorkspaceConfig(pvcSpecPatch=claim)
        )
        return dsl.PipelineConfig(workspace=workspace)

    def give(self, task: Any, stage: str) -> Any:
        """Give a task what the platform has for the stage, and return it."""
        if self.platform is not None:
            self._run(self.platform, task, stage)
            self._secrets(self.platform, task, stage)
            if stage in TRAINING:
                self._nodes(self.platform, task)
            if stage == "fire":
                kubernetes.add_pod_label(task, _TOKEN_LABEL, "true")
        return task

    def _run(self, platform: Platform, task: Any, stage: str) -> None:
        task.set_container_image(platform.images[stage])
        task.set_caching_options(platform.cache and stage not in UNCACHED)
        for name, value in sorted(platform.variables.items()):
            task.set_env_variable(name, value)
        kubernetes.use_field_path_as_env(
            task, env_name="KFP_RUN_ID", field_path="metadata.labels['pipeline/runid']"
        )
        if platform.claim and stage not in WITHOUT_VOLUME:
            kubernetes.mount_pvc(task, pvc_name=platform.claim, mount_path=CLAIM_PATH)
        if platform.pull_secrets:
            kubernetes.set_image_pull_secrets(task, list(platform.pull_secrets))
        if platform.stage_timeout_s:
            kubernetes.set_timeout(task, platform.stage_timeout_s)

    def _secrets(self, platform: Platform, task: Any, stage: str) -> None:
        for variable, (secret, key) in sorted(platform.secrets.get(stage, {}).items()):
            kubernetes.use_secret_as_env(task, secret, {key: variable})
        if stage in FETCHING:
            for folder, secret in sorted(platform.secret_files.items()):
                kubernetes.use_secret_as_volume(task, secret, mount_path=folder)

    def _nodes(self, platform: Platform, task: Any) -> None:
        for label, value in sorted(platform.node_selector.items()):
            kubernetes.add_node_selector(task, label, value)
        for toleration in platform.tolerations:
            kubernetes.add_toleration(
                task,
                key=toleration.key,
                operator="Exists" if toleration.value is None else "Equal",
                value=toleration.value,
                effect=toleration.effect,
            )
