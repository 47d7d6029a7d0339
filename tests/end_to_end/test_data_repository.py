"""Data in a repository of its own, pinned at a commit."""

from __future__ import annotations

import functools
import http.server
import subprocess
import threading

import pytest

from mlops_nb import api
from mlops_nb.exceptions import ConfigError, DataError

CELLS = (
    "import pandas\nprint('rows', len(pandas.read_csv('data/train.csv')))",
    "print(open('notes/readme.txt').read())",
)


@pytest.fixture
def served(tmp_path):
    """The DVC remote, over HTTP."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    handler = functools.partial(Quiet, directory=str(tmp_path / "remote"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def data(project, served, tmp_path):
    """A data repository that has moved on since the tag v1, and a project that uses it.

    Whoever has its URL alone gets the data over HTTP.
    """
    subprocess.run(["git", "clone", "-q", str(project.root), str(tmp_path / "data")], check=True)
    folder = tmp_path / "data"

    def run(*command):
        subprocess.run(command, cwd=folder, check=True, capture_output=True)

    run("dvc", "remote", "add", "--local", "pushed", str(tmp_path / "remote"))
    run("dvc", "pull", "-q", "-r", "pushed")
    run("dvc", "remote", "modify", "storage", "url", served)
    (folder / "notes").mkdir()
    (folder / "notes/readme.txt").write_text("first notes\n")
    run("git", "add", "-A")
    run("git", "commit", "-qm", "notes")
    run("git", "tag", "-a", "v1", "-m", "v1")
    (folder / "data/train.csv").unlink()
    (folder / "data/train.csv").write_text("a,b,label\n1,2,0\n")
    run("dvc", "add", "-q", "data/train.csv")
    run("git", "commit", "-qam", "less data")
    run("dvc", "push", "-q", "-r", "pushed")

    project.git("rm", "-rq", "data")
    settings = '[data]\nrevision = "v1"\ntrain = "data/train.csv"\nother = ["notes/readme.txt"]\n'
    project.write("mlops.toml", f'{settings}repo = "../data"\n')
    project.notebook(*CELLS, parameters="rate = 0.5")
    project.git("add", "-A")
    project.git("commit", "-qm", "the data live elsewhere")
    return folder


@pytest.mark.parametrize("by", ["url", pytest.param("folder", marks=pytest.mark.faults)])
def test_data_of_another_repository_at_a_tag(project, data, folder_of, by, tmp_path, monkeypatch):
    if by == "url":
        monkeypatch.setenv("MLOPS_NB_DATA_REPO", data.as_uri())
    run = api.train("train.ipynb", wait=True)
    assert run.state.value == "SUCCEEDED", run.error
    tag = subprocess.run(
        ["git", "rev-parse", "v1^{commit}"], cwd=data, capture_output=True, text=True, check=True
    ).stdout.strip()
    train, notes = run.snapshot.datasets
    assert (train.sha, notes.sha) == (tag, tag)
    fetched = project.root / ".mlops" / "dvc"
    assert fetched.is_dir() == (by == "url")
    assert run.snapshot.code.sha == project.git("rev-parse", "HEAD")
    assert run.provided == {"data/train.csv": train.hash, "notes/readme.txt": notes.hash}
    executed = folder_of(run.id).notebook.read_text()
    assert "rows 60" in executed
    assert "first notes" in executed

    assert api.reproduce(run.id).passed
    carried = api.export(run.id, tmp_path / "run.tar.gz")
    api.init(tmp_path / "elsewhere")
    subprocess.run(["rm", "-rf", str(data), str(project.root)], check=True)
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.delenv("MLOPS_NB_DATA_REPO", raising=False)
    assert api.import_(carried).provided == run.provided
    verdict = api.reproduce(run.id)
    assert verdict.passed, verdict.reason


def test_what_the_data_repository_does_not_have_is_refused(project, data, monkeypatch):
    with pytest.raises(DataError, match=r"has no data/gone\.csv at"):
        api.train("train.ipynb", train="data/gone.csv")
    with pytest.raises(DataError, match="no path inside of the data repository"):
        api.train("train.ipynb", train="../data/train.csv")
    monkeypatch.setenv("MLOPS_NB_DATA_REVISION", "v2")
    with pytest.raises(DataError, match="has no revision 'v2'"):
        api.train("train.ipynb")
    monkeypatch.setenv("MLOPS_NB_DATA_REPO", (data.parent / "nowhere").as_uri())
    with pytest.raises(DataError, match="or cannot be read"):
        api.train("train.ipynb")
    monkeypatch.setenv("MLOPS_NB_DATA_REPO", "https://user:secret@host/repository")
    with pytest.raises(ConfigError, match=r"data\.repo holds a password"):
        api.train("train.ipynb")
    assert project.git("for-each-ref", "refs/mlops") == ""
