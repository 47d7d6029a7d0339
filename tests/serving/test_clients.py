"""Clients that others have written, each in an environment of its own: they exclude one another."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock
from uv import find_uv_bin

ROWS = [[1.5, 1, "a"], [9.0, 9, "b"]]
SCRIPTS = {
    "kserve": """
import asyncio, json, sys
from kserve import InferenceRESTClient, RESTConfig, InferInput, InferRequest
async def ask(url):
    rows = [{"radius": 1.5, "count": 1, "kind": "a"}, {"radius": 9.0, "count": 9, "kind": "b"}]
    v1 = InferenceRESTClient(RESTConfig(protocol="v1"))
    first = await v1.infer(url, {"instances": rows}, model_name="tumours")
    v2 = InferenceRESTClient(RESTConfig(protocol="v2"))
    ready = await v2.is_server_ready(url) and await v2.is_server_live(url)
    ready = ready and await v2.is_model_ready(url, "tumours")
    inputs = [
        InferInput("radius", [2], "FP64", data=[1.5, 9.0]),
        InferInput("count", [2], "INT64", data=[1, 9]),
        InferInput("kind", [2], "BYTES", data=["a", "b"]),
    ]
    request = InferRequest(model_name="tumours", infer_inputs=inputs)
    second = await v2.infer(url, request, model_name="tumours")
    data = second.outputs[0].data
    return ready, first["predictions"], list(data)
ready, first, second = asyncio.run(ask(sys.argv[1]))
print(json.dumps([ready, first, second]))
""",
    "tritonclient": """
import json, sys
import numpy as np
import tritonclient.http as triton
client = triton.InferenceServerClient(sys.argv[1].removeprefix("http://"))
ready = client.is_server_live() and client.is_server_ready() and client.is_model_ready("tumours")
names = [item["name"] for item in client.get_model_metadata("tumours")["inputs"]]
assert names == ["radius", "count", "kind"], names
def ask(binary):
    values = {
        "radius": ("FP64", np.array([1.5, 9.0])),
        "count": ("INT64", np.array([1, 9])),
        "kind": ("BYTES", np.array(["a", "b"], dtype=object)),
    }
    inputs = []
    for name, (datatype, array) in values.items():
        item = triton.InferInput(name, list(array.shape), datatype)
        item.set_data_from_numpy(array, binary_data=binary)
        inputs.append(item)
    outputs = [triton.InferRequestedOutput("predictions", binary_data=binary)]
    return client.infer("tumours", inputs, outputs=outputs).as_numpy("predictions").tolist()
print(json.dumps([bool(ready), ask(False), ask(True)]))
""",
}
PACKAGES = {"kserve": ["kserve==0.21.0"], "tritonclient": ["tritonclient[http]==2.60.0", "numpy"]}
V1 = "/v1/models/tumours:predict"
EXPECTED = [True, [0, 1], [0, 1]]


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """Return a function that runs a script where a client is installed."""
    shared = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"), "mlops-nb-tests")

    def run(name, url):
        place = shared / "-".join(PACKAGES[name]).replace("[", "-").replace("]", "-")
        shared.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{place}.lock"):
            if not (place / "ready").exists():
                uv("venv", "--quiet", "--clear", "--python", sys.executable, str(place))
                uv("pip", "install", "--quiet", "--python", str(place), *PACKAGES[name])
                (place / "ready").touch()
        told = subprocess.run(
            [place / "bin" / "python", "-W", "ignore", "-c", SCRIPTS[name], url],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": ""},
        )
        assert told.returncode == 0, told.stderr[-3000:]
        return json.loads(told.stdout.splitlines()[-1])

    return run


def uv(*arguments):
    done = subprocess.run([find_uv_bin(), *arguments], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no index has it: {done.stderr[-300:]}")


@pytest.mark.parametrize("name", SCRIPTS)
def test_an_independent_client_gets_its_predictions(service, client, name):
    assert client(name, service.url) == EXPECTED


def test_mlflows_own_client_gets_its_predictions(service):
    """As MLflow's deployments and its plugins send a frame."""
    import pandas
    from mlflow.pyfunc.scoring_server.client import ScoringServerClient

    port = int(service.url.rpartition(":")[2])
    client = ScoringServerClient("127.0.0.1", port)
    client.ping()
    frame = pandas.DataFrame(ROWS, columns=["radius", "count", "kind"])
    assert client.invoke(frame).get_predictions()[0].tolist() == [0, 1]


def test_curl_gets_its_predictions(service):
    body = json.dumps({"instances": ROWS})
    told = subprocess.run(
        ["curl", "-sf", "-d", body, "-H", "Content-Type: application/json", service.url + V1],
        capture_output=True,
        text=True,
    )
    assert json.loads(told.stdout) == {"predictions": [0, 1]}
