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


@pytest.mark.parametrize(
    ("given", "value"),
    [
        ({"resources.memory": "4Gi"}, "4Gi"),
        ({"resources.memory": CommandLineText("4Gi")}, "4Gi"),
        ({"run.timeout_s": "60"}, 60),
        ({"run.timeout_s": 60}, 60),
        ({"run.cache": "no"}, False),
        ({"kubeflow.node_selector": "pool=gpu,zone=a"}, {"pool": "gpu", "zone": "a"}),
        ({"kubeflow.node_selector": {"pool": "gpu"}}, {"pool": "gpu"}),
        ({"kubeflow.tolerations": "a:NoSchedule, b:NoExecute"}, ("a:NoSchedule", "b:NoExecute")),
    ],
)
def test_settings_for_one_run_have_the_last_word(given, value, tmp_path):
    ((name, _),) = given.items()
    config = load(tmp_path).with_settings(given)
    (setting,) = (s for s in config.settings() if s.name == name)
    assert (setting.value, setting.source, type(setting.value)) == (value, "argument", type(value))


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ({"resources.memori": "4Gi"}, "did you mean resources.memory?"),
        ({"run.timeout_s": "long"}, "it takes a whole number"),
        ({"run.timeout_s": 1.5}, "it takes int"),
        ({"kubeflow.node_selector": "gpu"}, "it takes key=value"),
        ({"kubeflow.node_selector": {"pool": 1}}, "it takes a table of strings"),
    ],
)
def test_ill_typed_settings_for_one_run_are_refused(given, hint, tmp_path):
    with pytest.raises(ConfigError) as refused:
        load(tmp_path).with_settings(given)
    assert hint in refused.value.hint


def test_what_another_user_keeps_is_refused(tmp_path, monkeypatch):
    """What is recorded there is executed: an interpreter of a revision, say."""
    (tmp_path / ".mlops").mkdir()
    owner = (tmp_path / ".mlops").stat().st_uid
    monkeypatch.setattr("os.geteuid", lambda: owner + 1)
    with pytest.raises(ProjectError, match="belongs to another user") as refused:
        load(tmp_path)
    assert "git clone" in refused.value.hint
    monkeypatch.setattr("os.geteuid", lambda: owner)
    load(tmp_path)


def test_a_folder_that_others_could_enter_is_closed(tmp_path):
    from mlops_nb import project

    config = load(tmp_path)
    config.state_folder.mkdir()
    config.state_folder.chmod(0o777)
    project.prepare_state(config)
    assert config.state_folder.stat().st_mode & 0o777 == 0o700
