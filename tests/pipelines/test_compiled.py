from __future__ import annotations

import yaml

from mlops_nb import api, encoding, pipelines
from mlops_nb.api.tuning import _without_test
from mlops_nb.capture import snapshot
from mlops_nb.capture.snapshot import Wanted
from mlops_nb.pipelines import PIPELINES
from mlops_nb.pipelines.arguments.training import arguments as training_arguments
from mlops_nb.pipelines.arguments.tuning import arguments as tuning_arguments
from mlops_nb.pipelines.compiler import compile_pipeline
from mlops_nb.settings import Config
from mlops_nb.stages import trials
from mlops_nb.types import Dimension, Plan, RunRequest, Trial, TrialState


def test_shipped_files_are_what_the_definitions_compile_to():
    for pipeline in PIPELINES.values():
        assert pipeline.compiled.read_text() == compile_pipeline(pipeline), "run: make compile"


def test_stages_are_the_tasks_of_the_pipeline():
    for pipeline in PIPELINES.values():
        spec, *_ = yaml.safe_load_all(pipeline.compiled.read_text())
        assert set(spec["root"]["dag"]["tasks"]) == set(pipeline.stages)


def test_arguments_are_the_parameters_flat_and_text(project):
    spec, _ = yaml.safe_load_all(pipelines.TRAINING.compiled.read_text())
    parameters = spec["root"]["inputDefinitions"]["parameters"]
    config = Config.load(project.root)
    pins = snapshot.preview(config, Wanted(notebook=project.root / "train.ipynb")).snapshot
    arguments = training_arguments(pins, config)
    assert set(arguments) == set(parameters)
    assert {p["parameterType"] for p in parameters.values()} == {"STRING"}
    assert {type(value) for value in arguments.values()} == {str}


def test_only_values_that_differ_from_the_cell_are_passed(project):
    config = Config.load(project.root)
    wanted = Wanted(notebook=project.root / "train.ipynb", params={"rate": 0.25})
    pins = snapshot.preview(config, wanted).snapshot
    assert training_arguments(pins, config)["hyperparameters"] == '{"rate":0.25}'


def test_nothing_of_a_project_is_in_the_pipeline(project, tmp_path):
    project.write("mlops.toml", '[project]\nname = "unheard-of"\n')
    written = {path.stem: path for path in api.compile(tmp_path / "out")}
    assert set(written) == set(PIPELINES)
    for name, path in written.items():
        assert path.read_bytes() == PIPELINES[name].compiled.read_bytes()
        assert "unheard-of" not in path.read_text()


def test_a_trial_is_asked_for_as_a_training_is(project):
    spec, _ = yaml.safe_load_all(pipelines.TRAINING.compiled.read_text())
    config = Config.load(project.root)
    wanted = Wanted(notebook=project.root / "train.ipynb")
    pins = _without_test(snapshot.preview(config, wanted).snapshot)
    plan = Plan(
        space=(Dimension(name="rate", kind="float", low=0.1, high=1.0),),
        objective="score", direction="maximize", trials=2, parallel=1, sampler="tpe", pruner="none",
    )  # fmt: skip
    given = tuning_arguments(pins, config, plan, register=False)
    asked = RunRequest(
        id="one", pipeline="tuning", stages=(), backend="local", snapshot=pins, arguments=given,
        created_at="",
    )  # fmt: skip
    training = trials.training(asked, encoding.loads(given["training"]))
    trial = Trial(number=3, state=TrialState.RUNNING, parameters={"rate": 0.25})
    request = trials.request(training, trial)
    assert request.id == "one/3"
    assert set(request.arguments) == set(spec["root"]["inputDefinitions"]["parameters"])
    assert {type(value) for value in request.arguments.values()} == {str}
    assert request.arguments["hyperparameters"] == '{"rate":0.25}'
    assert request.arguments["test_dataset"] == ""
    again = encoding.loads(request.arguments["snapshot"])["hyperparameters"]
    assert [(p["value"], p["source"]) for p in again if p["name"] == "rate"] == [(0.25, "trial")]


def test_the_arguments_of_a_tuning_are_its_parameters(project):
    spec, _ = yaml.safe_load_all(pipelines.TUNING.compiled.read_text())
    config = Config.load(project.root)
    pins = snapshot.preview(config, Wanted(notebook=project.root / "train.ipynb")).snapshot
    plan = Plan(
        space=(), objective="score", direction="maximize", trials=2, parallel=1, sampler="tpe",
        pruner="none",
    )  # fmt: skip
    given = tuning_arguments(pins, config, plan, register=True)
    assert set(given) == set(spec["root"]["inputDefinitions"]["parameters"])
    assert given["model_name"] == "sample"
