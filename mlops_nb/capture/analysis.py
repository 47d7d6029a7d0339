"""What the code of a notebook says about a fresh run of it, without running anything."""

from __future__ import annotations

import ast
import os
import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from mlops_nb.capture import hyperparameters, notebook
from mlops_nb.exceptions import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from mlops_nb.history import Executed

_IPYTHON_NAMES = {"get_ipython", "display", "In", "Out", "_", "__", "___", "exit", "quit"}
_MAGIC = re.compile(r"^\s*[%!?]|^\s*[\w.]+\?{1,2}\s*$")
_INSTALLS = re.compile(
    r"^\s*(?:[%!]\s*|!\s*\S*python\d?\S*\s+-m\s+)(?:uv\s+)?(?:pip\d?|conda|mamba)\s+install\b"
)
_BRINGS_NAMES = re.compile(r"^\s*%(?:run|load|pylab|store|env|%)\b|^\s*%load_ext\b(?!.*mlops_nb)")
_ABSOLUTE = re.compile(r"(?:/|~/|[A-Za-z]:\\)[^\s*?<>|:]+")
_HARMLESS = ("/dev/", "/proc/", "/sys/", "/etc/", "/usr/")


@dataclass(frozen=True)
class Cell:
    """A code cell: its number over all cells of the file, its id and its source."""

    number: int
    id: str | None
    source: str

    @property
    def python(self) -> str:
        """The source with the lines that are no Python left empty."""
        if self.source.lstrip().startswith("%%"):
            return ""
        return "\n".join("" if _MAGIC.match(line) else line for line in self.source.splitlines())


@dataclass(frozen=True)
class Remark:
    """Something about a cell; `subject` is the name, the line or the path that it is about."""

    cell: Cell
    subject: str


def code_cells(document: Mapping[str, Any]) -> tuple[Cell, ...]:
    """Return the code cells of a notebook, but for those that call `%mlops`."""
    return tuple(
        Cell(number, cell.get("id"), notebook.source_of(cell))
        for number, cell in enumerate(document["cells"], 1)
        if cell.get("cell_type") == "code" and notebook.source_of(cell).strip()
    )


def syntax_errors(cells: Sequence[Cell]) -> Iterator[Remark]:
    """Find the cells that are no Python; each with what the parser says."""
    for cell in cells:
        error = _syntax_error(cell.python)
        if error is not None:
            yield Remark(cell, f"{error.msg} (line {error.lineno})")


def undefined_names(cells: Sequence[Cell], parameters: Sequence[str]) -> Iterator[Remark]:
    """Find the names that a run from top to bottom would not have.

    Nothing is said about notebooks in which a magic or a star import may bring names of its own.
    """
    if any(_BRINGS_NAMES.match(line) for cell in cells for line in cell.source.splitlines()):
        return
    from pyflakes import checker, messages

    known = " = ".join([*parameters, "None"]) + "\n" if parameters else "\n"
    text = known
    owners: list[Cell | None] = [None]
    for cell in cells:
        lines = cell.python.splitlines()
        text += "\n".join(lines) + "\n"
        owners += [cell] * len(lines)
    try:
        found = checker.Checker(ast.parse(text), builtins=_IPYTHON_NAMES).messages
    except SyntaxError:
        return
    if any(isinstance(m, (messages.ImportStarUsed, messages.ImportStarUsage)) for m in found):
        return
    seen = set()
    for message in sorted(found, key=lambda m: m.lineno):
        name = message.message_args[0] if message.message_args else ""
        owner = owners[message.lineno - 1] if message.lineno <= len(owners) else None
        undefined = isinstance(message, messages.UndefinedName)
        if undefined and owner is not None and name not in seen:
            seen.add(name)
            yield Remark(owner, name)


def installations(cells: Sequence[Cell]) -> Iterator[Remark]:
    """Find the lines that install packages."""
    for cell in cells:
        for line in cell.source.splitlines():
            if _INSTALLS.match(line):
                yield Remark(cell, line.strip())


