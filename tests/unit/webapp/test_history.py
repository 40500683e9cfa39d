"""History: figures by their data, the filters, and the file."""

from __future__ import annotations

import csv
import io
from datetime import UTC, timedelta

import numpy as np
import pandas as pd
import pytest

from forecastlab.contracts.keys import ROOT_DEPLOYMENT
from tests.support import dashboard_store as worlds
from tests.support.memory_store import MemoryStore
from tests.unit.webapp.conftest import NOW
from webapp.read_model.library import Library
from webapp.views import history
from webapp.views.forecast_table import exported, forecast_table
from webapp.views.wording import Words


@pytest.fixture
def rows(store: MemoryStore, library: Library) -> pd.DataFrame:
    worlds.full(store, NOW)
    ledger = library.deployment(ROOT_DEPLOYMENT).ledger()
    return ledger[ledger["kind"] != "oof"]


@pytest.fixture
def candles(rows: pd.DataFrame, library: Library) -> pd.DataFrame:
    last = worlds.daily(NOW).last_open
    return library.candles("BTCUSDT", "1d", last_open=last, span=timedelta(days=80)).frame


def everything(rows: pd.DataFrame, **changes: object) -> history.Filter:
    chosen = {
        "since": rows["as_of"].min(),
        "candidates": ["T14_X8", "T21_X8"],
        "labels": [-1, 0, 1],
        "kinds": ["live", "backfill"],
    }
    return history.Filter(**{**chosen, **changes})  # type: ignore[arg-type]


def test_filters(rows: pd.DataFrame) -> None:
    assert len(history.filtered(rows, everything(rows))) == len(rows) == 140
    assert len(history.filtered(rows, everything(rows, kinds=["backfill"]))) == 20
    assert len(history.filtered(rows, everything(rows, kinds=[]))) == 0
    assert set(history.filtered(rows, everything(rows, labels=[1]))["pred_label"]) == {1}
    since = NOW - timedelta(days=10)
    assert history.filtered(rows, everything(rows, since=since))["as_of"].min() >= since
    sure = history.filtered(rows, everything(rows, least=0.6))
    assert 0 < len(sure) < len(rows)
    assert sure[["p[-1]", "p[0]", "p[1]"]].max(axis=1).min() >= 0.6


def test_a_marker_stands_at_its_candle_sized_by_its_probability(
    rows: pd.DataFrame, candles: pd.DataFrame, words: Words
) -> None:
    live = rows[rows["kind"] == "live"]
    figure = history.candle_figure(candles, "1d", live, words, UTC)
    bars, *markers = figure.data
    assert len(bars.x) == 81
    assert sum(len(trace.x) for trace in markers) == 120
    up = next(trace for trace in markers if trace.name == "T14_X8 ▲ rises first")
    mine = live[(live["candidate"] == "T14_X8") & (live["pred_label"] == 1)]
    opens = pd.DatetimeIndex(up.x).tz_localize("UTC")
    assert list(opens + pd.Timedelta(days=1)) == list(mine["as_of"])
    assert np.argmax(up.marker.size) == np.argmax(mine["p[1]"])
    assert (np.asarray(up.y) < candles["low"].reindex(opens.as_unit("ms")).to_numpy()).all()
    down = next(trace for trace in markers if trace.name == "T14_X8 ▼ falls first")
    below = pd.DatetimeIndex(down.x).tz_localize("UTC").as_unit("ms")
    assert (np.asarray(down.y) > candles["high"].reindex(below).to_numpy()).all()


def test_candidates_and_kinds_differ_in_more_than_colour(
    rows: pd.DataFrame, candles: pd.DataFrame, words: Words
) -> None:
    _, *markers = history.candle_figure(candles, "1d", rows, words, UTC).data
    assert len({trace.marker.symbol for trace in markers}) == len(markers)
    assert {alpha for trace in markers for alpha in trace.marker.opacity} == {0.5, 1.0}


