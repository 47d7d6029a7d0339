from __future__ import annotations

import asyncio

from mlops_nb.types import RunState


async def test_a_notebook_is_trained_over_http(ask, memory):
    body = {"notebook": "train.ipynb", "params": {"rate": 0.25}}
    status, run = await ask("POST", "train", body=body)
    assert (status, run["backend"]) == (202, "memory")
    status, found = await ask("GET", "runs")
    assert (status, found["total"]) == (200, 1)
    assert found["runs"][0]["parameters"]["rate"] == 0.25
    status, found = await ask("GET", "runs", run["id"])
    assert status == 200
    assert found["snapshot"]["parameters"] == run["snapshot"]["parameters"]


async def test_runs_that_are_submitted_at_once_have_each_its_own_pins(ask, memory):
    rates = [index / 8 for index in range(6)]
    # A changed dataset: each submission hashes it and puts it into the cache.
    memory.write("data/train.csv", "a,b,label\n1,2,1\n3,4,0\n")
    asked = [{"notebook": "train.ipynb", "params": {"rate": rate}} for rate in rates]
    answers = await asyncio.gather(*(ask("POST", "train", body=body) for body in asked))
    assert [status for status, _ in answers] == [202] * 6
    runs = [run for _, run in answers]
    assert [run["snapshot"]["parameters"]["rate"] for run in runs] == rates
    refs = memory.git("for-each-ref", "--format=%(refname:lstrip=3)", "refs/mlops").split()
    assert sorted(refs) == sorted(run["id"] for run in runs)


async def test_a_project_below_the_root_is_named_by_any_folder_of_it(ask, memory):
    below = memory.root / "other" / "deep"
    below.mkdir(parents=True)
    (memory.root / "other" / "mlops.toml").write_text("[project]\nname = 'other'\n")
    for folder in ("other", "other/deep"):
        _, found = await ask("GET", "config", project=folder)
        assert found["settings"][0]["value"] == "other"
    _, found = await ask("GET", "config", project="data")
    assert found["settings"][0]["value"] == "sample"


async def test_a_list_is_cut_sorted_and_filtered(ask, memory):
    for rate in (0.1, 0.3, 0.2):
        await ask("POST", "train", body={"notebook": "train.ipynb", "params": {"rate": rate}})
    asked = {"sort": "-param.rate", "where": ["rate>0.1"], "limit": 1, "offset": 1}
    _, found = await ask("GET", "runs", **asked)
    assert found["total"] == 2
    assert [run["parameters"]["rate"] for run in found["runs"]] == [0.2]


async def test_a_canceled_run_is_resumed(ask, memory):
    _, run = await ask("POST", "train", body={"notebook": "train.ipynb"})
    _, canceled = await ask("POST", "runs", run["id"], "cancel")
    assert canceled["state"] == RunState.CANCELED.value
    status, resumed = await ask("POST", "runs", run["id"], "resume")
    assert (status, resumed["state"]) == (202, RunState.PENDING.value)
