from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import yaml

import mlops_nb as mlops
from mlops_nb import images, pipelines
from mlops_nb.images import access
from mlops_nb.images.engine import Engine
from tests.containers import registry

STAGES = images.STAGES
EXECUTOR = "python3 -m kfp.dsl.executor_main --help"


def inspected(name: str) -> dict:
    command = ["podman", "image", "inspect", name]
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)[0]


def test_every_stage_has_an_image(stage_images):
    assert set(stage_images) == set(STAGES)
    assert all(image.size_bytes > 0 and image.id for image in stage_images.values())


@pytest.mark.parametrize("stage", STAGES)
def test_an_image_answers_without_privileges_and_without_a_network(in_image, stage):
    script = "id -u && python3 -m mlops_nb --version && _KFP_RUNTIME=true " + EXECUTOR
    user, *said = in_image(stage, "sh", "-ec", script).splitlines()
    assert user == "1000"
    assert mlops.__version__ in said[0]
    assert "--component_module_path" in "".join(said)


@pytest.mark.parametrize("stage", STAGES)
def test_a_user_that_the_cluster_made_up_can_work(in_image, stage):
    script = "touch ~/file /tmp/file && python3 -c 'import getpass; print(getpass.getuser())'"
    assert in_image(stage, "sh", "-c", script, options=("--user", "12345:0")) == "mlops\n"


@pytest.mark.parametrize(
    ("stage", "code"),
    [
        ("code", "import mlops_nb.stages.provision_code, mlops_nb.stages.reuse"),
        ("data", "import mlops_nb.stages.provision_data, yaml, dvc.repo, filelock"),
        ("data", "import dvc_s3, dvc_gs, dvc_azure, dvc_ssh"),
        (
            "data",
            "import mlops_nb.stages.fire, mlops_nb.scheduling.pod, pyflakes.checker, requests",
        ),
        ("train", "import mlops_nb.stages.train, mlops_nb.environments, uv; uv.find_uv_bin()"),
        ("evaluate", "import mlops_nb.stages.register, mlflow, sqlalchemy, alembic"),
        ("evaluate", "import mlops_nb.environments, uv; uv.find_uv_bin()"),
    ],
)
def test_a_stage_finds_what_it_imports(in_image, stage, code):
    in_image(stage, "python3", "-W", "error::ImportWarning", "-c", code)


def test_images_are_what_the_compiled_pipelines_name():
    for pipeline in pipelines.ON_CLUSTER:
        spec = next(yaml.safe_load_all(pipeline.compiled.read_text()))
        executors = spec["deploymentSpec"]["executors"].values()
        named = {executor["container"]["image"] for executor in executors}
        assert named <= set(map(images.image, STAGES))


def test_a_compiled_task_provides_the_code(in_image, project, tmp_path):
    spec = next(yaml.safe_load_all(pipelines.TRAINING.compiled.read_text()))
    task = spec["deploymentSpec"]["executors"]["exec-provision-code"]["container"]
    sha = project.git("rev-parse", "HEAD").strip()
    folder = tmp_path / "shared"
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    values = {"repo": "/project", "sha": sha, "ref": "refs/heads/main", "volume": "/shared"}
    inputs = {
        "inputs": {"parameterValues": values},
        "outputs": {
            "parameters": {"Output": {"outputFile": "/shared/place"}},
            "outputFile": "/shared/output.json",
        },
    }
    mounts = ("--volume", f"{project.root}:/project:ro", "--volume", f"{folder}:/shared")
    arguments = [json.dumps(inputs) if word == "{{$}}" else word for word in task["args"]]
    in_image("code", *task["command"], *arguments, options=(*mounts, "--env", "KFP_RUN_ID=a"))
    assert json.loads((folder / "output.json").read_text())["parameterValues"] == {
        "Output": f"code/{sha}"
    }
    assert (folder / "refs" / "a").read_text() == "refs/heads/main"


@pytest.mark.parametrize("stage", STAGES)
def test_an_image_says_what_it_is_and_how_to_see_that_it_works(stage_images, stage):
    found = inspected(stage_images[stage].name)
    prefix = "org.opencontainers.image"
    head = ["git", "-C", Path(__file__).parent, "rev-parse", "HEAD"]
    sha = subprocess.run(head, capture_output=True, text=True, check=True)
    assert found["Labels"][f"{prefix}.version"] == mlops.__version__
    assert found["Labels"][f"{prefix}.title"] == images.repository(stage)
    assert found["Labels"][f"{prefix}.revision"] == sha.stdout.strip()
    assert found["Labels"][f"{prefix}.source"]
    assert found["Healthcheck"]["Test"] == ["CMD", "python3", "-m", "mlops_nb", "--version"]


def test_nothing_changed_is_built_in_no_time_to_the_same_image(stage_images, base_image):
    (again,) = mlops.build_images(base=base_image, stages=["evaluate"])
    assert again.id == stage_images["evaluate"].id


def test_a_change_of_the_package_leaves_the_layers_below_it(stage_images, base_image, tmp_path):
    package = tmp_path / "mlops_nb"
    shutil.copytree(Path(mlops.__file__).parent, package)
    (package / "version.py").write_text('__version__ = "0.0.1.changed"\n')
    command = [sys.executable, "-m", "mlops_nb", "images", "build", "--stage", "data", "--json"]
    run = subprocess.run(
        [*command, "--base", base_image],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        check=True,
    )
    (changed,) = json.loads(run.stdout)["images"]
    assert changed["name"].endswith(":0.0.1.changed")
    before = inspected(stage_images["data"].name)["RootFS"]["Layers"]
    after = inspected(changed["name"])["RootFS"]["Layers"]
    own = 2  # the package, and its compiled files
    assert after[:-own] == before[:-own]
    assert after[-own] != before[-own]


