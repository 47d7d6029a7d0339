"""Runs: created, followed, terminated, retried, archived, deleted."""

from __future__ import annotations

import os
import re
import secrets
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from mlops_nb.testing.kubeflow import kubelet, ledger, listing, nodes, refusals, specification
from mlops_nb.testing.kubeflow.ledger import CANCELING, ENDED, FAILED, Job, Ledger
from mlops_nb.testing.kubeflow.records import Entry, Records, timestamp

if TYPE_CHECKING:
    from mlops_nb.testing.kubeflow.cluster import Cluster
    from mlops_nb.testing.kubeflow.experiments import Experiments
    from mlops_nb.testing.kubeflow.pipelines import Pipelines
    from mlops_nb.testing.kubeflow.request import Request
    from mlops_nb.testing.kubeflow.specification import Specification

_ENGINE = "mlops_nb.testing.kubeflow.engine"


class Runs:
    """The operations of the API on runs.

    Args:
        cluster: Where the server is.
        experiments: What runs belong to.
        pipelines: What runs are of.
    """

    def __init__(self, cluster: Cluster, experiments: Experiments, pipelines: Pipelines) -> None:
        self._cluster = cluster
        self._experiments = experiments
        self._pipelines = pipelines
        self._records = Records(cluster.folder / "records", "run")

    def run_service_create_run(self, request: Request) -> dict[str, Any]:
        """Create a run, and start it."""
        return self._shown(self.create(request.body))

    def run_service_get_run(self, request: Request) -> dict[str, Any]:
        """Return a run with its tasks."""
        return self._shown(self.get(request.path["run_id"]))

    def run_service_list_runs(self, request: Request) -> dict[str, Any]:
        """List the runs of an experiment or of a namespace."""
        experiment, found = request.query.get("experiment_id"), self._records.all()
        if experiment:
            self._experiments.get(experiment)
            found = [one for one in found if one.public["experiment_id"] == experiment]
        else:
            self._experiments.check_namespace(request.query.get("namespace", ""))
        for one in found:
            one.public = self._shown(one)
        return listing.page(found, request.query, "runs")

    def run_service_terminate_run(self, request: Request) -> dict[str, Any]:
        """Begin to end a run."""
        self.terminate(request.path["run_id"])
        return {}

    def run_service_retry_run(self, request: Request) -> dict[str, Any]:
        """Start a run that failed again, without the tasks that succeeded."""
        run = self.get(request.path["run_id"])
        if self.ledger(run).state() not in (FAILED, ledger.CANCELED):
            raise refusals.aborted("Workflow must be Failed/Error to retry")
        self.ledger(run).append(ledger.RUNNING)
        self._start(self.ledger(run))
        return {}

    def run_service_archive_run(self, request: Request) -> dict[str, Any]:
        """Archive a run."""
        return self._store(request, "ARCHIVED")

    def run_service_unarchive_run(self, request: Request) -> dict[str, Any]:
        """Take a run back, if its experiment is there."""
        experiment = self.get(request.path["run_id"]).public["experiment_id"]
        if self._experiments.get(experiment).public["storage_state"] == "ARCHIVED":
            raise refusals.precondition("Unarchive the experiment first")
        return self._store(request, "AVAILABLE")

    def run_service_delete_run(self, request: Request) -> dict[str, Any]:
        """Delete a run, and what of it goes on."""
        run = self.get(request.path["run_id"])
        if self.ledger(run).state() not in ENDED:
            self._signal(self.ledger(run))
        self._records.delete(run.id)
        return {}

    def get(self, name: str) -> Entry:
        """Return a run by its id, or refuse."""
        return self._records.get(name)

    def ledger(self, run: Entry) -> Ledger:
        """Return the folder of a run."""
        return Ledger(self._cluster.folder / "runs" / run.id)

    def create(
        self, body: dict[str, Any], recurring_run: str = "", due: float | None = None
    ) -> Entry:
        """Create a run of what a request says, and start it.

        Args:
            body: The request.
            recurring_run: What makes it.
            due: When that was to make it; now if None.
        """
        if not body.get("display_name"):
            raise refusals.invalid("The run name is empty. Please specify a valid name")
        source = self.source(body)
        found = self.read(source)
        arguments = body.get("runtime_config", {}).get("parameters") or {}
        specification.check_parameters(found, arguments)
        experiment = self._experiments.of_run(body.get("experiment_id", ""))
        public = self._public(body, source, experiment, recurring_run)
        run = self._records.add("run_id", {**public, "scheduled_at": timestamp(due)})
        run.private = {"workflow": _workflow_name(found.name), "after": found.after}
        self._records.put(run)
        self.ledger(run).create(self._job(run, found, arguments))
        self._start(self.ledger(run))
        return run

    def source(self, body: dict[str, Any]) -> dict[str, Any]:
        """Return the one field of a body that says which pipeline it is."""
        named = [key for key in ("pipeline_version_reference", "pipeline_spec") if body.get(key)]
        if len(named) != 1:
            raise refusals.invalid("Pipeline spec source is missing, or there are two")
        if "pipeline_spec" in named:
            return {"pipeline_spec": body["pipeline_spec"]}
        try:
            version = self._pipelines.version(body["pipeline_version_reference"])
        except refusals.RefusedError as error:
            # The server's own word for it, also where the version is simply not there.
            raise refusals.internal(f"error fetching manifest: {error}") from error
        reference = {key: version.public[key] for key in ("pipeline_id", "pipeline_version_id")}
        return {"pipeline_version_reference": reference}

    def read(self, source: dict[str, Any]) -> Specification:
        """Return the pipeline of a source."""
        if "pipeline_spec" in source:
            return specification.read_shown(source["pipeline_spec"])
        version = self._pipelines.version(source["pipeline_version_reference"])
        return self._pipelines.specification(version)

    def terminate(self, name: str) -> None:
        """Begin to end a run that has not ended."""
        run = self.get(name)
        if self.ledger(run).state() in (*ENDED, CANCELING):
            raise refusals.invalid(f"Failed to terminate a run {name}. Row not found")
        self.ledger(run).append(CANCELING)
        self._signal(self.ledger(run))

    def evict(self, name: str, task: str) -> None:
        """Take the pod of a task from its node; KeyError if the task has no pod yet."""
        found = self.ledger(self.get(name))
        pod = found.pod(task)
        found.evicted(pod.name).parent.mkdir(exist_ok=True)
        found.evicted(pod.name).touch()
        kubelet.kill(pod.name)

    def log(self, name: str, pod: str) -> bytes:
        """Return what a pod has printed so far."""
        path = self.ledger(self.get(name)).log(pod)
        if not path.is_file():
            raise refusals.internal(
                f"Failed to read logs from pod {pod} due to error opening log stream:"
                f' pods "{pod}" not found'
            )
        return path.read_bytes()

    def _public(
        self, body: dict[str, Any], source: dict[str, Any], experiment: Entry, recurring_run: str
    ) -> dict[str, Any]:
        kept = ("display_name", "description", "runtime_config", "plugins_input")
        public = {key: body[key] for key in kept if body.get(key)}
        public |= {
            **source,
            "experiment_id": experiment.id,
            "storage_state": "AVAILABLE",
            "service_account": body.get("service_account") or self._cluster.service_account,
            "created_at": timestamp(),
        }
        return {**public, "recurring_run_id": recurring_run} if recurring_run else public

    def _job(self, run: Entry, found: Specification, arguments: dict[str, Any]) -> Job:
        return Job(
            run_id=run.id,
            workflow=run.private["workflow"],
            namespace=self._cluster.pod_namespace,
            service_account=run.public["service_account"],
            package=found.package,
            kubernetes=found.kubernetes,
            workspace=found.workspace,
            arguments=arguments,
            secrets=self._cluster.secrets,
            claims=self._cluster.claims,
            environment=self._cluster.pod_environment,
            images=self._cluster.images,
            container=self._cluster.container,
            root=str(self._cluster.folder),
            terminated_state=self._cluster.terminated_state,
        )

    def _start(self, found: Ledger) -> None:
        """Start the engine: a session of its own, for it outlives this server."""
        lock = found.lock()
        try:
            with found.engine_log().open("ab") as log:
                process = subprocess.Popen(
                    [sys.executable, "-W", "ignore", "-m", _ENGINE, str(found.path)],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    pass_fds=[lock],
                )
        finally:
            os.close(lock)
        found.write_pid(process.pid)
        threading.Thread(target=process.wait, daemon=True).start()

    def _signal(self, found: Ledger) -> None:
        with suppress(ProcessLookupError):
            os.kill(found.pid(), signal.SIGTERM)

    def _store(self, request: Request, state: str) -> dict[str, Any]:
        run = self.get(request.path["run_id"])
        run.public["storage_state"] = state
        self._records.put(run)
        return {}

    def _shown(self, run: Entry) -> dict[str, Any]:
        """Return a run as it is now."""
        found = self.ledger(run)
        history = found.history()
        ended = history[-1] if history[-1].state in ENDED else None
        return {
            **run.public,
            "state": history[-1].state,
            "state_history": [
                {"update_time": timestamp(event.time), "state": event.state} for event in history
            ],
            # Not yet is the epoch, as with the real server.
            "finished_at": timestamp(ended.time if ended else 0),
            "run_details": {
                "task_details": nodes.details(run.id, events=found.events(), **run.private)
            },
        }


def _workflow_name(pipeline: str) -> str:
    """Name a workflow as Kubernetes does: the pipeline's name and five random characters."""
    name = re.sub(r"[^a-z0-9]+", "-", pipeline.lower()).strip("-")
    letters = "bcdfghjklmnpqrstvwxz2456789"
    return f"{name}-{''.join(secrets.choice(letters) for _ in range(5))}"
