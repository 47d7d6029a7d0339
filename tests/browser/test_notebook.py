"""The core path in Notebook 7: the same front end without Lab's panels around it."""

from __future__ import annotations

import pytest

from tests.browser.front import Front


@pytest.fixture(scope="module")
def page(server, browser):
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    made = context.new_page()
    made.set_default_timeout(60_000)
    yield made
    context.close()


def test_a_notebook_is_trained_from_its_toolbar(server, page):
    before = len(server.runs())
    notebook = Front(page, f"{server.url}/notebooks/sample", "a-token-of-the-tests")
    notebook.open("live.ipynb")
    notebook.train_button.click()
    page.locator(".mlops-Train").get_by_label("steps").fill("3")
    notebook.dialog("Train")
    page.locator(".mlops-Page:visible").locator("header code").wait_for()
    notebook.ended()
    newest = server.runs()[0]
    assert len(server.runs()) == before + 1
    assert newest["parameters"]["steps"] == 3
    # Notebook has errors of its own when Lab is the server's default, with us or without.
    assert [error for error in notebook.errors if "/extensions/mlops-nb/" in error] == []
