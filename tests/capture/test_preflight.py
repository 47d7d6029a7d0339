"""Each broken notebook or project is found before anything runs; clean ones have no finding."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from mlops_nb import api, history
from mlops_nb.capture import analysis, snapshot
from mlops_nb.capture.snapshot import Wanted
from mlops_nb.exceptions import MlopsError, PreflightError
from mlops_nb.history import Executed
from mlops_nb.settings import Config
from mlops_nb.types import Fix
from tests.vocabulary import notebook

PARAMETERS = "rate: float = 0.5"


def look(project):
    """Return the findings of the project's notebook; a refusal counts as one of severity error."""
    try:
        wanted = Wanted(notebook=Path("train.ipynb"))
        return snapshot.preview(Config.load(project.root), wanted).findings
    except MlopsError as error:
        return (error,)


def load(name, path):
    """Let this session have a module from a place that no run looks at."""
    spec = importlib.util.spec_from_file_location(name, path)
    sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[name])


@pytest.fixture(autouse=True)
def _modules_of_a_test():
    before = set(sys.modules)
    yield
    for name in {"chosen", "foreign"} & (sys.modules.keys() - before):
        del sys.modules[name]


def said(findings) -> str:
    return "\n".join(f"{finding.message} | {finding.hint}" for finding in findings)


BROKEN_CODE = {
    "undefined name": (["print(model)"], "cell 2 uses model, which no earlier cell defines"),
    "defined later": (["print(x)", "x = 1"], "cell 2 uses x,"),
    "defined in a deleted cell": (["y = [x for _ in range(3)]"], "cell 2 uses x,"),
    "deleted name": (["x = 1\ndel x", "print(x)"], "cell 3 uses x,"),
    "misspelt name": (["import math\nprint(maths.pi)"], "cell 2 uses maths,"),
    "used in a function": (["def f():\n    return helper_of_mine()\nf()"], "uses helper_of_mine,"),
    "no python": (["x = = 1"], "cell 2 is not valid Python: invalid syntax (line 1)"),
    "unclosed bracket": (["x = 1", "f(\n"], "cell 3 is not valid Python"),
    "bad indent": (["if True:\nx = 1"], "cell 2 is not valid Python"),
    "pip by magic": (["%pip install x"], "cell 2 installs packages as it runs (%pip install x)"),
    "pip by shell": (["!pip install x"], "installs packages as it runs"),
    "pip by python": (["!python3 -m pip install x"], "installs packages as it runs"),
    "conda": (["%conda install x"], "installs packages as it runs"),
    "absolute path": (["open('/tmp')"], "names /tmp, which no pin covers"),
    "absent module": (["import no_such_module_here"], "pip install no_such_module_here"),
    "absent package": (["from no_such.part import x"], "imports no_such, which neither the"),
    "home": (["p = '~/data/train.csv'"], "names ~/data/train.csv, which no pin covers"),
}


@pytest.mark.parametrize("name", BROKEN_CODE)
def test_broken_code_is_found(project, name):
    cells, finding = BROKEN_CODE[name]
    project.notebook(*cells, parameters=PARAMETERS)
    assert finding in said(look(project))


def broken_without_code(project):
    project.notebook(parameters="  ")
    return "the notebook has no code"


def broken_without_parameters_cell(project):
    project.notebook("import math", "depth = 3\nname = 'x'", "print(depth)")
    return "tag cell 2, which assigns depth, name and nothing else"


def broken_computed_parameter(project):
    project.notebook("print(rate)", parameters="rate = 10 ** -3")
    return "rate is computed by the cell (10 ** -3)"


def broken_ignored_module(project):
    project.write(".gitignore", "/secret_sauce.py\n")
    project.write("secret_sauce.py", "X = 1\n")
    project.notebook("import secret_sauce", parameters=PARAMETERS)
    return "imports secret_sauce, which git ignores"


def broken_module_of_two_homes(project):
    project.write("mlflow.py", "X = 1\n")
    project.notebook("import mlflow", parameters=PARAMETERS)
    return f"git mv {project.root / 'mlflow.py'} {project.root / 'my_mlflow.py'}"


def broken_module_elsewhere_in_the_repository(project):
    project.write("lib/chosen.py", "X = 1\n")
    project.notebook("import chosen", parameters=PARAMETERS)
    load("chosen", project.root / "lib/chosen.py")
    return 'import sys; sys.path.append("lib")'


