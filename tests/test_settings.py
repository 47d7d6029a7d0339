from __future__ import annotations

import pytest

from mlops_nb.exceptions import ConfigError, ProjectError
from mlops_nb.settings import Config
from mlops_nb.types import CommandLineText


def load(tmp_path, text=""):
    (tmp_path / "mlops.toml").write_text(text)
    return Config.load(tmp_path)


def source_of(config, name):
    return next(s.source for s in config.settings() if s.name == name)


def test_defaults(tmp_path):
    config = load(tmp_path)
    assert config.run_backend == "local"
    assert config.name == tmp_path.name
    assert config.resolved_tracking_uri == f"sqlite:///{tmp_path}/.mlops/mlflow.db"
    assert source_of(config, "run.backend") == "default"


def test_argument_over_environment_over_file(tmp_path, monkeypatch):
    config = load(tmp_path, '[data]\ntrain = "file"\ntest = "file"\ntarget = "file"\n')
    monkeypatch.setenv("MLOPS_NB_DATA_TEST", "environment")
    monkeypatch.setenv("MLOPS_NB_DATA_TARGET", "environment")
    config = Config.load(tmp_path).override(data_target="argument", data_train=None)
    assert (config.data_train, config.data_test, config.data_target) == (
        "file", "environment", "argument",
    )  # fmt: skip
    assert source_of(config, "data.train") == "mlops.toml"
    assert source_of(config, "data.test") == "MLOPS_NB_DATA_TEST"
    assert source_of(config, "data.target") == "argument"


def test_the_nearest_folder_upwards_is_the_project(tmp_path):
    load(tmp_path, '[project]\nname = "outer"\n')
    (tmp_path / "a" / "b").mkdir(parents=True)
    assert Config.load(tmp_path / "a" / "b").name == "outer"


def test_no_project_is_refused(tmp_path):
    with pytest.raises(ProjectError) as refused:
        Config.load(tmp_path)
    assert refused.value.hint.endswith(f"jupyter mlops init {tmp_path}")


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ('[data]\ntrian = "x"\n', "did you mean data.train?"),
        ('[nothing]\nlike = "this"\n', "see: jupyter mlops config"),
        ("[data]\ntrain = 3\n", "it takes str"),
        ('[run]\ntimeout_s = "long"\n', "it takes int"),
        ("[run]\ntimeout_s = true\n", "it takes int"),
        ('[data]\nother = "one"\n', "it takes a list"),
        ("train = 3\n", "write it under a section"),
        ("[data\n", "mend that line"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_cure(tmp_path, text, hint):
    with pytest.raises(ConfigError) as refused:
        load(tmp_path, text)
    assert refused.value.hint.startswith(hint)


@pytest.mark.parametrize(("text", "value"), [("false", False), ("1", True), ("On", True)])
def test_truth_from_the_environment(tmp_path, monkeypatch, text, value):
    monkeypatch.setenv("MLOPS_NB_TRACKING_AUTOLOG", text)
    assert load(tmp_path).tracking_autolog is value


@pytest.mark.parametrize("name", ["MLOPS_NB_TRACKING_AUTOLOG", "MLOPS_NB_RUN_TIMEOUT_S"])
def test_nonsense_from_the_environment_is_refused(tmp_path, monkeypatch, name):
    monkeypatch.setenv(name, "perhaps")
    with pytest.raises(ConfigError, match=name):
        load(tmp_path)


def test_a_tracking_uri_with_a_password_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"tracking\.uri holds a password") as refused:
        load(tmp_path, '[tracking]\nuri = "https://user:s3cret@mlflow.example"\n')
    assert "s3cret" not in str(refused.value)


def test_a_setting_of_one_run_may_be_a_text_of_the_command_line(tmp_path):
    (tmp_path / "mlops.toml").write_text("")
    given = {
        "resources.memory": CommandLineText("16Gi"),
        "run.timeout_s": CommandLineText("60"),
        "kubeflow.pull_secrets": CommandLineText("a,b"),
    }
    config = Config.load(tmp_path).with_settings(given)
    assert (config.resources_memory, config.run_timeout_s) == ("16Gi", 60)
    assert type(config.resources_memory) is str
    assert config.kubeflow_pull_secrets == ("a", "b")
