"""A whole run in which all that a user may name has the most hostile name that is let through."""

from __future__ import annotations

import json

import pytest

from mlops_nb import api
from mlops_nb.exceptions import UsageError
from mlops_nb.interfaces.server import resources
from mlops_nb.settings import Config
from mlops_nb.tracking.store import Store
from mlops_nb.types import RunState
from tests.interfaces.hostile import Elements

CANARY = "canary-of-a-hostile-name"
TOUCH = f"touch {CANARY}"
# Without a slash, since it is the name of a file; git's rules for branches leave less.
NAME = f"-x'; {TOUCH}; \"$({TOUCH}) `{TOUCH}` {{7*7}} ${{HOME}} %s <b onclick=x>&\u202e\u2028 ü"
BRANCH = f"x;touch${{IFS}}{CANARY};$(touch${{IFS}}{CANARY})'\"<b>&%s"
VALUES = [
    NAME,
    f"' + str(open('{CANARY}', 'w')) + '",
    '""" + x + """',
    "{{$.json_escape[1]}} {{$.inputs.parameters['code_sha']}}",
    "!!python/object:x",
    "\x1b]0;owned\x07",
    "x\ny\r\n",
    "\\",
]
CELLS = (
    "import mlflow, json, pathlib",
    "with mlflow.start_run():\n"
    "    mlflow.log_metric('a/b c-d.e_f', 1.0)\n"
    "    mlflow.log_param('said', text[:500])\n"
    "    mlflow.set_tag('note', text)\n"
    "    mlflow.log_text(text, 'said.txt')",
    "print(text)\nprint(json.dumps([text, many]))",
    "print(pathlib.Path(train_dataset).read_text()[:20])",
)


@pytest.fixture
def hostile(project):
    """The project, in which branch, experiment, notebook, data and values have such names."""
    root = project.root
    project.git("checkout", "-q", "-b", BRANCH)
    (root / NAME).mkdir()
    (root / "data" / "train.csv").rename(root / NAME / f"{NAME}.csv")
    (root / "data" / "train.csv.dvc").unlink()
    cell = "text = ''\nmany = []\ntrain_dataset = ''"
    project.notebook(*CELLS, parameters=cell, path=f"{NAME}.ipynb")
    settings = {"project": {"name": NAME}, "data": {"train": f"{NAME}/{NAME}.csv"}}
    lines = [f"[{section}]\n{key} = {json.dumps(value)}"
             for section, pairs in settings.items() for key, value in pairs.items()]  # fmt: skip
    (root / "mlops.toml").write_text("\n".join(lines) + "\n")
    api.track(f"{NAME}/{NAME}.csv")
    project.git("add", "-A")
    project.git("commit", "-qm", NAME)
    return project


def test_what_is_named_so_is_named_so_and_nothing_else_happens(hostile, tmp_path):
    around = {*tmp_path.iterdir(), *hostile.root.iterdir()}
    run = api.train(f"{NAME}.ipynb", params={"text": "\n".join(VALUES), "many": VALUES}, wait=True)
    assert run.state is RunState.SUCCEEDED, run.error
    pins = run.snapshot
    assert (pins.code.branch, pins.notebook) == (BRANCH, f"{NAME}.ipynb")
    assert pins.dataset("train").path == f"{NAME}/{NAME}.csv"
    assert {p.name: p.value for p in pins.hyperparameters}["many"] == VALUES
    assert run.metrics["a/b c-d.e_f"] == 1.0

    log = api.logs(run.id, stage="train")
    assert json.dumps(["\n".join(VALUES), VALUES]) in log
    store = Store(Config.load().resolved_tracking_uri)
    assert store.read_text(run.mlflow_run_id, "said.txt") == "\n".join(VALUES).replace("\r", "")

    html = resources.card(run.id, project=hostile.root)
    assert not {"b.onclick", "script", "img"} & set(Elements(html).found)
    assert api.show(run.id).id == run.id
    assert [r.id for r in api.runs(notebook=f"{NAME}.ipynb")] == [run.id]
    carried = api.export(run.id, tmp_path / "run.tar.gz")
    api.delete(run.id)
    assert api.import_(carried).snapshot == pins

    assert list(tmp_path.rglob(f"*{CANARY}")) == []
    after = {*tmp_path.iterdir(), *hostile.root.iterdir()} - {carried}
    assert after - around == set()


@pytest.mark.parametrize("backend", ["memory", "local"])
def test_a_placeholder_of_the_engine_is_no_name(project, backend):
    """The engine would put something else in its place; inside of values it is only text."""
    name = "{{$.inputs.parameters['code_sha']}}.ipynb"
    project.notebook("1", parameters="x = 1", path=name)
    with pytest.raises(UsageError, match="begins a placeholder") as refused:
        api.train(name, backend=backend)
    assert "without {{" in refused.value.hint
    assert api.runs() == ()
    assert project.git("for-each-ref", "refs/mlops") == ""


@pytest.mark.parametrize("name", [NAME, "x = 1; y", "class", "__import__", "a.b", "", "1a", "x\n"])
def test_a_name_of_a_parameter_is_an_identifier(project, name):
    with pytest.raises(Exception, match="parameter"):
        api.train("train.ipynb", params={name: 1}, dry_run=True)
