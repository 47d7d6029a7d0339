"""Five hundred requests that nobody should send: each is refused, and none does harm."""

from __future__ import annotations

import json
import random

import psutil
import pytest
import requests

V1, V2 = "/v1/models/tumours:predict", "/v2/models/tumours/infer"
GOOD = {
    "/invocations": {
        "dataframe_split": {"columns": ["radius", "count", "kind"], "data": [[1.5, 1, "a"]]}
    },
    V1: {"instances": [{"radius": 1.5, "count": 1, "kind": "a"}]},
    V2: {
        "inputs": [
            {"name": "radius", "datatype": "FP64", "shape": [1], "data": [1.5]},
            {"name": "count", "datatype": "INT64", "shape": [1], "data": [1]},
            {"name": "kind", "datatype": "BYTES", "shape": [1], "data": ["a"]},
        ]
    },
}
JUNK = [
    None, True, -1, 2**70, 1e308, "", "\x00", "é", [], [[]], {}, {"": {}}, [None], "x" * 10_000,
    [[1, [2]], 3], {"columns": 3}, [[[[1]]]], {"data": [[1]]}, -0.5,
]  # fmt: skip
RAW = [
    b"", b"{", b"[", b"null", b"\xff\xfe{", b'{"instances": [NaN]}', b"{}", b'"' + b"a" * 5000,
    b"[" * 100_000, b'{"a":' * 50_000, b'{"instances": "\\ud800"}', b'{"inputs": [{}]}',
    b'{"instances": [1]} trailing', b'{"instances": [[1e999, 1, "a"]]}',
]  # fmt: skip
HEADERS = [
    {"Content-Type": "application/xml"}, {"Content-Encoding": "br"}, {"Content-Encoding": "gzip"},
    {"Inference-Header-Content-Length": "99999999"}, {"Inference-Header-Content-Length": "-1"},
]  # fmt: skip


def places(data, path=()):
    yield path
    items = data.items() if isinstance(data, dict) else enumerate(data)
    for key, value in items:
        if isinstance(value, (dict, list)):
            yield from places(value, (*path, key))
        else:
            yield (*path, key)


def changed(data, path, junk):
    if not path:
        return junk
    copy = json.loads(json.dumps(data))
    place = copy
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = junk
    return copy


def without(data, path):
    copy = json.loads(json.dumps(data))
    place = copy
    for key in path[:-1]:
        place = place[key]
    del place[path[-1]]
    return copy


def corpus():
    """Return path, body and headers of each request."""
    found = [(path, raw, {}) for path in GOOD for raw in RAW]
    found += [(path, json.dumps(good), h) for path, good in GOOD.items() for h in HEADERS]
    for path, good in GOOD.items():
        for place in places(good):
            found += [(path, json.dumps(changed(good, place, junk)), {}) for junk in JUNK]
            if place:
                found.append((path, json.dumps(without(good, place)), {}))
    found += [("/", b"{}", {}), ("/nowhere", b"{}", {}), ("/v2/models/other/infer", b"{}", {})]
    return random.Random(7).sample(found, 500)  # noqa: S311


@pytest.fixture(scope="module")
def answers(service):
    before = psutil.Process(service.process.pid).memory_info().rss
    session = requests.Session()
    found = [
        session.post(service.url + path, data=body, headers=headers, timeout=60)
        for path, body, headers in corpus()
    ]
    after = psutil.Process(service.process.pid).memory_info().rss
    return found, after - before


def test_none_is_an_error_of_the_service(answers):
    bad = [
        (a.status_code, a.request.body[:200], a.text[:300])
        for a in answers[0]
        if a.status_code >= 500
    ]
    assert bad == []


def test_refusals_say_what_is_wrong(answers):
    refused = [answer for answer in answers[0] if answer.status_code >= 400]
    assert len(refused) > 400
    for answer in refused:
        told = answer.json()
        assert told.get("error") or told.get("message"), answer.request.body[:200]


def test_the_memory_is_bounded(answers):
    assert answers[1] < 100e6


def test_the_service_goes_on(answers, service):
    assert service.post(V1, GOOD[V1]).status_code == 200


def test_a_body_that_is_too_large_is_not_taken_in(service):
    before = psutil.Process(service.process.pid).memory_info().rss

    def endless():
        for _ in range(200):
            yield b" " * 1_000_000

    try:
        answer = requests.post(service.url + V1, data=endless(), timeout=60)
        assert answer.status_code == 413
    except requests.ConnectionError:
        pass  # It closes while more is being sent, and the answer may be lost on the way.
    assert psutil.Process(service.process.pid).memory_info().rss - before < 60e6
    assert service.get("/v2/health/live").status_code == 200
