"""What the server is asked for: the body of a recurring run, and the parameters of its firings."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import structs

from mlops_nb import encoding, pipelines
from mlops_nb.capture.repository import Repository
from mlops_nb.exceptions import UsageError
from mlops_nb.scheduling.recurring.sayable import AT_ONCE, KUBEFLOW, cron_of_server
from mlops_nb.settings import dotted

if TYPE_CHECKING:
    from mlops_nb.runners.kubeflow.server import Server
    from mlops_nb.settings import Config
    from mlops_nb.types import Schedule, Surroundings

REMOTE = "origin"
# Ways to log in to a KFP of one user, which asks nobody who comes from inside.
_UNASKED = ("none", "kubeconfig")
# Files of this machine, which pods do not have.
_OF_THIS_MACHINE = ("kubeflow.ca_file", "kubeflow.token_file")


def name_of(config: Config, name: str) -> str:
    """Return how the names of recurring runs of a schedule's name begin."""
    return f"mlops-nb {config.name}/{name} "


def experiment_of(config: Config, schedule: Schedule) -> str:
    """Return the name of the experiment that a schedule's runs are in."""
    return f"{config.experiment}: schedule {schedule.name} {schedule.id}"


def parameters(config: Config, surroundings: Surroundings) -> dict[str, str]:
    """Return what every firing of a new schedule is given.

    Raises:
        UsageError: The project has no remote.
    """
    return {
        "repository": _repository(config),
        "folder": _folder(config),
        "surroundings": _text(surroundings, "the environment"),
        "settings": encoding.dumps(_given(config), name="the settings"),
    }


def body(
    config: Config,
    server: Server,
    schedule: Schedule,
    experiment_id: str,
    parameters: dict[str, str],
) -> tuple[dict[str, Any], str]:
    """Return what the server is asked for, and the name of the version that it refers to."""
    from mlops_nb.runners.kubeflow import publishing

    fires = publishing.publish(server, pipelines.SCHEDULED, config)
    runs = publishing.publish(server, pipelines.PIPELINES[schedule.pipeline], config)
    versions = {
        schedule.pipeline: {
            "name": runs.version,
            "pipeline_id": runs.pipeline_id,
            "version_id": runs.version_id,
        }
    }
    body: dict[str, Any] = {
        "display_name": f"{name_of(config, schedule.name)}{schedule.id}",
        "description": f"{schedule.arguments.get('notebook', schedule.pipeline)} "
        f"of {schedule.branch or schedule.frozen}, by mlops_nb",
        "experiment_id": experiment_id,
        "pipeline_version_reference": {
            "pipeline_id": fires.pipeline_id,
            "pipeline_version_id": fires.version_id,
        },
        "runtime_config": {
            "parameters": {
                **parameters,
                "schedule": _text(_recorded(schedule), "the schedule"),
                "settings": _settings(config, parameters["settings"]),
                "versions": encoding.dumps(versions, name="the versions"),
            }
        },
        "max_concurrency": AT_ONCE[schedule.overlap],
        # Either way the newest of those that were missed is made up for.
        "no_catchup": schedule.missed == "once",
        "mode": "DISABLE" if schedule.paused else "ENABLE",
        "trigger": _trigger(schedule, datetime.now(timezone.utc)),
    }
    if config.kubeflow_service_account:
        body["service_account"] = config.kubeflow_service_account
    return body, fires.version


def _trigger(schedule: Schedule, now: datetime) -> dict[str, Any]:
    """Return a schedule's times in the server's words, from now on."""
    start = now
    if schedule.every_s is not None:
        # The times go on as they were counted from the schedule's beginning.
        created, step = datetime.fromisoformat(schedule.created_at), schedule.every_s
        passed = int((now - created).total_seconds()) // step
        start = created + timedelta(seconds=max(0, passed) * step)
    span = {"start_time": _moment(start)}
    if schedule.until is not None:
        span["end_time"] = _moment(datetime.fromisoformat(schedule.until))
    if schedule.cron is not None:
        return {"cron_schedule": {"cron": cron_of_server(schedule.cron), **span}}
    return {"periodic_schedule": {"interval_second": str(schedule.every_s), **span}}


def _moment(moment: datetime) -> str:
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _recorded(schedule: Schedule) -> Schedule:
    """Return the part of a schedule that the server is given."""
    return structs.replace(
        schedule, recurring=None, paused=False, trouble=None, upcoming=(), history=()
    )


def _text(record: Any, name: str) -> str:
    return encoding.dumps(msgspec.to_builtins(record), name=name)


def _repository(config: Config) -> str:
    remote = Repository.find(config.root).remote()
    if remote is None:
        raise UsageError(
            f"{config.root} has no remote `{REMOTE}`, where pods fetch the code",
            hint="name one: git remote add origin URL",
        )
    return remote


def _folder(config: Config) -> str:
    top = Repository.find(config.root).root.resolve()
    return config.root.resolve().relative_to(top).as_posix()


def _given(config: Config) -> dict[str, Any]:
    """Return the settings that only this process's environment has."""
    return {
        dotted(name): getattr(config, name)
        for name, source in config.sources.items()
        if source.startswith("MLOPS_NB_") and dotted(name) not in _OF_THIS_MACHINE
    }


def _settings(config: Config, given: str) -> str:
    """Return the settings of the pod that pins: those given, and how it reaches the server."""
    auth = "none" if config.kubeflow_auth in _UNASKED else "token-file"
    own = {
        "run.backend": KUBEFLOW,
        # The commit came from there, and the pod may not be let to write.
        "run.push": False,
        "kubeflow.url": config.kubeflow_url_of_pods or config.kubeflow_url,
        "kubeflow.namespace": config.kubeflow_namespace,
        "kubeflow.context": "",
        "kubeflow.auth": auth,
        **dict.fromkeys(_OF_THIS_MACHINE, ""),
    }
    if not config.project_name:
        # It is that of the folder, which is another one there.
        own["project.name"] = config.name
    return encoding.dumps({**encoding.loads(given), **own}, name="the settings")
