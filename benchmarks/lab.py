"""The panel in JupyterLab on a project with 5,000 runs: when rows are seen, what holds it up."""

from __future__ import annotations

import random
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from mlops_nb import api
from mlops_nb import project as projects
from mlops_nb.journal import (
    RUNS,
    MetricsLogged,
    ModelLogged,
    RunFinished,
    RunFolder,
    RunQueued,
    RunStarted,
    RunTracked,
    StageFinished,
    StageStarted,
)
from mlops_nb.settings import Config
from mlops_nb.types import Failure, Model, Run, RunRequest, RunState, StageState
from tests.browser.conftest import CHROMIUM, FLAGS, TOKEN, served
from tests.vocabulary import notebook

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

COUNT = 5_000
PARAMETERS = "\n".join(f"p{index}: float = {index / 8}" for index in range(8))
TRAINING = "import pandas\ndata = pandas.read_csv('data/train.csv')"
# Begins to note what holds the browser up for more than 50 ms, as the browser itself counts it.
WATCH = """() => {
    window.held = [];
    new PerformanceObserver(list => window.held.push(...list.getEntries().map(one => one.duration)))
        .observe({ entryTypes: ['longtask'] });
}"""
# From the command to the frame in which rows are drawn.
SHOW = """async () => {
    const start = performance.now();
    await window.jupyterapp.commands.execute('mlops:show-panel');
    while (!document.querySelector('#mlops-panel .mlops-Row-main')?.checkVisibility()) {
        await new Promise(requestAnimationFrame);
    }
    await new Promise(requestAnimationFrame);
    return performance.now() - start;
}"""
# A frame a step, to the end and back, as a drag of the scroll bar is; then the rows that are seen.
SCROLL = """async () => {
    const list = document.querySelector('#mlops-panel .mlops-Rows');
    const steps = 240, start = performance.now();
    let slowest = 0, before = start;
    for (let step = 0; step <= steps; step++) {
        const part = 1 - Math.abs(1 - 2 * step / steps);
        list.scrollTop = part * (list.scrollHeight - list.clientHeight);
        await new Promise(requestAnimationFrame);
        slowest = Math.max(slowest, performance.now() - before);
        before = performance.now();
    }
    list.scrollTop = list.scrollHeight / 2;
    const left = performance.now();
    await new Promise(requestAnimationFrame);
    while (!list.querySelector('.mlops-Row-main') || list.querySelector('.mlops-mod-waiting')) {
        await new Promise(requestAnimationFrame);
    }
    return { slowest, filled: performance.now() - left, nodes: list.querySelectorAll('*').length };
}"""
# From the next event in the filter to the frame in which the first row is another one.
AWAIT = """kind => {
    const first = () => document.querySelector('#mlops-panel .mlops-Row-main')?.title;
    const before = first(), filter = document.querySelector('#mlops-panel .mlops-Filter');
    window.awaited = new Promise(resolve => filter.addEventListener(kind, async () => {
        const start = performance.now();
        while ([undefined, before].includes(first())) {
            await new Promise(requestAnimationFrame);
        }
        await new Promise(requestAnimationFrame);
        resolve(performance.now() - start);
    }, { once: true }));
}"""
HEAP = "() => performance.memory.usedJSHeapSize / 1e6"


def table(folder: Path) -> str:
    """Return the table."""
    from playwright.sync_api import sync_playwright

    root = folder / "root"
    written_s = timed(lambda: fill(root / "sample"))
    own = folder / "jupyter"
    own.mkdir()
    with served(root, own) as server:
        first_s = timed(lambda: server.ask("GET", "/runs"))
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            page = browser.new_page(viewport={"width": 1400, "height": 900})
            page.goto(f"{server.url}/lab/tree/sample?token={TOKEN}")
            page.locator(".jp-DirListing-item", has_text="mlops.toml").wait_for()
            found = [("command to rows, when Lab has just listed the folder", shown(page))]
            page.reload()
            page.wait_for_function("() => window.jupyterapp?.restored")
            page.wait_for_timeout(5_000)
            found += measured(page)
            browser.close()
    rows = [
        f"| write {COUNT:,} records | {written_s:.1f} s |",
        f"| first list of all, which makes the index | {first_s:.1f} s |",
        *(f"| {name} | {value} |" for name, value in found),
    ]
    return "\n".join([f"The panel with {COUNT:,} runs", "", "| | |", "|---|---|", *rows])


