"""Take the pictures of the front end, light and dark, from a Lab with the quickstart in its root.

    python docs/pictures/take.py http://127.0.0.1:8888/lab TOKEN

The quickstart has two runs then, or more, and a deployment of its name. The browser is the system's
chromium; pngquant, where there is one, makes the files smaller.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from playwright.sync_api import Page

HERE = Path(__file__).parent
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
EXECUTE = "([name, args]) => void window.jupyterapp.commands.execute(name, args)"


def main(url: str, token: str, project: str = "quickstart") -> None:
    """Take all of them."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 760})
        page.set_default_timeout(120_000)
        for name, theme in THEMES.items():
            page.goto(f"{url}/workspaces/{name}/tree/{project}/quickstart.ipynb?token={token}")
            page.get_by_text("Train", exact=True).first.wait_for()
            # The question about news, where nobody has answered it yet.
            page.add_style_tag(content=".Toastify { display: none }")
            execute(page, "apputils:change-theme", theme=theme)
            execute(page, "mlops:show-panel")
            page.locator(".mlops-Row-main").first.wait_for()
            for what, show in VIEWS.items():
                show(page, project)
                page.wait_for_timeout(1500)
                save(page, HERE / f"{what}-{name}.png")
        browser.close()


def execute(page: Page, command: str, **args: object) -> None:
    """Run one of Lab's commands."""
    page.evaluate(EXECUTE, [command, args])


def train(page: Page, project: str) -> None:
    """Show the form of a run."""
    execute(page, "mlops:train", path=f"{project}/quickstart.ipynb")
    page.locator(".mlops-Train fieldset").first.wait_for()


def comparison(page: Page, project: str) -> None:
    """Leave the form, and show two runs side by side."""
    page.locator(".jp-Dialog").get_by_role("button", name="Cancel").click()
    rows = page.locator("#mlops-panel .mlops-Row").filter(has_text="quickstart.ipynb")
    boxes = rows.get_by_role("checkbox")
    boxes.nth(0).check()
    boxes.nth(1).check()
    page.get_by_role("button", name="Compare 2").click()
    page.locator(".mlops-Page:visible .mlops-Table").wait_for()
    boxes.nth(0).uncheck()
    boxes.nth(1).uncheck()


def deployment(page: Page, project: str) -> None:
    """Show what is deployed."""
    execute(page, "mlops:open-deployment", project=project, name="quickstart")
    page.locator(".mlops-Page:visible").last.wait_for()


VIEWS = {"train": train, "comparison": comparison, "deployment": deployment}


def save(page: Page, place: Path) -> None:
    """Save what is seen, small."""
    page.screenshot(path=place)
    if shutil.which("pngquant"):
        command = ["pngquant", "--force", "--skip-if-larger", "--output", str(place), str(place)]
        subprocess.run(command, check=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
