from __future__ import annotations

import json
import threading

import pytest

from mlops_nb import api, project
from mlops_nb.exceptions import MlopsError, ScheduleError, UsageError
from mlops_nb.interfaces.completion import candidates
from mlops_nb.scheduling.firing import Process
from mlops_nb.scheduling.store import Store, new_firing
from mlops_nb.settings import Config
from mlops_nb.types import CommandLineText, FiringState


@pytest.fixture
def nightly(office):
    return api.schedule("train.ipynb", cron="0 6 * * *", timezone="Europe/Berlin")


def test_the_contract_of_the_command_line(office, json_of):
    code, made = json_of(
        "schedule", "train.ipynb", "--cron", "0 6 * * 1-5", "--timezone", "Europe/Berlin"
    )
    assert (code, made["name"], made["cron"]) == (0, "train", "0 6 * * 1-5")
    assert len(made["upcoming"]) == 5
    assert all("T06:00:00+0" in moment for moment in made["upcoming"])
    code, found = json_of("schedules")
    assert (code, [one["name"] for one in found["schedules"]]) == (0, ["train"])
    assert found["scheduler_pid"] is None
    assert json_of("unschedule", "train") == (0, {"unscheduled": "train"})
    assert json_of("schedules")[1]["schedules"] == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--cron", "0 6 * * 9"], "is no cron line"),
        (["--cron", "0 6 * * 1", "--timezone", "Mars/Olympus"], "no time zone"),
        (["--every", "soon"], "is no interval"),
        ([], "needs a time"),
        (["--every", "1h", "--on-change"], "has one of"),
        (["--every", "1h", "--missed", "never"], "--missed is 'never'"),
        (["--every", "1h", "--overlap", "never"], "--overlap is 'never'"),
        (["--every", "1h", "--retries", "-1"], "--retries is -1"),
        (["--every", "1h", "--until", "2001-01-01"], "is over"),
        (["--every", "1h", "--until", "tomorrow"], "is no date"),
        (["--every", "1h", "--pipeline", "deployment"], "no pipeline"),
        (["--every", "1h", "--name", "../x"], "is no name"),
        (["--every", "1h", "--branch", "main", "--frozen"], "--frozen"),
        (["--every", "1h", "--branch", "gone"], "no branch"),
        (["--every", "1h", "--param", "rte=1"], "no parameter"),
        (["--every", "1h", "--train", "nowhere.csv"], "no dataset"),
        (["--every", "1h", "--backend", "moon"], "no back-end"),
        (["--every", "1h", "--argument", "last=24h"], "takes no 'last'"),
    ],
)
def test_what_could_not_fire_is_refused(office, json_of, words, said):
    code, answer = json_of("schedule", "train.ipynb", *words)
    assert code in (1, 2)
    assert said in answer["error"]["message"]
    assert answer["error"]["hint"]
    assert api.schedules().schedules == ()


def test_times_are_looked_at_before_anything_is_scheduled(office, nightly):
    there = api.upcoming(cron="30 7 * * 1-5", timezone="Europe/Berlin")
    assert len(there) == 5
    assert all("T07:30:00+0" in moment for moment in there)
    # What is not named is the schedule's own: here its zone.
    assert all("T08:00:00+0" in moment for moment in api.upcoming("train", cron="0 8 * * *"))
    assert api.upcoming(on_change=True) == ()
    with pytest.raises(UsageError, match="is no cron line"):
        api.upcoming(cron="0 6 * * 9")
    with pytest.raises(ScheduleError, match="nothing"):
        api.upcoming("nothing", every="6h")
    assert api.schedules().schedules == (nightly,)


def test_a_notebook_that_is_not_there_is_refused(office):
    with pytest.raises(MlopsError, match=r"no notebook .*other.ipynb"):
        api.schedule("other.ipynb", every="1h")
    office.project.notebook("1", path="new.ipynb")
    with pytest.raises(MlopsError, match=r"branch main .* has no notebook new.ipynb"):
        api.schedule("new.ipynb", every="1h", branch="main")


def test_a_notebook_that_a_run_would_refuse_is_refused(office):
    office.project.notebook("1 +")
    with pytest.raises(MlopsError, match="not valid Python"):
        api.schedule("train.ipynb", every="1h")
    assert api.schedule("train.ipynb", every="1h", branch="main").branch == "main"


def test_its_name_is_completed(nightly):
    assert candidates("%mlops reschedule tr", "tr") == ["train"]


def test_two_of_one_name_are_refused(nightly):
    with pytest.raises(ScheduleError, match="already"):
        api.schedule("train.ipynb", every="1h")
    assert api.schedule("train.ipynb", every="1h", name="hourly").name == "hourly"


def test_parameters_are_kept_by_their_type(office):
    made = api.schedule("train.ipynb", every="1h", params={"rate": CommandLineText("2")})
    assert made.arguments["params"] == {"rate": 2.0}


def test_settings_of_one_schedule(office, json_of):
    settings = {"model.name": "nightly"}
    words = ("--every", "1h", "--argument", f"settings={json.dumps(settings)}")
    assert json_of("schedule", "train.ipynb", *words)[1]["arguments"]["settings"] == settings


def test_a_notebook_is_found_from_where_the_user_is(office, monkeypatch):
    office.project.notebook("1", path="train.ipynb")
    (office.project.root / "deep").mkdir()
    office.project.notebook("1", path="deep/inner.ipynb")
    monkeypatch.chdir(office.project.root / "deep")
    assert api.schedule("inner.ipynb", every="1h").arguments["notebook"] == "deep/inner.ipynb"


