"""No code from text, no shell, nothing unpickled: what no source calls, but for those named here.

A name is looked for as Python reads it, so that neither a comment nor a word in a text counts; in
scripts of the front ends it is looked for as text.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import mlops_nb

PACKAGE = Path(mlops_nb.__file__).parent
TOP = PACKAGE.parent
SOURCES = sorted(PACKAGE.rglob("*.py"))

# By name of what is called: what is wrong with it.
CALLS = {
    "eval": "code from text",
    "exec": "code from text",
    "__import__": "a module by a text",
    "import_module": "a module by a text",
    "run_module": "a module by a text",
    "run_path": "a file as code",
    "os.system": "a shell",
    "os.popen": "a shell",
    "subprocess.getoutput": "a shell",
    "subprocess.getstatusoutput": "a shell",
    "asyncio.create_subprocess_shell": "a shell",
    "yaml.load": "objects from YAML",
    "yaml.load_all": "objects from YAML",
    "yaml.unsafe_load": "objects from YAML",
    "yaml.full_load": "objects from YAML",
    "tempfile.mktemp": "a name that somebody else may take first",
    "extractall": "files wherever an archive says",
    "unpack_archive": "files wherever an archive says",
    "markupsafe.Markup": "HTML that is not escaped",
}
MODULES = {
    "pickle", "_pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve", "jsonpickle",
    "jinja2", "telnetlib", "xmlrpc", "ipywidgets", "code", "codeop",
}  # fmt: skip
# By file and what it calls: why it may.
MAY = {
    ("__init__.py", "import_module"): "public names, by the table of them",
    ("backends.py", "import_module"): "back-ends, by the table of them",
    ("deployment/targets.py", "import_module"): "targets, by the table of them",
    ("pipelines/compiler.py", "import_module"): "pipelines, by the table of them",
    (
        "runners/kubeflow/authentication/__init__.py",
        "import_module",
    ): "by the list of ways",
    ("scheduling/starts.py", "import_module"): "the verbs",
    ("serving/model.py", "import_module"): "the wrapper of a descriptor, from the package's code",
    ("stages/__init__.py", "import_module"): "stages, by the table of pipelines",
    ("testing/kubeflow/launch.py", "import_module"): "the launcher that a test names",
    ("transfer.py", "extractall"): "with a filter that lets regular files alone through",
}
KEYWORDS = {"shell": "a shell", "allow_pickle": "objects from a file"}

SCRIPTS = sorted(
    path
    for folder, kinds in ((TOP / "labextension" / "src", "*.ts*"), (PACKAGE / "interfaces", "*.js"))
    for path in folder.rglob(kinds)
)
IN_SCRIPTS = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|"
    r"dangerouslySetInnerHTML|srcdoc|srcDoc|javascript:|createContextualFragment|DOMParser"
)
SCRIPTS_MAY = {
    ("live.js", "innerHTML"): "the card, which Python has made of escaped values",
    ("live.js", "outerHTML"): "it is read, to see what has changed",
    ("report.tsx", "srcDoc"): "a report, in a frame whose sandbox runs no scripts",
}


def called(tree):
    """Yield what a module calls, by its last name and by its last two."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Name):
            yield node, {node.func.id}
        elif isinstance(node.func, ast.Attribute):
            before = getattr(node.func.value, "id", getattr(node.func.value, "attr", ""))
            yield node, {node.func.attr, f"{before}.{node.func.attr}"}


def found_in(source):
    """Yield line and word of each thing that a source may not do."""
    tree = ast.parse(source)
    for node, names in called(tree):
        for name in sorted(names & CALLS.keys()):
            yield node.lineno, name
        for keyword in node.keywords:
            if keyword.arg in KEYWORDS and getattr(keyword.value, "value", None) is not False:
                yield node.lineno, keyword.arg
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            named = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            named += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in named:
                if name.partition(".")[0] in MODULES and not getattr(node, "level", 0):
                    yield node.lineno, name


def test_no_source_does_what_is_not_let():
    seen = {
        (path.relative_to(PACKAGE).as_posix(), word): line
        for path in SOURCES
        if "examples" not in path.parts
        for line, word in found_in(path.read_text(encoding="utf-8"))
    }
    assert {place: line for place, line in seen.items() if place not in MAY} == {}
    assert MAY.keys() <= seen.keys(), "who may, and does not, is to be taken out"


@pytest.mark.parametrize(
    "source",
    [
        "eval(x)", "exec(x)", "os.system(x)", "import os\nos.popen(x)", "run(x, shell=True)",
        "run(x, shell=y)", "yaml.load(x, Loader=yaml.Loader)", "import pickle", "import os, pickle",
        "from pickle import loads", "from jinja2 import Template", "import joblib.numpy_pickle",
        "numpy.load(x, allow_pickle=True)", "archive.extractall(x)", "importlib.import_module(x)",
        "from ipywidgets import HTML",
    ],
)  # fmt: skip
def test_each_is_seen(source):
    assert list(found_in(source))


@pytest.mark.parametrize(
    "source",
    ["# eval(x)", "'os.system(x)'", "yaml.safe_load(x)", "run(x, shell=False)", "evaluate(x)"],
)
def test_what_only_looks_like_it_is_not(source):
    assert not list(found_in(source))


def test_no_script_makes_html_of_text():
    assert len(SCRIPTS) > 30
    seen = {(path.name, word) for path in SCRIPTS for word in IN_SCRIPTS.findall(path.read_text())}
    assert seen == SCRIPTS_MAY.keys()


def test_the_frame_of_a_report_runs_no_scripts():
    frame = (TOP / "labextension" / "src" / "views" / "report.tsx").read_text()
    (sandbox,) = re.findall(r'sandbox="([^"]*)"', frame)
    assert "allow-scripts" not in sandbox.split()


def test_what_runs_in_other_interpreters_is_no_text_of_a_user():
    """Programs that are given as text (`-c`) are constants: nothing is put into them."""
    programs = [
        program
        for path in SOURCES
        if path.name not in ("git.py", "repository.py")  # whose -c is a setting
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, (ast.List, ast.Tuple))
        for flag, program in zip(node.elts, node.elts[1:], strict=False)
        if isinstance(flag, ast.Constant) and flag.value == "-c"
    ]
    assert len(programs) > 2
    assert {type(program) for program in programs} <= {ast.Name, ast.Constant}
