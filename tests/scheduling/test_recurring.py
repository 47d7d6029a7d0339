"""Schedules that a cluster fires, as its server has them: made, changed, drifted, mended."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from importlib import metadata

import pytest

from mlops_nb import api
from mlops_nb.exceptions import BackendError, MlopsError, ScheduleError, UsageError
from mlops_nb.following import changes
from mlops_nb.images import context
from mlops_nb.runners.kubeflow.client import Client
from mlops_nb.scheduling import timing
from mlops_nb.scheduling.recurring import cron_of_server
from mlops_nb.scheduling.scheduler import Scheduler
from mlops_nb.settings import Config
from mlops_nb.testing import KubeflowServer
from mlops_nb.types import FiringState, Schedule
from tests.scheduling.test_cluster import SETTINGS

_NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)


@pytest.fixture(scope="module")
def _compiled(tmp_path_factory):
    """Pipelines for the platform of these projects, compiled by the first that needs them."""
    return tmp_path_factory.mktemp("compiled") / "pipelines"


@pytest.fixture
def server(office, tmp_path, _compiled):
    subprocess.run(["git", "init", "-q", "--bare", tmp_path / "origin.git"], check=True)
    project = office.project
    project.git("remote", "add", "origin", f"file://{tmp_path}/origin.git")
    kept = office.config.state_folder / "pipelines"
    if _compiled.is_dir():
        shutil.copytree(_compiled, kept)
    with KubeflowServer(tmp_path / "cluster") as made:
        project.write("mlops.toml", SETTINGS.format(url=made.url, index="127.0.0.1:9"))
        project.git("commit", "-qam", "for a cluster")
        project.git("push", "-q", "origin", "main")
        office.config = Config.load(project.root)
        yield made
    _compiled.mkdir(exist_ok=True)
    for path in kept.glob("*.yaml"):
        shutil.copy(path, _compiled)


@pytest.fixture
def nightly(server):
    return api.schedule("train.ipynb", cron="0 6 * * *", branch="main", fired_by="kubeflow")


def there(server) -> list[dict]:
    """Return the recurring runs of a server."""
    from mlops_nb.runners.kubeflow import KubeflowRunner

    runner = KubeflowRunner(Config.load())
    return runner.server(runner.here()).find_recurring_runs("")


def shown(name: str = "train") -> Schedule:
    return api.schedules(name).schedules[0]


def sent(server, method: str, part: str) -> list[str]:
    return [path for verb, path, _ in server.requests if verb == method and part in path]


def test_the_server_is_asked_for_what_the_schedule_says(office, server, nightly):
    (found,) = there(server)
    assert found["trigger"]["cron_schedule"]["cron"] == "0 0 6 * * *"
    assert (found["mode"], found["no_catchup"], found["max_concurrency"]) == ("ENABLE", True, "1")
    given = found["runtime_config"]["parameters"]
    assert given["repository"] == office.project.git("remote", "get-url", "origin")
    recorded = json.loads(given["schedule"])
    assert (recorded["id"], recorded["branch"]) == (nightly.id, "origin/main")
    assert recorded["arguments"] == {"notebook": "train.ipynb"}
    assert json.loads(given["surroundings"])["environment"]["python"] == sys.version.split()[0]
    names = {p.pipeline: p.version for p in api.publish()}
    assert json.loads(given["versions"])["training"]["name"] == names["mlops-nb-training"]
    assert nightly.recurring.version == names["mlops-nb-scheduled"]
    assert shown().trouble is None
    assert len(shown().upcoming) == 5

    every = api.schedule(
        "train.ipynb", every="6h", branch="origin/main", fired_by="kubeflow", name="often",
        missed="all", overlap="parallel", until="2099-12-31",
    )  # fmt: skip
    found = next(one for one in there(server) if one["recurring_run_id"] == every.recurring.id)
    times = found["trigger"]["periodic_schedule"]
    assert (times["interval_second"], times["end_time"]) == ("21600", "2099-12-31T23:59:59Z")
    assert (found["no_catchup"], found["max_concurrency"]) == (False, "10")
    assert {one.name: one.trouble for one in api.schedules().schedules} == {
        "often": None, "train": None,
    }  # fmt: skip


def test_a_scheduler_here_leaves_it_alone(office, server, nightly):
    later = datetime.now(timezone.utc) + timedelta(days=3)
    lines = []
    Scheduler(office.project.root, clock=later.timestamp, say=lines.append).tick()
    assert lines == []
    assert office.store.open() == []


@pytest.mark.parametrize(
    ("given", "said", "hint"),
    [
        ({"backend": "local"}, "back-end", "--backend kubeflow"),
        ({"branch": None}, "no working tree", "--branch"),
        ({"on_change": True, "cron": None}, "no --on-change", "--every"),
        ({"overlap": "queue"}, "no --overlap queue", "skip or parallel"),
        ({"missed": "skip"}, "no --missed skip", "once or all"),
        ({"retries": 1}, "no --retries", "resume"),
        ({"deadline": 60}, "no --deadline", "run.timeout_s"),
        ({"timezone": "Europe/Berlin"}, "no --timezone Europe/Berlin", "--timezone UTC"),
        ({"cron": "0 6 L * *"}, "cannot say 'L'", "ranges"),
        ({"cron": "0 6 * * 5#2"}, "cannot say '5#2'", "ranges"),
        ({"branch": "gone"}, "no branch 'gone'", "ls-remote"),
        ({"fired_by": "moon"}, "--fired-by is 'moon'", "scheduler or kubeflow"),
        ({"what": None, "pipeline": "monitoring"}, "no --pipeline monitoring", "scheduler"),
    ],
)
def test_what_a_recurring_run_cannot_do_is_refused(office, server, given, said, hint):
    asked = {"what": "train.ipynb", "cron": "0 6 * * *", "branch": "main", "fired_by": "kubeflow"}
    with pytest.raises(MlopsError, match=said) as refused:
        api.schedule(**{**asked, **given})
    assert hint in refused.value.hint
    assert api.schedules().schedules == ()
    assert there(server) == []


def test_a_pod_goes_by_the_name_of_the_project_and_not_of_its_checkout(office, server):
    text = (office.project.root / "mlops.toml").read_text()
    office.project.write("mlops.toml", text.replace('name = "office"\n', ""))
    office.project.git("commit", "-qam", "named by its folder")
    office.project.git("push", "-q", "origin", "main")
    asked = {"what": "train.ipynb", "every": "1h", "branch": "main", "fired_by": "kubeflow"}
    api.schedule(**asked)
    (found,) = there(server)
    settings = json.loads(found["runtime_config"]["parameters"]["settings"])
    assert settings["project.name"] == office.project.root.name
    (office.project.root.parent / "rows").mkdir()
    with pytest.raises(UsageError, match=r"data\.repo is a folder of this machine"):
        api.schedule(**asked, name="other", arguments={"settings": {"data.repo": "../rows"}})


def test_settings_that_a_firing_would_not_have_are_refused(office, server):
    asked = {"what": "train.ipynb", "every": "1h", "branch": "main", "fired_by": "kubeflow"}
    text = (office.project.root / "mlops.toml").read_text()
    office.project.write("mlops.toml", text + '[model]\nname = "other"\n')
    with pytest.raises(UsageError, match=r"has another mlops.toml") as refused:
        api.schedule(**asked)
    assert "git push" in refused.value.hint
    office.project.git("rm", "-q", "--cached", "mlops.toml")
    office.project.git("commit", "-qm", "without")
    office.project.git("push", "-q", "origin", "main")
    with pytest.raises(UsageError, match=r"has no mlops.toml"):
        api.schedule(**asked)
    assert there(server) == []


def test_frozen_is_a_commit_that_pods_can_fetch(office, server):
    office.project.notebook("print(rate)", parameters="rate: float = 0.25")
    asked = {"what": "train.ipynb", "every": "1h", "frozen": True, "fired_by": "kubeflow"}
    with pytest.raises(UsageError, match="in no commit"):
        api.schedule(**asked)
    office.project.git("commit", "-qam", "another rate")
    with pytest.raises(MlopsError, match="is not at origin"):
        api.schedule(**asked)
    office.project.git("push", "-q", "origin", "main")
    made = api.schedule(**asked)
    assert made.frozen == office.project.git("rev-parse", "HEAD")
    (found,) = there(server)
    assert json.loads(found["runtime_config"]["parameters"]["schedule"])["frozen"] == made.frozen


def test_an_edit_deletes_and_creates_and_keeps_id_and_history(office, server, nightly):
    server.fire(nightly.recurring.id, _NOW.timestamp())
    assert len(shown().history) == 1
    with pytest.raises(UsageError, match="no --retries"):
        api.reschedule("train", retries=2)
    changed = api.reschedule("train", cron="30 7 * * 1-5")
    assert changed.id == nightly.id
    (found,) = there(server)
    assert found["recurring_run_id"] == changed.recurring.id != nightly.recurring.id
    assert found["trigger"]["cron_schedule"]["cron"] == "0 30 7 * * 1,2,3,4,5"
    assert changed.recurring.experiment_id == nightly.recurring.experiment_id
    assert [firing.due for firing in shown().history] == ["2026-01-01T00:00:00+00:00"]
    assert shown().trouble is None


def test_pause_resume_now_and_unschedule(office, server, nightly):
    assert api.reschedule("train", pause=True).paused
    assert there(server)[0]["status"] == "DISABLED"
    assert (shown().paused, shown().trouble, shown().upcoming) == (True, None, ())
    api.reschedule("train", cron="0 7 * * *")
    assert there(server)[0]["status"] == "DISABLED"
    fired = api.reschedule("train", now=True)
    assert [firing.state for firing in fired.history] == [FiringState.RUNNING]
    resumed = api.reschedule("train", resume=True)
    (found,) = there(server)
    # One that is enabled again would make up for what was due meanwhile.
    assert sent(server, "POST", ":enable") == []
    assert (found["status"], found["recurring_run_id"]) == ("ENABLED", resumed.recurring.id)
    api.unschedule("train")
    assert there(server) == []
    assert api.schedules().schedules == ()
    assert not list(office.store.folder.glob("recurring/*"))


def spoil(server, recurring_run_id: str, **changed) -> None:
    """Change on the server what its API does not let one change."""
    records = server._api.recurring_runs._records
    entry = records.get(recurring_run_id)
    entry.public.update(changed)
    records.put(entry)


def test_who_follows_a_project_hears_of_what_the_cluster_fired(
    office, server, nightly, monkeypatch
):
    monkeypatch.setattr(changes, "_SURVEY_S", 0.0)
    source = changes.Schedules(office.config)
    assert list(source.look()) == []
    server.fire(nightly.recurring.id, _NOW.timestamp())
    (change,) = source.look()
    assert [firing.state for firing in change.data.history] == [FiringState.RUNNING]
    assert list(source.look()) == []


DRIFT = {
    "other times": ({"trigger": {"cron_schedule": {"cron": "0 0 5 * * *"}}}, "it has other times"),
    "disabled": ({"mode": "DISABLE", "status": "DISABLED"}, "it is disabled"),
    "parameters": ({"runtime_config": {"parameters": {}}}, "it has other parameters"),
    "catch-up": ({"no_catchup": False}, "makes up for missed firings otherwise"),
    "at once": ({"max_concurrency": "3"}, "as many run at once"),
}


def test_a_firing_that_somebody_deleted_on_the_server_does_not_go_on_for_ever(server, nightly):
    run_id = server.fire(nightly.recurring.id, _NOW.timestamp())
    assert [firing.state for firing in shown().history] == [FiringState.RUNNING]
    with server._api.lock:
        server._api.runs.terminate(run_id)
        server._api.runs._records.delete(run_id)
    (firing,) = shown().history
    assert (firing.state, firing.error.type) == (FiringState.FAILED, "RunDeleted")


def test_who_sees_its_end_first_tells_of_a_firing_once(office, server, nightly, tmp_path):
    keep = "import sys; open(sys.argv[1], 'a').write(sys.stdin.read() + chr(10))"
    command = [sys.executable, "-c", keep, str(tmp_path / "told")]
    text = (office.project.root / "mlops.toml").read_text()
    office.project.write("mlops.toml", f"{text}[notify]\ncommand = {json.dumps(command)}\n")
    run_id = server.fire(nightly.recurring.id, _NOW.timestamp())
    with server._api.lock:
        server._api.runs.terminate(run_id)
    histories = [shown().history for _ in range(3)]
    assert {firing.state for (firing,) in histories} == {FiringState.CANCELED}
    (line,) = (tmp_path / "told").read_text().splitlines()
    assert (json.loads(line)["event"], json.loads(line)["schedule"]) == ("failure", "train")
    assert histories[-1][0].notices[0].trouble is None


def test_what_somebody_changed_on_the_server_is_shown_and_mended(office, server, nightly, capsys):
    from mlops_nb.interfaces.terminal import TerminalView

    for changed, said in DRIFT.values():
        spoil(server, shown().recurring.id, **changed)
        assert said in shown().trouble
        assert shown().trouble.endswith("jupyter mlops reschedule train --repair")
        assert api.reschedule("train", repair=True).trouble is None
        assert shown().trouble is None, said
    (found,) = there(server)
    assert found["trigger"]["cron_schedule"]["cron"] == "0 0 6 * * *"
    assert shown().id == nightly.id

    server._api.recurring_runs._records.delete(shown().recurring.id)
    TerminalView().timetable(api.schedules())
    assert "somebody has deleted it" in " ".join(capsys.readouterr().out.split())
    api.reschedule("train", repair=True)
    assert (shown().trouble, len(there(server))) == (None, 1)

    # A second one, as a death between creating and noting leaves it.
    (found,) = there(server)
    extra = {key: value for key, value in found.items() if not key.endswith(("_at", "_run_id"))}
    server._api.recurring_runs._records.add("recurring_run_id", extra)
    assert "more than one recurring run" in shown().trouble
    api.reschedule("train", repair=True)
    assert (shown().trouble, len(there(server))) == (None, 1)


def test_pipelines_of_other_settings_are_drift(office, server, nightly):
    text = (office.project.root / "mlops.toml").read_text()
    office.project.write("mlops.toml", text + '[images]\ndata = "registry.test/data@sha256:1"\n')
    assert "pipelines of other settings, or of another release" in shown().trouble
    mended = api.reschedule("train", repair=True)
    assert mended.recurring.version != nightly.recurring.version
    assert shown().trouble is None
    version = there(server)[0]["pipeline_version_reference"]
    server._api.pipelines._versions.delete(version["pipeline_version_id"])
    assert "the version that it runs is deleted" in shown().trouble


def test_a_server_that_is_away_loses_nothing(office, server, nightly, monkeypatch):
    monkeypatch.setitem(Client.__init__.__kwdefaults__, "pauses_s", ())
    server.fire(nightly.recurring.id, _NOW.timestamp())
    shown()
    server.stop()
    away = shown()
    assert "what has become of it since is not known" in away.trouble
    assert (len(away.history), away.cron) == (1, "0 6 * * *")
    for act in (
        lambda: api.reschedule("train", cron="0 7 * * *"),
        lambda: api.reschedule("train", pause=True),
        lambda: api.reschedule("train", now=True),
        lambda: api.unschedule("train"),
        lambda: api.schedule(
            "train.ipynb", every="1h", branch="main", fired_by="kubeflow", name="other"
        ),
    ):
        with pytest.raises(BackendError, match="no answer"):
            act()
    with pytest.raises(BackendError, match="train stays as it is") as refused:
        api.unschedule("train")
    assert "unschedule train --forget" in refused.value.hint
    server.start()
    (kept,) = api.schedules().schedules
    assert (kept.name, kept.cron, kept.paused, kept.trouble) == ("train", "0 6 * * *", False, None)
    assert len(there(server)) == 1


def test_a_server_that_is_gone_for_good_is_forgotten(office, server, nightly, monkeypatch):
    monkeypatch.setitem(Client.__init__.__kwdefaults__, "pauses_s", ())
    server.stop()
    assert api.unschedule("train", forget=True) == "train"
    assert api.schedules().schedules == ()
    assert not list(office.store.folder.glob("recurring/*.json"))
    server.start()
    assert len(there(server)) == 1
    # What fires there is shown as nobody's, and can be taken over again.
    (stranger,) = api.schedules().schedules
    assert "no record of it" in stranger.trouble
    assert api.reschedule("train", repair=True).name == "train"


def test_a_refusal_leaves_nothing_behind(office, server, monkeypatch):
    from mlops_nb.testing.kubeflow import refusals

    def refuse(_):
        raise refusals.forbidden("jobs")

    monkeypatch.setattr(
        server._api.recurring_runs, "recurring_run_service_create_recurring_run", refuse,
    )  # fmt: skip
    with pytest.raises(BackendError, match="PermissionDenied"):
        api.schedule("train.ipynb", every="1h", branch="main", fired_by="kubeflow")
    assert api.schedules().schedules == ()
    assert there(server) == []
    assert server._api.experiments._records.all() == []


def test_a_schedule_that_only_the_server_has_is_taken_over(office, server, nightly, monkeypatch):
    server.fire(nightly.recurring.id, _NOW.timestamp())
    # As a death leaves it before our record was kept, or another clone.
    shutil.rmtree(office.store.folder)
    assert api.schedules().schedules == ()
    monkeypatch.setenv("MLOPS_NB_SCHEDULE_FIRED_BY", "kubeflow")
    (stranger,) = api.schedules().schedules
    assert (stranger.id, stranger.history) == (nightly.id, ())
    assert "this folder has no record of it" in stranger.trouble
    with pytest.raises(ScheduleError, match="fires a schedule 'train'") as refused:
        api.schedule("train.ipynb", cron="0 6 * * *", branch="main")
    assert "--repair" in refused.value.hint
    with pytest.raises(ScheduleError, match="no schedule 'train'"):
        api.reschedule("train", pause=True)
    api.reschedule("train", repair=True)
    taken = shown()
    assert (taken.id, taken.cron, taken.trouble) == (nightly.id, nightly.cron, None)
    assert [firing.due for firing in taken.history] == ["2026-01-01T00:00:00+00:00"]
    assert len(there(server)) == 1
    with pytest.raises(ScheduleError, match="neither this project nor the server"):
        api.reschedule("nothing", repair=True)
    api.schedule("train.ipynb", every="1h", name="here", fired_by="scheduler", branch="main")
    with pytest.raises(UsageError, match="no cluster fires here"):
        api.reschedule("here", repair=True)


def values(field: str, lowest: int, highest: int) -> set[int]:
    """Read a field as the server does, which has no names and no 7 in what we send."""
    found: set[int] = set()
    for term in field.split(","):
        span, _, step = term.partition("/")
        first, _, last = span.partition("-")
        start, end = (lowest, highest) if span == "*" else (int(first), int(last or first))
        assert lowest <= start <= end <= highest, field
        found |= set(range(start, end + 1, int(step or 1)))
    return found


def minutes_of_server(line: str, days: int) -> list[datetime]:
    """Return when the server fires, by the rules that its cron (robfig's, version 1) has."""
    second, minute, hour, day, month, weekday = line.split()
    assert second == "0"
    at = [(h, m) for h in sorted(values(hour, 0, 23)) for m in sorted(values(minute, 0, 59))]
    found = []
    for number in range(days):
        date = _NOW + timedelta(days=number)
        of_month = date.day in values(day, 1, 31)
        of_week = (date.weekday() + 1) % 7 in values(weekday, 0, 6)
        both = day[0] == "*" or weekday[0] == "*"
        fits = (of_month and of_week) if both else (of_month or of_week)
        if fits and date.month in values(month, 1, 12):
            found += [date.replace(hour=h, minute=m) for h, m in at]
    return [moment for moment in found if moment > _NOW]


@pytest.mark.parametrize(
    "line",
    ["0 6 * * 1-5", "*/20 8-10 1,15 * *", "0 0 13 * FRI", "5 4 */2 * 7", "0 12 * JAN-MAR 5-7",
     "7/15 0 * * *", "30 6 1-7 */3 MON", "0 0 29 2 *", "59 23 31 12 SUN,3"],
)  # fmt: skip
def test_the_cron_of_the_server_means_the_same(line):
    schedule = Schedule(
        id="x", name="x", pipeline="training", arguments={}, cron=line, python="",
        created_at=_NOW.isoformat(),
    )  # fmt: skip
    days = 800
    end = _NOW + timedelta(days=days)
    ours = []
    for moment in timing.dues(schedule, _NOW):
        if moment >= end:
            break
        ours.append(moment)
    assert ours == minutes_of_server(cron_of_server(line), days)


IMAGE = """
import sys
class Image:
    def find_spec(self, name, path=None, target=None):
        if not name.startswith("_") and name.partition(".")[0] not in {allowed}:
            raise ModuleNotFoundError(f"the image has no {{name}}", name=name)
sys.meta_path.insert(0, Image())
"""


def test_a_pod_fires_with_what_its_image_has(office, server, tmp_path, until):
    """The data image has neither KFP's compiler nor what notebooks import."""
    lists = [context.FOLDER / name / "requirements.txt" for name in ("base", "data")]
    names = {
        line.partition("==")[0].lower() for one in lists for line in one.read_text().split("\n")
    }
    modules = {
        module
        for module, owners in metadata.packages_distributions().items()
        if {re.sub(r"[-_.]+", "-", owner).lower() for owner in owners} & names
    }
    assert not modules & {"sklearn", "mlflow", "IPython", "pandas", "cronsim"}
    (tmp_path / "image").mkdir()
    allowed = {*modules, *sys.stdlib_module_names, "mlops_nb", "sitecustomize", "usercustomize"}
    (tmp_path / "image" / "sitecustomize.py").write_text(IMAGE.format(allowed=allowed))
    server._cluster.pod_environment["PYTHONPATH"] = str(tmp_path / "image")
    office.project.notebook("import sklearn\nprint(rate)", parameters="rate: float = 0.5")
    office.project.git("commit", "-qam", "what the image does not have")
    office.project.git("push", "-q", "origin", "main")
    made = api.schedule("train.ipynb", cron="0 6 * * *", branch="main", fired_by="kubeflow")
    fired = server.fire(made.recurring.id, _NOW.timestamp())

    def began():
        (firing,) = shown().history
        return (firing.code or firing.state.closed) and firing

    firing = until(began)
    said = "".join(path.read_text() for path in tmp_path.glob(f"cluster/runs/{fired}/logs/*"))
    assert firing.code == office.project.git("rev-parse", "HEAD"), (firing.error, said)
    run = api.show(firing.run_id)
    assert "sklearn" not in str(run.findings)
    assert run.snapshot.environment.packages["scikit-learn"]
    server.terminate(run.kfp_run_id)
