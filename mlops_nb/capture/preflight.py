"""What the user should know before a run starts: findings, each with what to type or change.

An error stops the run, a warning is recorded with it, an info is only said.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_nb.capture import analysis, environment
from mlops_nb.types import Finding, Fix

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from mlops_nb.history import Executed
    from mlops_nb.types import Code, Dataset, Hyperparameter

_OWN = "mlops_nb"


@dataclass(frozen=True)
class Evidence:
    """What the findings are drawn from.

    Attributes:
        top: Top folder of the repository.
        hyperparameters: Those of the run.
        datasets: Those of the run.
        document: The notebook as the file has it.
        executed: What the session has executed of this notebook, empty where there is no session.
        import_folders: Where a run would look for modules of the project, the notebook's folder
            first.
        ignored: Tells which of some files git ignores.
        unpinned: Files of the project that the session has read and the run would not have, each
            with the out that it belongs to, "" where DVC does not know it.
        from_folders: Packages that are installed from folders outside of the repository.
        own_interpreter: Whether the run's packages are those of this process.
    """

    top: Path
    hyperparameters: Sequence[Hyperparameter]
    datasets: Sequence[Dataset]
    document: Mapping[str, Any]
    executed: Sequence[Executed]
    import_folders: Sequence[Path]
    ignored: Callable[[Sequence[Path]], set[Path]]
    unpinned: Sequence[tuple[str, str]]
    from_folders: Sequence[tuple[str, str]]
    own_interpreter: bool = True


def check(evidence: Evidence) -> tuple[Finding, ...]:
    """Return the findings."""
    cells = analysis.code_cells(evidence.document)
    return (
        *_data(evidence.datasets),
        *_parameters(evidence.hyperparameters, cells),
        *_cells(evidence.hyperparameters, cells),
        *_session(cells, evidence.executed),
        *_modules(cells, evidence),
        *_files(evidence.unpinned),
        *_packages(evidence.from_folders),
    )


def of_code(code: Code) -> Iterator[Finding]:
    """Return what is to be said about the commit that was made."""
    if code.dirty:
        yield _info(
            "the working tree differs from HEAD; the run takes it as it is",
            "to give it a name of its own: git commit",
        )


def _data(datasets: Sequence[Dataset]) -> Iterator[Finding]:
    for dataset in datasets:
        if dataset.changed:
            yield _warning(
                f"{dataset.path} has changed since it was put under DVC; the run takes it as it is",
                f"to track the new version: jupyter mlops track {dataset.path}",
                Fix(kind="track", path=dataset.path),
            )
    if not any(dataset.role == "test" for dataset in datasets):
        yield _warning(
            "there is no test dataset; the model will not be evaluated",
            "name one: --test PATH, or data.test in mlops.toml",
        )


def _parameters(
    hyperparameters: Sequence[Hyperparameter], cells: Sequence[analysis.Cell]
) -> Iterator[Finding]:
    if not hyperparameters:
        proposed = analysis.proposed_parameters(cells)
        yield _warning(
            "no cell is tagged `parameters`; the run has no hyperparameters",
            f"tag cell {proposed.cell.number}, which assigns {proposed.subject} and nothing else"
            if proposed
            else "put them into a cell of their own, and tag it in Jupyter's property inspector",
            Fix(kind="mark", cell=proposed.cell.number) if proposed else None,
        )
    for parameter in hyperparameters:
        if parameter.source == "expression":
            yield _info(
                f"{parameter.name} is computed by the cell ({parameter.expression}); "
                "its text is recorded, not its value",
                f"to pin the value: --param {parameter.name}=...",
            )


def _cells(
    hyperparameters: Sequence[Hyperparameter], cells: Sequence[analysis.Cell]
) -> Iterator[Finding]:
    if not cells:
        yield _error("the notebook has no code", "write a cell that trains, and save the notebook")
    for remark in analysis.syntax_errors(cells):
        yield _error(
            f"cell {remark.cell.number} is not valid Python: {remark.subject}",
            "mend that cell, and save the notebook",
        )
    names = [parameter.name for parameter in hyperparameters]
    for remark in analysis.undefined_names(cells, names):
        yield _warning(
            f"cell {remark.cell.number} uses {remark.subject}, which no earlier cell defines; "
            "a fresh run would raise NameError there",
            f"define {remark.subject} in a cell before it, and save the notebook",
        )
    for remark in analysis.installations(cells):
        yield _warning(
            f"cell {remark.cell.number} installs packages as it runs ({remark.subject}); "
            "they are in no lock",
            "install them once in the environment of the kernel, and take the line out",
        )
    for remark in analysis.absolute_paths(cells):
        yield _warning(
            f"cell {remark.cell.number} names {remark.subject}, which no pin covers",
            "read it by a relative path: jupyter mlops track PATH, or commit it",
        )


def _session(cells: Sequence[analysis.Cell], executed: Sequence[Executed]) -> Iterator[Finding]:
    if not executed:
        return
    wording = {
        "edited": (
            "{} was executed with another text than the file has",
            "save the notebook (Ctrl+S) and execute the cell again",
        ),
        "absent": (
            "a cell was executed that the file does not have (`{}`); the run will not have it",
            "save the notebook (Ctrl+S), or restart the kernel and execute all cells",
        ),
        "order": (
            "{} was executed out of order; the run goes from top to bottom",
            "restart the kernel and execute all cells to see what the run will see",
        ),
    }
    for kind, subject in analysis.executed_otherwise(cells, executed):
        message, hint = wording[kind]
        yield _warning(message.format(subject), hint)


def _modules(cells: Sequence[analysis.Cell], evidence: Evidence) -> Iterator[Finding]:
    required = set(analysis.required_names(cells))
    for name in analysis.imported_names(cells):
        local = _local_module(name, evidence.import_folders)
        if local is not None:
            yield from _of_local_module(name, local, evidence)
        elif name in required and evidence.own_interpreter:
            yield from _of_foreign_module(name, evidence)


def _local_module(name: str, folders: Sequence[Path]) -> Path | None:
    places = (p for f in folders for p in (f / f"{name}.py", f / name / "__init__.py"))
    return next((place for place in places if place.is_file()), None)


def _of_local_module(name: str, module: Path, evidence: Evidence) -> Iterator[Finding]:
    if evidence.ignored([module]):
        yield _error(
            f"the notebook imports {name}, which git ignores ({module}); the run would not have it",
            f"take it out of .gitignore, or name it in code.include: {module.name}",
        )
    if environment.is_installed(name):
        renamed = module.with_stem(f"my_{name}") if module.stem == name else f"my_{name}"
        yield _warning(
            f"the notebook imports {name}, which is a file of the project ({module}) and a module "
            "of the environment too; which of them a run takes depends on the import path",
            f"rename the file, and its imports: git mv {module} {renamed}",
        )


def _of_foreign_module(name: str, evidence: Evidence) -> Iterator[Finding]:
    """Say where a module would not be found that is neither the project's nor installed."""
    try:
        path = environment.module_file(name)
    except ModuleNotFoundError:
        yield _warning(
            f"the notebook imports {name}, which neither the project nor the environment has",
            f"install it in the environment of the kernel: pip install {name}",
        )
        return
    told = [folder for _, folder in evidence.from_folders]
    if path is None or name == _OWN or any(path.is_relative_to(folder) for folder in told):
        return
    path = path.parent if path.name == "__init__.py" else path
    here = evidence.import_folders[0]
    if path.is_relative_to(evidence.top):
        folder = Path(os.path.relpath(path.parent, here)).as_posix()
        yield _warning(
            f"the session has {name} from {folder}, where a run does not look for modules",
            f'say so in a cell before the import: import sys; sys.path.append("{folder}")',
        )
    else:
        yield _error(
            f"the session has {name} from {path}, which is outside of the repository; "
            "the run would not have it",
            f"put a copy into the project: cp -r {path} {here}",
        )


def _files(unpinned: Sequence[tuple[str, str]]) -> Iterator[Finding]:
    for path, out in unpinned:
        if out:
            yield _warning(
                f"the session read {path}, which is no dataset of the run and will not be there",
                f'name it in mlops.toml: other = ["{out}"] under [data]',
            )
        else:
            yield _warning(
                f"the session read {path}, which git ignores and DVC does not track; "
                "the run will not have it",
                f"put it under DVC: jupyter mlops track {path}",
                Fix(kind="track", path=path),
            )


def _packages(from_folders: Sequence[tuple[str, str]]) -> Iterator[Finding]:
    for name, folder in from_folders:
        yield _warning(
            f"the package {name} is installed from a folder ({folder}); its code is not pinned",
            f"install a version of it: pip install {name}==VERSION",
        )


def _error(message: str, hint: str) -> Finding:
    return Finding(severity="error", message=message, hint=hint)


def _warning(message: str, hint: str, fix: Fix | None = None) -> Finding:
    return Finding(severity="warning", message=message, hint=hint, fix=fix)


def _info(message: str, hint: str) -> Finding:
    return Finding(severity="info", message=message, hint=hint)
