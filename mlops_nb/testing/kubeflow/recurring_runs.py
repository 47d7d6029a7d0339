"""Recurring runs: created, enabled, disabled, deleted, never changed; fired when a test says so."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from mlops_nb.exceptions import UsageError
from mlops_nb.testing.kubeflow import listing, refusals
from mlops_nb.testing.kubeflow.records import Entry, Records, timestamp

if TYPE_CHECKING:
    from mlops_nb.testing.kubeflow.cluster import Cluster
    from mlops_nb.testing.kubeflow.experiments import Experiments
    from mlops_nb.testing.kubeflow.request import Request
    from mlops_nb.testing.kubeflow.runs import Runs

_MOST_AT_ONCE = 10
# Six fields, seconds first, or a name such as @daily.
_CRON = re.compile(r"@\w+( \S+)?|(\S+ ){4,5}\S+")


class RecurringRuns:
    """The operations of the API on recurring runs.

    Args:
        cluster: Where the server is.
        experiments: What recurring runs belong to.
        runs: What they make.
    """

    def __init__(self, cluster: Cluster, experiments: Experiments, runs: Runs) -> None:
        self._experiments = experiments
        self._runs = runs
        self._records = Records(cluster.folder / "records", "recurring-run")

    def recurring_run_service_create_recurring_run(self, request: Request) -> dict[str, Any]:
        """Create a recurring run."""
        body = request.body
        if not body.get("display_name"):
            raise refusals.invalid("Recurring run's name cannot be empty")
        if not 1 <= int(body.get("max_concurrency") or 0) <= _MOST_AT_ONCE:
            raise refusals.invalid("max_concurrency must be at least 1 and at most 10")
        _check_trigger(body.get("trigger") or {})
        # Checked now, and for each run again: a version may be deleted in between.
        source = self._runs.source(body)
        self._runs.read(source)
        experiment = self._experiments.of_run(body.get("experiment_id", ""))
        mode = body.get("mode") or "DISABLE"
        public = {
            **body,
            **source,
            "experiment_id": experiment.id,
            "namespace": experiment.public["namespace"],
            "max_concurrency": str(body["max_concurrency"]),
            "mode": mode,
            "status": "ENABLED" if mode == "ENABLE" else "DISABLED",
            "created_at": timestamp(),
            "updated_at": timestamp(),
        }
        return self._records.add("recurring_run_id", public).public

    def recurring_run_service_get_recurring_run(self, request: Request) -> dict[str, Any]:
        """Return a recurring run."""
        return self._records.get(request.path["recurring_run_id"]).public

    def recurring_run_service_list_recurring_runs(self, request: Request) -> dict[str, Any]:
        """List the recurring runs of an experiment or of a namespace."""
        experiment, found = request.query.get("experiment_id"), self._records.all()
        if experiment:
            found = [one for one in found if one.public["experiment_id"] == experiment]
        else:
            self._experiments.check_namespace(request.query.get("namespace", ""))
        return listing.page(found, request.query, "recurringRuns")

    def recurring_run_service_enable_recurring_run(self, request: Request) -> dict[str, Any]:
        """Let a recurring run fire."""
        return self._switch(request, "ENABLE", "ENABLED")

    def recurring_run_service_disable_recurring_run(self, request: Request) -> dict[str, Any]:
        """Let a recurring run rest."""
        return self._switch(request, "DISABLE", "DISABLED")

    def recurring_run_service_delete_recurring_run(self, request: Request) -> dict[str, Any]:
        """Delete a recurring run; its runs stay."""
        self._records.delete(request.path["recurring_run_id"])
        return {}

    def fire(self, name: str) -> Entry:
        """Make a run, as the schedule would."""
        recurring = self._records.get(name)
        if recurring.public["mode"] != "ENABLE":
            raise UsageError(
                f"the recurring run {name} is disabled, so it never fires",
                hint="enable it first, by the API",
            )
        body = {key: value for key, value in recurring.public.items() if key != "description"}
        title = f"{recurring.public['display_name']} {timestamp()}"
        return self._runs.create({**body, "display_name": title}, recurring_run=name)

    def _switch(self, request: Request, mode: str, status: str) -> dict[str, Any]:
        recurring = self._records.get(request.path["recurring_run_id"])
        recurring.public |= {"mode": mode, "status": status, "updated_at": timestamp()}
        self._records.put(recurring)
        return {}


def _check_trigger(trigger: dict[str, Any]) -> None:
    cron = (trigger.get("cron_schedule") or {}).get("cron")
    if cron is not None and not _CRON.fullmatch(cron):
        raise refusals.invalid(f"Schedule cron is not a supported format: {cron!r}")
    interval = (trigger.get("periodic_schedule") or {}).get("interval_second")
    if interval is not None and int(interval) < 1:
        raise refusals.invalid(f"Found invalid period schedule interval {interval}")
