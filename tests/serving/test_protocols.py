from __future__ import annotations

import gzip
import json
import struct

import pandas
import pytest

from tests.serving.conftest import COLUMNS

FRAME = pandas.DataFrame(COLUMNS)
ROWS = [list(row) for row in FRAME.itertuples(index=False, name=None)]
RECORDS = FRAME.to_dict(orient="records")
SPLIT = {"columns": list(FRAME.columns), "data": ROWS}
EXPECTED = [0, 0, 1, 1]
V1, V2 = "/v1/models/tumours:predict", "/v2/models/tumours/infer"


def tensor(name, datatype, data, shape=None, **parameters):
    given = {"name": name, "datatype": datatype, "shape": shape or [len(data)], "data": data}
    return given | ({"parameters": parameters} if parameters else {})


TENSORS = [
    tensor("radius", "FP64", COLUMNS["radius"]),
    tensor("count", "INT64", COLUMNS["count"], [4, 1]),
    tensor("kind", "BYTES", COLUMNS["kind"]),
]


def test_the_expected_predictions_are_those_of_mlflow(models):
    import mlflow

    model = mlflow.pyfunc.load_model(str(models / "columns"))
    assert model.predict(FRAME).tolist() == EXPECTED


@pytest.mark.parametrize(
    "body",
    [
        {"dataframe_split": SPLIT},
        {
            "dataframe_split": {
                "columns": ["kind", "count", "radius"],
                "data": [r[::-1] for r in ROWS],
            }
        },
        {"dataframe_split": {"data": ROWS}},
        {"dataframe_records": RECORDS},
        {"instances": RECORDS},
        {"instances": ROWS},
        {"inputs": COLUMNS},
        {"inputs": RECORDS},
        {
            "dataframe_split": {
                "columns": [*SPLIT["columns"], "id"],
                "data": [[*r, 1] for r in ROWS],
            }
        },
    ],
)
def test_invocations_takes_every_form(service, body):
    answer = service.post("/invocations", body)
    assert answer.json() == {"predictions": EXPECTED}
    assert answer.headers["X-Mlops-Revision"] == "7"


def test_invocations_takes_csv(service):
    answer = service.post(
        "/invocations", FRAME.to_csv(index=False), headers={"Content-Type": "text/csv"}
    )
    assert answer.json() == {"predictions": EXPECTED}


@pytest.mark.parametrize("rows", [ROWS, RECORDS])
def test_v1_predicts_instances(service, rows):
    assert service.post(V1, {"instances": rows}).json() == {"predictions": EXPECTED}


@pytest.mark.parametrize("path", [V2, "/v2/models/tumours/versions/3/infer"])
def test_v2_predicts_columns(service, path):
    answer = service.post(path, {"id": "42", "inputs": TENSORS}).json()
    assert answer["id"] == "42"
    (output,) = answer["outputs"]
    assert output["data"] == EXPECTED
    assert (output["datatype"], output["shape"]) == ("INT64", [4])


def test_v2_takes_and_gives_bytes(service):
    radius, count = struct.pack("<4d", *COLUMNS["radius"]), struct.pack("<4q", *COLUMNS["count"])
    kind = b"".join(struct.pack("<I", 1) + text.encode() for text in COLUMNS["kind"])
    tails = {"radius": ("FP64", radius), "count": ("INT64", count), "kind": ("BYTES", kind)}
    inputs = [
        {"name": n, "datatype": t, "shape": [4], "parameters": {"binary_data_size": len(raw)}}
        for n, (t, raw) in tails.items()
    ]
    body = {"inputs": inputs, "parameters": {"binary_data_output": True}}
    head = json.dumps(body).encode()
    answer = service.post(
        V2,
        head + radius + count + kind,
        headers={"Inference-Header-Content-Length": str(len(head))},
    )
    size = int(answer.headers["Inference-Header-Content-Length"])
    (output,) = json.loads(answer.content[:size])["outputs"]
    assert output["parameters"]["binary_data_size"] == 32
    assert list(struct.unpack("<4q", answer.content[size:])) == EXPECTED


def test_a_model_of_tensors_is_asked_in_every_protocol(assembled, started):
    service = started(assembled("tensor"))
    rows = FRAME[["radius", "count"]].astype(float).to_numpy().tolist()
    flat = [value for row in rows for value in row]
    assert service.post("/invocations", {"inputs": rows}).json() == {"predictions": EXPECTED}
    assert service.post(V1, {"instances": rows}).json() == {"predictions": EXPECTED}
    v2 = service.post(V2, {"inputs": [tensor("any", "FP64", flat, [4, 2])]}).json()
    assert v2["outputs"][0]["data"] == EXPECTED
    wrong = service.post(V1, {"instances": [[1.0, 2.0, 3.0]]})
    assert (wrong.status_code, "shape" in wrong.json()["error"]) == (400, True)


def test_metadata_and_health(service):
    about = service.get("/").json()
    assert about["name"] == "tumours"
    assert len(about["package"]) == 64
    found = service.get("/v2/models/tumours").json()
    assert {i["name"]: i["datatype"] for i in found["inputs"]} == {
        "radius": "FP64",
        "count": "INT64",
        "kind": "BYTES",
    }
    for path in ("/v2/health/live", "/v2/health/ready", "/ping", "/health", "/v1/models/tumours"):
        assert service.get(path).status_code == 200, path
    assert service.get("/v1/models").json() == {"models": ["tumours"]}


def test_a_compressed_body_is_taken(service):
    body = gzip.compress(json.dumps({"dataframe_split": SPLIT}).encode())
    answer = service.post("/invocations", body, headers={"Content-Encoding": "gzip"})
    assert answer.json() == {"predictions": EXPECTED}


def test_an_id_is_kept_and_one_is_made(service):
    given = service.post(V1, {"instances": ROWS}, headers={"X-Request-Id": "abc-1"})
    assert given.headers["X-Request-Id"] == "abc-1"
    made = service.post(V1, {"instances": ROWS}, headers={"X-Request-Id": "a b!"})
    assert made.headers["X-Request-Id"].isalnum()


def test_what_is_counted(service):
    service.post(V1, {"instances": ROWS})
    text = service.get("/metrics").text
    assert 'mlops_requests_total{route="/v1/models/tumours:predict",status="200"}' in text
    assert 'mlops_request_seconds_bucket{le="+Inf"}' in text
    assert "process_resident_memory_bytes" in text


def test_names_of_other_machines_are_refused(service):
    assert service.get("/", headers={"Host": "evil.example"}).status_code == 403


@pytest.mark.parametrize(
    ("message", "body"),
    [
        ("'count' is missing", {"dataframe_split": {"columns": ["radius"], "data": [[1.0]]}}),
        ("is there twice", {"dataframe_split": {"columns": ["kind", "kind"], "data": [[1, 2]]}}),
        ("takes a whole number", {"instances": [[1.0, 2.5, "a"]]}),
        ("takes a number", {"instances": [["x", 2, "a"]]}),
        ("takes text", {"instances": [[1.0, 2, 3]]}),
        ("has 2 values", {"instances": [[1.0, 2]]}),
        ("no JSON", b'{"instances": [[1'),
        ("no JSON object", b"[1]"),
        ('has no "instances"', {"instance": []}),
        ("no rows", {"instances": []}),
    ],
)
def test_a_malformed_request_is_told_what_is_wrong(service, message, body):
    answer = service.post("/invocations" if "dataframe_split" in str(body) else V1, body)
    assert answer.status_code == 400
    told = answer.json()
    assert message in (told.get("error") or told.get("message"))
