"""What is copied of a pod's log, whatever has become of the log between two looks."""

from __future__ import annotations

import pytest
from msgspec import structs

from mlops_nb import encoding
from mlops_nb.journal import (
    MetricsLogged,
    PointsLogged,
    RunFolder,
    RunTracked,
    StageFinished,
    StageStarted,
    points_file,
)
from mlops_nb.runners.kubeflow.client import RefusedError
from mlops_nb.runners.kubeflow.mirror import Mirror
from mlops_nb.types import Failure, Point, StageState
from tests.vocabulary import request

STAGE = "first"
NODE, POD = "flow-7", "flow-system-container-impl-7"


class Cluster:
    """The log of one pod, and what the cluster says of its stage."""

    def __init__(self) -> None:
        self.pods = {POD: b""}
        self.state, self.message = "RUNNING", ""
        self.nodes = [NODE]

    def log(self, run_id: str, pod: str) -> bytes:
        if pod not in self.pods:
            raise RefusedError("pods not found", hint="none", status=500)
        return self.pods[pod]

    def run(self) -> dict:
        stage = {
            "display_name": STAGE,
            "state": self.state,
            "child_tasks": [{"pod_name": node} for node in self.nodes],
            "error": {"message": self.message},
        }
        return {"run_id": "r", "run_details": {"task_details": [stage]}}


class Session:
    """Somebody who looks: a mirror of its own each time, as in `Look`."""

    def __init__(self, cluster: Cluster, folder: RunFolder) -> None:
        self.cluster, self.folder = cluster, folder

    def look(self, log: bytes | None = None, *, state: str = "RUNNING", **how) -> str:
        """Look at a log as it is now, and return the copy of it."""
        self.cluster.state = state
        self.cluster.pods[POD] = self.cluster.pods[POD] if log is None else log
        mirror = Mirror(self.cluster, self.folder)
        mirror.update(self.cluster.run(), ("first", "second"), canceled=how.get("canceled", False))
        return self.copy()

    def copy(self) -> str:
        path = self.folder.log(STAGE)
        return path.read_bytes().decode(errors="replace") if path.is_file() else ""

    def events(self) -> list:
        return self.folder.read()[0]


@pytest.fixture
def session(tmp_path):
    folder = RunFolder(tmp_path / "one")
    folder.create(request())
    return Session(Cluster(), folder)


def line(event) -> bytes:
    """Return an event as a stage in a pod prints it."""
    return b"\nmlops_nb event: " + encoding.record(event).encode() + b"\n"


def numbered(count: int, start: int = 0) -> bytes:
    return b"".join(f"line {n}\n".encode() for n in range(start, start + count))


def test_a_log_that_grows_is_copied_once(session):
    assert session.look(b"one\n") == "one\n"
    assert session.look(b"one\n") == "one\n"
    assert session.look(b"one\ntwo\nthree\n") == "one\ntwo\nthree\n"


def test_half_a_line_waits_for_its_end(session):
    assert session.look(b"one\ntw") == "one\n"
    assert session.look(b"one\ntwo\n") == "one\ntwo\n"
    assert session.look(b"one\ntwo\nend", state="SUCCEEDED") == "one\ntwo\nend"


def test_half_an_event_waits_for_its_end(session):
    whole = line(StageStarted(stage=STAGE))
    session.look(whole[:20])
    assert session.events() == []
    assert "event" not in session.look(whole)
    assert [event.stage for event in session.events()] == [STAGE]


def test_events_go_to_the_journal_and_the_rest_to_the_log(session):
    log = (
        b"before" + line(StageStarted(stage=STAGE)) + b"between\n"
        + line(MetricsLogged(metrics={"loss": 0.5})) + b"after\n"
    )  # fmt: skip
    copy = session.look(log)
    assert copy.split() == ["before", "between", "after"]
    assert [type(event) for event in session.events()] == [StageStarted, MetricsLogged]


def test_points_go_to_the_file_of_points(session):
    points = [Point("loss", step, 1.0 + step, 0.5**step) for step in range(3)]
    tracked = line(RunTracked(mlflow_run_id="m", tracking_uri="http://tracking"))
    first = tracked + line(PointsLogged(lines=points_file.encode(points[:2]).decode()))
    session.look(first)
    session.look(first + line(PointsLogged(lines=points_file.encode(points[2:]).decode())))
    assert session.folder.read_points()[0] == points
    assert [type(event) for event in session.events()] == [RunTracked]


def test_the_points_of_another_attempt_begin_anew(session):
    for mlflow_run_id, value in (("first", 1.0), ("second", 2.0)):
        point = Point("loss", 0, 1.0, value)
        session.cluster.nodes = [f"flow-{value:g}"]
        session.cluster.pods = {
            POD: b"",
            f"flow-system-container-impl-{value:g}": line(
                RunTracked(mlflow_run_id=mlflow_run_id, tracking_uri="http://tracking")
            )
            + line(PointsLogged(lines=points_file.encode([point]).decode())),
        }
        session.look()
        assert session.folder.read_points()[0] == [point]


def test_a_log_that_was_cut_at_its_head_goes_on_where_it_was(session):
    session.look(numbered(2000))
    cut = numbered(1500, start=1000)
    assert session.look(cut) == numbered(2500).decode()
    assert session.look(cut + b"more\n") == (numbered(2500) + b"more\n").decode()


def test_a_log_that_was_rotated_away_is_said_to_be_cut(session):
    session.look(numbered(2000))
    copy = session.look(numbered(100, start=5000))
    assert copy == (
        numbered(2000) + b"[the cluster has cut this log here]\n" + numbered(100, start=5000)
    ).decode()  # fmt: skip
    assert session.look(numbered(101, start=5000)) == copy + "line 5100\n"


