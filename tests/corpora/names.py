"""Names that nobody means, for whatever a user may name.

Those that would do something if they were ever executed touch a file, the canary.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def names(canary: Path) -> dict[str, str]:
    """Return the names, each under the word that says what it is."""
    python = f"open({str(canary)!r}, 'w')"
    return {
        "shell substitution": f"$(touch {canary})",
        "shell backticks": f"`touch {canary}`",
        "shell sequence": f"x; touch {canary} #",
        "shell pipe": f"x | touch {canary}",
        "shell quote": f"x'; touch {canary}; '",
        "shell double quote": f'x"; touch {canary}; "',
        "shell without spaces": f"x;touch${{IFS}}{canary}",
        "shell new line": f"x\ntouch {canary}\n",
        "python call": python,
        "python quote": f"x' + str({python}) + '",
        "python triple quote": f'x""" + str({python}) + """',
        "python replacement field": f"{{{python}}}",
        "python magic": f"!touch {canary}",
        "python comment": f"x #\n{python}",
        "keyword": "class",
        "dunder": "__import__",
        "yaml tag": f"!!python/object/apply:os.system ['touch {canary}']",
        "yaml mapping": "x: {y: z}",
        "yaml alias": "*x",
        "yaml document": "---\nx: 1\n...",
        "toml": 'x"\n[run]\nbackend = "kubeflow',
        "html": "<img src=x onerror=alert(1)>",
        "html attribute": "\"><svg onload='alert(1)'>",
        "sql": "x'; DROP TABLE runs; --",
        "sql always": '" OR 1=1 --',
        "engine template": "{{$.json_escape[1]}}",
        "engine input": "{{$.inputs.parameters['code_sha']}}",
        "jinja": "{{ 7 * 7 }}",
        "percent": "%s%n%(x)s",
        "variable": "${HOME}",
        "parent": "..",
        "traversal": "../../../../../../root-secret",
        "inner traversal": "x/../../root-secret",
        "encoded traversal": "%2e%2e%2froot-secret",
        "twice encoded traversal": "%252e%252e%252froot-secret",
        "back slashes": "..\\..\\root-secret",
        "absolute": "/root-secret/nowhere",
        "home": "~root/x",
        "nul": "x\0y",
        "new line": "x\ny",
        "carriage return": "x\r\nSet-Cookie: y=z",
        "option": "--help",
        "short option": "-x",
        "option with value": "--upload-pack=touch",
        "pathspec": ":(top)x",
        "revision": "HEAD@{0}..main",
        "ansi": "\x1b]0;owned\x07\x1b[2Jx",
        "right to left": "\u202egpj.x\u2066",
        "line separator": "x\u2028y",
        "no text": "x\udcffy",
        "emoji": "\U0001f600",
        "long": "x" * 300,
        "very long": "x" * 70_000,
        "deep": "/".join(["x"] * 600),
        "space": " ",
        "empty": "",
        "device": "/dev/zero",
    }


# Those of paths that lead out of the folder that they are relative to.
LEADING_OUT = {"parent", "traversal", "inner traversal", "absolute", "home", "device"}


def some(every: dict[str, str], count: int, turn: int) -> dict[str, str]:
    """Return a few of the names; those of all turns together are all of them."""
    kinds = list(every)
    taken = {kinds[(turn * count + place) % len(kinds)] for place in range(count)}
    return {kind: every[kind] for kind in kinds if kind in taken}
