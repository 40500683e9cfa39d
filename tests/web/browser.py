"""A real Chromium, and what is asked of every page that it opens."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from tests.support.optional import demand, program

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ARGUMENTS: Final = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)
PATIENCE_MS: Final = 30_000
"""How long a page may take on a busy machine; alone it takes a second."""

SETTLED: Final = "[data-testid=stApp][data-test-script-state=notRunning]"
CHART: Final = ".js-plotly-plot .main-svg"


@dataclass
class Opened:
    """A page of the browser, and what went wrong in it so far.

    Attributes:
        troubles: console errors, uncaught errors, dialogs, and requests to other hosts.
    """

    page: Page
    address: str
    troubles: list[str] = field(default_factory=list)

    def go(self, path: str) -> None:
        """Open an address of the dashboard and wait until its script has ended."""
        self.page.goto(f"{self.address}/{path}")
        self.settle()

    def settle(self) -> None:
        """Wait until the page's script has ended."""
        self.page.wait_for_selector(SETTLED, timeout=PATIENCE_MS)

    def expect_charts(self, least: int) -> None:
        """Wait until so many charts are drawn: an SVG with a size each."""
        self.page.wait_for_function(
            "([chart, least]) => [...document.querySelectorAll(chart)]"
            ".filter(one => one.getBoundingClientRect().width > 50 || !one.checkVisibility())"
            ".length >= least",
            arg=[CHART, least],
            timeout=PATIENCE_MS,
        )

    def sideways(self) -> int:
        """Return by how many pixels the page is wider than the screen."""
        width: int = self.page.evaluate(
            "() => { const main = document.querySelector('[data-testid=stMain]');"
            " return main.scrollWidth - main.clientWidth }"
        )
        return width

    def keep(self, folder: Path, name: str) -> None:
        """Keep a picture of the whole page."""
        size = self.page.viewport_size
        assert size is not None
        height: int = self.page.evaluate(
            "() => document.querySelector('[data-testid=stMain]').scrollHeight"
        )
        self.page.set_viewport_size({"width": size["width"], "height": min(height + 10, 6000)})
        # Charts resize with the page; a picture before that shows the old ones.
        self.page.wait_for_timeout(400)
        self.page.screenshot(path=folder / f"{name}.png")
        self.page.set_viewport_size(size)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the system's Chromium, or skip the test where there is none."""
    from playwright.sync_api import sync_playwright

    demand("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program("chromium"), args=list(ARGUMENTS)
        )
        yield browser
        browser.close()


@contextmanager
def opened(browser: Browser, address: str, **context: Any) -> Iterator[Opened]:
    """Open a window of its own, which notes everything that goes wrong in it."""
    window = browser.new_context(
        **{"viewport": {"width": 1280, "height": 900}, "timezone_id": "Asia/Shanghai", **context}
    )
    page = window.new_page()
    page.set_default_timeout(PATIENCE_MS)
    one = Opened(page, address)
    page.on("console", lambda told: one.troubles.extend(_console(told)))
    page.on("pageerror", lambda error: one.troubles.append(f"uncaught: {error}"))
    page.on("dialog", lambda dialog: one.troubles.append(f"dialog: {dialog.message}"))
    page.on("request", lambda request: one.troubles.extend(_foreign(request.url, address)))
    yield one
    window.close()


def pictures(fallback: Path) -> Path:
    """Return the folder for pictures: the one that the environment names, or the fallback."""
    folder = Path(os.environ.get("FORECASTLAB_TEST_SCREENSHOTS") or fallback)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _console(told: Any) -> Iterator[str]:
    # Below an address with a path streamlit looks for its server there first, and is told 404.
    at = str(told.location.get("url", ""))
    if told.type == "error" and "/_stcore/" not in at:
        yield f"console: {told.text} ({at})"


def _foreign(url: str, address: str) -> Iterator[str]:
    asked = urlsplit(url)
    if asked.scheme in {"http", "https", "ws", "wss"} and asked.netloc != urlsplit(address).netloc:
        yield f"request: {url}"