def test_hovering_shows_everything_with_data_escaped(
    rows: pd.DataFrame, candles: pd.DataFrame, words: Words
) -> None:
    odd = rows.assign(bundle="<b>x</b>", degraded="<a href='javascript:x'>y</a>")
    _, first, *_ = history.candle_figure(candles, "1d", odd, words, UTC).data
    text = first.text[0]
    assert "T14_X8" in text and "▼ falls first:" in text and "neutral" in text
    assert "&lt;b&gt;x&lt;/b&gt;" in text and "<a" not in text
    assert "80 %: " in text and "resolves 20" in text


def test_without_candles_markers_stand_at_the_closes(rows: pd.DataFrame, words: Words) -> None:
    live = rows[rows["kind"] == "live"]
    figure = history.candle_figure(pd.DataFrame(), "1d", live, words, UTC)
    heights = np.concatenate([trace.y for trace in figure.data])
    assert set(heights) == set(live["close"])


def test_hourly_forecasts_stand_on_daily_candles_over_long_spans(
    store: MemoryStore, library: Library, words: Words
) -> None:
    series = worlds.full_hourly(store, NOW)
    rows = library.deployment(series.deployment).ledger()
    assert history.candle_interval("1h", 60) == "1d"
    candles = library.candles("BTCUSDT", "1d", last_open=NOW, span=timedelta(days=20)).frame
    figure = history.candle_figure(candles, "1d", rows, words, UTC)
    # Of the newest day there is no candle yet: its forecasts stand at their closes.
    assert all(np.isfinite(np.asarray(trace.y, dtype=float)).all() for trace in figure.data[1:])


def test_curves_have_a_panel_per_candidate_and_the_base_rate(
    rows: pd.DataFrame, words: Words
) -> None:
    figure = history.curves_figure(rows, words, UTC)
    assert len(figure.data) == 2 * 3 * 2
    assert {trace.yaxis for trace in figure.data} == {"y", "y2"}
    first = next(t for t in figure.data if t.name == "▼ falls first" and t.yaxis == "y")
    mine = rows[rows["candidate"] == "T14_X8"].sort_values("as_of")
    assert list(first.y) == list(mine["p[-1]"])
    dashes = {trace.line.dash for trace in figure.data if trace.meta == "forecast"}
    assert len(dashes) == 3


def test_the_map_shows_probabilities_and_marks_what_happened(
    rows: pd.DataFrame, words: Words
) -> None:
    mine = rows[(rows["candidate"] == "T21_X8") & (rows["kind"] == "live")]
    cells, happened = history.heat_figure(mine, words, UTC).data
    assert np.array_equal(np.asarray(cells.z), mine[["p[-1]", "p[0]", "p[1]"]].to_numpy().T)
    assert len(happened.x) == 60 - 21
    names = {-1: "▼ falls first", 0: "● neither", 1: "▲ rises first"}
    assert list(happened.y) == [names[int(one)] for one in mine["label"].dropna()]


def test_nothing_to_show_says_so(words: Words) -> None:
    empty = pd.DataFrame(columns=["candidate", "kind", "as_of", "label"])
    for figure in (
        history.candle_figure(pd.DataFrame(), "1d", empty, words, UTC),
        history.curves_figure(empty, words, UTC),
        history.heat_figure(empty, words, UTC),
    ):
        assert figure.layout.annotations[0].text == words("history.nothing")


def test_the_table_shows_the_newest_first(rows: pd.DataFrame, words: Words) -> None:
    table = forecast_table(rows, words)
    assert table["As of"].iloc[0] == "2026-03-04"
    assert len(table) == len(rows)
    assert set(table["what happened"]) == {"", "▼ falls first", "● neither", "▲ rises first"}


def test_the_file_holds_the_forecasts_and_no_price(rows: pd.DataFrame) -> None:
    odd = rows.assign(bundle="=HYPERLINK(1)", degraded="@x")
    read = list(csv.DictReader(io.StringIO(exported(odd).decode(), newline="")))
    assert len(read) == len(rows)
    assert not {"close", "open", "high", "low"} & set(read[0])
    assert float(read[-1]["p[-1]"]) == rows["p[-1]"].iloc[-1]
    assert read[0]["bundle"] == "'=HYPERLINK(1)"
    assert read[0]["degraded"] == "'@x"
    assert read[0]["set_labels"] == " ".join(map(str, rows["set_labels"].iloc[0]))