def broken_package_outside_of_the_repository(project):
    outside = project.root.parent / "outside/foreign/__init__.py"
    outside.parent.mkdir(parents=True)
    outside.write_text("X = 1\n")
    project.notebook("from foreign import X", parameters=PARAMETERS)
    load("foreign", outside)
    return f"cp -r {outside.parent} {project.root}"


def broken_changed_data(project):
    path = project.root / "data/train.csv"
    path.unlink()
    path.write_text("a,b,label\n1,2,3\n")
    return "data/train.csv has changed since it was put under DVC"


def broken_no_test_data(project):
    project.write("mlops.toml", '[data]\ntrain = "data/train.csv"\n')
    return "there is no test dataset"


def broken_secret_in_a_module(project):
    project.write("helper.py", "KEY = 'AKIA" + "ABCDEFGHIJKLMNOP'\n")
    return "holds what looks like an AWS access key"


def broken_link_out(project):
    (project.root / "out").symlink_to("../../..")
    return "leads out of the repository"


def broken_dataset(project):
    project.write("mlops.toml", '[data]\ntrain = "data/gone.csv"\n')
    return "there is no dataset data/gone.csv"


def broken_setting(project):
    project.write("mlops.toml", '[data]\ntrian = "x"\n')
    return "did you mean data.train?"


BROKEN = [value for name, value in sorted(globals().items()) if name.startswith("broken_")]


@pytest.mark.parametrize("make", BROKEN, ids=lambda make: make.__name__.removeprefix("broken_"))
def test_a_broken_project_is_found(project, make):
    finding = make(project)
    assert finding in said(look(project))


CLEAN = {
    "plain": ["import math\nx = math.pi * rate", "print(x)"],
    "functions that use later names": ["def f():\n    return later\n", "later = 1\nf()"],
    "comprehensions and lambdas": ["xs = [i for i in range(3)]\nf = lambda y: y + rate\nf(xs[0])"],
    "magics": ["%matplotlib inline\nx = 1", "%%time\ny = 2", "%load_ext mlops_nb", "%mlops status"],
    "shell and help": ["!ls\nx = 1", "x?", "?x"],
    "names of ipython": ["display(rate)\nget_ipython()\nprint(In, Out, _)"],
    "await": ["import asyncio\nawait asyncio.sleep(0)"],
    "star import": ["from math import *\nprint(pi)"],
    "names from a script": ["%run helper.py", "print(ANSWER)"],
    "classes": ["class A:\n    b = 1\n    c = b\n\nA.c"],
    "try": ["try:\n    import numpy\nexcept ImportError:\n    numpy = None\nprint(numpy)"],
    "imports that may fail": ["try:\n    import no_such_module\nexcept ImportError:\n    pass"],
    "an import path of its own": ["import sys\nsys.path.append('lib')", "import no_such_module"],
    "local module": ["import helper\nprint(helper.ANSWER)"],
    "paths of the system and of nobody": [
        "open('/dev/null')\nx = '/no/such/path'\nurl = 'http://a/b'"
    ],
    "global": ["def f():\n    global g\n    g = 1\nf()\nprint(g)"],
    "walrus and match": ["if (n := 3) > 2:\n    print(n)\nmatch n:\n    case k:\n        print(k)"],
    "comment": ["# !pip install x\nprint(rate)"],
}


@pytest.mark.parametrize("name", CLEAN)
def test_nothing_is_found_on_clean_ones(project, name):
    project.notebook(*CLEAN[name], parameters=PARAMETERS)
    project.git("commit", "-qam", "clean")
    assert look(project) == ()


def test_an_error_stops_the_run_and_leaves_no_trace(project):
    project.notebook("x = = 1", parameters=PARAMETERS)
    with pytest.raises(PreflightError):
        wanted = Wanted(notebook=Path("train.ipynb"))
        snapshot.take(Config.load(project.root), wanted, name="one")
    assert project.git("for-each-ref", "refs/mlops") == ""


def cells_of(*sources):
    return [analysis.Cell(n, f"id{n}", source) for n, source in enumerate(sources, 1)]


def differences(cells, *executions):
    return list(analysis.executed_otherwise(cells, [Executed(*e) for e in executions]))


def test_a_session_in_the_files_order_is_no_difference():
    cells = cells_of("a = 1", "b = 2")
    assert differences(cells, ("id1", "a = 1"), ("id2", "b = 2")) == []
    assert differences(cells, (None, "a = 1"), (None, "b = 2")) == []