def test_an_index_with_a_password_reaches_the_build_and_is_kept_nowhere(
    base_image, tmp_path, monkeypatch
):
    password = hashlib.sha256(os.urandom(16)).hexdigest()
    monkeypatch.setenv("PIP_INDEX_URL", f"http://user:{password}@127.0.0.1:9/simple")
    context = tmp_path / "context"
    context.mkdir()
    (context / "Containerfile").write_text(
        # Engines take a step for done whatever its secrets are.
        f"ARG BASE\nFROM ${{BASE}}\nENV NONCE={tmp_path.name}{os.urandom(8).hex()}\n"
        "RUN --mount=type=secret,id=settings . /run/secrets/settings && "
        'echo "$UV_DEFAULT_INDEX" && printf %s "$UV_DEFAULT_INDEX" | sha256sum > /seen\n'
    )
    engine = Engine("podman", tmp_path / "log")
    name = "localhost/mlops-nb-test-secret:latest"
    folder = tmp_path / "secrets"
    folder.mkdir(mode=0o700)
    secrets = access.secrets(folder)
    engine.build(name, context, arguments={"BASE": base_image}, labels={}, secrets=secrets)

    run = ["podman", "run", "--rm", "--network", "none", name]
    seen = subprocess.run([*run, "cat", "/seen"], capture_output=True, text=True, check=True)
    url = os.environ["PIP_INDEX_URL"]
    assert seen.stdout.split()[0] == hashlib.sha256(url.encode()).hexdigest()
    history = ["podman", "history", "--no-trunc", "--format", "json", name]
    kept = subprocess.run(history, capture_output=True, text=True, check=True).stdout
    log = (tmp_path / "log").read_text()
    assert "http://127.0.0.1:9/simple" in log
    assert password not in kept + log + json.dumps(inspected(name))
    places = "/etc /home /opt /root /run /tmp /var /seen"
    found = subprocess.run(
        [*run, "sh", "-c", f"grep -rlF {password} {places}"], capture_output=True, check=False
    )
    assert (found.returncode, found.stdout) == (1, b"")


def test_a_pushed_image_is_noted_by_the_digest_that_the_registry_has(
    stage_images, base_image, project
):
    (project.root / "mlops.toml").write_text(
        '[project]\nname = "sample"  # ours\n\n[images]\n# not code\ntrain = "mine"\n'
    )
    with registry.running() as target:
        team = f"{target.address}/team"
        (pushed,) = mlops.build_images(base=base_image, stages=["code"], push=team)
    name = stage_images["code"].name.rpartition("/")[2]
    digest = target.manifests[f"team/{name}"]
    assert pushed.reference == f"{team}/{images.repository('code')}@{digest}"
    text = (project.root / "mlops.toml").read_text()
    assert 'name = "sample"  # ours\n\n[images]\n# not code\ntrain = "mine"\n' in text
    config = mlops.Config.load(project.root)
    assert (config.images_registry, config.images_code) == (team, pushed.reference)
    assert config.images_train == "mine"


def test_a_registry_that_refuses_is_an_error_that_names_the_login(
    stage_images, base_image, project
):
    before = (project.root / "mlops.toml").read_bytes()
    with (
        registry.running(refuses=True) as target,
        pytest.raises(mlops.MlopsError, match="cannot push") as refused,
    ):
        mlops.build_images(base=base_image, stages=["code"], push=target.address)
    assert refused.value.hint.endswith(f"podman login {target.address}")
    assert (project.root / "mlops.toml").read_bytes() == before


def test_a_build_that_fails_shows_its_end_and_where_the_rest_is(base_image, project):
    with pytest.raises(mlops.MlopsError, match="cannot build mlops-nb-tools-python") as failed:
        mlops.build_images(base="localhost/no-such-base:1", project=project.root)
    assert "no-such-base" in failed.value.message
    log = Path(failed.value.hint.rpartition(" ")[2])
    assert "no-such-base" in log.read_text()
    assert log.stat().st_mode & 0o777 == 0o600


BUILD = """
import sys
from pathlib import Path
from mlops_nb.images.engine import Engine
name, context, base = sys.argv[1:]
Engine("podman", Path(context, "log")).build(
    name, Path(context), arguments={"BASE": base}, labels={}, secrets={}
)
"""


@pytest.mark.faults
def test_a_build_that_is_killed_moves_no_name_and_goes_on_from_its_layers(base_image, tmp_path):
    name, nonce = "localhost/mlops-nb-test-killed:latest", os.urandom(8).hex()

    def build(*steps: str) -> subprocess.Popen:
        run = "".join(f"RUN {step}\n" for step in steps)
        (tmp_path / "Containerfile").write_text(f"ARG BASE\nFROM ${{BASE}}\n{run}")
        command = [sys.executable, "-c", BUILD, name, tmp_path, base_image]
        return subprocess.Popen(command, start_new_session=True)

    assert build(f"echo {nonce} > /one").wait() == 0
    before = inspected(name)["Id"]
    killed = build(f"echo {nonce} > /one", f"echo {nonce} > /two", "sleep 300")
    deadline = time.monotonic() + 120
    while not any(is_asleep(process) for process in children(killed.pid)):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    for process in children(killed.pid):
        process.kill()
    killed.kill()
    killed.wait()
    assert inspected(name)["Id"] == before
    assert build(f"echo {nonce} > /one", f"echo {nonce} > /two", "true").wait() == 0
    assert inspected(name)["Id"] != before
    subprocess.run(["podman", "rmi", "--force", name], capture_output=True, check=True)


def is_asleep(process: psutil.Process) -> bool:
    try:
        return process.cmdline()[-2:] == ["sleep", "300"]
    except psutil.Error:
        return False


def children(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
