from __future__ import annotations

import re
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
PAGES = [*TOP.glob("*.md"), *TOP.glob("docs/*.md"), *TOP.glob("docs/reference/*.md")]


def places(path: Path) -> set[str]:
    """Return what the sections of a page are called in links."""
    titles = re.findall(r"^##+ (.+)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-") for title in titles}


def leads_somewhere(page: Path, target: str) -> bool:
    name, _, place = target.partition("#")
    path = page.parent / name if name else page
    return path.exists() and (not place or place in places(path))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page):
    targets = re.findall(r"\]\((.+?)\)", page.read_text())
    inside = [target for target in targets if not target.startswith("https://")]
    assert [target for target in inside if not leads_somewhere(page, target)] == []
