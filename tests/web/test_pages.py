"""Every page in every world: a title, what belongs there, and never a stack trace."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit import config
from streamlit.testing.v1 import AppTest

from tests.support.dashboard_documents import CHALLENGER, EVALUATIONS, SEARCH
from tests.support.dashboard_store import BUNDLE, HOURLY
from tests.support.imports import ROOT
from tests.web.conftest import PAGES
from webapp.languages import words_of

Opens = Callable[..., AppTest]

CHARTS = {
    "today": 3,
    "history": 4,
    "track_record": 4,
    "models": 6,
    "research": 6,
    "operations": 2,
    "analyst": 0,
}
"""How many charts the full world has at least."""


@pytest.fixture(autouse=True)
def on_loopback(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Listen as the shipped configuration says, which lies beside the app and is read by a run."""
    before = config.get_option("server.address")
    config.set_option("server.address", "127.0.0.1")
    yield
    config.set_option("server.address", before)
    st.cache_resource.clear()


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch, stores: Callable[[str], Path]) -> Opens:
    """Return what opens a page on a world's store."""

    def open_page(page: str, world: str | Path, **query: str) -> AppTest:
        st.cache_resource.clear()
        store = stores(world) if isinstance(world, str) else world
        monkeypatch.setenv("FORECASTLAB_STORE", str(store))
        app = AppTest.from_file(str(ROOT / "webapp" / "app.py"), default_timeout=30)
        for name, value in {"language": "en", **query}.items():
            app.query_params[name] = value
        if page != "today":
            # Registers the pages; the page of every world but the first is today's.
            app.run()
            app.switch_page(f"screens/{page}.py")
        return app.run()

    return open_page


def texts(app: AppTest) -> str:
    """Return every text of a page, and the cells of its tables."""
    kinds = ("title", "markdown", "caption", "info", "warning", "error", "success", "code")
    found = [str(one.value) for kind in kinds for one in app.get(kind)]
    found += [one.value.to_csv() for one in (*app.dataframe, *app.table)]
    return "\n".join(found)


def choose(app: AppTest, key: str, value: Any) -> AppTest:
    """Choose in the box of this key, and run the page again."""
    return app.selectbox(key=key).set_value(value).run()


@pytest.mark.parametrize("world", ["full", "empty", "one_record", "broken_record", "stale"])
@pytest.mark.parametrize("page", PAGES)
def test_a_page_opens_in_any_world(opened: Opens, page: str, world: str) -> None:
    app = opened(page, world)
    words = words_of("en")
    assert not app.exception
    assert app.title[0].value == words(f"{page}.title")
    assert words("app.failed") not in texts(app)
    if world == "full":
        assert len(app.get("plotly_chart")) >= CHARTS[page]


NOTHING = {
    "today": "today.nothing",
    "history": "today.nothing",
    "track_record": "today.nothing",
    "models": "models.nothing",
    "research": "research.nothing",
    "operations": "operations.nothing",
    "analyst": "analyst.no_notes",
}


@pytest.mark.parametrize("page", PAGES)
def test_an_empty_store_says_what_would_fill_the_page(opened: Opens, page: str) -> None:
    app = opened(page, "empty")
    assert words_of("en")(NOTHING[page]) in [one.value for one in app.info]
    assert not app.get("plotly_chart")


@pytest.mark.parametrize("page", PAGES)
def test_what_cannot_be_read_is_listed_below_the_page(opened: Opens, page: str) -> None:
    app = opened(page, "broken_record")
    # A page lists what it tried to read; the history reads every record.
    told = " ".join(str(one.value) for one in app.dataframe)
    if page in {"history", "track_record"}:
        for kind in ("newer_schema", "invalid"):
            assert words_of("en")(f"problems.{kind}") in told
    assert "<script>" not in "".join(one.value for one in app.markdown)


@pytest.mark.parametrize("page", ["today", "operations"])
def test_a_stale_forecast_is_an_error_in_plain_words(opened: Opens, page: str) -> None:
    assert len(opened(page, "stale").error) >= 1
    assert not list(opened(page, "full").error)


def test_a_record_from_the_future_raises_doubt_of_a_clock(opened: Opens) -> None:
    app = opened("today", "skewed")
    assert not app.exception
    assert len(app.error) == 1


