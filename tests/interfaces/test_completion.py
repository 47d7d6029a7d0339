from __future__ import annotations

import pytest

from mlops_nb.interfaces.completion import candidates


@pytest.mark.parametrize(
    ("line", "symbol", "found"),
    [
        ("%mlops ", "", {"train", "status", "help"}),
        ("%mlops tr", "tr", {"track", "train"}),
        ("%mlops train ", "", {"train.ipynb", "--param", "--wait"}),
        ("%mlops train --tr", "--tr", {"--train"}),
        ("%mlops train --train ", "", {"data/train.csv", "data/test.csv"}),
        ("%mlops train train.ipynb --param ", "", {"rate=", "name="}),
        ("%mlops schedule ", "", {"train.ipynb", "--cron"}),
        ("%mlops unschedule ", "", {"--project"}),
        ("%mlops help wa", "wa", {"watch"}),
        ("%mlops runs --st", "--st", {"--state"}),
        ("%mlops runs --state ", "", {"FAILED", "SUCCEEDED"}),
        ("%mlops runs --sort se", "se", {"seconds"}),
        ("%mlops runs --where ", "", {"created"}),
    ],
)
def test_what_may_come_next(project, line, symbol, found):
    assert found <= set(candidates(line, symbol))


def test_nothing_comes_after_an_unknown_verb(project):
    assert candidates("%mlops nothing ", "") == []


def test_outside_of_a_project_options_are_offered(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "--project" in candidates("%mlops show ", "")
