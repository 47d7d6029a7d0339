"""How the state machines are run: a few programs in the suite, the same each time; many by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

if TYPE_CHECKING:
    from hypothesis.stateful import RuleBasedStateMachine


def run(machine: type[RuleBasedStateMachine], *, programs: int, steps: int, same: bool) -> None:
    """Run a state machine.

    Args:
        machine: The machine.
        programs: How many programs of verbs are made up.
        steps: How long each is at the most.
        same: Whether they are the same each time; a failure of others prints how to repeat it.
    """
    asked = settings(
        max_examples=programs,
        stateful_step_count=steps,
        derandomize=same,
        print_blob=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate,) if same else (Phase.generate, Phase.shrink),
    )
    run_state_machine_as_test(machine, settings=asked)
