"""Pipeline packages and the pipelines in them: read, checked, given back as the API shows them."""

from __future__ import annotations

from typing import Any

import msgspec

from mlops_nb.testing.kubeflow import refusals

_KINDS: dict[str, tuple[type, ...]] = {
    "STRING": (str,),
    "NUMBER_DOUBLE": (int, float),
    "NUMBER_INTEGER": (int, float),
    "BOOLEAN": (bool,),
    "LIST": (list,),
    "STRUCT": (dict,),
}
_WORKSPACE = "{{$.workspace_path}}"


class Specification(msgspec.Struct, frozen=True):
    """A compiled pipeline: KFP's representation, and what it wants of Kubernetes."""

    pipeline: dict[str, Any]
    platform: dict[str, Any] = {}

    @property
    def name(self) -> str:
        """The pipeline's name."""
        return str(self.pipeline["pipelineInfo"]["name"])

    @property
    def kubernetes(self) -> dict[str, Any]:
        """The part for Kubernetes, by executor."""
        platform = self.platform.get("platforms", {}).get("kubernetes", {})
        return dict(platform.get("deploymentSpec", {}).get("executors", {}))

    @property
    def workspace(self) -> bool:
        """Whether each run has a volume of its own."""
        platform = self.platform.get("platforms", {}).get("kubernetes", {})
        return "workspace" in platform.get("pipelineConfig", {})

    @property
    def after(self) -> dict[str, list[str]]:
        """For each task those that it waits for."""
        tasks = self.pipeline["root"]["dag"]["tasks"]
        return {name: list(task.get("dependentTasks", ())) for name, task in tasks.items()}

    @property
    def shown(self) -> dict[str, Any]:
        """The form in which the API gives it back."""
        if not self.platform:
            return self.pipeline
        return {"pipeline_spec": self.pipeline, "platform_spec": self.platform}

    @property
    def package(self) -> str:
        """The form in which the engine loads it."""
        import yaml

        return yaml.safe_dump_all(
            [self.pipeline, self.platform] if self.platform else [self.pipeline]
        )


def read_package(content: bytes) -> Specification:
    """Read an uploaded package, or refuse."""
    import yaml

    try:
        documents = [one for one in yaml.safe_load_all(content) if one]
    except yaml.YAMLError as error:
        raise refusals.invalid(f"Failed to parse the pipeline package: {error}") from error
    if not 1 <= len(documents) <= 2:
        raise refusals.invalid(f"a package has one or two documents, this one {len(documents)}")
    return _checked(Specification(*documents))


def read_shown(value: dict[str, Any]) -> Specification:
    """Read a pipeline in a request's body, with or without what it wants of Kubernetes."""
    if "pipeline_spec" in value:
        return _checked(Specification(value["pipeline_spec"], value.get("platform_spec") or {}))
    return _checked(Specification(value))


def _checked(found: Specification) -> Specification:
    """Refuse what is not a pipeline for KFP's own definition of one."""
    from google.protobuf import json_format
    from kfp.pipeline_spec import pipeline_spec_pb2

    try:
        parsed = json_format.ParseDict(found.pipeline, pipeline_spec_pb2.PipelineSpec())
    except (json_format.ParseError, AttributeError, TypeError) as error:
        raise refusals.invalid(f"unknown template format: {error}") from error
    if not parsed.pipeline_info.name:
        raise refusals.invalid("unknown template format: pipelineInfo.name is empty")
    if not parsed.root.dag.tasks:
        raise refusals.invalid("invalid v2 pipeline spec: root component has no tasks")
    if not found.workspace and _WORKSPACE in str(found.pipeline):
        raise refusals.invalid("a task uses the workspace, and the pipeline is compiled without")
    return found


def check_parameters(found: Specification, given: dict[str, Any]) -> None:
    """Refuse arguments that do not fit the pipeline's inputs: missing, ill-typed, too many."""
    inputs = found.pipeline["root"].get("inputDefinitions", {}).get("parameters", {})
    for name, wanted in inputs.items():
        if name in given:
            _check_kind(name, wanted["parameterType"], given[name])
        elif not wanted.get("isOptional") and "defaultValue" not in wanted:
            raise refusals.invalid(
                f"parameter {name} is not optional, yet has neither default value nor user"
                " provided value"
            )
    if extra := sorted(set(given) - set(inputs)):
        raise refusals.invalid(
            f"parameter(s) provided are not required by pipeline: {', '.join(extra)}"
        )


def _check_kind(name: str, kind: str, value: Any) -> None:
    fits = isinstance(value, _KINDS[kind]) and isinstance(value, bool) is (kind == "BOOLEAN")
    if not fits or (kind == "NUMBER_INTEGER" and value != int(value)):
        raise refusals.invalid(
            f"input parameter {name} requires type {kind}, but the parameter value is {value!r}"
        )
