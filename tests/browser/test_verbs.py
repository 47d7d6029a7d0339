"""Schedules, evaluations and searches from Lab, by the forms that are made from data."""

from __future__ import annotations

import re

import pytest

from tests.browser.front import RUN_MS, serious
from tests.vocabulary import notebook

BEFORE = ".mlops-Page:visible .mlops-Moments li"


@pytest.fixture(scope="module")
def scheduled(front, trained):
    """The page of a schedule that was made with the form, after lines that were refused in it."""
    front.execute("filebrowser:activate")
    listed = front.page.locator("#filebrowser .jp-DirListing-item", has_text="train.ipynb")
    listed.click(button="right")
    front.page.get_by_role("menuitem", name="Schedule…").click()
    cron = front.form.get_by_label("Cron line")
    cron.wait_for()
    # What is missing has the focus.
    front.page.wait_for_function("() => document.activeElement.name === 'cron'")
    cron.fill("0 6 * * 9")
    front.form.get_by_role("alert").get_by_text("is no cron line").wait_for()
    assert not front.accepts("Schedule")
    assert serious(front.page, ".jp-Dialog") == []
    cron.fill("30 6 * * 1-5")
    front.form.get_by_label("Time zone").fill("Asia/Tokyo")
    front.form.get_by_text("06:30 UTC+09:00").first.wait_for()
    assert front.form.locator("time").count() == 5
    # What only the server can know is said in the form, and nothing that was typed is lost.
    front.form.get_by_label("Name of the schedule").fill("../nightly")
    front.dialog("Schedule")
    front.form.get_by_role("alert").get_by_text("is no name").wait_for()
    front.form.get_by_label("Name of the schedule").fill("nightly")
    front.form.get_by_label("rate").fill("0.125")
    front.dialog("Schedule")
    front.run.get_by_role("heading", name="nightly").wait_for()
    return "nightly"


def stored(server):
    return server.ask("GET", "/schedules")["schedules"]


def test_a_schedule_is_made_as_the_form_says(calm, server, scheduled):
    (found,) = stored(server)
    assert (found["name"], found["cron"]) == ("nightly", "30 6 * * 1-5")
    assert (found["timezone"], found["arguments"]["params"]) == ("Asia/Tokyo", {"rate": 0.125})
    assert calm.page.locator(BEFORE).count() == 5
    assert serious(calm.page, ".mlops-Page") == []
    assert found["history"] == []


def test_it_rests_and_goes_on(calm, server, scheduled):
    calm.run.get_by_role("button", name="Pause nightly").click()
    calm.run.get_by_role("button", name="Resume nightly").wait_for()
    assert stored(server)[0]["paused"]
    calm.run.get_by_role("button", name="Resume nightly").click()
    calm.run.get_by_role("button", name="Pause nightly").wait_for()
    assert not stored(server)[0]["paused"]


def test_it_is_edited_and_keeps_what_is_not_named(calm, server, scheduled):
    calm.run.get_by_role("button", name="Edit… nightly").click()
    calm.form.get_by_label("It fires").select_option("every")
    calm.form.get_by_label("Interval").fill("soon")
    calm.form.get_by_role("alert").get_by_text("is no interval").wait_for()
    calm.form.get_by_label("Interval").fill("12h")
    calm.form.get_by_text("Policies").click()
    calm.form.get_by_label("Tries after a failure").fill("2")
    calm.dialog("Save")
    calm.run.get_by_text("every 12h").wait_for()
    (found,) = stored(server)
    assert (found["every_s"], found["cron"], found["retries"]) == (43_200, None, 2)
    assert (found["overlap"], found["arguments"]["params"]) == ("skip", {"rate": 0.125})


def test_it_is_run_now_and_its_history_leads_to_the_run(calm, server, scheduled):
    calm.run.get_by_role("button", name="Run now nightly").click()
    row = calm.run.get_by_role("row").filter(has_text="beside its times")
    row.locator('[data-state="SUCCEEDED"]').wait_for(timeout=RUN_MS)
    (firing,) = stored(server)[0]["history"]
    row.get_by_role("button", name=f"Run {firing['run_id']}").click()
    calm.run.locator("header").get_by_text(firing["run_id"]).wait_for()
    run = server.ask("GET", f"/runs/{firing['run_id']}")
    assert run["snapshot"]["parameters"]["rate"] == 0.125


