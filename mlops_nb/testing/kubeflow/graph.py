"""Tasks of a pipeline side by side, as a workflow controller runs them.

KFP's local engine takes the tasks of a plain pipeline one after another. Here each begins when
those that it waits for have succeeded; when one has failed no other begins, and those that run come
to their end. Pipelines with loops, conditions or pipelines in them are the engine's own to run.
"""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

_AT_ONCE = 32


def install() -> None:
    """Let the engine of this process run plain pipelines this way."""
    from kfp.local.orchestrator import dag_orchestrator

    one_by_one = dag_orchestrator.run_dag

    def run(**given: Any) -> Any:
        tasks = given["dag_component_spec"].dag.tasks.values()
        kinds = [given["components"][t.component_ref.name] for t in tasks]
        plain = all(kind.WhichOneof("implementation") != "dag" for kind in kinds)
        return _side_by_side(**given) if plain else one_by_one(**given)

    dag_orchestrator.run_dag = run


def _side_by_side(
    *,
    dag_component_spec: Any,
    dag_arguments: dict[str, Any],
    fail_stack: list[str],
    parent_io_store: Any = None,
    **rest: Any,
) -> Any:
    """Do what `run_dag` does, with what is independent at once."""
    from kfp.local import io, status
    from kfp.local.orchestrator import task_executor
    from kfp.local.orchestrator.orchestrator_utils import OrchestratorUtils

    store = io.IOStore(parent=parent_io_store)
    inputs = OrchestratorUtils.join_user_inputs_and_defaults(
        dag_arguments=dag_arguments, dag_inputs_spec=dag_component_spec.input_definitions
    )
    for name, value in inputs.items():
        store.put_parent_input(name, value)
    tasks = dict(dag_component_spec.dag.tasks)

    def execute(name: str) -> Any:
        return task_executor.execute_single_task(
            task_name=name, task_spec=tasks[name], io_store=store, fail_stack=fail_stack, **rest
        )

    def done(name: str, outcome: Any) -> bool:
        outputs, ended = outcome
        if ended != status.Status.SUCCESS:
            fail_stack.append(name)
            return False
        for key, output in outputs.items():
            store.put_task_output(name, key, output)
        return True

    if not _run({n: set(t.dependent_tasks) for n, t in tasks.items()}, execute, done):
        return {}, status.Status.FAILURE
    outputs = OrchestratorUtils.get_dag_outputs(
        dag_outputs_spec=dag_component_spec.dag.outputs, io_store=store
    )
    return outputs, status.Status.SUCCESS


def _run(
    waits_for: dict[str, set[str]],
    execute: Callable[[str], Any],
    done: Callable[[str, Any], bool],
) -> bool:
    """Execute what is free until nothing is left; return whether all have succeeded."""
    succeeded: set[str] = set()
    whole = True
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        running: dict[Future[Any], str] = {}
        while running or (whole and waits_for):
            free = [name for name, others in waits_for.items() if whole and others <= succeeded]
            for name in free:
                del waits_for[name]
                running[pool.submit(execute, name)] = name
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                name = running.pop(future)
                if done(name, future.result()):
                    succeeded.add(name)
                else:
                    whole = False
    return whole
