from __future__ import annotations


async def test_a_notebook_is_trained_over_http(ask, memory):
    status, run = await ask(
        "POST", "train", body={"notebook": "train.ipynb", "params": {"rate": 0.25}}
    )
    assert (status, run["backend"]) == (202, "memory")
    status, found = await ask("GET", "runs")
    assert (status, found["total"]) == (200, 1)
    assert found["runs"][0]["parameters"]["rate"] == 0.25
    status, found = await ask("GET", "runs", run["id"])
    assert status == 200
    assert found["snapshot"]["parameters"] == run["snapshot"]["parameters"]
