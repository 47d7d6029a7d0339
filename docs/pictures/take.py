"""Take pictures of the views of the front end, light and dark, from a Lab with the quickstart.

    python docs/pictures/take.py             those that the pages show, beside this file
    python docs/pictures/take.py FOLDER      all that there are

The quickstart gets two runs, an evaluation, a deployment and a schedule of its name, in a folder
that is removed in the end. The browser is the system's chromium; pngquant, where there is one,
makes the files smaller.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

HERE = Path(__file__).parent
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
EXECUTE = "([name, args]) => void window.jupyterapp.commands.execute(name, args)"
# What `%mlops train` puts out, in the last cell of the notebook.
OUTPUT = """([run_id, project]) => {
    const shell = window.jupyterapp.shell;
    const panel = [...shell.widgets('main')].find(one => one.content?.model?.cells);
    shell.activateById(panel.id);
    const cell = [...panel.content.widgets].reverse().find(one => one.outputArea);
    const data = { 'application/vnd.mlops-nb.run+json': { run_id, project: '.' } };
    cell.model.outputs.clear();
    cell.model.outputs.add({ output_type: 'display_data', data, metadata: {} });
    panel.content.activeCellIndex = panel.content.widgets.indexOf(cell);
}"""
PROJECT, NOTEBOOK = "quickstart", "quickstart/quickstart.ipynb"
# What the pictures show: each is a command in the project.
STORY = (
    ("train", "quickstart.ipynb", "--wait"),
    ("train", "quickstart.ipynb", "--param", "C=0.1", "--wait"),
    (
        "evaluate",
        "--gate",
        "test_accuracy>=0.9",
        "--set",
        "evaluation.slices=mean_radius",
        "--wait",
    ),
    ("deploy", "--wait"),
    ("schedule", "quickstart.ipynb", "--cron", "0 6 * * 1-5", "--timezone", "Europe/Berlin"),
)
SHOWN = ("train", "comparison", "deployment", "report", "schedule-form", "run")


def main(folder: str = "") -> None:
    """Make what is to be seen, take the pictures, and take all of it down."""
    with tempfile.TemporaryDirectory() as made:
        project = Path(made) / PROJECT
        mlops("init", "--example", "quickstart", str(project))
        for words in STORY:
            mlops(*words, "--project", str(project))
        try:
            with lab(Path(made)) as (url, token):
                take(url, token, folder)
        finally:
            mlops("undeploy", "quickstart", "--project", str(project))


def mlops(*words: str) -> None:
    """Run a verb."""
    subprocess.run([sys.executable, "-m", "mlops_nb", *words], check=True)


@contextmanager
def lab(root: Path) -> Iterator[tuple[str, str]]:
    """Serve a folder, with settings of its own; give the address and the token."""
    token = secrets.token_hex(16)
    own = {name: str(root / name.lower()) for name in ("JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR")}
    options = ["--no-browser", "--LabApp.expose_app_in_browser=True", "--LabApp.news_url="]
    if os.geteuid() == 0:
        options.append("--allow-root")
    server = subprocess.Popen(
        [sys.executable, "-m", "jupyter", "lab", "--notebook-dir", str(root), *options],
        env={**os.environ, **own, "JUPYTER_TOKEN": token},
    )
    try:
        said = root / "jupyter_runtime_dir" / f"jpserver-{server.pid}.json"
        while not said.exists():
            if server.poll() is not None:
                sys.exit(f"JupyterLab ended with {server.returncode}")
            time.sleep(0.2)
        yield json.loads(said.read_text())["url"] + "lab", token
    finally:
        server.terminate()
        server.wait()


def take(url: str, token: str, folder: str) -> None:
    """Take all of them."""
    place = Path(folder) if folder else HERE
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 760})
        page.set_default_timeout(60_000)
        for name, theme in THEMES.items():
            page.goto(f"{url}/workspaces/{name}/tree/{NOTEBOOK}?reset&token={token}")
            page.get_by_text("Train", exact=True).first.wait_for()
            # The question about news, where nobody has answered it yet.
            page.add_style_tag(content=".Toastify { display: none }")
            # Lab's dialogs are as large as the page, and have the border that browsers give them.
            page.add_style_tag(content=".jp-Dialog { border: none !important }")
            execute(page, "apputils:change-theme", theme=theme)
            execute(page, "mlops:show-panel")
            page.locator(".mlops-Row-main").first.wait_for()
            for what, show in VIEWS.items():
                show(page)
                page.wait_for_timeout(800)
                if folder or what in SHOWN:
                    save(page, place / f"{what}-{name}.png")
                leave(page)
        browser.close()


def execute(page: Page, command: str, **args: object) -> None:
    """Run one of Lab's commands."""
    page.evaluate(EXECUTE, [command, args])


def leave(page: Page) -> None:
    """Give up the dialog that is open, if there is one."""
    if page.locator(".jp-Dialog").count():
        page.locator(".jp-Dialog .jp-mod-reject").click()
        page.locator(".jp-Dialog").wait_for(state="detached")


