"""The front end in Lab: a notebook trained, watched, compared, served, from its own page."""

from __future__ import annotations

import re

import pytest

from tests.browser.front import CURRENT, RUN_MS, serious

CHANGED = "([path, before]) => document.querySelector(path)?.getAttribute('d') !== before"


def test_a_run_from_the_toolbar_has_the_edit_that_was_not_saved(calm, server, trained):
    run = server.ask("GET", f"/runs/{trained}")
    assert run["snapshot"]["parameters"] == {"rate": 0.25, "steps": 8, "pause_s": 0.05}
    assert run["snapshot"]["code"]["dirty"]
    assert {stage["state"] for stage in run["stages"]} <= {"SUCCEEDED", "SKIPPED"}


def test_its_page_shows_curve_parameters_pins_and_log(calm, trained):
    page = calm.run
    assert page.get_by_role("img", name="loss").count() == 1
    seen = {"Parameters": "pause_s", "Pins": "train.csv", "Artifacts": "MLflow run"}
    for tab, text in seen.items():
        page.get_by_role("tab", name=tab).click()
        page.get_by_role("tabpanel").get_by_text(text).first.wait_for()
    page.get_by_role("tab", name="Log").click()
    page.get_by_label("Stage", exact=True).select_option("train")
    page.get_by_label("Log of train").get_by_text("fitted").wait_for()
    assert serious(calm.page, ".mlops-Page") == []
    page.get_by_role("tab", name="Metrics").click()


def test_the_executed_notebook_opens_and_cannot_be_saved(calm, trained):
    calm.run.get_by_role("button", name="Executed notebook").click()
    opened = calm.page.locator(".jp-NotebookPanel:visible")
    opened.get_by_text("mlflow.start_run").first.wait_for()
    assert not calm.page.evaluate(f"{CURRENT}.context.contentsModel.writable")
    assert opened.get_by_text("Train", exact=True).is_hidden()
    calm.execute("application:close")
    calm.execute("mlops:open-run", project="sample", run=trained)
    calm.run.wait_for()


def test_the_dialog_shows_findings_and_a_hindrance_keeps_from_training(calm, server, trained):
    calm.execute("docmanager:open", path="sample/train.ipynb")
    calm.page.locator(".jp-NotebookPanel:visible").get_by_text("print(rate)").first.wait_for()
    calm.edit_first_code_cell("rate: float = 0.5\nname = 'x'\nworst = (")
    calm.train_button.click()
    form = calm.page.locator(".mlops-Train")
    form.get_by_text("is not valid Python").first.wait_for()
    button = calm.page.locator(".jp-Dialog-footer").get_by_role("button", name="Train", exact=True)
    assert button.is_disabled()
    assert serious(calm.page, ".jp-Dialog") == []
    calm.edit_first_code_cell("rate: float = 0.5\nname = 'x'")
    form.get_by_role("button", name="Check again").click()
    form.get_by_label("rate").wait_for()
    assert button.is_enabled()
    calm.dialog("Cancel")
    assert len(server.runs()) == 1


@pytest.fixture(scope="module")
def going(front, server, trained):
    """The id of a run that goes on for minutes, trained from a cell whose output has its card."""
    front.open_alone("card.ipynb")
    # What is executed before the kernel has said that it is there is lost.
    session = f"{CURRENT}.sessionContext"
    front.page.wait_for_function(
        f"() => {session}.path.endsWith('card.ipynb') && {session}.isReady"
        f" && {session}.session?.kernel?.connectionStatus === 'connected'"
        f" && {session}.session.kernel.status === 'idle'"
    )
    front.page.evaluate(f"async () => {{ await {session}.session.kernel.info }}")
    front.execute("notebook:move-cursor-up")
    front.execute("notebook:run-cell-and-select-next")
    front.page.locator(".jp-InputPrompt", has_text="[1]:").first.wait_for()
    front.execute("notebook:run-cell")
    front.page.locator(".mlops-Card").get_by_role("progressbar").wait_for(timeout=RUN_MS)
    return server.runs()[0]["id"]


def test_the_card_in_a_cell_lives_through_restart_and_reload(calm, going):
    card = calm.page.locator(".mlops-Card")
    assert serious(calm.page, ".mlops-Card") == []
    # Lab has rules of its own for lists in outputs.
    assert card.locator(".mlops-Facts").evaluate("one => getComputedStyle(one).display") == "grid"
    calm.execute("docmanager:save")
    calm.execute("kernelmenu:restart")
    calm.dialog("Confirm Kernel Restart")
    calm.reload()
    card.get_by_role("progressbar").wait_for(timeout=RUN_MS)
    before = card.locator(".mlops-Chart path").first.get_attribute("d")
    calm.page.wait_for_function(CHANGED, arg=[".mlops-Card .mlops-Chart path", before])


def test_a_run_goes_on_before_the_users_eyes_and_can_be_canceled(calm, server, going):
    calm.page.locator(".mlops-Card").get_by_role("button", name=f"Open run {going}").click()
    chart = calm.run.get_by_role("img", name="loss")
    chart.wait_for()
    before = chart.locator("path").get_attribute("d")
    calm.page.wait_for_function(CHANGED, arg=[".mlops-Page .mlops-Chart path", before])
    calm.run.get_by_role("button", name=re.compile("^Cancel")).click()
    calm.dialog("Cancel run")
    calm.ended("CANCELED")
    assert server.ask("GET", f"/runs/{going}")["state"] == "CANCELED"
    calm.page.locator(".Toastify").get_by_text("CANCELED").wait_for()


