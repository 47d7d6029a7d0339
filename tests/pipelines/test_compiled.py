from __future__ import annotations

import yaml

from mlops_nb import api, pipelines
from mlops_nb.capture import snapshot
from mlops_nb.capture.snapshot import Wanted
from mlops_nb.pipelines import PIPELINES
from mlops_nb.pipelines.arguments.training import arguments as training_arguments
from mlops_nb.pipelines.compiler import compile_pipeline
from mlops_nb.settings import Config


def test_shipped_files_are_what_the_definitions_compile_to():
    for pipeline in PIPELINES.values():
        assert pipeline.compiled.read_text() == compile_pipeline(pipeline), "run: make compile"


def test_stages_are_the_tasks_of_the_pipeline():
    for pipeline in PIPELINES.values():
        spec, _ = yaml.safe_load_all(pipeline.compiled.read_text())
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