def test_trying_again_is_no_difference_when_the_last_text_is_the_files():
    cells = cells_of("a = 1", "b = 2")
    tries = [("id1", "a = 0"), ("id1", "a = 1"), ("id2", "b = 2")]
    assert differences(cells, *tries) == []


def test_an_edit_after_the_execution_is_found():
    assert differences(cells_of("a = 1"), ("id1", "a = 0")) == [("edited", "cell 1 (`a = 1`)")]


def test_a_cell_that_is_gone_is_found_when_it_bound_a_name():
    cells = cells_of("b = 2")
    assert differences(cells, ("gone", "a = 1"), ("id1", "b = 2")) == [("absent", "a = 1")]
    assert differences(cells, ("gone", "print(1)"), (None, "%mlops status"), ("id1", "b = 2")) == []


def test_another_order_is_found():
    cells = cells_of("a = 1", "b = 2", "c = 3")
    found = differences(cells, ("id2", "b = 2"), ("id1", "a = 1"), ("id3", "c = 3"))
    assert found == [("order", "cell 1 after cell 2")]


def test_a_notebook_of_cells_without_ids_is_compared_by_text(project):
    path = project.notebook("a = 1", parameters=PARAMETERS)
    document = json.loads(path.read_text())
    for cell in document["cells"]:
        del cell["id"]
    cells = analysis.code_cells(document)
    assert differences(cells, (None, PARAMETERS), (None, "a = 1")) == []


def test_files_that_the_session_read_and_the_run_would_not_have_are_found(project, monkeypatch):
    monkeypatch.setattr(history, "_opened", {})
    project.write(".gitignore", "/local/\n")
    project.write("local/extra.csv", "a\n1\n")
    project.write("data/third.csv", "a\n1\n")
    subprocess.run(["dvc", "add", "-q", "data/third.csv"], cwd=project.root, check=True)
    for path in ("local/extra.csv", "data/third.csv", "data/train.csv", "helper.py", "mlops.toml"):
        history._watch("open", (path, "r", 0))
    history._watch("open", ("local/written.csv", "w", 0))
    history._watch("open", (3, "r", 0))
    found = said(look(project))
    assert "the session read local/extra.csv, which git ignores and DVC does not track" in found
    assert "the session read data/third.csv, which is no dataset of the run" in found
    assert found.count("the session read") == 2


def test_audit_events_are_what_python_sends(project, monkeypatch):
    script = (
        "import sys; from mlops_nb import history; sys.addaudithook(history._watch)\n"
        "import pandas, pathlib\n"
        "pandas.read_csv('data/train.csv'); pathlib.Path('mlops.toml').read_text()\n"
        "open('made.txt', 'w').close(); open('made.txt', 'ab').close()\n"
        "print(*(p.name for p in history.opened()), sep='\\n')"
    )
    run = subprocess.run(
        [sys.executable, "-c", script], cwd=project.root, capture_output=True, text=True, check=True
    )
    names = run.stdout.split()
    assert {"train.csv", "mlops.toml"} <= set(names)
    assert "made.txt" not in names


def test_what_needs_no_decision_is_said_as_a_fix(project):
    project.notebook("rate = 0.5", "print(rate)")
    project.write("data/train.csv", "a,b,label\n1,2,1\n")
    fixes = {(f.fix.kind, f.fix.path, f.fix.cell) for f in look(project) if f.fix is not None}
    assert fixes == {("mark", None, 1), ("track", "data/train.csv", None)}
    project.write("new.csv", "a\n1\n")
    project.write(".gitignore", "new.csv\n")
    project.write("mlops.toml", '[project]\nname = "x"\n[data]\ntrain = "new.csv"\n')
    assert api.status("train.ipynb").findings[0].fix == Fix(kind="track", path="new.csv")


def test_a_fix_and_its_hint_lead_to_the_data_of_a_project_below_the_repositorys_top(
    project, monkeypatch
):
    inner = project.root / "team" / "inner"
    inner.mkdir(parents=True)
    notebook(inner / "train.ipynb", "print(1)")
    project.write("team/inner/mlops.toml", '[project]\nname = "x"\n[data]\ntrain = "new.csv"\n')
    project.write("team/inner/new.csv", "a\n1\n")
    project.write("team/inner/.gitignore", "new.csv\n")
    monkeypatch.chdir(inner)
    (finding,) = api.status("train.ipynb").findings
    assert finding.fix == Fix(kind="track", path="new.csv")
    assert finding.hint.endswith("jupyter mlops track team/inner/new.csv")
    assert api.track("team/inner/new.csv") == "new.csv.dvc"
