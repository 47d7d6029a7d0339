from __future__ import annotations

import pytest
import yaml

from mlops_nb.exceptions import ConfigError
from mlops_nb.pipelines import TRAINING
from mlops_nb.pipelines.compiler import compile_pipeline, compiled_for
from mlops_nb.pipelines.platform import Platform
from mlops_nb.settings import Config

SETTINGS = """
[run]
stage_timeout_s = 600
[images]
registry = "registry.test/team/"
train = "registry.test/team/train@sha256:abc"
[kubeflow]
tolerations = ["dedicated=gpu:NoSchedule", "spot:NoExecute"]
pull_secrets = ["pull"]
[kubeflow.secrets_code]
MLOPS_GIT_PASSWORD = "git/token"
[kubeflow.secrets_tracking]
MLFLOW_TRACKING_TOKEN = "mlflow/token"
[kubeflow.secrets_notebook]
API_KEY = "keys/api"
[kubeflow.node_selector]
pool = "gpu"
[kubeflow.variables]
HTTPS_PROXY = "proxy:3128"
"""


def platform(folder, text=SETTINGS):
    (folder / "mlops.toml").write_text(text)
    return Platform.of(Config.load(folder))


@pytest.fixture
def compiled(tmp_path):
    return list(yaml.safe_load_all(compile_pipeline(TRAINING, platform(tmp_path))))


def executors(compiled):
    return compiled[1]["platforms"]["kubernetes"]["deploymentSpec"]["executors"]


def variables(executor):
    return {
        pair["envVar"]: (secret["secretName"], pair["secretKey"])
        for secret in executor.get("secretAsEnv", ())
        for pair in secret["keyToEnv"]
    }


def test_each_stage_gets_the_secrets_that_it_needs_and_no_others(compiled):
    got = {name: variables(executor) for name, executor in executors(compiled).items()}
    assert got == {
        "exec-provision-code": {"MLOPS_GIT_PASSWORD": ("git", "token")},
        "exec-provision-data": {"MLOPS_GIT_PASSWORD": ("git", "token")},
        "exec-train": {
            "MLFLOW_TRACKING_TOKEN": ("mlflow", "token"),
            "API_KEY": ("keys", "api"),
        },
        "exec-evaluate": {"MLFLOW_TRACKING_TOKEN": ("mlflow", "token")},
        "exec-register": {"MLFLOW_TRACKING_TOKEN": ("mlflow", "token")},
    }


def test_only_the_train_stage_goes_to_the_chosen_nodes(compiled):
    found = executors(compiled)
    assert found["exec-train"]["nodeSelector"] == {"labels": {"pool": "gpu"}}
    assert found["exec-train"]["tolerations"] == [
        {"key": "dedicated", "operator": "Equal", "value": "gpu", "effect": "NoSchedule"},
        {"key": "spot", "operator": "Exists", "effect": "NoExecute"},
    ]
    assert [name for name, e in found.items() if "nodeSelector" in e] == ["exec-train"]
    assert {e["activeDeadlineSeconds"] for e in found.values()} == {"600"}


def test_images_are_those_of_the_settings(compiled):
    containers = compiled[0]["deploymentSpec"]["executors"]
    assert containers["exec-train"]["container"]["image"] == "registry.test/team/train@sha256:abc"
    image = containers["exec-provision-code"]["container"]["image"]
    assert image.startswith("registry.test/team/mlops-nb-code-python:")
    assert containers["exec-register"]["container"]["env"] == [
        {"name": "HTTPS_PROXY", "value": "proxy:3128"}
    ]


def test_resources_are_parameters(compiled):
    resources = compiled[0]["deploymentSpec"]["executors"]["exec-train"]["container"]["resources"]
    assert "cpu" in resources["resourceCpuRequest"]
    assert "memory" in resources["resourceMemoryLimit"]
    assert "accelerator" in resources["accelerator"]["resourceType"]


def test_a_claim_stands_in_for_the_volume_of_a_run(tmp_path):
    given = platform(tmp_path, '[kubeflow]\nvolume_claim = "team"\n')
    spec, kubernetes = yaml.safe_load_all(compile_pipeline(TRAINING, given))
    tasks = spec["root"]["dag"]["tasks"]
    volumes = [t["inputs"]["parameters"].get("volume") for t in tasks.values()]
    assert {v["runtimeValue"]["constant"] for v in volumes if v} == {"/mlops"}
    mounted = [e.get("pvcMount") for e in executors([spec, kubernetes]).values()]
    assert [m[0]["constant"] for m in mounted if m] == ["team"] * 4
    assert "pipelineConfig" not in kubernetes["platforms"]["kubernetes"]


@pytest.mark.parametrize(("cache", "cached"), [(True, {"train", "evaluate"}), (False, set())])
def test_caching_is_in_the_pipeline_for_what_is_worth_it(cache, cached, tmp_path):
    given = platform(tmp_path, f"[run]\ncache = {str(cache).lower()}\n")
    spec = next(iter(yaml.safe_load_all(compile_pipeline(TRAINING, given))))
    tasks = spec["root"]["dag"]["tasks"]
    on = {n for n, t in tasks.items() if t["cachingOptions"].get("enableCache")}
    assert on == cached


def test_it_is_compiled_once_for_a_platform(tmp_path):
    given = platform(tmp_path)
    first = compiled_for(TRAINING, given, tmp_path / "kept")
    (path,) = (tmp_path / "kept").iterdir()
    path.write_text(first + "# seen\n")
    assert compiled_for(TRAINING, given, tmp_path / "kept").endswith("# seen\n")
    assert platform(tmp_path, "").digest != given.digest


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[kubeflow.secrets_code]\nMLOPS_GIT_PASSWORD = "hunter2"\n', "names no key"),
        ('[kubeflow.secrets_code]\nMLOPS_GIT_PASSWORD = "a/b/c"\n', "names no key"),
        ('[kubeflow]\ntolerations = ["gpu"]\n', "is no taint"),
        ('[kubeflow]\ntolerations = ["gpu:Never"]\n', "is no taint"),
    ],
)
def test_what_is_badly_written_is_refused_without_its_value(text, message, tmp_path):
    with pytest.raises(ConfigError, match=message) as refused:
        platform(tmp_path, text)
    assert "hunter2" not in str(refused.value)