def absolute_paths(cells: Sequence[Cell]) -> Iterator[Remark]:
    """Find texts that are paths of this machine, of files or folders that exist."""
    for cell in cells:
        for node in _walk(cell):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                path = node.value
                if not _ABSOLUTE.fullmatch(path) or path.startswith(_HARMLESS) or path == "/":
                    continue
                if path.startswith("~/") or os.path.exists(path):  # noqa: PTH110
                    yield Remark(cell, path)


def imported_names(cells: Sequence[Cell]) -> Iterator[str]:
    """Find the top-level names of the modules that cells import, each once."""
    yield from dict.fromkeys(_modules_of(node for cell in cells for node in _walk(cell)))


def required_names(cells: Sequence[Cell]) -> Iterator[str]:
    """Find the top-level names of the modules without which a run fails.

    Imports under `try` or `if` may be meant to fail. Nothing is said about notebooks that change
    the import path as they run.
    """
    if any("sys.path" in cell.source for cell in cells):
        return
    for cell in cells:
        always = [node for node in _body(cell) if isinstance(node, (ast.Import, ast.ImportFrom))]
        yield from dict.fromkeys(_modules_of(always))


def proposed_parameters(cells: Sequence[Cell]) -> Remark | None:
    """Find the cell that looks like the parameters cell: the first of nothing but literals."""
    for cell in cells:
        try:
            body = ast.parse(cell.python).body
            declared = hyperparameters.read_cell(cell.python)
        except (SyntaxError, UsageError):
            continue
        assigned = [s for s in body if isinstance(s, (ast.Assign, ast.AnnAssign))]
        plain = [p for p in declared if p.source == "cell"]
        if plain and len(assigned) == len(body) == len(declared) == len(plain):
            return Remark(cell, ", ".join(p.name for p in plain))
    return None


def executed_otherwise(
    cells: Sequence[Cell], executed: Sequence[Executed]
) -> Iterator[tuple[str, str]]:
    """Compare what the session executed with what the file says.

    Yields:
        Kind and text of each difference: "absent" (a cell that binds names was executed and is not
        in the file), "edited" (a cell was executed with another text), "order" (cells were
        executed in another order than the file's).
    """
    by_id = {cell.id: cell for cell in cells if cell.id}
    by_text = {_normal(cell.source): cell for cell in cells}
    last: dict[Cell, int] = {}
    texts: dict[Cell, str] = {}
    absent: dict[str, str] = {}
    for order, execution in enumerate(executed):
        text = _normal(execution.source)
        cell = by_id.get(execution.cell_id or "") or by_text.get(text)
        if cell is not None:
            last[cell], texts[cell] = order, text
        elif _binds_names(execution.source):
            absent[execution.cell_id or text] = text.splitlines()[0]
    for cell, text in texts.items():
        if text != _normal(cell.source):
            yield "edited", f"cell {cell.number} (`{_first(cell.source)}`)"
    for line in absent.values():
        yield "absent", line
    ran = sorted(last, key=lambda cell: cell.number)
    for before, after in pairwise(ran):
        if last[before] > last[after]:
            yield "order", f"cell {before.number} after cell {after.number}"


def _syntax_error(source: str) -> SyntaxError | None:
    try:
        # A cell may await at its top level, which a module may not.
        compile(source, "cell", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    except SyntaxError as error:
        return error
    return None


def _modules_of(nodes: Iterable[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name.partition(".")[0]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def _body(cell: Cell) -> list[ast.stmt]:
    try:
        return ast.parse(cell.python).body
    except SyntaxError:
        return []


def _walk(cell: Cell) -> Iterator[ast.AST]:
    try:
        yield from ast.walk(ast.parse(cell.python))
    except SyntaxError:
        return


def _binds_names(source: str) -> bool:
    binding = (
        ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Import, ast.ImportFrom, ast.FunctionDef,
        ast.ClassDef, ast.AsyncFunctionDef, ast.Delete, ast.NamedExpr, ast.For, ast.With,
    )  # fmt: skip
    cell = Cell(0, None, source)
    return any(isinstance(node, binding) for node in _walk(cell))


def _normal(source: str) -> str:
    return "\n".join(line.rstrip() for line in source.strip().splitlines())


def _first(source: str) -> str:
    return next((line.strip() for line in source.splitlines() if line.strip()), "")[:60]
