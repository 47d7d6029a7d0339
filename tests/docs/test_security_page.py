from __future__ import annotations

import re
import subprocess

import pytest

from mlops_nb.capture.repository import Repository
from tests.corpora.secrets import TOKENS
from tests.docs.evidence import TOP, missing, named

PAGE = TOP / "docs" / "security.md"
TEXT = PAGE.read_text(encoding="utf-8")
ROWS = [
    line for line in TEXT.partition("## The rules")[2].splitlines()
    if re.match(r"\| (?!rule \||---)", line)
]  # fmt: skip


def test_every_test_that_the_page_names_is_there():
    assert len(named(TEXT)) > 60
    assert missing(named(TEXT)) == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[2:42])
def test_every_rule_is_held_or_says_why_not(row):
    _, rule, held, _ = (part.strip() for part in row.split("|"))
    assert rule
    said = re.match(r"Refused|Out of scope|Left to the cluster", held)
    assert named(held) or said
    # What looks like a test and is written in another way would be looked for by nobody.
    assert held.count("::") == len(named(held))


def test_what_is_purged_as_the_page_says_is_gone(project):
    secret = TOKENS["github token"]
    project.write("module.py", f"X = '{secret}'  # pragma: allowlist secret\n")
    repository = Repository.find(project.root)
    repository.snapshot("run", project.root, {})
    project.git("checkout", "-q", "-f", ".")
    (project.root / "module.py").unlink()

    def everything():
        listed = ["git", "cat-file", "--batch-all-objects", "--batch"]
        return subprocess.run(listed, cwd=project.root, capture_output=True, check=True).stdout

    assert secret.encode() in everything()
    repository.forget("run")
    (command,) = re.findall(r"^git (gc .*)$", TEXT, re.MULTILINE)
    project.git(*command.split())
    assert secret.encode() not in everything()
    assert project.git("status", "--porcelain") == ""
