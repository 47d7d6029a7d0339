"""Tasks of the local engine, each made a pod: its driver resolves it, its executor is executed."""

from __future__ import annotations

import threading
import types
from typing import TYPE_CHECKING, Any

import msgspec

from mlops_nb.testing.kubeflow import nodes, resolution
from mlops_nb.testing.kubeflow.kubelet import Kubelet
from mlops_nb.testing.kubeflow.ledger import FAILED, RUNNING, SKIPPED, SUCCEEDED
from mlops_nb.testing.kubeflow.pod import Mount, Pod

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlops_nb.testing.kubeflow.ledger import Job, Ledger


class Controller:
    """Stands between the local engine and the execution of its tasks.

    Args:
        ledger: The run's folder.
        job: What the run is.
    """

    def __init__(self, ledger: Ledger, job: Job) -> None:
        self._ledger = ledger
        self._job = job
        self._kubelet = Kubelet(ledger, job)
        self._executors = _executors(job.package)
        # Tasks that run at once, the items of a loop among them, are in threads.
        self._current = threading.local()
        self._naming = threading.Lock()
        self._known: set[str] = set()

    def stop(self) -> None:
        """End all pods, and let none begin."""
        self._kubelet.stop()

    def take_over(self) -> None:
        """Put this controller in the engine's way, in this process."""
        from kfp.local import cache, pipeline_orchestrator, subprocess_task_handler
        from kfp.local.orchestrator import task_executor

        execute = task_executor.execute_single_task
        memory = cache.LocalCache(str(self._ledger.outputs))

        def execute_task(task_name: str, task_spec: Any, **rest: Any) -> Any:
            return self._execute(execute, memory, task_name, task_spec, rest)

        task_executor.execute_single_task = execute_task
        subprocess_task_handler.SubprocessTaskHandler = self._handler
        # The engine removes the workspace of a failed run, which a retry would need.
        pipeline_orchestrator.shutil = types.SimpleNamespace(rmtree=lambda _: None)

    def _execute(
        self, execute: Callable[..., Any], memory: Any, name: str, spec: Any, rest: dict[str, Any]
    ) -> Any:
        """Execute one task unless an earlier attempt of this run already did."""
        from kfp.local import status
        from kfp.local.orchestrator.orchestrator_utils import OrchestratorUtils

        arguments = OrchestratorUtils.make_task_arguments(spec.inputs, rest["io_store"])
        task = self._named(name)
        key = memory.compute_key(name, "", [], arguments)
        if (outputs := memory.get(key)) is not None:
            return outputs, status.Status.SUCCESS
        if not self._drive(task, spec, rest, arguments):
            return {}, status.Status.FAILURE
        outputs, ended = execute(task_name=name, task_spec=spec, **rest)
        if self._current.attempt == 0 and self._current.pod is not None:
            self._ledger.append(SKIPPED, nodes.executor(task), nodes.EXECUTOR)
        if ended == status.Status.SUCCESS:
            memory.put(key, outputs)
        return outputs, ended

    def _named(self, name: str) -> str:
        """Give the items of a loop names of their own."""
        names = (name, *(f"{name}:{number}" for number in range(2, 10_000)))
        with self._naming:
            found = next(one for one in names if one not in self._known)
            self._known.add(found)
        return found

    def _drive(self, task: str, spec: Any, rest: dict[str, Any], arguments: dict[str, Any]) -> bool:
        """Do what a task's driver does; return whether it succeeded."""
        driver = nodes.driver(task)
        self._ledger.append(RUNNING, driver, nodes.DRIVER)
        self._current.attempt, self._current.pod = 0, None
        self._current.retried = spec.retry_policy.max_retry_count > 0
        label = rest["components"][spec.component_ref.name].executor_label
        try:
            if container := self._executors[label].get("container"):
                store = rest["io_store"]
                values = resolution.Task(arguments, store.get_parent_input, store.get_task_output)
                self._current.pod = self._pod(task, values, container, label)
        except ValueError as error:
            self._ledger.append(FAILED, driver, nodes.DRIVER, str(error))
            return False
        self._ledger.append(SUCCEEDED, driver, nodes.DRIVER)
        return True

    def _pod(
        self, task: str, values: resolution.Task, container: dict[str, Any], label: str
    ) -> Pod:
        name = nodes.pod_name(self._job.workflow, nodes.executor(task), nodes.EXECUTOR)
        fields = {
            "metadata.name": name,
            "metadata.namespace": self._job.namespace,
            "metadata.labels['pipeline/runid']": self._job.run_id,
            "metadata.labels['workflows.argoproj.io/workflow']": self._job.workflow,
            "spec.serviceAccountName": self._job.service_account,
        }
        pod = resolution.resolve(
            values,
            container,
            self._job.kubernetes.get(label, {}),
            fields,
            name=name,
            task=task,
            service_account=self._job.service_account,
        )
        if self._job.workspace:
            claim = f"{self._job.workflow}-kfp-workspace"
            mount = Mount("workspace", claim, resolution.WORKSPACE_PATH)
            pod = _changed(pod, mounts=(*pod.mounts, mount))
        self._ledger.write_pod(pod)
        return pod

    def _handler(self, full_command: Sequence[str], **_: Any) -> _Handler:
        """Be what the engine makes for each attempt of a task."""
        attempt = self._current.attempt
        self._current.attempt += 1
        node = nodes.executor(self._current.pod.task, attempt if self._current.retried else None)
        pod = _changed(
            self._current.pod,
            name=nodes.pod_name(self._job.workflow, node, nodes.EXECUTOR),
            command=tuple(full_command),
        )
        self._ledger.write_pod(pod)
        return _Handler(self._kubelet, pod, node)


class _Handler:
    """An attempt of a task, in the shape that the engine asks for."""

    def __init__(self, kubelet: Kubelet, pod: Pod, node: str) -> None:
        self._kubelet, self._pod, self._node = kubelet, pod, node

    def run(self) -> Any:
        from kfp.local import status

        succeeded = self._kubelet.run(self._pod, self._node)
        return status.Status.SUCCESS if succeeded else status.Status.FAILURE


def _changed(pod: Pod, **values: Any) -> Pod:
    return msgspec.structs.replace(pod, **values)


def _executors(package: str) -> dict[str, dict[str, Any]]:
    import yaml

    pipeline = next(yaml.safe_load_all(package))
    return dict(pipeline.get("deploymentSpec", {}).get("executors", {}))
