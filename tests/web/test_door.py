"""The door: nobody whom the settings do not admit sees a page, whichever is asked for first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import streamlit as st
from playwright.sync_api import expect
from streamlit import config
from streamlit.testing.v1 import AppTest

from tests.support.dashboard_server import dashboard
from tests.support.imports import ROOT
from tests.web.browser import PATIENCE_MS, chromium, opened
from tests.web.conftest import PAGES
from webapp.languages import words_of

if TYPE_CHECKING:
    from playwright.sync_api import Browser

expect.set_options(timeout=PATIENCE_MS)

WORDS = words_of("en")
Enters = Callable[..., AppTest]


@pytest.fixture
def enter(monkeypatch: pytest.MonkeyPatch, stores: Callable[[str], Path]) -> Iterator[Enters]:
    """Return what opens the first page on a server with these settings."""
    before = config.get_option("server.address")

    def visit(address: str | None, user: dict[str, Any] | None = None, **settings: str) -> AppTest:
        config.set_option("server.address", address)
        monkeypatch.setenv("FORECASTLAB_STORE", str(stores("one_record")))
        for name, value in settings.items():
            monkeypatch.setenv(f"FORECASTLAB_DASHBOARD_{name}", value)
        app = AppTest.from_file(str(ROOT / "webapp" / "app.py"), default_timeout=30)
        app.query_params["language"] = "en"
        if user is not None:
            app.user = user
        return app.run()

    yield visit
    config.set_option("server.address", before)
    st.cache_resource.clear()


def refused(app: AppTest, reason: str) -> None:
    assert [one.value for one in app.error] == [WORDS(f"access.{reason}")]
    assert app.title[0].value == "ForecastLab"
    assert not app.get("plotly_chart")
    assert not app.metric
    assert not app.selectbox


def test_on_loopback_whoever_is_at_the_machine_may_enter(enter: Enters) -> None:
    app = enter("127.0.0.1")
    assert not app.exception
    assert app.title[0].value == WORDS("today.title")


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.168.1.7", None])
def test_a_public_address_shows_nothing_without_a_door(enter: Enters, address: str | None) -> None:
    refused(enter(address), "public_address")


def test_behind_the_proxy_a_request_without_its_header_is_refused(enter: Enters) -> None:
    refused(enter("0.0.0.0", ACCESS="iap"), "no_proxy")


def test_signing_in_without_a_list_admits_nobody(enter: Enters) -> None:
    refused(enter("0.0.0.0", ACCESS="login"), "no_list")


def test_a_visitor_is_asked_to_sign_in(enter: Enters) -> None:
    app = enter("0.0.0.0", ACCESS="login", ALLOW="jane@example.com")
    assert not app.exception
    assert [one.label for one in app.button] == [WORDS("access.sign_in_button")]
    assert not app.metric
    asked = app.button[0].click().run()
    assert [one.value for one in asked.error] == [WORDS("access.no_provider")]


def test_who_is_on_the_list_may_enter(enter: Enters) -> None:
    jane = {"is_logged_in": True, "email": "Jane@example.com"}
    app = enter("0.0.0.0", jane, ACCESS="login", ALLOW="john@example.com, jane@example.com")
    assert not app.exception
    assert app.title[0].value == WORDS("today.title")


def test_who_is_not_on_the_list_may_only_leave(enter: Enters) -> None:
    mallory = {"is_logged_in": True, "email": "mallory@example.com"}
    app = enter("0.0.0.0", mallory, ACCESS="login", ALLOW="jane@example.com")
    refused(app, "not_listed")
    assert [one.label for one in app.button] == [WORDS("access.sign_out")]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


def test_every_page_of_a_fresh_server_asks_for_the_proxy(
    browser: Browser, stores: Callable[[str], Path], tmp_path: Path
) -> None:
    with dashboard(
        stores("one_record"), tmp_path / "log", FORECASTLAB_DASHBOARD_ACCESS="iap"
    ) as address:
        with opened(browser, address, locale="en-US") as window:
            for page in (*PAGES[1:], ""):
                window.page.goto(f"{address}/{page}")
                expect(window.page.get_by_text(WORDS("access.no_proxy"))).to_be_visible()
                assert window.page.get_by_test_id("stSidebarNav").count() == 0
        headers = {
            "X-Goog-IAP-JWT-Assertion": "signed",
            "X-Goog-Authenticated-User-Email": "accounts.google.com:jane@example.com",
        }
        with opened(browser, address, locale="en-US", extra_http_headers=headers) as window:
            window.go("history")
            title = window.page.locator("[data-testid=stMain] h1").first
            expect(title).to_have_text(WORDS("history.title"))
