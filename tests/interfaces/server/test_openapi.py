"""The description is true: what it says is served, and what is served is as it says."""

from __future__ import annotations

import json

import jsonschema
import pytest

from mlops_nb import api
from mlops_nb.interfaces.server import openapi
from mlops_nb.interfaces.server.routes import PREFIX, ROUTES, SWITCHING
from mlops_nb.testing import Script, play
from mlops_nb.types import Model

DESCRIPTION = json.loads(json.dumps(openapi.description()))
# Verbs that make no sense over HTTP, and why.
ELSEWHERE = {
    "init": "it makes the folder that a server would have to be in",
    "watch": "the events tell of what goes on",
    "export": "it writes a file of this machine",
    "import_": "it reads a file of this machine",
    "compile": "it writes files of this machine",
    "build_images": "it is work for whoever sets a cluster up, and takes an hour",
    "scheduler": "the server fires schedules itself",
    "login": "it logs the user of this machine in, in a browser",
    "logout": "likewise",
}


def test_every_verb_is_a_route_or_has_a_reason_not_to_be():
    from mlops_nb import _HOMES

    verbs = {name for name, home in _HOMES.items() if home == "api"}
    served = {route.verb.__name__ for route in ROUTES}
    named = {"show": api.show, "undeploy": api.undeploy}
    served |= {name for name, verb in named.items() if verb in {r.verb for r in ROUTES}}
    assert verbs - served == set(ELSEWHERE)


def test_every_route_is_described_with_its_method_and_status():
    described = {
        (method.upper(), path, status)
        for path, operations in DESCRIPTION["paths"].items()
        for method, operation in operations.items()
        for status in operation["responses"]
        if status != "default"
    }
    routes = {(r.method, PREFIX + r.path, str(r.status)) for r in ROUTES}
    assert described == routes | {("GET", f"{PREFIX}/openapi.json", "200")}


def test_every_parameter_is_explained():
    for path, operations in DESCRIPTION["paths"].items():
        for operation in operations.values():
            assert operation["summary"]
            for parameter in operation.get("parameters", []):
                assert parameter["description"], (path, parameter["name"])


def test_operations_have_names_of_their_own():
    names = [o["operationId"] for p in DESCRIPTION["paths"].values() for o in p.values()]
    assert len(names) == len(set(names))


