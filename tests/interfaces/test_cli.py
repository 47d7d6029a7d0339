from __future__ import annotations

import pytest


def test_status_is_one_object(project, json_of):
    code, printed = json_of("status", "train.ipynb")
    assert code == 0
    assert printed["snapshot"]["parameters"] == {"rate": 0.5, "name": "x"}
    assert printed["snapshot"]["code"]["dirty"] is False


def test_status_of_what_cannot_be_pinned_says_so_and_fails(project, json_of):
    code, printed = json_of("status", "nothing.ipynb")
    assert code == 1
    assert printed["snapshot"] is None
    assert printed["findings"][0]["severity"] == "error"


def test_dry_run_shows_the_run_and_keeps_nothing(project, json_of):
    code, printed = json_of("train", "train.ipynb", "--param", "rate=0.25", "--dry-run")
    assert code == 0
    assert printed["state"] == "PENDING"
    assert printed["snapshot"]["parameters"]["rate"] == 0.25
    assert printed["snapshot"]["datasets"][0]["hash"]
    assert not (project.root / ".mlops").exists()
    assert project.git("for-each-ref", "refs/mlops") == ""


@pytest.mark.parametrize(
    ("arguments", "code", "hint"),
    [
        (("trian",), 2, "did you mean train?"),
        (("train", "train.ipynb", "--param", "rtae=1"), 2, "did you mean 'rate'?"),
        (("train", "train.ipynb", "--param", "rate"), 2, "write it as --param rate=VALUE"),
        (("train", "train.ipynb", "--param", "rate=fast"), 2, "such as --param rate=0.5"),
        (("train", "train.ipynb", "--nothing"), 2, "see: jupyter mlops train --help"),
        (("train", "nothing.ipynb"), 1, None),
        (("train",), 1, "name it: %mlops train NOTEBOOK.ipynb"),
        (("train", "train.ipynb", "--train", "no.csv"), 1, None),
        (("train", "train.ipynb", "--backend", "locl"), 1, "did you mean 'local'?"),
        (("show", "20200101"), 1, "list them: jupyter mlops runs"),
        (("init", "--example", "nothing", "x"), 2, "there are: incremental, quickstart, tuning"),
        (("track", "nothing.csv"), 1, "name data of the project"),
    ],
)
def test_refusals_have_exit_code_and_hint(project, json_of, arguments, code, hint):
    exited, printed = json_of(*arguments)
    assert exited == code
    assert printed["error"]["message"]
    assert printed["error"]["hint"] == (hint or printed["error"]["hint"])
    assert not (project.root / ".mlops" / "runs").exists()


def test_outside_of_a_project(tmp_path, monkeypatch, json_of):
    monkeypatch.chdir(tmp_path)
    code, printed = json_of("runs")
    assert code == 1
    assert printed["error"]["hint"].startswith("make it a project: jupyter mlops init")


def test_config_names_sources(project, json_of, monkeypatch):
    monkeypatch.setenv("MLOPS_NB_MODEL_NAME", "m")
    _, printed = json_of("config")
    by_name = {s["name"]: s for s in printed["settings"]}
    assert by_name["model.name"]["source"] == "MLOPS_NB_MODEL_NAME"
    assert by_name["project.name"]["source"] == "mlops.toml"
    assert by_name["run.backend"]["source"] == "default"


def test_another_project_by_name(project, tmp_path, monkeypatch, json_of):
    monkeypatch.chdir(tmp_path)
    code, printed = json_of("status", "train.ipynb", "--project", str(project.root))
    assert code == 0
    assert printed["project"] == str(project.root)


def test_compile_writes_one_file_per_pipeline(tmp_path, json_of):
    code, printed = json_of("compile", "--output", str(tmp_path / "out"))
    assert code == 0
    assert sorted(str(p) for p in (tmp_path / "out").iterdir()) == sorted(printed["files"])


def test_track_puts_data_under_dvc(project, json_of):
    project.write("data/new.csv", "a\n1\n")
    assert json_of("track", "data/new.csv") == (0, {"pointer": "data/new.csv.dvc"})
    assert (project.root / "data/new.csv.dvc").exists()


def test_init_of_a_project_changes_nothing(project, json_of, state_of):
    before = state_of(project.root)
    code, printed = json_of("init", ".")
    assert code == 0
    assert printed["done"][0].endswith("nothing was changed")
    assert state_of(project.root) == before


def test_init_keeps_what_is_there(tmp_path, json_of):
    (tmp_path / "notes.txt").write_text("mine")
    assert json_of("init", str(tmp_path))[0] == 0
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert (tmp_path / ".dvc").is_dir()


def test_an_example_inside_of_a_repository_is_a_repository_of_its_own(project, json_of):
    project.write(".gitignore", "/demo/\n")
    code, printed = json_of("init", "--example", "quickstart", "demo/quickstart")
    assert code == 0
    assert printed["done"][0] == "made a git repository"
    assert (project.root / "demo" / "quickstart" / ".git").is_dir()


def test_an_example_never_goes_into_a_folder_with_files(tmp_path, json_of):
    (tmp_path / "notes.txt").write_text("mine")
    code, printed = json_of("init", "--example", "quickstart", str(tmp_path))
    assert code == 1
    assert "not empty" in printed["error"]["message"]
    assert [p.name for p in tmp_path.iterdir()] == ["notes.txt"]


def test_input_that_cannot_be_read_is_refused_with_a_hint(project, json_of):
    for verb in ("predict", "label"):
        code, answer = json_of(verb, "sample", "--input", "absent.json")
        assert code == 2
        assert answer["error"]["type"] == "UsageError"
        assert "absent.json" in answer["error"]["message"]
