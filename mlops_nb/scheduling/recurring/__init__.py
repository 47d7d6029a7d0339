"""Schedules that a Kubeflow Pipelines server fires, by recurring runs of the pipeline `scheduled`.

The server cannot change a recurring run: an edit deletes it and makes another. The schedule, its id
and its history are ours; what the server was asked for is kept, so that what somebody has changed
there is seen and can be made good.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import structs

from mlops_nb import encoding
from mlops_nb.exceptions import BackendError, MlopsError, ScheduleError
from mlops_nb.scheduling.recurring import asked
from mlops_nb.scheduling.recurring.asked import REMOTE
from mlops_nb.scheduling.recurring.drift import differences
from mlops_nb.scheduling.recurring.history import History, due_of
from mlops_nb.scheduling.recurring.kept import FOLDER, Kept, place_of, recurring_of
from mlops_nb.scheduling.recurring.sayable import KUBEFLOW, cron_of_server, must_be_sayable
from mlops_nb.scheduling.store import Store
from mlops_nb.types import RecurringRun, Schedule

if TYPE_CHECKING:
    from mlops_nb.runners.kubeflow.server import Server
    from mlops_nb.settings import Config
    from mlops_nb.types import Surroundings

__all__ = [
    "KUBEFLOW",
    "REMOTE",
    "Recurring",
    "are_any",
    "cron_of_server",
    "due_of",
    "must_be_sayable",
]


def are_any(config: Config) -> bool:
    """Whether a cluster was ever asked to fire a schedule of this project; this asks nobody."""
    return (Store(config).folder / FOLDER).is_dir()


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
        self._kept = Kept(self._store.folder)

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
        for _ in server.find_recurring_runs(asked.name_of(self._config, schedule.name)):
            raise ScheduleError(
                f"the server fires a schedule {schedule.name!r} of the project "
                f"{self._config.name} already, which this folder has no record of",
                hint=f"take it over: jupyter mlops reschedule {schedule.name} --repair; "
                "or say --name",
            )
        experiment_id = server.experiment(asked.experiment_of(self._config, schedule))
        parameters = asked.parameters(self._config, surroundings)
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
        recurring, here = recurring_of(schedule), self._runner.here()
        server = self._runner.server(here)
        parameters = self._kept.read(schedule)["runtime_config"]["parameters"]
        # What may be refused comes before anything is deleted.
        experiment_id = server.experiment(asked.experiment_of(self._config, schedule))
        asked.body(self._config, server, schedule, experiment_id, parameters)
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
        recurring = recurring_of(schedule)
        self._server(recurring).disable(recurring.id)

    def remove(self, schedule: Schedule) -> None:
        """Have the server forget a schedule; its runs stay.

        Raises:
            BackendError: The server refuses or gives no answer.
        """
        self._delete(self._server(recurring_of(schedule)), schedule)
        self.forget(schedule)

    def forget(self, schedule: Schedule) -> None:
        """Remove what is kept here of a schedule; the server is not asked."""
        self._kept.forget(schedule)

    def fire(self, schedule: Schedule) -> None:
        """Have the server fire a schedule now, beside its times.

        Raises:
            BackendError: The server refuses or gives no answer.
        """
        body, recurring = self._kept.read(schedule), recurring_of(schedule)
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
        found = server.find_recurring_runs(asked.name_of(self._config, name))
        if not found:
            raise ScheduleError(
                f"neither this project nor the server has a schedule {name!r}",
                hint="list them: jupyter mlops schedules",
            )
        schedule = self._there(found[-1])
        self._kept.keep(schedule, found[-1])
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
            server = self._server(recurring_of(schedule))
            differences = self._differences(server, schedule)
            if differences:
                trouble = (
                    f"on the server, {'; '.join(differences)}: make it good by "
                    f"jupyter mlops reschedule {schedule.name} --repair"
                )
            History(self._config, self._runner, self._store).read(server, schedule)
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

        body, version = asked.body(self._config, server, schedule, experiment_id, parameters)
        try:
            made = server.create_recurring_run(body)
        except UnreachableError as error:
            # It may have been taken all the same.
            found = server.find_recurring_runs(body["display_name"])
            if not found:
                raise error from None
            made = found[-1]["recurring_run_id"]
        self._kept.keep(schedule, body)
        place = structs.asdict(self._runner.here())
        recurring = RecurringRun(id=made, experiment_id=experiment_id, version=version, **place)
        return structs.replace(schedule, recurring=recurring, trouble=None)

    def _delete(self, server: Server, schedule: Schedule) -> None:
        """Delete all that fires a schedule, also what an earlier call has left."""
        server.delete_recurring_run(recurring_of(schedule).id)
        for found in server.find_recurring_runs(
            f"{asked.name_of(self._config, schedule.name)}{schedule.id}"
        ):
            server.delete_recurring_run(found["recurring_run_id"])

    def _differences(self, server: Server, schedule: Schedule) -> list[str]:
        recurring = recurring_of(schedule)
        if place_of(recurring) != self._runner.here():
            return [f"it is fired by {recurring.url}, and the settings name another server"]
        return differences(self._config, server, schedule, self._kept.read(schedule))

    def _server(self, recurring: RecurringRun) -> Server:
        return self._runner.server(place_of(recurring))
