"""What autodoc makes of our records, and where the names in annotations lead."""

from __future__ import annotations

import builtins
import collections.abc
import inspect
import re
import typing
from enum import Enum
from typing import TYPE_CHECKING, Any

from mlops_nb.api.lookup import Folder
from mlops_nb.settings import Config
from mlops_nb.types import Record

if TYPE_CHECKING:
    from docutils import nodes
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

# What the standard library has: this site has no page of it, and asks no other site.
STANDARD = {
    *dir(builtins),
    *typing.__all__,
    *collections.abc.__all__,
    "Path",
    "PathLike",
    "Enum",
    "NoneType",
}
# What other packages have.
FOREIGN = {"pandas.DataFrame", "msgspec.Struct"}
_ATTRIBUTE = re.compile(r"^ {4}(\w+):(?= )")


def add_to(app: Sphinx) -> None:
    """Look at each docstring and each signature, and at each name that leads nowhere."""
    # Before napoleon, which reads what this leaves.
    app.connect("autodoc-process-docstring", _typed, priority=100)
    app.connect("autodoc-process-signature", _plain)
    app.connect("missing-reference", _found)


def _typed(app: Sphinx, kind: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Give the attributes of a record their types, and tell of those that it says nothing of."""
    if kind == "module":
        # What is indented in them is shown as it stands.
        for at in reversed(range(1, len(lines))):
            if lines[at].startswith("    ") and not lines[at - 1]:
                lines[at:at] = ["::", ""]
    if kind == "class" and issubclass(thing, Enum):
        lines.extend(["", "One of " + ", ".join(f"``{one.value}``" for one in thing) + "."])
    if kind != "class" or not issubclass(thing, Record) or thing is Record:
        return
    kinds = {field: _word(hint) for field, hint in inspect.get_annotations(thing).items()}
    told = set()
    for at, line in enumerate(lines):
        if (found := _ATTRIBUTE.match(line)) and found[1] in kinds:
            told.add(found[1])
            lines[at] = f"    {found[1]} ({kinds[found[1]]}):{line[found.end() :]}"
    untold = [f"    {field} ({kinds[field]}):" for field in kinds if field not in told]
    if untold:
        lines.extend(["", *([] if told else ["Attributes:"])])
        end = next((at for at, line in enumerate(lines) if line == "Attributes:"), len(lines))
        lines[:] = [*lines[: end + 1], *untold, *lines[end + 1 :]]


def _word(hint: Any) -> str:
    return re.sub(r"\b(?:\w+\.)+(\w+)", r"\1", hint if isinstance(hint, str) else _name(hint))


def _name(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) and not typing.get_args(hint) else str(hint)


def _plain(
    app: Sphinx, kind: str, name: str, thing: Any, options: Any, signature: str, returned: str
) -> tuple[str, str | None] | None:
    """Leave out of the signatures what is told below them, or is a name of ours for a type."""
    if kind == "class" and (issubclass(thing, (Record, Config, Enum)) or not signature):
        return "", None
    if not signature:
        return None
    folder = " | ".join(_name(part) for part in typing.get_args(Folder))
    return re.sub(r"\b(?:lookup\.)?Folder\b", folder, signature), returned


def _found(
    app: Sphinx, env: BuildEnvironment, node: Any, content: nodes.Element
) -> nodes.Node | None:
    """Resolve a name by its last part, as annotations have it; a foreign one stays text."""
    target = str(node.get("reftarget", ""))
    if node.get("refdomain") != "py":
        return None
    last = target.rpartition(".")[2]
    python = env.domains.python_domain
    for name, thing in python.objects.items():
        if name.rpartition(".")[2] == last and thing.objtype in ("class", "exception"):
            return python.resolve_xref(
                env, node["refdoc"], app.builder, "class", name, node, content
            )
    return content if last in STANDARD or target in FOREIGN else None
