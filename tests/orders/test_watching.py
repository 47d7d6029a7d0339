from __future__ import annotations

import subprocess

import msgspec
import pytest

from mlops_nb.exceptions import UsageError
from mlops_nb.journal import new_run
from mlops_nb.orders import watching
from mlops_nb.settings import Config
from mlops_nb.types import Hyperparameter, Model, Origin, Revision, Span
from tests.vocabulary import request

NOW = 1_700_000_000.0


def span(**given):
    words = dict.fromkeys(("last", "since", "until", "rows"))
    return watching.span(**{**words, **given}, now=NOW)


@pytest.mark.parametrize(
    ("last", "seconds"), [("30m", 1_800), ("24h", 86_400), ("1.5d", 129_600), ("2w", 1_209_600)]
)
def test_a_window_goes_so_far_back(last, seconds):
    assert span(last=last) == Span(since=NOW - seconds)


def test_a_time_without_a_zone_is_utc():
    assert span(since="1970-01-02") == Span(since=86_400.0)
    assert span(since="1970-01-02T01:00:00+01:00") == Span(since=86_400.0)
    assert span(since="1970-01-02T00:00:00Z") == Span(since=86_400.0)


@pytest.mark.parametrize(
    "given",
    [
        {"last": "soon"},
        {"last": "-1h"},
        {"last": "1h", "since": "2025-01-01"},
        {"rows": 0},
        {"since": "yesterday"},
        {"since": "2025-01-02", "until": "2025-01-01"},
    ],
)
def test_a_window_that_is_none_is_refused(given):
    with pytest.raises(UsageError):
        span(**given)


@pytest.fixture
def trained(tmp_path):
    """A project whose revision was made by a run with a hyperparameter of its caller's."""
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / "mlops.toml").write_text("")
    values = (("C", 0.5, "argument"), ("solver", "lbfgs", "cell"), ("name", "it's", "session"))
    given = tuple(
        Hyperparameter(name=name, type="any", default=None, value=value, source=source)
        for name, value, source in values
    )
    run = new_run(request())
    pins = msgspec.structs.replace(run.snapshot, notebook="train.ipynb", hyperparameters=given)
    run = msgspec.structs.replace(run, snapshot=pins)
    made_of = Origin(model=Model(uri="models:/m-1"), run_id=run.id)
    revision = Revision(number=1, package="p", origin=made_of, created_at="2026-01-01")
    return revision, Config.load(tmp_path), {run.id: run}.__getitem__


def test_drift_starts_what_made_the_model_with_what_its_caller_had_said(trained):
    revision, config, run_of = trained
    said = ["--param", "C=0.5", "--param", "name=it's"]
    notebook = str(config.root / "train.ipynb")
    assert watching.follow("nothing", revision, config, run_of) == []
    assert watching.follow("train", revision, config, run_of) == [notebook, *said]
    parent = ["--parent", revision.origin.run_id]
    assert watching.follow("update", revision, config, run_of) == [notebook, *parent, *said]


def test_a_model_from_elsewhere_is_not_trained_again(trained):
    revision, config, run_of = trained
    elsewhere = msgspec.structs.replace(revision, origin=Origin(model=Model(uri="models:/x/1")))
    with pytest.raises(UsageError, match="no run of ours"):
        watching.follow("train", elsewhere, config, run_of)
    with pytest.raises(UsageError, match="'panic'"):
        watching.follow("panic", revision, config, run_of)
