"""What the user should know before a run starts: findings, each with what to type or change.

An error stops the run, a warning is recorded with it, an info is only said.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlops_nb.capture import analysis
from mlops_nb.types import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from mlops_nb.history import Executed
    from mlops_nb.types import Code, Dataset, Hyperparameter


@dataclass(frozen=True)
class Evidence:
    """What the findings are drawn from.

    Attributes:
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
    """

    hyperparameters: Sequence[Hyperparameter]
    datasets: Sequence[Dataset]
    document: Mapping[str, Any]
    executed: Sequence[Executed]
    import_folders: Sequence[Path]
    ignored: Callable[[Sequence[Path]], set[Path]]
    unpinned: Sequence[tuple[str, str]]
    from_folders: Sequence[tuple[str, str]]


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
    for name in dict.fromkeys(r.subject for r in analysis.imported_names(cells)):
        for folder in evidence.import_folders:
            module = next(
                (p for p in (folder / f"{name}.py", folder / name / "__init__.py") if p.is_file()),
                None,
            )
            if module is None:
                continue
            if evidence.ignored([module]):
                yield _error(
                    f"the notebook imports {name}, which git ignores ({module}); "
                    "the run would not have it",
                    f"take it out of .gitignore, or name it in code.include: {module.name}",
                )
            break


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
            )


def _packages(from_folders: Sequence[tuple[str, str]]) -> Iterator[Finding]:
    for name, folder in from_folders:
        yield _warning(
            f"the package {name} is installed from a folder ({folder}); its code is not pinned",
            f"install a version of it: pip install {name}==VERSION",
        )


def _error(message: str, hint: str) -> Finding:
    return Finding(severity="error", message=message, hint=hint)


def _warning(message: str, hint: str) -> Finding:
    return Finding(severity="warning", message=message, hint=hint)


def _info(message: str, hint: str) -> Finding:
    return Finding(severity="info", message=message, hint=hint)
