"""The panel in JupyterLab on a project with 5,000 runs: when rows are seen, what holds it up."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from benchmarks import past
from benchmarks.record import Table, say
from tests.browser.conftest import CHROMIUM, FLAGS, TOKEN, served

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Page

PACKAGES = ("mlops_nb", "jupyterlab", "playwright")
TABLES = ("lab",)
COUNT = 5_000
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


QUICK = {"COUNT": 200}


def measure(folder: Path) -> Iterator[Table]:
    """Look at the panel in a browser."""
    from playwright.sync_api import sync_playwright

    root = folder / "root"
    say(f"writing {COUNT:,} runs")
    written_s = timed(lambda: past.fill(root / "sample", COUNT))
    own = folder / "jupyter"
    own.mkdir()
    say("looking at them")
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
            version = browser.version
            browser.close()
    yield Table(
        name="lab",
        title=f"The panel in JupyterLab with {COUNT:,} runs",
        columns=("what", "found"),
        rows=(
            (f"write {COUNT:,} records", f"{written_s:.1f} s"),
            ("first list of all, which makes the index", f"{first_s:.1f} s"),
            *found,
        ),
        note="Tasks are those of the page's main thread, as the browser counts them.",
        peers={"Chromium": version},
    )


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


def timed(work: Any) -> float:
    """Return the seconds that something takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