@pytest.mark.parametrize("page", PAGES)
def test_a_store_out_of_reach_is_a_readable_page(opened: Opens, page: str, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    app = opened(page, blocked / "store")
    assert not app.exception
    assert app.title[0].value == words_of("en")(f"{page}.title") or app.error


@pytest.mark.parametrize("page", PAGES)
def test_the_language_changes_the_texts_of_a_page(opened: Opens, page: str) -> None:
    app = opened(page, "full", language="zh")
    assert not app.exception
    assert app.title[0].value == words_of("zh")(f"{page}.title")
    # What is left in English is data: names, and the label rules of bundles.
    english = set(words_of("en").texts.values()) - set(words_of("zh").texts.values())
    shown = [one.value for kind in ("caption", "subheader", "info") for one in app.get(kind)]
    assert shown
    assert not english & set(shown)


@pytest.mark.parametrize("page", PAGES)
def test_the_same_pages_serve_the_hourly_deployment(opened: Opens, page: str) -> None:
    app = opened(page, "full", deployment=HOURLY)
    assert not app.exception
    assert words_of("en")("app.failed") not in texts(app)
    assert app.selectbox(key="deployment").value == HOURLY


@pytest.mark.parametrize(
    "query",
    [
        {"language": "<script>"},
        {"deployment": "../../etc/passwd"},
        {"candidate": "T99"},
        {"zone": "Mars/Olympus"},
    ],
    ids=lambda query: next(iter(query)),
)
def test_an_address_that_asks_for_nonsense_gives_the_defaults(
    opened: Opens, query: dict[str, str]
) -> None:
    app = opened("today", "full", **query)
    assert not app.exception
    assert next(iter(query.values())) not in texts(app)
    assert len(app.get("plotly_chart")) >= CHARTS["today"]


@pytest.mark.parametrize("page", PAGES)
def test_every_page_of_a_simulated_market_says_so(opened: Opens, page: str) -> None:
    told = [one.value for one in opened(page, "simulated").warning]
    assert told.count(words_of("en")("banners.simulated")) == 1


def test_models_show_the_registry_and_the_command_to_run(opened: Opens) -> None:
    app = opened("models", "full")
    said = texts(app)
    for part in (BUNDLE, CHALLENGER, "★ champion", "rolled back from", "✓ passed"):
        assert part in said.replace("\\", "")
    assert "forecastlab promote NAME --why" in app.code[0].value, "nobody is in shadow"
    assert app.selectbox(key="bundle").value == BUNDLE
    assert "deployable base rates" in said
    assert not app.button


def test_models_show_another_bundle_when_it_is_chosen(opened: Opens) -> None:
    app = choose(opened("models", "full"), "bundle", CHALLENGER)
    assert not app.exception
    card = next(one.value for one in app.markdown if "A second bundle" in one.value)
    # No picture and no link of data lives.
    assert "\\![" in card
    assert "](" not in card.replace("\\](", "")


def test_models_choose_the_contributions_of_another_class(opened: Opens) -> None:
    app = opened("models", "full")
    paths = app.selectbox(key="contribution").options
    assert len(paths) == 2
    assert not choose(app, "contribution", paths[1]).exception


def test_research_shows_runs_and_switches_between_them(opened: Opens) -> None:
    app = opened("research", "full")
    said = texts(app)
    for run in (*EVALUATIONS, SEARCH, "cut_short", "search_running"):
        assert run in said
    assert app.selectbox(key="evaluation").value in EVALUATIONS
    other = next(one for one in EVALUATIONS if one != app.selectbox(key="evaluation").value)
    assert not choose(app, "evaluation", other).exception
    assert app.selectbox(key="score").value == "log_loss"
    assert not choose(app, "score", "event_auc").exception
    running = choose(app, "search", "search_running")
    assert words_of("en")("research.running", n=1) in [one.value for one in running.info]


def test_research_compares_a_run_with_itself(opened: Opens) -> None:
    app = opened("research", "full")
    same = choose(app, "first_run", app.selectbox(key="second_run").value)
    assert not same.exception
    assert "+0.0000" in texts(same)


def test_operations_show_runs_steps_and_documents_of_any_schema(opened: Opens) -> None:
    app = opened("operations", "full")
    assert "29 / 30" in [one.value for one in app.metric]
    for part in ("✗ failed", "Binance cannot be reached", "✓ done", "freshness", "✗ order"):
        assert part in texts(app)


def test_operations_show_champion_and_challengers_side_by_side(opened: Opens) -> None:
    said = texts(opened("operations", "full"))
    for part in ("What both said of", "Same class as the champion", "1 / 1", "✓ answered"):
        assert part in said


def test_the_analyst_tells_where_its_words_came_from(opened: Opens) -> None:
    app = opened("analyst", "full")
    said = texts(app)
    for part in ("the model", "deepseek-flash", "0.00047 USD", "the rules", "regime"):
        assert part in said
    # A language model wrote it: nothing of it may act.
    note = next(one.value for one in app.markdown if "BTC may move" in one.value)
    assert "\\!\\[p\\]" in note
    assert "\\<img" in note