def measured(page: Page) -> list[tuple[str, str]]:
    """Return the figures of a page in which Lab has come to rest."""
    page.evaluate(WATCH)
    before_mb = page.evaluate(HEAP)
    found = [("command to rows, in a Lab at rest", shown(page)), *held(page, "showing")]
    scrolled = page.evaluate(SCROLL)
    found += [
        ("slowest frame while scrolling to the end and back", f"{scrolled['slowest']:.0f} ms"),
        ("rows after a jump into the middle", f"{scrolled['filled']:.0f} ms"),
        ("elements in the list", f"{scrolled['nodes']}"),
        *held(page, "scrolling"),
    ]
    panel = page.locator("#mlops-panel")
    panel.get_by_role("searchbox").press_sequentially("test_accuracy>0.", delay=60)
    page.wait_for_timeout(1_000)
    page.evaluate(AWAIT, "input")
    panel.get_by_role("searchbox").press("9")
    found += [("last key of a condition to its rows", awaited(page)), *held(page, "typing")]
    page.evaluate(AWAIT, "change")
    panel.get_by_label("Sort by").select_option("-metric.test_accuracy")
    found += [("another order to its rows", awaited(page)), *held(page, "sorting")]
    found.append(("memory of the page", f"{before_mb:.0f} -> {page.evaluate(HEAP):.0f} MB"))
    return found


def shown(page: Page) -> str:
    """Show the panel, and return how long its rows took."""
    return f"{page.evaluate(SHOW):.0f} ms"


def awaited(page: Page) -> str:
    """Return how long what was awaited took."""
    return f"{page.evaluate('() => window.awaited'):.0f} ms"


def held(page: Page, doing: str) -> list[tuple[str, str]]:
    """Return the tasks of more than 50 ms since the last look."""
    page.wait_for_timeout(300)
    tasks = page.evaluate("() => window.held.splice(0)")
    said = f"{len(tasks)}, the longest {max(tasks):.0f} ms" if tasks else "none"
    return [(f"tasks over 50 ms while {doing}", said)]


def fill(root: Path) -> None:
    """Make a project with ended runs, written as a driver writes them."""
    projects.init(root, example=None)
    notebook(root / "train.ipynb", TRAINING, parameters=PARAMETERS)
    (root / "data").mkdir()
    (root / "data" / "train.csv").write_text("a,label\n1,0\n2,1\n")
    settings = root / "mlops.toml"
    settings.write_text('[project]\nname = "sample"\n[data]\ntrain = "data/train.csv"\n')
    config = Config.load(root)
    projects.prepare_state(config)
    projects.track(config, root / "data" / "train.csv")
    like = api.train(root / "train.ipynb", dry_run=True, project=root)
    start, runs = datetime.now(timezone.utc) - timedelta(minutes=COUNT), config.state_folder / RUNS

    def one(number: int) -> None:
        dice = random.Random(number)  # noqa: S311  (the same runs each time)
        write(runs, like, start + timedelta(minutes=number), dice)

    # Each waits for the disk at the end of every stage.
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(COUNT)))


def write(runs: Path, like: Run, at: datetime, dice: random.Random) -> None:
    """Write one run: most succeed."""
    run_id = f"{at:%Y%m%d-%H%M%S}-{dice.randrange(4096):03x}{secrets.token_hex(2)}"
    folder = RunFolder(runs / run_id)
    stages = tuple(stage.name for stage in like.stages)
    folder.create(
        RunRequest(
            id=run_id, pipeline=like.pipeline, stages=stages, backend=like.backend,
            snapshot=like.snapshot, arguments={}, created_at=at.isoformat(timespec="seconds"),
        )
    )  # fmt: skip
    good = dice.random() < 0.9
    folder.append(RunQueued(pid=1))
    folder.append(RunStarted(pid=1))
    for stage in stages if good else stages[:3]:
        folder.append(StageStarted(stage=stage))
        if stage == "train":
            folder.append(RunTracked(mlflow_run_id=secrets.token_hex(16), tracking_uri="file:///"))
            folder.append(MetricsLogged(metrics={f"m{i}": dice.random() for i in range(6)}))
        state = StageState.SUCCEEDED if good or stage != stages[2] else StageState.FAILED
        folder.append(StageFinished(stage=stage, state=state, seconds=dice.random() * 60))
    if good:
        folder.append(MetricsLogged(metrics={"test_accuracy": dice.random()}))
        folder.append(
            ModelLogged(model=Model(uri=f"models:/m-{run_id}", name="sample", version="1"))
        )
    error = Failure(type="ValueError", message="the script says so", hint="mend it")
    state = RunState.SUCCEEDED if good else RunState.FAILED
    folder.append(
        RunFinished(state=state, seconds=dice.random() * 300, error=None if good else error)
    )


def timed(work: Any) -> float:
    """Return the seconds that something takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