def test_the_panel_filters_and_two_runs_are_compared(calm, server, trained, going):
    panel = calm.show_panel()
    assert serious(calm.page, "#mlops-panel") == []
    panel.get_by_label("State").select_option("SUCCEEDED")
    panel.get_by_text("1 run", exact=True).wait_for()
    panel.get_by_label("State").select_option("")
    panel.get_by_text("2 runs", exact=True).wait_for()
    for box in panel.get_by_role("checkbox").all():
        box.check()
    panel.get_by_role("button", name="Compare 2").click()
    page = calm.run
    page.get_by_role("heading", name="2 runs compared").wait_for()
    page.get_by_role("row", name=re.compile("steps 600 8")).wait_for()
    assert page.get_by_role("img", name="loss").locator("path").count() == 2
    assert serious(calm.page, ".mlops-Page") == []


def test_rows_are_reached_and_opened_by_keyboard(calm, trained):
    panel = calm.show_panel()
    rows = panel.locator(".mlops-Row-main")
    rows.first.focus()
    calm.page.keyboard.press("ArrowDown")
    assert rows.nth(1).evaluate("row => row === document.activeElement")
    calm.page.keyboard.press("Enter")
    calm.run.locator("header").get_by_text(trained).wait_for()
    more = panel.get_by_role("button", name=f"More for run {trained}")
    more.focus()
    calm.page.keyboard.press("Enter")
    calm.page.get_by_role("menuitem", name="Reproduce Run").wait_for()
    calm.page.keyboard.press("Escape")
    assert more.evaluate("button => button === document.activeElement")


def saves_layout(answer, run):
    request = answer.request
    return request.method == "PUT" and "/api/workspaces" in answer.url and run in request.post_data


def test_pages_are_there_again_after_a_reload(calm, trained):
    # Lab saves its layout a moment after it has changed.
    with calm.page.expect_response(lambda answer: saves_layout(answer, trained)):
        calm.execute("mlops:open-run", project="sample", run=trained)
        calm.run.locator("header").get_by_text(trained).wait_for()
    calm.reload()
    # The address names the notebook, which is before the page now.
    calm.page.locator(".lm-DockPanel-tabBar").get_by_text(f"Run {trained[9:15]}").click()
    calm.run.locator("header").get_by_text(trained).wait_for()


def test_a_cell_is_marked_as_parameters_and_back(calm, trained):
    calm.execute("docmanager:open", path="sample/card.ipynb")
    calm.page.wait_for_function(f"() => {CURRENT}?.content?.activeCell?.model.type === 'code'")
    model = f"{CURRENT}.content.activeCell.model"
    calm.execute("mlops:mark-parameters")
    calm.page.wait_for_function(f"() => {model}.getMetadata('tags')?.includes('parameters')")
    calm.execute("mlops:mark-parameters")
    calm.page.wait_for_function(f"() => !{model}.getMetadata('tags')?.includes('parameters')")


@pytest.fixture(scope="module")
def deployed(front, server, trained):
    """The page of a deployment with two revisions of the trained model, the newer one a canary."""
    before = trained
    for traffic in ("All requests", "10 % of the requests (canary)"):
        front.execute("mlops:deploy", project="sample", what=trained)
        front.page.locator(".jp-Dialog select").select_option(traffic)
        front.dialog("Deploy")
        front.run.locator("header code").filter(has_not_text=before).wait_for()
        front.ended()
        before = front.run.locator("header code").inner_text()
    front.run.get_by_role("button", name="Deployment", exact=True).click()
    front.run.get_by_role("heading", name="Try a prediction").wait_for()
    yield "sample"
    server.ask("DELETE", "/deployments/sample")


def percents(server):
    found = server.ask("GET", "/deployments/sample")["revisions"]
    return {revision["number"]: revision["percent"] for revision in found}


def test_a_deployment_answers_the_form_that_its_signature_makes(calm, deployed):
    page = calm.run
    page.get_by_label("a double").fill("3")
    page.get_by_label("b double").fill("6")
    page.get_by_role("button", name="Predict").click()
    page.get_by_text("Prediction: 1", exact=True).wait_for()
    assert serious(calm.page, ".mlops-Page") == []


def test_a_window_of_its_requests_is_looked_at_from_its_page(calm, server, deployed):
    calm.run.get_by_role("button", name="Monitor… sample").click()
    calm.page.locator(".mlops-Train").get_by_label("Requests of the last").fill("24h")
    calm.dialog("Monitor")
    calm.run.get_by_role("heading", name=re.compile("^monitoring")).wait_for()
    calm.ended()
    # One request is too few to tell.
    calm.report.get_by_text("too few rows").first.wait_for()
    calm.execute("mlops:open-deployment", project="sample", name="sample")
    calm.run.get_by_role("heading", name="Try a prediction").wait_for()


def test_traffic_is_changed_and_rolled_back_after_a_question(calm, server, deployed):
    assert percents(server) == {1: 90, 2: 10}
    calm.run.get_by_role("button", name="Promote… revision 2").click()
    calm.dialog("No")
    assert percents(server) == {1: 90, 2: 10}
    calm.run.get_by_role("button", name="Promote… revision 2").click()
    calm.dialog("Promote")
    calm.run.get_by_role("row", name=re.compile("^2 .*100 %")).wait_for()
    assert percents(server) == {1: 0, 2: 100}
    calm.run.get_by_role("button", name="Roll back… sample").click()
    calm.dialog("Roll back")
    calm.run.get_by_role("row", name=re.compile("^1 .*100 %")).wait_for()
    assert percents(server) == {1: 100, 2: 0}
