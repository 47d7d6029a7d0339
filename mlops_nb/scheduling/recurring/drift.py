"""What somebody has changed on the server, or the settings since."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlops_nb import encoding, pipelines
from mlops_nb.scheduling.recurring.asked import name_of
from mlops_nb.scheduling.recurring.kept import recurring_of

if TYPE_CHECKING:
    from mlops_nb.runners.kubeflow.server import Server
    from mlops_nb.settings import Config
    from mlops_nb.types import Schedule


def differences(
    config: Config, server: Server, schedule: Schedule, wanted: dict[str, Any]
) -> list[str]:
    """Return what of a schedule is other on the server than our record has it."""
    recurring = recurring_of(schedule)
    others = [
        one
        for one in server.find_recurring_runs(f"{name_of(config, schedule.name)}{schedule.id}")
        if one["recurring_run_id"] != recurring.id
    ]
    found = server.recurring_run(recurring.id)
    if found is None:
        return ["somebody has deleted it"]
    differences = ["it is fired by more than one recurring run"] if others else []
    off = found.get("status") == "DISABLED"
    if off is not schedule.paused:
        differences.append("it is disabled" if off else "it is enabled, and paused here")
    for what, key in (
        ("it has other times", "trigger"),
        ("it runs another version of the pipeline", "pipeline_version_reference"),
        ("it has other parameters", "runtime_config"),
        ("it makes up for missed firings otherwise", "no_catchup"),
        ("as many run at once as are not said here", "max_concurrency"),
    ):
        if _comparable(key, found.get(key)) != _comparable(key, wanted.get(key)):
            differences.append(what)
    reference = wanted["pipeline_version_reference"]
    if not server.has_version(reference["pipeline_id"], reference["pipeline_version_id"]):
        differences.append("the version that it runs is deleted")
    elif _is_outdated(config, schedule, wanted):
        differences.append("it runs the pipelines of other settings, or of another release")
    return differences


def _is_outdated(config: Config, schedule: Schedule, wanted: dict[str, Any]) -> bool:
    """Whether the settings make other versions of the pipelines by now."""
    from mlops_nb.runners.kubeflow import publishing

    known = encoding.loads(wanted["runtime_config"]["parameters"]["versions"])
    fires, _ = publishing.packaged(pipelines.SCHEDULED, config)
    runs, _ = publishing.packaged(pipelines.PIPELINES[schedule.pipeline], config)
    return (fires, runs) != (recurring_of(schedule).version, known[schedule.pipeline]["name"])


def _comparable(key: str, value: Any) -> Any:
    """Return a value of the server's or of ours, told apart by nothing but what it means."""
    if key == "trigger":
        return {
            kind: {name: str(one) for name, one in times.items() if one and name != "start_time"}
            for kind, times in (value or {}).items()
            if times
        }
    if key == "no_catchup":
        return bool(value)
    if key == "runtime_config":
        return (value or {}).get("parameters")
    return str(value) if key == "max_concurrency" else value
