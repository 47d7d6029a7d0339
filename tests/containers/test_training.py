"""The whole training pipeline in the stage images, beside the same run as processes."""

from __future__ import annotations

import json
import shutil
from functools import partial

import mlflow
import pytest
from mlflow.artifacts import load_text

from mlops_nb import api
from mlops_nb.capture import git
from mlops_nb.types import RunState, StageState
from tests.containers import team as teams
from tests.vocabulary import notebook

STAGES = ("provision-code", "provision-data", "train", "evaluate", "register")
# What names a run, and so is another for each.
OF_ONE_RUN = {"mlflow.runName", "mlops.run_id", "mlops.kfp.run_id", "mlops.code.ref"}


@pytest.fixture(scope="module")
def team(stage_images, tmp_path_factory):
    """A project, what it needs elsewhere, and a cluster."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in teams.session().items():
            patch.setenv(name, value)
        with teams.at_work(tmp_path_factory.mktemp("team"), stage_images) as made:
            yield made


@pytest.fixture(scope="module")
def contained(team):
    """The run whose stages were containers."""
    return trained(team, backend="kubeflow", push=True)


@pytest.fixture(scope="module")
def local(team, contained):
    """The run of the same commit as processes of this machine."""
    return trained(team, backend="local")


@pytest.fixture
def tracked(team, contained, local):
    """Both runs as MLflow has them."""
    mlflow.set_tracking_uri(team.services["mlflow"].url)
    client = mlflow.MlflowClient()
    return tuple(client.get_run(run.mlflow_run_id) for run in (contained, local))


def trained(team, name="quickstart.ipynb", **options):
    run = api.train(name, wait=True, project=team.project.root, **options)
    assert run.state is RunState.SUCCEEDED, (run.error, said(team, run))
    return run


def said(team, run) -> str:
    return api.logs(run.id, project=team.project.root)


def paths(listing, path: str | None = None) -> set[str]:
    """List all files that a listing of MLflow's leads to."""
    listed = listing(path)
    inside = (paths(listing, one.path) for one in listed if one.is_dir)
    return {one.path for one in listed if not one.is_dir}.union(*inside)


def text(run, path: str) -> str:
    return load_text(f"runs:/{run.info.run_id}/{path}")


def test_every_stage_succeeds_either_way(contained, local):
    for run in (contained, local):
        assert {s.name: s.state.value for s in run.stages} == dict.fromkeys(STAGES, "SUCCEEDED")
    assert (contained.backend, local.backend) == ("kubeflow", "local")
    assert contained.snapshot.id == local.snapshot.id


def test_metrics_are_the_same_to_the_last_digit(contained, local, tracked):
    assert contained.metrics == local.metrics
    assert {"cv_accuracy", "training_score", "test_roc_auc"} <= set(contained.metrics)
    assert tracked[0].data.metrics == tracked[1].data.metrics == contained.metrics


def test_parameters_and_tags_are_the_same(tracked):
    one, other = (run.data for run in tracked)
    assert one.params == other.params
    assert one.params["C"] == "1.0"
    assert set(one.tags) == set(other.tags)
    assert {name for name in one.tags if one.tags[name] != other.tags[name]} == OF_ONE_RUN


def test_artifacts_are_the_same(tracked, contained, local):
    client = mlflow.MlflowClient()
    kept = [paths(partial(client.list_artifacts, run.info.run_id)) for run in tracked]
    assert kept[0] == kept[1]
    assert {"mlops/snapshot.json", "notebook/quickstart.ipynb"} <= kept[0]
    ids = [run.model.uri.removeprefix("models:/") for run in (contained, local)]
    models = [paths(partial(client.list_logged_model_artifacts, one)) for one in ids]
    assert models[0] == models[1]
    assert "MLmodel" in models[0]
    one, other = (json.loads(text(run, "mlops/snapshot.json")) for run in tracked)
    assert one["code"].pop("ref") != other["code"].pop("ref")
    assert one == other
    assert text(tracked[0], "mlops/environment.lock") == text(tracked[1], "mlops/environment.lock")


