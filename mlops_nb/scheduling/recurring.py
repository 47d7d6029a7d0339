"""Schedules that a Kubeflow Pipelines server fires, by recurring runs of the pipeline `scheduled`.

The server cannot change a recurring run: an edit deletes it and makes another. The schedule, its id
and its history are ours; what the server was asked for is kept, so that what somebody has changed
there is seen and can be made good.
"""

from __future__ import annotations

import contextlib
import time
from datetime import datetime, timedelta, timezone
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import structs

from mlops_nb import encoding, pipelines
from mlops_nb.capture.repository import Repository
from mlops_nb.exceptions import BackendError, MlopsError, ScheduleError, UsageError
from mlops_nb.journal import StageFinished, event_of_line, replace_file
from mlops_nb.scheduling import notices, timing
from mlops_nb.scheduling.starts import start_of
from mlops_nb.scheduling.store import Store, new_firing
from mlops_nb.settings import dotted
from mlops_nb.types import (
    Failure,
    Firing,
    FiringState,
    RecurringRun,
    RunRequest,
    RunState,
    Schedule,
    Snapshot,
    StageState,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlops_nb.runners.kubeflow.server import Server
    from mlops_nb.settings import Config
    from mlops_nb.types import Surroundings

KUBEFLOW = "kubeflow"
FOLDER = "recurring"
REMOTE = "origin"
_STAGE = pipelines.SCHEDULED.stages[0]
_AT_ONCE = {"skip": "1", "parallel": "10"}
_STATES = {
    RunState.PENDING: FiringState.RUNNING,
    RunState.RUNNING: FiringState.RUNNING,
    RunState.SUCCEEDED: FiringState.SUCCEEDED,
    RunState.CANCELED: FiringState.CANCELED,
    RunState.FAILED: FiringState.FAILED,
    RunState.LOST: FiringState.FAILED,
}
# Ways to log in to a KFP of one user, which asks nobody who comes from inside.
_UNASKED = ("none", "kubeconfig")
# Files of this machine, which pods do not have.
_OF_THIS_MACHINE = ("kubeflow.ca_file", "kubeflow.token_file")
_AT_A_TIME = 50
# What ended longer ago, before anybody looked, is history and no news.
_NEWS_S = 86_400.0


def must_be_sayable(config: Config, schedule: Schedule) -> None:
    """Refuse what a recurring run cannot do.

    Raises:
        UsageError: The server would fire it otherwise than the schedule says, or not at all.
    """
    config = config.with_settings(schedule.arguments.get("settings") or {})
    if schedule.arguments.get("backend", config.run_backend) != KUBEFLOW:
        raise UsageError(
            "what Kubeflow fires runs there, and the back-end of this is another one",
            hint="say --backend kubeflow, or --fired-by scheduler",
        )
    zone = config.kubeflow_cron_timezone
    other_zone = schedule.cron is not None and schedule.timezone != zone
    for refused, what, hint in (
        (not start_of(schedule.pipeline).in_pods, f"--pipeline {schedule.pipeline}", ""),
        (schedule.on_change, "--on-change", "say --every 1h: without a change it skips"),
        (schedule.overlap not in _AT_ONCE, f"--overlap {schedule.overlap}", "say skip or parallel"),
        (schedule.missed == "skip", "--missed skip", "say once or all"),
        (schedule.retries > 0, "--retries", "resume what has failed: jupyter mlops resume"),
        (schedule.deadline_s > 0, "--deadline", "set run.timeout_s in mlops.toml"),
        (other_zone, f"--timezone {schedule.timezone}", f"say --timezone {zone}, "
         "or set kubeflow.cron_timezone to the zone of the server's cron lines"),
    ):  # fmt: skip
        if refused:
            raise UsageError(
                f"a recurring run of Kubeflow has no {what}",
                hint=hint or "have a scheduler of yours fire it: --fired-by scheduler",
            )
    if schedule.cron is not None:
        cron_of_server(schedule.cron)
    if config.data_repo and (config.root / config.data_repo).is_dir():
        raise UsageError(
            f"data.repo is a folder of this machine ({config.data_repo}), which pods do not see",
            hint="name the repository by the URL that the cluster reaches it at",
        )
    if config.kubeflow_auth == "kubeconfig" and not config.kubeflow_url_of_pods:
        raise UsageError(
            "pods do not reach Kubeflow Pipelines by your kubeconfig",
            hint="set kubeflow.url_of_pods, such as http://ml-pipeline.kubeflow:8888",
        )


def are_any(config: Config) -> bool:
    """Whether a cluster was ever asked to fire a schedule of this project; this asks nobody."""
    return (Store(config).folder / FOLDER).is_dir()


def cron_of_server(line: str) -> str:
    """Return a cron line as the server reads it: with seconds, and with 0 alone for Sunday.

    Raises:
        UsageError: The server's cron cannot say it.
    """
    from cronsim import CronSim

    read: Any = CronSim(line, datetime(2026, 1, 1, tzinfo=timezone.utc))
    sets = (read.minutes, read.hours, read.days, read.months, read.weekdays)
    fields = ["0"]
    for text, found in zip(line.split(), sets, strict=True):
        if text == "*" or (text.startswith("*/") and text[2:].isdecimal()):
            # How the two fields of days stand to each other hangs on the star.
            fields.append(text)
            continue
        if "*" in text or not all(isinstance(one, int) and one >= 0 for one in found):
            raise UsageError(
                f"the server's cron cannot say {text!r} of {line!r}",
                hint="write numbers, names, ranges and steps",
            )
        numbers = {int(str(one)) for one in found}
        if found is read.weekdays:
            numbers = {number % 7 for number in numbers}
        fields.append(",".join(map(str, sorted(numbers))))
    return " ".join(fields)


def due_of(run: dict[str, Any]) -> str:
    """Return when a run of the server was due."""
    from mlops_nb.runners.kubeflow.look import seconds

    moment = seconds(run.get("scheduled_at") or run["created_at"])
    return timing.iso(datetime.fromtimestamp(moment, timezone.utc))


class Recurring:
    """The recurring runs of a project's schedules.

    Args:
        config: The project's settings.
    """

    def __init__(self, config: Config) -> None:
        from mlops_nb.runners.kubeflow import KubeflowRunner

        self._config = config.override(run_backend=KUBEFLOW)
        self._runner = KubeflowRunner(self._config)
        self._store = Store(config)

    def create(self, schedule: Schedule, surroundings: Surroundings) -> Schedule:
        """Have the server fire a new schedule, and return that with what fires it.

        Args:
            schedule: The schedule.
            surroundings: What its runs have of the process that schedules it.

        Raises:
            BackendError: The server refuses or gives no answer; it has nothing of the schedule.
            ScheduleError: It has a schedule of this name that is not in our record.
        """
        server = self._runner.server(self._runner.here())
        for _ in server.find_recurring_runs(self._name(schedule.name)):
            raise ScheduleError(
                f"the server fires a schedule {schedule.name!r} of the project "
                f"{self._config.name} already, which this folder has no record of",
                hint=f"take it over: jupyter mlops reschedule {schedule.name} --repair; "
                "or say --name",
            )
        experiment_id = server.experiment(self._experiment(schedule))
        parameters = {
            "repository": self._repository(),
            "folder": self._folder(),
            "surroundings": _text(surroundings, "the environment"),
            "settings": encoding.dumps(self._given(), name="the settings"),
        }
        try:
            return self._make(server, schedule, experiment_id, parameters)
        except MlopsError:
            with contextlib.suppress(MlopsError):
                server.delete_experiment(experiment_id)
            raise

    def replace(self, schedule: Schedule) -> Schedule:
        """Have the server fire a schedule as it is now, and return that with what fires it.

        Raises:
            BackendError: The server refuses or gives no answer.
        """
        recurring, here = _recurring(schedule), self._runner.here()
        server = self._runner.server(here)
        parameters = self._kept(schedule)["runtime_config"]["parameters"]
        # What may be refused comes before anything is deleted.
        experiment_id = server.experiment(self._experiment(schedule))
        self._body(server, schedule, experiment_id, parameters)
        self._delete(self._server(recurring), schedule)
        try:
            return self._make(server, schedule, experiment_id, parameters)
        except BackendError as error:
            raise BackendError(
                f"{error.message}; what has fired {schedule.name} is deleted, and nothing does now",
                hint=f"when the server is there: jupyter mlops reschedule {schedule.name} --repair",
            ) from error

    def pause(self, schedule: Schedule) -> None:
        """Let the server fire a schedule no more.

        Raises:
            BackendError: The server refuses or gives no answer.
        """
        recurring = _recurring(schedule)
        self._server(recurring).disable(recurring.id)

    def remove(self, schedule: Schedule) -> None:
        """Have the server forget a schedule; its runs stay.

        Raises:
            BackendError: The server refuses or gives no answer.
        """
        self._delete(self._server(_recurring(schedule)), schedule)
        self._path(schedule).unlink(missing_ok=True)

    def fire(self, schedule: Schedule) -> None:
        """Have the server fire a schedule now, beside its times.

        Raises:
            BackendError: The server refuses or gives no answer.
        """
        body, recurring = self._kept(schedule), _recurring(schedule)
        reference = body["pipeline_version_reference"]
        self._server(recurring).create_run(
            f"{body['display_name']} by hand",
            description=body["description"],
            experiment_id=recurring.experiment_id,
            pipeline_id=reference["pipeline_id"],
            version_id=reference["pipeline_version_id"],
            parameters=body["runtime_config"]["parameters"],
            service_account=body.get("service_account", ""),
        )

    def adopt(self, name: str) -> Schedule:
        """Keep a schedule that the server has and our record has not, and return it.

        Raises:
            ScheduleError: The server has none of that name.
        """
        server = self._runner.server(self._runner.here())
        found = server.find_recurring_runs(self._name(name))
        if not found:
            raise ScheduleError(
                f"neither this project nor the server has a schedule {name!r}",
                hint="list them: jupyter mlops schedules",
            )
        schedule = self._there(found[-1])
        self._keep(schedule, found[-1])
        self._store.add(schedule)
        return schedule

    def strangers(self) -> list[Schedule]:
        """Return the schedules of the project that the server fires and our record has not.

        Raises:
            BackendError: The server refuses or gives no answer.
        """
        known = {schedule.id for schedule in self._store.all()} if self._store.exists else ()
        server = self._runner.server(self._runner.here())
        found = map(self._there, server.find_recurring_runs(f"mlops-nb {self._config.name}/"))
        return [
            structs.replace(
                one,
                trouble="the server fires it, and this folder has no record of it: take it over "
                f"by jupyter mlops reschedule {one.name} --repair",
            )
            for one in found
            if one.id not in known
        ]

    def look(self, schedule: Schedule) -> None:
        """Bring a schedule's history and its trouble up to date, as the server has them now."""
        trouble = None
        try:
            differences = self._differences(schedule)
            if differences:
                trouble = (
                    f"on the server, {'; '.join(differences)}: make it good by "
                    f"jupyter mlops reschedule {schedule.name} --repair"
                )
            self._read_back(schedule)
        except MlopsError as error:
            trouble = f"what has become of it since is not known: {error.message}"
        self._store.note_trouble(schedule, trouble)

    def _there(self, found: dict[str, Any]) -> Schedule:
        """Return the schedule that a recurring run of ours is for."""
        recorded = encoding.loads(found["runtime_config"]["parameters"]["schedule"])
        recurring = RecurringRun(
            id=found["recurring_run_id"],
            experiment_id=found["experiment_id"],
            version="",
            **structs.asdict(self._runner.here()),
        )
        schedule = msgspec.convert(recorded, Schedule)
        paused = found.get("status") == "DISABLED"
        return structs.replace(schedule, paused=paused, recurring=recurring)

    def _make(
        self, server: Server, schedule: Schedule, experiment_id: str, parameters: dict[str, str]
    ) -> Schedule:
        from mlops_nb.runners.kubeflow.client import UnreachableError

        body, version = self._body(server, schedule, experiment_id, parameters)
        try:
            made = server.create_recurring_run(body)
        except UnreachableError as error:
            # It may have been taken all the same.
            found = server.find_recurring_runs(body["display_name"])
            if not found:
                raise error from None
            made = found[-1]["recurring_run_id"]
        self._keep(schedule, body)
        place = structs.asdict(self._runner.here())
        recurring = RecurringRun(id=made, experiment_id=experiment_id, version=version, **place)
        return structs.replace(schedule, recurring=recurring, trouble=None)

    def _body(
        self, server: Server, schedule: Schedule, experiment_id: str, parameters: dict[str, str]
    ) -> tuple[dict[str, Any], str]:
        """Return what the server is asked for, and the name of the version that it refers to."""
        from mlops_nb.runners.kubeflow import publishing

        fires = publishing.publish(server, pipelines.SCHEDULED, self._config)
        runs = publishing.publish(server, pipelines.PIPELINES[schedule.pipeline], self._config)
        versions = {
            schedule.pipeline: {
                "name": runs.version,
                "pipeline_id": runs.pipeline_id,
                "version_id": runs.version_id,
            }
        }
        body: dict[str, Any] = {
            "display_name": f"{self._name(schedule.name)}{schedule.id}",
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
                    "settings": self._settings(parameters["settings"]),
                    "versions": encoding.dumps(versions, name="the versions"),
                }
            },
            "max_concurrency": _AT_ONCE[schedule.overlap],
            # Either way the newest of those that were missed is made up for.
            "no_catchup": schedule.missed == "once",
            "mode": "DISABLE" if schedule.paused else "ENABLE",
            "trigger": _trigger(schedule, datetime.now(timezone.utc)),
        }
        if self._config.kubeflow_service_account:
            body["service_account"] = self._config.kubeflow_service_account
        return body, fires.version

    def _delete(self, server: Server, schedule: Schedule) -> None:
        """Delete all that fires a schedule, also what an earlier call has left."""
        server.delete_recurring_run(_recurring(schedule).id)
        for found in server.find_recurring_runs(f"{self._name(schedule.name)}{schedule.id}"):
            server.delete_recurring_run(found["recurring_run_id"])

    def _differences(self, schedule: Schedule) -> list[str]:
        """Return what of a schedule is other on the server than our record has it."""
        recurring, wanted = _recurring(schedule), self._kept(schedule)
        if self._place(recurring) != self._runner.here():
            return [f"it is fired by {recurring.url}, and the settings name another server"]
        server = self._server(recurring)
        others = [
            one
            for one in server.find_recurring_runs(f"{self._name(schedule.name)}{schedule.id}")
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
        elif self._is_outdated(schedule, wanted):
            differences.append("it runs the pipelines of other settings, or of another release")
        return differences

    def _is_outdated(self, schedule: Schedule, wanted: dict[str, Any]) -> bool:
        """Whether the settings make other versions of the pipelines by now."""
        from mlops_nb.runners.kubeflow import publishing

        known = encoding.loads(wanted["runtime_config"]["parameters"]["versions"])
        fires, _ = publishing.packaged(pipelines.SCHEDULED, self._config)
        runs, _ = publishing.packaged(pipelines.PIPELINES[schedule.pipeline], self._config)
        return (fires, runs) != (_recurring(schedule).version, known[schedule.pipeline]["name"])

    def _read_back(self, schedule: Schedule) -> None:
        """Take over what the server's firings have come to."""
        server = self._server(_recurring(schedule))
        waiting = {f.due: f for f in self._store.open() if f.schedule_id == schedule.id}
        runs = server.runs_of(_recurring(schedule).experiment_id)
        while part := list(islice(runs, _AT_A_TIME)):
            open_ones = [(one, firing) for one in part if (firing := self._open(schedule, one))]
            for one in part:
                waiting.pop(due_of(one), None)
            if not open_ones and not waiting:
                return
            named = server.runs_named([firing.run_id for _, firing in open_ones])
            for one, firing in open_ones:
                began, decided = firing.started_at, self._store.decided(schedule)
                seen = self._seen(server, schedule, one, firing, named.get(firing.run_id))
                if began is None:
                    begun = structs.replace(seen, state=FiringState.RUNNING)
                    self._store.claim(schedule, [begun], decided)
                self._note(schedule, seen)
        for firing in waiting.values():
            gone = Failure(
                type="RunDeleted",
                message="somebody has deleted its run on the server",
                hint=f"fire it again: jupyter mlops reschedule {schedule.name} --now",
            )
            self._note(schedule, structs.replace(firing, state=FiringState.FAILED, error=gone))

    def _note(self, schedule: Schedule, firing: Firing) -> None:
        """Keep a firing as it is now; who closes it tells of it."""
        if not firing.state.closed:
            self._store.save(firing)
        elif self._store.close(firing) and (firing.ended_at or 0) > time.time() - _NEWS_S:
            known = self._runner.records.has(firing.run_id)
            run = self._runner.get(firing.run_id) if known else None
            told = notices.tell(self._config, schedule, firing, run)
            if told:
                self._store.save(structs.replace(firing, notices=told))

    def _open(self, schedule: Schedule, fired: dict[str, Any]) -> Firing | None:
        """Return the firing that a run of the server is, None where that is closed."""
        due = due_of(fired)
        known = self._store.firing(schedule, due)
        if known is not None:
            return None if known.state.closed else known
        return new_firing(schedule, due, kfp_run_id=fired["run_id"])

    def _seen(
        self,
        server: Server,
        schedule: Schedule,
        fired: dict[str, Any],
        firing: Firing,
        run: dict[str, Any] | None,
    ) -> Firing:
        """Return a firing as it is now.

        Args:
            server: The server.
            schedule: The schedule.
            fired: The run that pins.
            firing: The firing, as it is known.
            run: The run that was started of the pins, None where there is none.
        """
        from mlops_nb.runners.kubeflow import nodes
        from mlops_nb.runners.kubeflow.look import seconds

        firing = structs.replace(firing, tries=1, started_at=seconds(fired["created_at"]))
        if run is not None:
            return self._of_run(schedule, firing, run)
        state = nodes.state(fired)
        if not state.terminal:
            return structs.replace(firing, state=FiringState.RUNNING)
        firing = structs.replace(firing, ended_at=seconds(fired["finished_at"]))
        if state is RunState.CANCELED:
            return structs.replace(firing, state=FiringState.CANCELED)
        said = _said(server, server.run(fired["run_id"]))
        if state is RunState.FAILED:
            return structs.replace(firing, state=FiringState.FAILED, error=_error(said))
        reason = "its run was deleted on the server"
        if said is None:
            reason = "why is not known: the log of its pod is gone"
        elif said.state is StageState.SKIPPED:
            reason = said.note or ""
        return structs.replace(firing, state=FiringState.SKIPPED, reason=reason)

    def _of_run(self, schedule: Schedule, firing: Firing, run: dict[str, Any]) -> Firing:
        """Return a firing whose run there is, and keep a record of the run."""
        request = self._request(schedule, run)
        self._runner.adopt(request, run["run_id"], self._place(_recurring(schedule)))
        with contextlib.suppress(MlopsError):
            Repository.find(self._config.root).keep(request.snapshot.code.sha, request.id)
        now = self._runner.get(request.id)
        ended = now.state.terminal
        return structs.replace(
            firing,
            state=_STATES[now.state],
            code=request.snapshot.code.sha,
            snapshot=request.snapshot.id,
            ended_at=(firing.started_at or 0) + (now.seconds or 0) if ended else None,
            error=now.error,
        )

    def _request(self, schedule: Schedule, run: dict[str, Any]) -> RunRequest:
        """Return what a run was asked for, as far as the server knows it."""
        arguments = run["runtime_config"]["parameters"]
        there = msgspec.convert(encoding.loads(arguments["snapshot"]), Snapshot)
        top = str(Repository.find(self._config.root).root)
        datasets = tuple(
            structs.replace(d, repo=top) if d.repo == there.code.repo else d for d in there.datasets
        )
        code = structs.replace(there.code, repo=top, ref=arguments.get("code_ref", ""))
        pipeline = pipelines.PIPELINES[schedule.pipeline]
        return RunRequest(
            id=run["display_name"],
            pipeline=pipeline.name,
            pipeline_digest=pipeline.digest,
            stages=pipeline.stages,
            backend=KUBEFLOW,
            snapshot=structs.replace(there, code=code, datasets=datasets),
            arguments=arguments,
            created_at=run["created_at"].removesuffix("Z") + "+00:00",
            cache=self._config.run_cache,
            timeout_s=self._config.run_timeout_s,
            stage_timeout_s=self._config.run_stage_timeout_s,
        )

    def _name(self, name: str) -> str:
        """Return how the names of recurring runs of a schedule's name begin."""
        return f"mlops-nb {self._config.name}/{name} "

    def _experiment(self, schedule: Schedule) -> str:
        return f"{self._config.experiment}: schedule {schedule.name} {schedule.id}"

    def _repository(self) -> str:
        remote = Repository.find(self._config.root).remote()
        if remote is None:
            raise UsageError(
                f"{self._config.root} has no remote `{REMOTE}`, where pods fetch the code",
                hint="name one: git remote add origin URL",
            )
        return remote

    def _folder(self) -> str:
        top = Repository.find(self._config.root).root.resolve()
        return self._config.root.resolve().relative_to(top).as_posix()

    def _given(self) -> dict[str, Any]:
        """Return the settings that only this process's environment has."""
        return {
            dotted(name): getattr(self._config, name)
            for name, source in self._config.sources.items()
            if source.startswith("MLOPS_NB_") and dotted(name) not in _OF_THIS_MACHINE
        }

    def _settings(self, given: str) -> str:
        """Return the settings of the pod that pins: those given, and how it reaches the server."""
        config = self._config
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

    def _place(self, recurring: RecurringRun) -> Any:
        from mlops_nb.runners.kubeflow import Place

        return Place(url=recurring.url, namespace=recurring.namespace, context=recurring.context)

    def _server(self, recurring: RecurringRun) -> Server:
        return self._runner.server(self._place(recurring))

    def _path(self, schedule: Schedule) -> Path:
        return self._store.folder / FOLDER / f"{schedule.id}.json"

    def _keep(self, schedule: Schedule, body: dict[str, Any]) -> None:
        self._path(schedule).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_file(self._path(schedule), encoding.record(body).encode())

    def _kept(self, schedule: Schedule) -> dict[str, Any]:
        try:
            body: dict[str, Any] = encoding.loads(self._path(schedule).read_bytes())
        except FileNotFoundError:
            raise ScheduleError(
                f"what the server was asked for is gone: {self._path(schedule)}",
                hint=f"schedule it anew, after: jupyter mlops unschedule {schedule.name}",
            ) from None
        return body


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


def _recorded(schedule: Schedule) -> Schedule:
    """Return the part of a schedule that the server is given."""
    return structs.replace(
        schedule, recurring=None, paused=False, trouble=None, upcoming=(), history=()
    )


def _recurring(schedule: Schedule) -> RecurringRun:
    if schedule.recurring is None:
        raise ScheduleError(
            f"{schedule.name} was never given to the server",
            hint=f"schedule it again: jupyter mlops unschedule {schedule.name}",
        )
    return schedule.recurring


def _text(record: Any, name: str) -> str:
    return encoding.dumps(msgspec.to_builtins(record), name=name)


def _said(server: Server, fired: dict[str, Any]) -> StageFinished | None:
    """Return what the pod that pins has said of its end, None where its log is gone."""
    return next(_ends(server, fired), None)


def _ends(server: Server, fired: dict[str, Any]) -> Iterator[StageFinished]:
    from mlops_nb.runners.kubeflow import nodes
    from mlops_nb.runners.kubeflow.client import RefusedError

    for pod in nodes.of_stage(fired, _STAGE).pods:
        with contextlib.suppress(RefusedError):
            for line in server.log(fired["run_id"], pod).splitlines():
                event = event_of_line(line)
                if isinstance(event, StageFinished):
                    yield event


def _error(said: StageFinished | None) -> Failure:
    if said is not None and said.error is not None:
        return said.error
    return Failure(
        type="FiringFailed",
        message="the pod that pins has failed, and has not said why",
        hint="see the run on the server's pages; often an image or a secret is not there",
    )
