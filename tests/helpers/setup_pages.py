"""The wizard's page as a person with a phone uses it."""

import json
from pathlib import Path

from tests.helpers.browser import Page


class Shooter:
    """Pictures of the page for a person to look at, and none wider than the phone."""

    def __init__(self, page: Page, folder: Path) -> None:
        self._page = page
        self._folder = folder

    def __call__(self, name: str) -> None:
        assert self._page.ask("document.documentElement.scrollWidth") <= 400, name
        self._page.screenshot(self._folder / f"{name}.png")


def shows(page: Page, words: str, seconds: float = 30) -> None:
    page.wait_for(f"document.body && document.body.textContent.includes({json.dumps(words)})", seconds)


def press(page: Page, words: str) -> None:
    """Click the button or link with these words; the page may be loading itself again at that moment."""
    find = f"[...document.querySelectorAll('button, a.button')].find(each => each.textContent === {json.dumps(words)})"
    page.wait_for(f"(() => {{ const found = {find}; if (found) found.click(); return found; }})()", 30)


def submit(page: Page, selector: str, value: str) -> None:
    page.wait_for(f"document.querySelector({json.dumps(selector)})")
    page.ask(f"document.querySelector({json.dumps(selector)}).value = {json.dumps(value)}")
    page.ask(f"document.querySelector({json.dumps(selector)}).form.requestSubmit()")
