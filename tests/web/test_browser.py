"""The pages in a real browser: drawn without errors, switched by hand, on desk and phone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from playwright.sync_api import expect

from tests.support.dashboard_server import dashboard
from tests.support.dashboard_store import HOURLY
from tests.web.browser import PATIENCE_MS, Opened, chromium, opened, pictures
from tests.web.conftest import PAGES
from tests.web.test_pages import CHARTS
from webapp.languages import words_of

if TYPE_CHECKING:
    from playwright.sync_api import Browser

expect.set_options(timeout=PATIENCE_MS)

DESK: Final = {"color_scheme": "light", "locale": "en-US"}
PHONE: Final = {
    "viewport": {"width": 390, "height": 844},
    "color_scheme": "dark",
    "locale": "zh-CN",
}
HIDDEN: Final = {"models": 5, "research": 2}
"""Charts of the full world that lie in tabs which are not open."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def shots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pictures(tmp_path_factory.mktemp("screenshots"))


@pytest.fixture(scope="module")
def address(
    stores: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    with dashboard(stores("full"), tmp_path_factory.mktemp("server") / "log") as served:
        yield served


@pytest.fixture(scope="module")
def desk(browser: Browser, address: str) -> Iterator[Opened]:
    with opened(browser, address, **DESK) as window:
        # The first visitor of a server asks for a page by its address, as a bookmark does.
        window.go("models")
        yield window


@pytest.fixture(scope="module")
def phone(browser: Browser, address: str) -> Iterator[Opened]:
    with opened(browser, address, **PHONE) as window:
        yield window


def title(window: Opened, text: str) -> None:
    expect(window.page.locator("[data-testid=stMain] h1").first).to_have_text(text)


def drawn(window: Opened, page: str) -> None:
    window.expect_charts(CHARTS[page] - HIDDEN.get(page, 0))
    window.settle()
    assert window.page.locator("[data-testid=stException]").count() == 0
    assert window.troubles == []


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_drawn_on_a_desk(desk: Opened, shots: Path, page: str) -> None:
    words = words_of("en")
    desk.page.get_by_test_id("stSidebarNav").get_by_text(words(f"{page}.title"), exact=True).click()
    title(desk, words(f"{page}.title"))
    drawn(desk, page)
    assert desk.sideways() <= 0
    desk.keep(shots, f"{page}-desk-light-en")


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_drawn_on_a_phone(phone: Opened, shots: Path, page: str) -> None:
    phone.go("" if page == "today" else page)
    # The browser speaks Chinese, so the page does.
    title(phone, words_of("zh")(f"{page}.title"))
    drawn(phone, page)
    assert phone.sideways() <= 0
    phone.keep(shots, f"{page}-phone-dark-zh")


@pytest.mark.parametrize(("page", "tab"), [("models", 1), ("models", 2), ("research", 2)])
def test_what_lies_in_a_tab_is_drawn(desk: Opened, shots: Path, page: str, tab: int) -> None:
    desk.go(page)
    desk.page.get_by_role("tab").nth(tab).click()
    # Panels that are not open have no role that can be seen.
    panel = desk.page.get_by_role("tabpanel").first
    expect(panel.locator(".js-plotly-plot .main-svg").first).to_be_visible()
    assert desk.troubles == []
    desk.keep(shots, f"{page}-tab{tab}-desk-light-en")


def test_the_language_switches_and_stays(browser: Browser, address: str) -> None:
    with opened(browser, address, **DESK) as window:
        window.go("operations")
        title(window, words_of("en")("operations.title"))
        pick(window, words_of("en")("app.language"), "中文")
        title(window, words_of("zh")("operations.title"))
        # The browser speaks English: the address alone carries the choice.
        window.page.reload()
        title(window, words_of("zh")("operations.title"))
        link = words_of("zh")("analyst.title")
        window.page.get_by_test_id("stSidebarNav").get_by_text(link, exact=True).click()
        title(window, link)
        assert window.troubles == []


def test_the_candidate_switches_what_is_drawn(browser: Browser, address: str) -> None:
    with opened(browser, address, **DESK) as window:
        window.go("track_record")
        heading = window.page.locator("[data-testid=stMain] h3").first
        expect(heading).to_have_text("T14_X8")
        window.expect_charts(CHARTS["track_record"])
        pick(window, words_of("en")("app.candidate"), "T21_X8")
        expect(heading).to_have_text("T21_X8")
        window.expect_charts(CHARTS["track_record"])
        expect(window.page).to_have_url(re.compile("candidate=T21_X8"))
        assert window.troubles == []


def test_the_deployment_switches_to_the_hourly_direction(
    browser: Browser, address: str, shots: Path
) -> None:
    with opened(browser, address, **DESK) as window:
        window.go("")
        pick(window, words_of("en")("app.deployment"), HOURLY)
        expect(window.page.locator("[data-testid=stMain] h3").first).to_have_text("H5")
        window.expect_charts(5)
        assert window.troubles == []
        window.keep(shots, "today-hourly-desk-light-en")


def pick(window: Opened, label: str, option: str) -> None:
    """Choose an option in a box of the sidebar."""
    window.settle()
    box = window.page.get_by_test_id("stSidebar").get_by_label(label, exact=False).first
    box.click()
    window.page.get_by_role("option", name=option, exact=True).click()
    window.settle()
