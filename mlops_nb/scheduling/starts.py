"""What a schedule can start: the name of a pipeline, and the verb that starts it.

A verb that pins by `capture.snapshot` and asks `api.lookup` for its run's id can be a row here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from mlops_nb.exceptions import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlops_nb.types import Run

API = "mlops_nb.api"


@dataclass(frozen=True)
class Start:
    """How a pipeline is started.

    Attributes:
        verb: Name of the verb in `api`.
        what: Its first argument.
        takes: Others of its arguments that a schedule may name.
        lists: Those that it takes as a list, of which a schedule may name one.
        looks: Arguments with which it only returns the run that it would start; empty where there
            are none, and nothing is tried out before the first firing.
        pins: Whether it pins a notebook by `capture.snapshot`. Only then has it a branch, can it be
            frozen, and can it be seen that nothing has changed.
        in_pods: Whether a pod can start it, which has a commit of the project and nothing else.
    """

    verb: str
    what: str
    takes: tuple[str, ...]
    lists: tuple[str, ...] = ()
    looks: Mapping[str, Any] = field(default_factory=dict)
    pins: bool = False
    in_pods: bool = False

    def arguments(self, pipeline: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return what was given as the verb takes it; what is empty is left out.

        Raises:
            UsageError: The verb has no such argument.
        """
        named = {name: value for name, value in given.items() if value not in (None, {}, "")}
        for name in named:
            if name not in self.takes:
                raise UsageError(
                    f"the pipeline {pipeline} takes no {name!r}",
                    hint=f"it takes: {', '.join(self.takes)}",
                )
        return {
            name: [value] if name in self.lists and isinstance(value, str) else value
            for name, value in named.items()
        }

    @property
    def call(self) -> Callable[..., Run | None]:
        """The verb, which gives None where there is nothing to do."""
        return cast("Callable[..., Run | None]", getattr(import_module(API), self.verb))


STARTS = {
    "training": Start(
        "train",
        "notebook",
        ("params", "train", "test", "backend", "settings"),
        looks={"dry_run": True},
        pins=True,
        in_pods=True,
    ),
    "update": Start(
        "update",
        "notebook",
        ("parent", "replay", "only_new", "params", "train", "test", "backend", "settings"),
        pins=True,
    ),
    "tuning": Start(
        "tune",
        "notebook",
        (
            *("params", "train", "backend", "settings", "register", "space", "objective"),
            *("direction", "trials", "parallel", "sampler", "pruner", "seed", "deadline"),
        ),
        pins=True,
    ),
    "evaluation": Start(
        "evaluate",
        "model",
        ("test", "against", "gate", "backend", "settings"),
        lists=("test", "gate"),
    ),
    "monitoring": Start("monitor", "name", ("last", "rows", "reference", "on_drift", "backend")),
}


def start_of(pipeline: str) -> Start:
    """Return how a pipeline is started.

    Raises:
        UsageError: It cannot be scheduled.
    """
    if pipeline not in STARTS:
        raise UsageError(
            f"there is no pipeline {pipeline!r} that can be scheduled",
            hint=f"name one of: {', '.join(STARTS)}",
        )
    return STARTS[pipeline]