def test_the_model_is_the_same_and_both_are_registered(contained, local):
    assert contained.model.digest == local.model.digest is not None
    assert [(run.model.name, run.model.version) for run in (contained, local)] == [
        ("quickstart", "1"),
        ("quickstart", "2"),
    ]
    assert contained.model.alias == local.model.alias


def test_passwords_are_used_and_are_nowhere(team, contained, local):
    assert all(service.answered for service in team.services.values())
    fetched = [line for line in team.services["dvc"].answered if line.startswith("GET")]
    assert len(fetched) >= len(contained.snapshot.datasets)
    assert any("git-upload-pack" in line for line in team.services["git"].answered)
    sent = "".join(f"{path} {body}" for _, path, body in team.cluster.requests)
    assert team.services["mlflow"].url in sent
    texts = {"requests": sent.encode(), **teams.written(team)}
    assert any(name.endswith("events.jsonl") for name in texts)
    assert any(name.endswith("engine.log") for name in texts)
    for password in teams.PASSWORDS.values():
        assert [name for name, found in texts.items() if password.encode() in found] == []


def test_a_pod_of_a_schedule_pins_and_submits_in_its_image(team, contained, until):
    root = team.project.root
    git.run(["push", "--quiet", "origin", "HEAD:refs/heads/main"], cwd=root)
    made = api.schedule(
        "quickstart.ipynb",
        cron="0 6 * * *",
        branch="main",
        backend="kubeflow",
        fired_by="kubeflow",
        project=root,
    )
    team.cluster.fire(made.recurring.id)

    def began():
        history = api.schedules(made.name, project=root).schedules[0].history
        return next((one for one in history if one.code or one.state.closed), None)

    firing = until(began, 120)
    assert firing.code == team.project.git("rev-parse", "HEAD"), firing
    run = api.show(firing.run_id, project=root)
    team.cluster.terminate(run.kfp_run_id)
    assert run.snapshot.id == contained.snapshot.id
    api.unschedule(made.name, project=root)


@pytest.mark.faults
def test_a_model_is_evaluated_where_its_environment_is_gone(team, contained):
    shutil.rmtree(team.volume / "environments")
    again = trained(team, backend="kubeflow", push=True, settings={"data.target": ""})
    assert again.stage("train").state is StageState.SKIPPED
    assert again.stage("evaluate").state is StageState.SUCCEEDED
    assert again.metrics == contained.metrics
    assert again.model.version == "1"


@pytest.mark.faults
def test_a_notebook_that_takes_too_much_memory_fails_and_says_so(team):
    notebook(team.project.root / "hungry.ipynb", "print('it eats')", "x = b'x' * (4 << 30)")
    run = api.train(
        "hungry.ipynb",
        wait=True,
        project=team.project.root,
        backend="kubeflow",
        push=True,
        settings={"resources.memory": "1Gi"},
    )
    assert run.state is RunState.FAILED
    assert (run.error.stage, run.error.cell) == ("train", 2), run.error
    assert "SIGKILL" in run.error.message
    assert "resources.memory" in run.error.hint


def test_a_volume_that_pods_may_not_write_is_named(in_image, tmp_path):
    script = (
        "from mlops_nb.exceptions import StageError\n"
        "from mlops_nb.stages import provision_code\n"
        "try:\n"
        "    provision_code.run(repo='/nowhere', sha='0' * 40, ref='', volume='/mlops')\n"
        "except StageError as error:\n"
        "    print(error)\n"
    )
    tmp_path.chmod(0o755)
    mount = ("--volume", f"{tmp_path}:/mlops")
    printed = in_image("code", "python3", "-c", script, options=mount)
    assert "user 1000 of group 0 may not write /mlops/code" in printed
