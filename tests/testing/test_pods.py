"""What a task's pod is made of, and what it sees."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from mlops_nb.exceptions import UsageError
from mlops_nb.testing import KubeflowServer, SecretKey
from mlops_nb.testing.kubeflow import quantities

SECRETS = {"git-credentials": {"password": "planted-value"}}


def errors(run) -> list[str]:
    """Return what the tasks say, whose executors or drivers say the same."""
    return sorted({one.error.message for one in run.run_details.task_details if one.error})


def test_a_pod_has_a_clean_environment(serve, monkeypatch):
    monkeypatch.setenv("MLOPS_NB_OF_THE_TEST", "1")
    monkeypatch.setenv("TOKEN_OF_THE_TEST", "1")
    user = serve(pod_environment={"GIVEN": "yes"}, secrets=SECRETS)
    run_id = user.submit("dressed")
    assert user.ended(run_id).state == "SUCCEEDED", user.server.log(run_id)
    found = user.environment(run_id, "show")
    # Two are made by the component's own command, one by its shell.
    made = {"_KFP_RUNTIME", "PWD", "_", "SHLVL", "OLDPWD"}
    assert set(found) - made == {
        *("PATH", "HOME", "TMPDIR", "LANG", "KFP_POD_NAME", "GIVEN"),
        *("PLAIN", "GIT_PASSWORD", "RUN", "POD"),
    }
    assert found["RUN"] == run_id
    assert found["POD"] == found["KFP_POD_NAME"] == user.server.pod(run_id, "show").name
    assert found["GIT_PASSWORD"] == "planted-value"


def test_a_pod_is_recorded_with_secrets_by_name(serve):
    user = serve(secrets=SECRETS)
    run_id = user.submit("dressed", cpu="250m", tolerations=[{"key": "gpu", "operator": "Exists"}])
    user.ended(run_id)
    pod = user.server.pod(run_id, "show")
    assert pod.secret_environment["GIT_PASSWORD"] == SecretKey("git-credentials", "password")
    assert (pod.requests, pod.limits) == (
        {"cpu": "250m"},
        {"memory": "1Gi", "nvidia.com/gpu": "1"},
    )
    assert pod.node_selector == {"disk": "fast"}
    assert pod.tolerations == ({"key": "gpu", "operator": "Exists"},)
    assert pod.pull_secrets == ("pull",)
    assert pod.service_account == "pipeline-runner"
    assert pod.image == "registry.invalid/python:1"
    assert "planted-value" not in repr(pod)


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"secret": "absent"}, "CreateContainerConfigError: secret not found: kubeflow/absent"),
        ({"image": "registry.invalid/other:1"}, "ErrImagePull"),
        ({"cpu": "plenty"}, "quantities must match the regular expression"),
        ({"cpu": ""}, "quantities must match the regular expression"),
    ],
)
def test_a_pod_that_cannot_start_fails_its_task(serve, parameters, said):
    user = serve(secrets=SECRETS, images={"registry.invalid/python:1"})
    run_id = user.submit("dressed", **parameters)
    run = user.ended(run_id)
    assert run.state == "FAILED"
    (error,) = errors(run)
    assert said in error


def test_a_claim_has_to_exist_and_a_process_to_reach_it(serve):
    user = serve(claims=["data"])
    absent, unreachable = (user.submit("claiming", claim=name) for name in ("absent", "data"))
    (error,) = errors(user.ended(absent))
    assert error == 'FailedScheduling: persistentvolumeclaim "absent" not found'
    (error,) = errors(user.ended(unreachable))
    assert "/proc/data cannot be made here" in error


def test_a_workspace_is_shared_by_the_tasks_and_gone_after_the_run(user):
    run_id = user.submit("working")
    assert user.ended(run_id).state == "SUCCEEDED", user.server.log(run_id)
    assert "found by show" in user.log(run_id, "look")
    assert "not text" in user.log(run_id, "look")
    (mount,) = user.server.pod(run_id, "look").mounts
    assert (mount.kind, mount.path) == ("workspace", "/kfp-workspace")
    runs = user.server._api.runs
    assert not runs.ledger(runs.get(run_id)).workspace.exists()


def test_a_pod_may_be_a_container(serve, tmp_path: Path):
    engine = tmp_path / "engine"
    engine.write_text(f"#!{sys.executable}\nimport sys\nprint(*sys.argv, sep='\\n')\nsys.exit(4)\n")
    engine.chmod(0o700)
    user = serve(container=(str(engine), "run", "--rm"), claims=["data"])
    run_id = user.submit("claiming", claim="data")
    (error,) = errors(user.ended(run_id))
    assert error == "Error (exit code 4)"
    lines = user.log(run_id, "produce").splitlines()
    assert lines[1:3] == ["run", "--rm"]
    assert f"--volume={tmp_path}/cluster/claims/data:/proc/data" in lines
    assert f"--volume={tmp_path}/cluster/artifacts:{tmp_path}/cluster/artifacts" in lines
    assert lines[lines.index("registry.invalid/python:1") - 1] == "--entrypoint=sh"
    (variables,) = [line for line in lines if line.startswith("--env-file=")]
    pod = user.server.pod(run_id, "produce")
    assert f"KFP_POD_NAME={pod.name}\n" in Path(variables.partition("=")[2]).read_text()


def launched(pod):
    return ("false", pod.task)


def test_the_command_of_containers_may_be_made_for_each_pod(serve):
    user = serve(container=launched)
    run_id = user.submit("small", size=1)
    (error,) = errors(user.ended(run_id))
    assert error == "Error (exit code 1)"


def test_a_function_that_no_other_process_finds_is_refused(tmp_path):
    with pytest.raises(UsageError, match="cannot be called"):
        KubeflowServer(tmp_path, container=lambda pod: ("podman",))


@pytest.mark.parametrize("text", ["1", "0.5", "100m", "1Gi", "2e3", "1k", "+1"])
def test_quantities_of_kubernetes(text):
    assert quantities.check(text) == text


@pytest.mark.parametrize("text", ["", "1 Gi", "1gb", "Gi", "one", "1GiB"])
def test_other_quantities_are_refused(text):
    with pytest.raises(ValueError, match="quantities must match"):
        quantities.check(text)


@pytest.mark.parametrize(
    ("text", "amount"), [("2", 2), ("100m", 0.1), ("1Gi", 2**30), ("1.5k", 1500), ("2e3", 2000)]
)
def test_what_a_quantity_amounts_to(text, amount):
    assert quantities.number(text) == pytest.approx(amount)
