"""The forms and links of an HTML page, as far as a login without a browser needs them."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import urljoin

if TYPE_CHECKING:
    from collections.abc import Sequence

_SUBMITTED = ("hidden", "text", "email", "password")


@dataclass
class Form:
    """A form.

    Args:
        action: Address to send it to.
        method: "get" or "post".
        fields: Names of its fields, and what they hold.
        passwords: Names of the fields that take a password.
    """

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict, repr=False)
    passwords: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Page:
    """What a page offers."""

    url: str
    forms: Sequence[Form]
    links: Sequence[str]

    @classmethod
    def of(cls, url: str, text: str) -> Page:
        """Read a page; a text that is no HTML has nothing to offer."""
        reader = _Reader(url)
        reader.feed(text)
        reader.close()
        return cls(url, reader.forms, reader.links)


class _Reader(HTMLParser):
    def __init__(self, url: str) -> None:
        super().__init__(convert_charrefs=True)
        self.forms: list[Form] = []
        self.links: list[str] = []
        self._url = url
        self._form: Form | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "a" and "href" in found:
            self.links.append(urljoin(self._url, found["href"]))
        elif tag == "form":
            action = urljoin(self._url, found.get("action", ""))
            self._form = Form(action, found.get("method", "get").lower())
            self.forms.append(self._form)
        elif tag == "input" and self._form is not None:
            self._input(self._form, found)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None

    def _input(self, form: Form, found: dict[str, str]) -> None:
        kind, name = found.get("type", "text").lower(), found.get("name", "")
        if name and kind in _SUBMITTED:
            form.fields[name] = found.get("value", "")
        if name and kind == "password":
            form.passwords.append(name)
