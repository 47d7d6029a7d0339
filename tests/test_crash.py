"""The points at which a test may have a process die: each of them is in a sweep."""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
from pathlib import Path

import mlops_nb
from mlops_nb import crash
from mlops_nb.journal import events
from tests.capture import test_kills as of_snapshots
from tests.deployment.local import test_faults as of_deployments
from tests.end_to_end import test_faults as of_runs
from tests.end_to_end import test_kubeflow as of_clusters
from tests.scheduling import test_kills as of_schedules

SWEPT = {
    *of_snapshots.POINTS,
    *of_runs.OF_THE_SUBMISSION,
    *of_clusters.OF_THE_SUBMISSION,
    *of_schedules.POINTS,
    of_schedules.CLAIMED,
    *of_deployments.OF_THE_SUPERVISOR,
    *of_deployments.OF_THE_VERBS,
}
# Events that a training on this machine does not write, and why no sweep kills there.
ELSEWHERE = {
    "run_submitted": "of a cluster: the point before it is `cluster asked`",
    "run_recalled": "written by pods",
    "points_logged": "written by pods",
    "evaluation_reported": "written by pods",
    "window_reported": "written by pods",
    "trial_said": "written by pods",
    "preparing": "of a rebuilt environment, which is kept as a whole or not at all",
    "window_judged": "of a monitoring, which reads and has nothing to lose",
    "revision_routed": "of a deployment, whose own points are swept",
    "study_begun": "of a tuning: tests/end_to_end/test_tuning.py kills it in the middle",
    "trial_changed": "of a tuning, likewise",
    "importance_found": "of a tuning, likewise",
    "stage_killed": "written when a stage was killed already",
}
DIE = "from mlops_nb import crash; crash.point('here'); print('alive')"


def points_of_the_source() -> set[str]:
    """Return the names of all points; of one that is put together, its first part and a `{}`."""
    found = set()
    for path in Path(mlops_nb.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "crash.point":
                found.add(_name(node.args[0]))
    return found


def _name(argument: ast.expr) -> str:
    if isinstance(argument, ast.Constant):
        return argument.value
    if isinstance(argument, ast.JoinedStr):
        return f"{argument.values[0].value}{{}}"
    # The journal's, which are its events.
    return ast.unparse(argument.func)


def test_every_point_is_swept():
    found = points_of_the_source()
    families = {name.removesuffix("{}") for name in found if name.endswith("{}")}
    assert families == {"writing "}
    assert found - {"' '.join", *(f"{family}{{}}" for family in families)} == {
        name for name in SWEPT if not name.startswith((*families, "before ", "after "))
    }


def test_every_event_is_swept_or_has_a_reason_not_to_be():
    points = {*of_runs.POINTS, *of_runs.OF_THE_SUBMISSION}
    swept = {word for point in points for word in point.split()}
    known = set(events._TAGS)
    assert ELSEWHERE.keys() <= known
    assert known - swept == set(ELSEWHERE)


def test_a_process_dies_at_the_point_that_is_asked_for_and_at_no_other(tmp_path):
    def died(wanted: str) -> bool:
        environment = {**os.environ, crash.CRASH_AT: wanted}
        code = subprocess.run([sys.executable, "-c", DIE], env=environment, check=False).returncode
        assert code in (0, -signal.SIGKILL)
        return code != 0

    assert died("here")
    assert not died("there")
    armed = tmp_path / "armed"
    armed.write_text("here")
    assert [died(f"@{armed}") for _ in range(2)] == [True, False]
    assert not armed.exists()
