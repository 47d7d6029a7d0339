"""Recurring runs: created, enabled, disabled, deleted, never changed; fired when a test says so."""

from __future__ import annotations

import calendar
import re
import secrets
from typing import TYPE_CHECKING, Any

from mlops_nb.exceptions import UsageError
from mlops_nb.testing.kubeflow import listing, refusals
from mlops_nb.testing.kubeflow.records import Entry, Records, timestamp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlops_nb.testing.kubeflow.cluster import Cluster
    from mlops_nb.testing.kubeflow.experiments import Experiments
    from mlops_nb.testing.kubeflow.request import Request
    from mlops_nb.testing.kubeflow.runs import Runs

_MOST_AT_ONCE = 10
# Seconds first; without the sixth the days of the week are any.
_FIELDS = (
    ("second", 0, 59, ()),
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of month", 1, 31, ()),
    ("month", 1, 12, [name.lower() for name in calendar.month_abbr[1:]]),
    ("day of week", 0, 6, ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]),
)
_STAR, _NONE = -1, -2
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_NAMES = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")
_TERM = re.compile(r"(?P<first>[*?]|\w+)(-(?P<last>\w+))?(/(?P<step>\d+))?")


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

    def fire(self, name: str, due: float | None = None) -> Entry:
        """Make a run, as the schedule would: named after the workflow, not the recurring run."""
        recurring = self._records.get(name)
        if recurring.public["mode"] != "ENABLE":
            raise UsageError(
                f"the recurring run {name} is disabled, so it never fires",
                hint="enable it first, by the API",
            )
        known = ("description", "display_name")
        body = {key: value for key, value in recurring.public.items() if key not in known}
        words = re.sub(r"[^a-z0-9]", "", recurring.public["display_name"].lower())
        title = f"{words[:25]}-{secrets.token_hex(3)}"
        return self._runs.create({**body, "display_name": title}, recurring_run=name, due=due)

    def _switch(self, request: Request, mode: str, status: str) -> dict[str, Any]:
        recurring = self._records.get(request.path["recurring_run_id"])
        recurring.public |= {"mode": mode, "status": status, "updated_at": timestamp()}
        self._records.put(recurring)
        return {}


def _check_trigger(trigger: dict[str, Any]) -> None:
    given = [trigger.get(kind) for kind in ("cron_schedule", "periodic_schedule")]
    if all(given):
        raise refusals.invalid("a trigger is a cron schedule or a periodic one, and not both")
    for times in filter(None, given):
        for name in ("start_time", "end_time"):
            if name in times and not _TIME.fullmatch(times[name]):
                raise refusals.invalid(f"{name}: {times[name]!r} is no time of RFC 3339")
    cron = (trigger.get("cron_schedule") or {}).get("cron")
    if cron is not None:
        _check_cron(cron)
    interval = (trigger.get("periodic_schedule") or {}).get("interval_second")
    if interval is not None and int(interval) < 1:
        raise refusals.invalid(f"Found invalid period schedule interval {interval}")


def _check_cron(cron: str) -> None:
    """Refuse what the server's cron does not read; it has bounds of its own, such as no 7."""
    if cron in _NAMES or re.fullmatch(r"@every \S+", cron):
        return
    fields = cron.split()
    if not 5 <= len(fields) <= 6:
        raise _no_cron(cron, f"expected 5 to 6 fields, found {len(fields)}")
    for (name, lowest, highest, names), text in zip(_FIELDS, fields, strict=False):
        for term in text.split(","):
            found = _TERM.fullmatch(term)
            if found is None:
                raise _no_cron(cron, f"{name}: {term!r}")
            ends = [_number(end, names) for end in found.group("first", "last") if end]
            if any(end != _STAR and not lowest <= end <= highest for end in ends):
                raise _no_cron(cron, f"{name}: {term!r} is beyond {lowest} to {highest}")
            if ends != sorted(ends):
                raise _no_cron(cron, f"{name}: the beginning of {term!r} is beyond its end")
            if found["step"] and not int(found["step"]):
                raise _no_cron(cron, f"{name}: a step of 0")


def _number(text: str, names: Sequence[str]) -> int:
    if text in "*?":
        return _STAR
    if text.lower() in names:
        return names.index(text.lower()) + (len(names) == 12)
    return int(text) if text.isdecimal() else _NONE


def _no_cron(cron: str, why: str) -> refusals.RefusedError:
    return refusals.invalid(f"Schedule cron is not a supported format: {cron!r}: {why}")
