"""The magic, where a run executes the notebook that it stands in."""

from __future__ import annotations

import pytest

from mlops_nb import api
from mlops_nb.exceptions import UsageError
from mlops_nb.interfaces import magics
from mlops_nb.journal import RUN_ID


def test_a_notebook_that_trains_itself_starts_nothing_in_its_run(project, monkeypatch, capsys):
    monkeypatch.setenv(RUN_ID, "20260101-000000-abc123")
    magics.mlops("train train.ipynb")
    assert "is being executed by a run, which starts nothing" in capsys.readouterr().out
    with pytest.raises(UsageError, match="a run does not start runs"):
        api.train("train.ipynb")
    assert not (project.root / ".mlops").exists()
    assert project.git("for-each-ref", "refs/mlops") == ""