def test_the_description_is_one_of_openapi_3_1():
    for schema in DESCRIPTION["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


def validated(method, path, status, answer):
    """Check an answer against what the description says of it."""
    responses = DESCRIPTION["paths"][PREFIX + path][method.lower()]["responses"]
    response = responses.get(str(status), responses["default"])
    schema = {**response["content"]["application/json"]["schema"], **references()}
    jsonschema.validate(answer, schema, jsonschema.Draft202012Validator)
    return str(status) in responses


def references():
    return {"components": DESCRIPTION["components"]}


@pytest.fixture
def trained(memory):
    """Return two runs, one that succeeded with odd metrics and one that failed."""
    model = Model(uri="models:/m-1", name="sample", version="1")
    good = Script(metrics={"loss": (0.5, float("nan")), "gain": float("inf")}, model=model)
    play(good, Script(fails_at="train"), project=memory.root)
    found = [api.train("train.ipynb", backend="memory", wait=True) for _ in range(2)]
    return [run.id for run in found]


async def test_what_is_answered_is_what_is_described(ask, trained, memory):
    good, bad = trained
    asked = [
        ("GET", "/openapi.json", {}, None),
        ("GET", "/status", {"notebook": "train.ipynb"}, None),
        ("GET", "/config", {}, None),
        ("GET", "/parameters", {"notebook": "train.ipynb"}, None),
        ("GET", "/datasets", {}, None),
        ("GET", "/runs", {"where": ["loss!=3", "gain>0"], "limit": 1, "offset": 0}, None),
        ("GET", "/runs/{run_id}", {"run_id": good}, None),
        ("GET", "/runs/{run_id}", {"run_id": bad}, None),
        ("GET", "/runs/{run_id}/moment", {"run_id": good}, None),
        ("GET", "/runs/{run_id}/card", {"run_id": good}, None),
        ("GET", "/runs/{run_id}/report", {"run_id": good}, None),
        ("GET", "/runs/{run_id}/logs", {"run_id": good, "stage": "train"}, None),
        ("GET", "/runs/{run_id}/points", {"run_id": good}, None),
        ("GET", "/compare", {"run_ids": trained}, None),
        ("GET", "/models", {}, None),
        ("GET", "/deployments", {}, None),
        ("POST", "/schedules", {}, {"what": "train.ipynb", "cron": "0 6 * * *"}),
        ("GET", "/schedules", {}, None),
        ("GET", "/upcoming", {"name": "train", "every": "6h"}, None),
        ("PATCH", "/schedules/{name}", {"name": "train"}, {"pause": True}),
        ("DELETE", "/schedules/{name}", {"name": "train"}, None),
        ("POST", "/track", {}, {"path": "data/train.csv"}),
        ("POST", "/train", {}, {"notebook": "train.ipynb", "params": {"rate": 2.5}}),
        ("POST", "/train", {}, {"notebook": "train.ipynb", "dry_run": True}),
        ("POST", "/runs/{run_id}/resume", {"run_id": bad}, {}),
        ("POST", "/runs/{run_id}/cancel", {"run_id": bad}, {}),
        ("POST", "/save", {}, {"path": "train.ipynb"}),
        ("DELETE", "/runs/{run_id}", {"run_id": good, "force": "true"}, None),
    ]
    for method, path, given, body in asked:
        place = path.format(**given).strip("/").split("/")
        params = {k: v for k, v in given.items() if f"{{{k}}}" not in path}
        status, answer = await ask(method, *place, body=body, **params)
        assert validated(method, path, status, answer), (method, path, answer)


async def test_refusals_have_one_shape_and_the_status_of_their_error(ask, trained):
    good, _ = trained
    asked = {
        ("GET", "/runs/{run_id}", "nothing"): (404, "AbsentRunError"),
        ("GET", "/runs/{run_id}", "..%2f.."): (400, "UsageError"),
        ("GET", "/runs/{run_id}/notebook", good): (409, "RunError"),
        ("GET", "/runs/{run_id}/verdict", good): (409, "RunError"),
        ("POST", "/runs/{run_id}/resume", good): (409, "RunError"),
        ("DELETE", "/runs/{run_id}", good): (409, "RunError"),
        ("GET", "/deployments/{name}", "nothing"): (404, "AbsentDeploymentError"),
        ("POST", "/deployments/{name}/rollback", "nothing"): (404, "AbsentDeploymentError"),
        ("DELETE", "/deployments/{name}", "nothing"): (404, "AbsentDeploymentError"),
        ("POST", "/train", ""): (422, "NotebookError"),
        ("GET", "/compare", ""): (400, "UsageError"),
        ("GET", "/runs", ""): (400, "UsageError"),
        ("POST", "/saved", ""): (400, "UsageError"),
    }
    params = {"/runs": {"limit": "many"}}
    for (method, path, name), expected in asked.items():
        place = path.replace("{run_id}", name).replace("{name}", name).strip("/").split("/")
        status, answer = await ask(method, *place, **params.get(path, {}))
        assert (status, answer["error"]["type"]) == expected, (method, path, answer)
        assert not validated(method, path, status, answer)


async def test_a_method_that_a_path_has_not_is_refused(jp_fetch, memory):
    answer = await jp_fetch("mlops", "train", raise_error=False)
    assert (answer.code, answer.headers["Allow"]) == (405, "POST")
    assert json.loads(answer.body)["error"]["type"] == "MethodNotAllowedError"


async def test_what_a_request_has_too_much_is_named(ask, memory):
    status, refused = await ask("POST", "train", body={"notebok": "train.ipynb"})
    assert (status, "notebok" in refused["error"]["message"]) == (400, True)
    status, refused = await ask("GET", "runs", stat="FAILED")
    assert (status, "stat" in refused["error"]["message"]) == (400, True)


def test_the_websocket_is_described():
    events = DESCRIPTION["paths"][f"{PREFIX}/events"]["get"]
    assert list(events["responses"]) == [str(SWITCHING), "default"]
    assert {"Message", "Glimpse"} <= set(DESCRIPTION["components"]["schemas"])
