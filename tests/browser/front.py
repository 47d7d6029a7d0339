"""What a user does in Lab, in a few words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import FrameLocator, Locator, Page

# A run takes seconds where it is alone on its machine.
RUN_MS = 300_000
CURRENT = "window.jupyterapp?.shell.currentWidget"
# What axe-core calls an impact that keeps people out.
SERIOUS = {"serious", "critical"}


class Front:
    """A page with Lab or Notebook in it.

    Args:
        page: The page.
        url: Where the project's folder is shown.
        token: The server's token.
    """

    def __init__(self, page: Page, url: str, token: str) -> None:
        self.page, self.url, self.token = page, url, token
        self.errors: list[str] = []
        self._workspaces = 0
        page.on("pageerror", self._raised)

    def _raised(self, error: Any) -> None:
        # Another's: ipywidgets looks for the kernel of a notebook that is opened without one.
        if "/extensions/@jupyter-widgets/" not in (error.stack or ""):
            self.errors.append(str(error.stack))

    def open(self, notebook: str) -> None:
        """Load the page with a notebook in it."""
        self.page.goto(f"{self.url}/{notebook}?token={self.token}")
        self.train_button.wait_for()

    def open_alone(self, notebook: str) -> None:
        """Load Lab with a notebook in it, and nothing that was open before."""
        self._workspaces += 1
        lab, tree = self.url.split("/tree/")
        place = f"{lab}/workspaces/test-{self._workspaces}/tree/{tree}/{notebook}"
        self.page.goto(f"{place}?token={self.token}")
        self.page.wait_for_function(f"() => {CURRENT}?.context?.isReady")
        self.train_button.wait_for()

    def reload(self) -> None:
        """Load the page again, with what was open in it."""
        self.page.reload()
        self.page.locator(".jp-NotebookPanel").first.wait_for(state="attached")

    @property
    def train_button(self) -> Locator:
        """The button in the toolbar of the notebook that is seen."""
        return self.page.locator(".jp-NotebookPanel-toolbar:visible").get_by_text(
            "Train", exact=True
        )

    @property
    def run(self) -> Locator:
        """The page of a run that is seen."""
        return self.page.locator(".mlops-Page:visible")

    @property
    def report(self) -> FrameLocator:
        """The report in the page of the run that is seen."""
        return self.page.frame_locator(".mlops-Page:visible .mlops-Report")

    @property
    def form(self) -> Locator:
        """The form of the dialog."""
        return self.page.locator(".jp-Dialog .mlops-Train")

    def accepts(self, button: str) -> bool:
        """Whether the dialog's form can be sent."""
        footer = self.page.locator(".jp-Dialog-footer")
        return footer.get_by_role("button", name=button, exact=True).is_enabled()

    def execute(self, command: str, **args: Any) -> None:
        """Run a command without waiting for its end: it may ask something."""
        self.page.evaluate(
            "([command, args]) => void window.jupyterapp.commands.execute(command, args)",
            [command, args],
        )

    def dialog(self, button: str) -> None:
        """Press a button of the dialog."""
        self.page.locator(".jp-Dialog-footer").get_by_role(
            "button", name=button, exact=True
        ).click()

    def show_panel(self) -> Locator:
        """Show the panel at the left."""
        self.execute("mlops:show-panel")
        panel = self.page.locator("#mlops-panel")
        panel.locator(".mlops-Row-main").first.wait_for()
        return panel

    def train(self) -> str:
        """Train what is seen, with the form as it is, and return the run's id from its page."""
        self.train_button.click()
        self.page.locator(".mlops-Train fieldset").first.wait_for()
        self.dialog("Train")
        return self.run.locator("header code").inner_text()

    def edit_first_code_cell(self, source: str) -> None:
        """Give the first code cell another text, and do not save it."""
        self.page.evaluate(
            """source => {
                const model = CURRENT.content.model;
                [...model.cells].find(cell => cell.type === 'code').sharedModel.setSource(source);
            }""".replace("CURRENT", CURRENT),
            source,
        )

    def ended(self, state: str = "SUCCEEDED") -> Locator:
        """Wait until the run that is seen has come to an end."""
        self.run.locator(f'header [data-state="{state}"]').wait_for(timeout=RUN_MS)
        return self.run


def serious(page: Page, place: str) -> list[str]:
    """Return what axe-core finds in a part of a page that would keep people out."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page, context=place).response["violations"]
    return [
        f"{one['id']}: {one['nodes'][0]['html'][:200]} {one['nodes'][0]['failureSummary'][:200]}"
        for one in found
        if one["impact"] in SERIOUS
    ]