def test_times_change_and_the_history_stays(office, nightly):
    office.store.claim(nightly, [new_firing(nightly, "2026-01-01T06:00:00+00:00")], office._day)
    made = api.reschedule("train", cron="0 7 * * *", retries=2)
    assert (made.id, made.cron, made.timezone, made.retries) == (
        nightly.id, "0 7 * * *", "Europe/Berlin", 2,
    )  # fmt: skip
    assert "T07:00:00" in made.upcoming[0]
    assert [firing.due for firing in made.history] == ["2026-01-01T06:00:00+00:00"]
    with pytest.raises(UsageError):
        api.reschedule("train", cron="0 77 * * *")
    assert api.schedules("train").schedules[0].cron == "0 7 * * *"


def test_pause_and_resume(office, nightly):
    paused = api.reschedule("train", pause=True)
    assert (paused.paused, paused.upcoming) == (True, ())
    before = office.store.decided(nightly)
    resumed = api.reschedule("train", resume=True)
    assert (resumed.paused, len(resumed.upcoming)) == (False, 5)
    # What was due meanwhile is not made up.
    assert office.store.decided(nightly) > before
    with pytest.raises(UsageError):
        api.reschedule("train", pause=True, resume=True)


def test_now_fires_without_a_scheduler(office, until):
    api.schedule("train.ipynb", cron="0 6 * * *", branch="main", backend="local")
    office.project.git("branch", "-m", "main", "other")
    api.reschedule("train", pause=True, now=True)

    def closed():
        (firing,) = api.schedules("train").schedules[0].history
        return firing.state.closed and firing

    firing = until(closed)
    # A process of its own has tried it, and said what is wrong.
    assert (firing.state, firing.error.type) == (FiringState.FAILED, "CodeError")
    assert not list(office.store.folder.glob("firings/*"))


def test_a_frozen_schedule_runs_what_was_there(office):
    office.project.notebook("print(rate)", parameters="rate: float = 0.25")
    made = api.schedule("train.ipynb", every="1h", frozen=True, backend="memory")
    office.project.notebook("print(other)", parameters="other: int = 1")
    office.project.git("commit", "-qam", "all is new")
    office.project.git("gc", "-q", "--prune=now")
    fired = office.fire(made)
    assert (fired.state, fired.code) == (FiringState.SUCCEEDED, made.frozen)
    assert api.show(fired.run_id).snapshot.parameters == {"rate": 0.25}
    api.unschedule("train")
    refs = office.project.git("for-each-ref", "--format=%(refname)", "refs/mlops").split()
    assert refs == [f"refs/mlops/snapshots/{fired.run_id}"]


def test_nothing_is_a_change_until_something_is(office):
    office.project.notebook("print(rate)", parameters="rate: float = 0.25")
    made = api.schedule("train.ipynb", on_change=True, backend="memory")

    def look(due: str):
        return Process(office.config, made, new_firing(made, due), poll_s=0.01).look()

    assert look("2026-01-01T06:00:00+00:00") is None
    office.project.notebook("print(rate)", parameters="rate: float = 0.125")
    assert look("2026-01-01T06:01:00+00:00").state is FiringState.SUCCEEDED
    assert look("2026-01-01T06:02:00+00:00") is None


def test_data_are_pinned_as_the_branch_tracks_them(project):
    """A new version that somebody has tracked and committed is what the next firing has."""
    from tests.scheduling.conftest import Office

    office = Office(project)
    before = api.schedule("train.ipynb", every="1h", branch="main", backend="memory")
    first = api.show(office.fire(before).run_id).snapshot
    rows = project.root / "data" / "train.csv"
    rows.write_text(rows.read_text() + "9,9,1\n")
    # On the disk, and not in the branch.
    assert office.fire(before).state is FiringState.SKIPPED
    project_track(project)
    second = api.show(office.fire(before).run_id).snapshot
    assert first.dataset("train").hash != second.dataset("train").hash
    assert first.dataset("test").hash == second.dataset("test").hash
    assert second.dataset("train").sha == second.code.sha == project.git("rev-parse", "main")
    assert second.dataset("train").repo == str(project.root)


def project_track(made) -> None:
    project.track(Config.load(made.root), made.root / "data" / "train.csv")
    made.git("commit", "-qam", "more data")


def test_a_run_schedules_nothing(office, monkeypatch):
    monkeypatch.setenv("MLOPS_RUN_ID", "20260101-000000-run")
    with pytest.raises(UsageError, match="a run schedules nothing"):
        api.schedule("train.ipynb", every="1h")
    with pytest.raises(UsageError, match="a run schedules nothing"):
        api.scheduler()


def test_a_server_fires_unless_the_settings_say_no(office, nightly, until):
    before = threading.active_count()
    made = api.fire_in_background()
    until(lambda: made.fires)
    assert api.schedules().scheduler_pid is not None
    made.stop()
    assert threading.active_count() == before
    office.project.write("mlops.toml", "[schedule]\nin_server = false\n")
    assert api.fire_in_background() is None


def test_a_timetable_is_shown_where_it_is_asked_for(office, nightly, capsys):
    from mlops_nb.interfaces.display import NotebookView
    from mlops_nb.interfaces.terminal import TerminalView

    firing = new_firing(nightly, "2026-01-01T06:00:00+00:00", state=FiringState.SKIPPED)
    firing = new_firing(nightly, firing.due, state=FiringState.SKIPPED, reason="nothing <b>new")
    Store(office.config).claim(nightly, [firing], office._day)
    for view in (TerminalView(), NotebookView()):
        view.timetable(api.schedules())
        view.schedule(api.schedules("train").schedules[0])
        shown = capsys.readouterr().out
        assert "0 6 * * * Europe/Berlin" in shown
        assert "SKIPPED" in shown
