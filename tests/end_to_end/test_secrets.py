"""Planted secrets: in nothing that a run leaves behind."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path

import pytest

from mlops_nb import api
from mlops_nb.capture import snapshot
from mlops_nb.capture.snapshot import Wanted
from mlops_nb.exceptions import CodeError, MlopsError, UsageError
from mlops_nb.interfaces.server import errors
from mlops_nb.interfaces.server.routes import ROUTES, SWITCHING
from mlops_nb.journal import RunFolder
from mlops_nb.settings import Config
from mlops_nb.tracking.store import Store
from tests.corpora.secrets import FILES, IN_URLS, PLANTED, TOKENS, VARIABLES, found
from tests.vocabulary import notebook


def objects(repository: Path, *revisions: str) -> bytes:
    """All that git has for some revisions."""
    listed = subprocess.run(
        ["git", "rev-list", "--objects", *revisions],
        cwd=repository,
        capture_output=True,
        check=True,
    ).stdout
    names = b"".join(line.split(b" ")[0] + b"\n" for line in listed.splitlines())
    return subprocess.run(
        ["git", "cat-file", "--batch"], input=names, cwd=repository, capture_output=True, check=True
    ).stdout


def files(folder: Path) -> dict[str, set[str]]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {str(path): hit for path in paths if (hit := found(path.read_bytes()))}


def looks(route):
    """Whether a route only looks, at a run or at all of the project."""
    about_deployments = "{name}" in route.path or route.path == "/upcoming"
    return route.method == "GET" and route.status != SWITCHING and not about_deployments


def answered(route, run_id, root):
    """Return what a server would answer."""
    asked = {"run_ids": [run_id, run_id], "notebook": ["train.ipynb"]}
    query = {
        name: value for name, value in asked.items() if name in [p.name for p in route.parameters]
    }
    try:
        taken = route.read(dict.fromkeys(route.in_path, run_id), query, b"")
        found = route.verb(**route.arguments(taken, root, root))
        return json.dumps(route.answer(found)).encode()
    except MlopsError as error:
        return json.dumps(errors.body_for(400, error)).encode()


@pytest.fixture
def planted(project, monkeypatch, tmp_path):
    """A project with a secret in every place that a run could take it from."""
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    with (project.root / "mlops.toml").open("a") as settings:
        settings.write('[environment]\nsecrets = ["WAREHOUSE_PASSWORD"]\n')
    for name in FILES:
        project.write(f"keys/{name}", f"content-of-{name}-5ecret\n")
    project.git("remote", "add", "origin", f"https://u:{IN_URLS[0]}@host/r.git?token={IN_URLS[1]}")
    for words in ("add --local web https://host/data", f"modify --local web password {IN_URLS[3]}"):
        subprocess.run(["dvc", "remote", *words.split()], cwd=project.root, check=True)
    record = tmp_path / "lib" / "from_git-1.0.dist-info"
    record.mkdir(parents=True)
    (record / "METADATA").write_text("Metadata-Version: 2.1\nName: from_git\nVersion: 1.0\n")
    url = f"https://u:{IN_URLS[2]}@host/p.git"
    origin = {"url": url, "vcs_info": {"vcs": "git", "commit_id": "a" * 40}}
    (record / "direct_url.json").write_text(json.dumps(origin))
    monkeypatch.syspath_prepend(str(tmp_path / "lib"))

    hidden = base64.b64encode(json.dumps([*TOKENS.values()]).encode()).decode()
    path = project.notebook(
        f"import base64, json, os, sys\nknown = json.loads(base64.b64decode('{hidden}'))",
        "for secret in known:\n    print('in a line:', secret)\nprint(dict(os.environ))",
        "from IPython.display import HTML, display\n"
        "display(HTML(''.join(f'<p>{s}</p>' for s in known)))",
        "print(known, file=sys.stderr)\nknown",
        "raise ValueError('failed with ' + ' and '.join([*known, os.environ['GOOGLE_API_KEY']]))",
        parameters="rate = 0.5",
    )
    document = json.loads(path.read_text())
    document["cells"][1]["outputs"] = [
        {"output_type": "stream", "name": "stdout", "text": [f"{s}\n" for s in TOKENS.values()]}
    ]
    path.write_text(json.dumps(document))
    return project


def test_nothing_of_a_run_holds_a_planted_secret(planted, tmp_path):
    assert len(PLANTED) >= 30
    run = api.train("train.ipynb", wait=True)
    assert run.error.type == "ValueError", run.error
    assert "failed with" in run.error.message

    snapshot_of_run = f"{run.snapshot.code.sha}^{{tree}}"
    assert found(objects(planted.root, snapshot_of_run)) == set()
    assert files(planted.root / ".mlops") == {}
    carried = api.export(run.id, tmp_path / "run.tar.gz")
    (tmp_path / "opened").mkdir()
    subprocess.run(["tar", "xzf", str(carried), "-C", str(tmp_path / "opened")], check=True)
    assert files(tmp_path / "opened") == {}
    subprocess.run(
        ["git", "clone", "-q", "code.bundle", "code"], cwd=tmp_path / "opened", check=True
    )
    assert found(objects(tmp_path / "opened" / "code", "--all")) == set()

    answers = {
        route.path: answered(route, run.id, planted.root) for route in ROUTES if looks(route)
    }
    assert len(answers) >= 12
    assert {path: hit for path, text in answers.items() if (hit := found(text))} == {}
    sent = json.dumps(RunFolder(planted.root / ".mlops" / "runs" / run.id).load_request().arguments)
    assert found(sent.encode()) == set(), "what a cluster would show as parameters"
    kept = (
        Store(Config.load().resolved_tracking_uri)
        ._connection.client.get_run(run.mlflow_run_id)
        .data
    )
    assert kept.tags
    assert found(json.dumps([kept.tags, kept.params]).encode()) == set()

    executed = (planted.root / ".mlops" / "runs" / run.id / "notebook.ipynb").read_text()
    assert executed.count("in a line: ") >= len(TOKENS), "outputs stay, without their secrets"
    said = " ".join(finding.message for finding in run.findings)
    assert all(f"keys/{name} holds secrets by its name" in said for name in FILES)
    assert "the outputs of train.ipynb hold a secret" in said


@pytest.mark.parametrize("kind", TOKENS)
def test_a_secret_in_code_is_refused_and_no_object_has_it(project, kind):
    project.write("module.py", f"# {TOKENS[kind]}\n")
    config = Config.load(project.root)
    with pytest.raises(CodeError, match=r"module\.py, line 1, holds what looks like a"):
        snapshot.take(config, Wanted(notebook=Path("train.ipynb")), name="one")
    everything = subprocess.run(
        ["git", "cat-file", "--batch-all-objects", "--batch"],
        cwd=project.root, capture_output=True, check=True,
    ).stdout  # fmt: skip
    assert TOKENS[kind].encode() not in everything


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("note", TOKENS["github token"]),
        ("db_password", "c0rrect-h0rse-1"),
        ("note", ["x", TOKENS["url"]]),
    ],
)
def test_a_secret_is_no_hyperparameter(project, name, value):
    notebook(project.root / "train.ipynb", "1", parameters=f"{name} = None")
    with pytest.raises(UsageError, match=f"the hyperparameter {name} holds what looks like") as no:
        api.train("train.ipynb", params={name: value})
    assert str(value) not in str(no.value)


def test_a_line_that_is_none_can_say_so(project):
    project.write("module.py", f"X = '{TOKENS['github token']}'  # pragma: allowlist secret\n")
    config = Config.load(project.root)
    assert snapshot.take(config, Wanted(notebook=Path("train.ipynb")), name="one").snapshot
