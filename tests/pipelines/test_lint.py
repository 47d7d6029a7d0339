import pytest
from kfp import compiler, dsl

from mlops_nb.exceptions import UsageError
from mlops_nb.pipelines import PIPELINES, lint


@dsl.component(base_image="python:3.11")
def name() -> str:
    return "a"


@dsl.component(base_image="python:3.11")
def number() -> float:
    return 1.0


@dsl.component(base_image="python:3.11")
def work(text: str) -> str:
    return text


@dsl.component(base_image="python:3.11")
def work_on(text: str, also: str) -> str:
    return text + also


@dsl.component(base_image="python:3.11")
def count(values: dict) -> int:
    return len(values)


@dsl.component(base_image="python:3.11")
def items() -> list:
    return ["a"]


@dsl.container_component
def container():
    return dsl.ContainerSpec(image="alpine", command=["echo"], args=["x"])


def a_condition_on_text():
    with dsl.If(name().output == "a"):
        work(text="x")


def a_condition_on_a_number():
    with dsl.If(number().output > 0.5):
        work(text="x")


def a_structure_as_parameter(values: dict):
    count(values=values)


def no_default(text: str = None):  # noqa: RUF013
    work(text=text)


def a_container():
    container()


def an_output_in_a_loop():
    upstream = name()
    with dsl.ParallelFor(["a", "b"]) as item:
        work_on(text=item, also=upstream.output)


def a_loop_over_an_output():
    with dsl.ParallelFor(items().output) as item:
        work(text=item)


def compiled(definition, tmp_path) -> str:
    path = tmp_path / "p.yaml"
    compiler.Compiler().compile(dsl.pipeline(definition), str(path))
    return path.read_text()


@pytest.mark.parametrize(
    ("definition", "message", "hint"),
    [
        (a_condition_on_text, "has a condition on text", "a condition on a bool"),
        (a_structure_as_parameter, "values of root is a structure", "JSON text"),
        (no_default, "text defaults to None", 'default to ""'),
        (a_container, "is a container component", "of a Python function"),
        (an_output_in_a_loop, "which another task puts out", "a pipeline of its own"),
    ],
)
def test_what_would_run_differently_is_refused(definition, message, hint, tmp_path):
    with pytest.raises(UsageError) as refused:
        lint.must_be_the_same("sample", compiled(definition, tmp_path))
    assert message in refused.value.message
    assert hint in refused.value.hint


def test_a_source_that_no_process_takes_is_refused(tmp_path):
    text = compiled(a_condition_on_a_number, tmp_path).replace("return 1.0", "#" * 140_000)
    assert "too long for a process" in next(lint.differences(text))[0]


@pytest.mark.parametrize("definition", [a_condition_on_a_number, a_loop_over_an_output])
def test_what_runs_the_same_passes(definition, tmp_path):
    lint.must_be_the_same("sample", compiled(definition, tmp_path))


def test_the_shipped_pipelines_pass():
    for pipeline in PIPELINES.values():
        assert list(lint.differences(pipeline.compiled.read_text())) == []
