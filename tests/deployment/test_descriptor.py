import msgspec
import pytest

from mlops_nb.deployment import descriptor
from mlops_nb.exceptions import UsageError

FULL = """
version: 1
name: tumours
model: tumours@champion
wrapper: serving.wrapper:Tumours
modules: [serving, features.py]
packages: ["scikit-learn==1.7.2"]
resources: {cpu: 500m, memory: 1Gi}
replicas: {min: 2, max: 4}
environment: {THRESHOLD: "0.4"}
secrets: {STORE_PASSWORD: store/password}
target: kserve
service: {batch_rows: 64, log_sample: 0.1}
traffic: {strategy: canary, percent: 5}
example: {request: {dataframe_split: {columns: [a], data: [[1.0]]}}, predictions: [1]}
kserve: {mode: raw, labels: {team: oncology}}
"""


def read(tmp_path, text):
    path = tmp_path / "deployment.yaml"
    path.write_text(text, encoding="utf-8")
    return descriptor.load(path)


def test_a_descriptor_is_read_and_written_as_it_is(tmp_path):
    found = read(tmp_path, FULL)
    assert found.replicas.max == 4
    assert found.kserve.labels == {"team": "oncology"}
    assert read(tmp_path, descriptor.text(found)) == found


def test_only_what_was_said_is_written():
    found = descriptor.of({"name": "tumours", "model": "latest"})
    assert descriptor.text(found) == "version: 1\nname: tumours\nmodel: latest\n"


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("name: a\nmodell: b", "unknown key modell", "did you mean model?"),
        ("name: a\nmodel: b\nservice: {batch: 2}", "service.batch", "service.batch_rows?"),
        ("name: a\nmodel: b\nkserve: {port: 2}", "kserve.port", "known: mode"),
        ("name: a", "missing required field `model`", "docs/deployment.md"),
        ("name: a\nmodel: 3", "Expected `str`, got `int` - at `model`", "docs/deployment.md"),
        ("name: A_b\nmodel: b", "name is 'A_b'", "such as a-b"),
        ("name: a\nmodel: b\nversion: 2", "version 2", "version 1"),
        ("name: a\nmodel: b\nwrapper: a.py", "wrapper is 'a.py'", "module:Class"),
        ("name: a\nmodel: b\ntraffic: {strategy: best}", "strategy is 'best'", "replace"),
        ("name: a\nmodel: b\ntraffic: {percent: 100}", "percent is 100", "1 to 99"),
        ("name: a\nmodel: b\nreplicas: {min: 3}", "replicas.min is 3", "replicas.max"),
        ("name: a\nmodel: b\nresources: {memory: lots}", "memory is 'lots'", "2Gi"),
        ("name: [", "no YAML", "mend"),
        ("- a", "holds no keys", "name, and model"),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(tmp_path, text, message, hint):
    with pytest.raises(UsageError) as refused:
        read(tmp_path, text)
    assert message in refused.value.message
    assert hint in refused.value.hint


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("Tumour model", "tumour-model"),
        ("3rd_try", "rd-try"),
        ("__", "model"),
        ("a" * 50, "a" * 40),
    ],
)
def test_any_name_gives_a_name_of_a_deployment(name, made):
    assert descriptor.as_name(name) == made
    descriptor.of({"name": made, "model": "latest"})


def test_yaml_executes_nothing(tmp_path):
    canary = tmp_path / "canary"
    with pytest.raises(UsageError):
        read(tmp_path, f"name: !!python/object/apply:os.system ['touch {canary}']\nmodel: b")
    assert not canary.exists()


def test_json_carries_a_descriptor_between_stages():
    found = descriptor.of({"name": "a", "model": "b", "service": {"timeout_s": 3}})
    again = msgspec.json.decode(msgspec.json.encode(found), type=descriptor.Descriptor)
    assert again == found