def form(page: Page, command: str, **args: object) -> None:
    """Open a form."""
    execute(page, command, **args)
    page.locator(".mlops-Train fieldset").first.wait_for()


def train(page: Page) -> None:
    """Show the form of a run."""
    form(page, "mlops:train", path=NOTEBOOK)


def schedule_form(page: Page) -> None:
    """Show the form of a schedule, with its next firings."""
    form(page, "mlops:schedule", path=NOTEBOOK)
    page.get_by_label("Cron").fill("0 6 * * 1-5")
    page.get_by_label("Time zone").fill("Europe/Berlin")
    page.locator(".mlops-Moments").last.wait_for()


def wrong_schedule_form(page: Page) -> None:
    """Show what is said of a line that is none."""
    form(page, "mlops:schedule", path=NOTEBOOK)
    page.get_by_label("Cron").fill("0 6 * * 9")
    page.locator(".mlops-Problem").wait_for()


def tune_form(page: Page) -> None:
    """Show the form of a search."""
    form(page, "mlops:tune", path=NOTEBOOK)
    page.get_by_label("C", exact=True).fill("0.01 to 10 log")


def evaluate_form(page: Page) -> None:
    """Show the form of an evaluation."""
    form(page, "mlops:evaluate", project=PROJECT, what="latest")


def monitor_form(page: Page) -> None:
    """Show the form of a monitoring run."""
    form(page, "mlops:monitor", project=PROJECT, name="quickstart")


def rows(page: Page, text: str):
    """Return the rows of the panel that have a text."""
    return page.locator("#mlops-panel .mlops-Row").filter(has_text=text)


def trainings(page: Page):
    """Return the rows of training runs."""
    return rows(page, "quickstart.ipynb").filter(has_not_text=re.compile("evaluation|deployment"))


def comparison(page: Page) -> None:
    """Show two runs side by side."""
    boxes = trainings(page).get_by_role("checkbox")
    boxes.nth(0).check()
    boxes.nth(1).check()
    page.get_by_role("button", name="Compare 2").click()
    page.locator(".mlops-Page:visible .mlops-Table").wait_for()
    boxes.nth(0).uncheck()
    boxes.nth(1).uncheck()


def run(page: Page) -> None:
    """Show a training run."""
    trainings(page).first.locator(".mlops-Row-main").click()
    page.locator(".mlops-Page:visible").get_by_role("heading", name=NOTEBOOK[11:]).wait_for()
    page.locator(".mlops-Page:visible").get_by_role("tab", name="Metrics").click()


def report(page: Page) -> None:
    """Show what an evaluation has found."""
    rows(page, "evaluation").first.locator(".mlops-Row-main").click()
    page.locator(".mlops-Page:visible").get_by_role("tab", name="Report").click()
    frame = page.frame_locator(".mlops-Page:visible .mlops-Report")
    frame.locator("svg").first.wait_for()


def tab(name: str):
    """Return what shows another part of the run that is seen."""

    def show(page: Page) -> None:
        run(page)
        page.locator(".mlops-Page:visible").get_by_role("tab", name=name).click()

    return show


def deployment(page: Page) -> None:
    """Show what is deployed."""
    execute(page, "mlops:open-deployment", project=PROJECT, name="quickstart")
    page.locator(".mlops-Page:visible").get_by_role("heading", name="Revisions").wait_for()


def schedule(page: Page) -> None:
    """Show a schedule."""
    execute(page, "mlops:open-schedule", project=PROJECT, name="quickstart")
    page.locator(".mlops-Page:visible").get_by_role("heading", name="History").wait_for()


def card(page: Page) -> None:
    """Show a run in the output of a cell."""
    title = trainings(page).first.locator(".mlops-Row-main").get_attribute("title")
    run_id = (title or "").splitlines()[-1]
    page.evaluate(OUTPUT, [run_id, PROJECT])
    page.locator(".mlops-Card").last.wait_for()
    page.locator(".mlops-Card").last.scroll_into_view_if_needed()


def findings(page: Page) -> None:
    """Show what a run would take."""
    execute(page, "mlops:show-findings", path=NOTEBOOK)
    page.locator(".jp-Dialog .mlops-Findings, .jp-Dialog section p").first.wait_for()


VIEWS = {
    "train": train,
    "schedule-form": schedule_form,
    "schedule-wrong": wrong_schedule_form,
    "tune-form": tune_form,
    "evaluate-form": evaluate_form,
    "monitor-form": monitor_form,
    "comparison": comparison,
    "run": run,
    "run-parameters": tab("Parameters"),
    "run-pins": tab("Pins"),
    "run-artifacts": tab("Artifacts"),
    "run-log": tab("Log"),
    "report": report,
    "card": card,
    "deployment": deployment,
    "schedule": schedule,
    "findings": findings,
}


def save(page: Page, place: Path) -> None:
    """Save what is seen, small."""
    page.screenshot(path=place)
    if shutil.which("pngquant"):
        command = ["pngquant", "--force", "--skip-if-larger", "--output", str(place), str(place)]
        subprocess.run(command, check=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