def test_a_short_log_that_was_rotated_away_meanwhile_is_said_to_be_cut(session):
    session.look(b"short\n")
    later = numbered(1000)
    assert session.look(later) == "short\n[the cluster has cut this log here]\n" + later.decode()


def test_a_line_that_comes_often_is_no_place_to_go_on_from(session):
    session.look(numbered(2000) + b"...\n")
    rotated = line(StageFinished(stage=STAGE, state=StageState.SUCCEEDED)) + b"...\n"
    session.look(rotated)
    assert [event.stage for event in session.events()] == [STAGE]


@pytest.mark.parametrize(
    "torn",
    [
        b'mlops_nb event: {"event":"stage_started","sta\n',
        b'mlops_nb event: {"event":"stage_started"}\n',
        b'mlops_nb event: {"event":["stage_started"]}\n',
        b"mlops_nb event: {}\n",
        b"mlops_nb event: 5\n",
        b"mlops_nb event: \xff\xfe\n",
        b"mlops_nb event: \n",
        b'mlops_nb event: {"event":"of_a_later_release"}\n',
    ],
)
def test_what_only_looks_like_an_event_is_text(session, torn):
    copy = session.look(b"before\n" + torn + line(StageStarted(stage=STAGE)))
    assert copy.startswith("before\n" + torn.decode(errors="replace"))
    assert [event.stage for event in session.events()] == [STAGE]


def test_bytes_that_are_no_text_are_kept(session):
    session.look(b"caf\xe9\n" + line(StageStarted(stage=STAGE)) + b"\x00\xff\n")
    assert session.folder.log(STAGE).read_bytes() == b"caf\xe9\n\x00\xff\n"
    assert len(session.events()) == 1


def test_lines_may_end_as_on_windows(session):
    event = line(StageStarted(stage=STAGE)).replace(b"\n", b"\r\n")
    session.look(b"one\r\n" + event)
    session.look(b"one\r\n" + event + b"10 %\r20 %\r\n")
    assert session.folder.log(STAGE).read_bytes() == b"one\r\n10 %\r20 %\r\n"
    assert [event.stage for event in session.events()] == [STAGE]


@pytest.mark.parametrize("read", [60, 75, 85, 1000])
def test_what_the_executor_prints_of_itself_is_left_out(session, read):
    executor = b"[KFP Executor 2026-01-01 INFO]: "
    log = (
        executor + b"--component_module_path is not specified\n"
        + executor + b'Got executor_input:\n{\n    "inputs": {\n    }\n}\none\n{\n}\n'
        + executor + b"Wrote executor output file\n"
    )  # fmt: skip
    session.look(log[:read])
    assert session.look(log) == "one\n{\n}\n"


def test_two_sessions_that_look_in_turn_copy_once(session):
    other = Session(session.cluster, RunFolder(session.folder.path))
    log = b""
    for number in range(6):
        log += f"line {number}".encode() + line(MetricsLogged(metrics={"n": float(number)}))
        (session, other)[number % 2].look(log)
        (other, session)[number % 2].look()
    assert session.copy() == "".join(f"line {n}\n" for n in range(6))
    assert [event.metrics["n"] for event in session.events()] == [0, 1, 2, 3, 4, 5]


def test_the_log_of_an_ended_pod_is_asked_for_no_more(session):
    session.look(b"all\n", state="SUCCEEDED")
    session.cluster.pods.clear()
    session.cluster.pods[POD] = b"other\n"
    assert session.look(state="SUCCEEDED") == "all\n"


def test_a_pod_may_be_named_by_its_node(session):
    session.cluster.pods = {NODE: b"as in the first version\n", POD: b""}
    del session.cluster.pods[POD]
    mirror = Mirror(session.cluster, session.folder)
    mirror.update(session.cluster.run(), ("first",), canceled=False)
    assert session.copy() == "as in the first version\n"


def test_the_pod_of_a_resume_is_copied_behind_the_first(session):
    session.look(b"first attempt\n", state="FAILED")
    session.cluster.nodes = ["flow-8"]
    session.cluster.pods["flow-system-container-impl-8"] = b"second attempt\n"
    assert session.look() == "first attempt\nsecond attempt\n"


def test_paths_of_the_pod_are_not_kept(session):
    error = Failure(type="E", message="m", hint="h", stage=STAGE, log="/in/the/pod.log")
    session.look(line(StageFinished(stage=STAGE, state=StageState.FAILED, error=error)))
    log = str(session.folder.log(STAGE))
    assert session.folder.load().error == structs.replace(error, log=log)


def test_a_stage_that_was_killed_is_said_to_have_been(session):
    session.cluster.message = "OOMKilled (exit code 137)"
    session.look(line(StageStarted(stage=STAGE)), state="FAILED")
    run = session.folder.load()
    assert run.stage(STAGE).state is StageState.FAILED
    assert run.error.type == "StageKilled"
    assert "OOMKilled" in run.error.message
    session.look(state="FAILED")
    assert len(session.events()) == 2, "it is said once"


def test_a_stage_whose_pod_did_not_start_is_said_to_have_failed(session):
    session.cluster.message = "ErrImagePull"
    session.cluster.pods.clear()
    session.cluster.pods[POD] = b""
    session.look(state="FAILED")
    assert session.folder.load().error.type == "PodFailed"


def test_a_stage_that_the_cluster_had_done_before_is_skipped(session):
    session.look(b"", state="SUCCEEDED")
    stage = session.folder.load().stage(STAGE)
    assert stage.state is StageState.SKIPPED
    assert "cache" in stage.note


def test_pods_of_a_canceled_run_have_not_failed(session):
    session.look(line(StageStarted(stage=STAGE)), state="FAILED", canceled=True)
    assert session.folder.load().error is None