def test_it_is_in_the_panel_and_unscheduled_from_there(calm, server, scheduled):
    panel = calm.show_panel()
    panel.locator(".lm-AccordionPanel-title", has_text="Schedules").click()
    panel.get_by_role("button", name=re.compile("^SUCCEEDED nightly every 12h")).wait_for()
    assert serious(calm.page, "#mlops-panel") == []
    panel.locator(".mlops-Row", has_text="nightly").hover()
    panel.get_by_role("button", name="More for nightly").click()
    calm.page.get_by_role("menuitem", name="Unschedule…").click()
    calm.dialog("Unschedule")
    panel.get_by_text("Nothing is scheduled.").wait_for()
    assert stored(server) == []


def test_a_run_is_evaluated_and_its_report_is_drawn_without_a_script(calm, server, trained):
    calm.execute("mlops:open-run", project="sample", run=trained)
    calm.run.get_by_role("button", name=f"Evaluate… run {trained}").click()
    calm.form.get_by_label("Gates").fill("test_accuracy>=0.1, test_f1>=0.999999")
    calm.dialog("Evaluate")
    calm.run.get_by_role("heading", name=re.compile("^evaluation")).wait_for()
    calm.ended()
    calm.report.get_by_text("test_f1>=0.999999").first.wait_for()
    assert calm.report.locator("svg").count() > 1
    frame = calm.run.locator(".mlops-Report")
    assert frame.get_attribute("sandbox") == "allow-same-origin"
    assert frame.evaluate("one => one.clientHeight >= one.contentDocument.body.scrollHeight")
    assert serious(calm.page, ".mlops-Page") == []


def test_a_search_is_read_as_a_user_writes_it(calm, trained):
    calm.execute("mlops:tune", path="sample/train.ipynb")
    calm.form.get_by_label("rate").fill("much")
    calm.form.get_by_text("Write it as 0.01 to 10 log").wait_for()
    assert not calm.accepts("Tune")
    calm.form.get_by_label("rate").fill("1 to 0.01 log")
    calm.form.get_by_label("Metric", exact=True).fill("loss")
    calm.form.get_by_label("Good is").select_option("minimize")
    assert serious(calm.page, ".jp-Dialog") == []
    calm.dialog("Tune")
    # The server has understood it as a range, which is empty.
    calm.form.get_by_role("alert").get_by_text("'rate'").wait_for()
    calm.dialog("Cancel")


def test_a_model_learns_on_only_where_data_are_new(calm, server, trained):
    before = len(server.runs())
    calm.execute("mlops:update", project="sample", what=trained)
    calm.form.get_by_label("Part of the old data").fill("0.5")
    calm.dialog("Update")
    calm.page.locator(".Toastify").get_by_text("No data are new").wait_for()
    assert len(server.runs()) == before


def test_findings_are_mended_from_the_dialog(calm, server, trained):
    data = server.root / "sample" / "data" / "train.csv"
    data.write_text(data.read_text() + "60,4,1\n")
    notebook(server.root / "sample" / "untagged.ipynb", "rate = 0.5", "print(rate)")
    calm.execute("mlops:show-findings", path="sample/untagged.ipynb")
    calm.form.get_by_role("button", name="Track data/train.csv").click()
    calm.form.get_by_text("data/train.csv.dvc has the new version").wait_for()
    calm.form.get_by_role("button", name="Track data/train.csv").wait_for(state="detached")
    calm.form.get_by_role("button", name="Tag cell 1").click()
    calm.form.get_by_text("Cell 1 is tagged").wait_for()
    calm.dialog("Close")
    found = server.ask("GET", "/parameters", notebook="sample/untagged.ipynb")["parameters"]
    assert [one["name"] for one in found] == ["rate"]
