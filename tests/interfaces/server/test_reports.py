"""Reports and the times of schedules, as the front end asks for them."""

from __future__ import annotations

import msgspec

from mlops_nb import api
from mlops_nb.journal import RUNS, ModelEvaluated, RunFinished, RunFolder
from mlops_nb.types import RunState
from tests.drawing.test_report import report
from tests.vocabulary import request


def evaluated(project, found, page):
    """Write an evaluation that has ended, with a report and something else as its page."""
    folder = RunFolder(project.root / ".mlops" / RUNS / "20260101-000000-abcdef0")
    asked = msgspec.structs.replace(request(), id=folder.run_id, backend="local")
    folder.create(asked)
    folder.append(ModelEvaluated(evaluation=found.evaluation))
    folder.append(RunFinished(state=RunState.SUCCEEDED, seconds=1.0))
    folder.keep_report(page, found)
    return folder.run_id


async def test_a_report_is_drawn_from_the_record_and_no_page_is_given_out(ask, project):
    found = report("<script>alert(1)</script>")
    run_id = evaluated(project, found, "<b>put here by somebody</b>")
    status, answer = await ask("GET", "runs", run_id, "report")
    assert status == 200
    assert "&lt;script&gt;alert(1)" in answer["html"]
    assert "confusion" in answer["html"]
    assert "<script" not in answer["html"]
    assert "somebody" not in answer["html"]


async def test_a_run_that_has_found_nothing_has_an_empty_report(ask, memory):
    run = api.train("train.ipynb", backend="memory", wait=True)
    assert await ask("GET", "runs", run.id, "report") == (200, {"html": ""})
    status, answer = await ask("GET", "runs", "..%2f..", "report")
    assert (status, answer["error"]["type"]) == (400, "UsageError")


async def test_the_next_firings_are_told_before_anything_is_kept(ask, project):
    times = {"cron": "30 6 * * *", "timezone": "Asia/Tokyo"}
    status, answer = await ask("GET", "upcoming", **times)
    assert (status, len(answer["upcoming"])) == (200, 5)
    assert {moment[10:] for moment in answer["upcoming"]} == {"T06:30:00+09:00"}
    status, answer = await ask("GET", "upcoming", cron="0 6 * * 9")
    assert (status, answer["error"]["type"]) == (400, "UsageError")
    assert answer["error"]["hint"]
    assert not (project.root / ".mlops").exists()
    assert (await ask("GET", "upcoming", name="nothing", every="6h"))[0] == 404
