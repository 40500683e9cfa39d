"""The serving window at any hour: whole days, references that may be missing, funding rates."""

from __future__ import annotations

from datetime import datetime
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from forecastlab.contracts.candles import Candles, Market
from forecastlab.contracts.config import FeatureTable
from forecastlab.contracts.errors import DataUnavailable
from forecastlab.contracts.intervals import DURATION, Interval
from forecastlab.contracts.manifest import SeriesEntry, ServingEntry
from forecastlab.usecases.forecast import _rows
from forecastlab.usecases.serving_window import Needed, read_market, serving_window
from tests.support.synthetic import START, synthetic_market, without

DAY, HOUR = DURATION["1d"], DURATION["1h"]
SYMBOLS = ("BTCUSDT", "ETHUSDT")
MARKET = synthetic_market(12, SYMBOLS, seed=3)
TODAY = START + 9 * DAY


def needed(interval: Interval = "1h", *, days: int = 4, shortest: int = 3) -> Needed:
    series = tuple(
        SeriesEntry(symbol=symbol, interval=one) for symbol in SYMBOLS for one in ("1d", "4h", "1h")
    )
    entry = ServingEntry(daily_candles=days, shortest=shortest, whole_days=1, series=series)
    return Needed("BTCUSDT", interval, entry)


@pytest.mark.parametrize("hour", [0, 12, 13, 22])
def test_at_any_hour_the_window_holds_its_whole_days(hour: int) -> None:
    window = serving_window(MARKET, needed(), TODAY + hour * HOUR)
    daily, hourly = (window.view.candles("BTCUSDT", one) for one in ("1d", "1h"))
    assert len(daily) == 4
    assert daily.frame.index[0] == hourly.frame.index[0] == pd.Timestamp(TODAY - 4 * DAY)
    assert len(hourly) == 4 * 24 + hour + 1


def test_with_the_last_hour_the_day_is_whole() -> None:
    window = serving_window(MARKET, needed(), TODAY + 23 * HOUR)
    daily = window.view.candles("BTCUSDT", "1d")
    assert (len(daily), daily.last_open) == (4, TODAY)
    four = serving_window(MARKET, needed("4h"), TODAY + 20 * HOUR)
    assert len(four.view.candles("BTCUSDT", "4h")) == 24


@pytest.mark.parametrize("hour", [0, 13, 22, 23])
def test_the_shortest_history_is_demanded_in_whole_days(hour: int) -> None:
    """What L7 proved of so many days is not proved of less than them."""
    asof = TODAY + hour * HOUR
    begins = TODAY - (3 if hour < 23 else 2) * DAY
    assert serving_window(since(begins), needed(), asof).asof_open == asof
    with pytest.raises(DataUnavailable, match="BTCUSDT 1d"):
        serving_window(since(begins + DAY), needed(), asof)


@pytest.mark.parametrize("interval", ["1h", "4h"])
def test_no_recent_candle_of_its_own_may_be_missing(interval: Interval) -> None:
    """A window that reached across the hole would be another quantity under the same name."""
    asof = TODAY + 12 * HOUR
    lost = [asof - 8 * HOUR]
    assert serving_window(without(MARKET, "ETHUSDT", interval, lost), needed("4h"), asof)
    with pytest.raises(DataUnavailable, match=f"BTCUSDT {interval}"):
        serving_window(without(MARKET, "BTCUSDT", interval, lost), needed("4h"), asof)
    older = [asof - 32 * HOUR]
    assert serving_window(without(MARKET, "BTCUSDT", interval, older), needed("4h"), asof)


def since(first: datetime) -> Market:
    return Market([one.between(first, TODAY + 3 * DAY) for one in MARKET.series()])


class Archive:
    """An archive of these series, and of none else."""

    def __init__(self, series: tuple[Candles, ...]) -> None:
        self._series = {(one.symbol, one.interval): one for one in series}

    def read(
        self, symbol: str, interval: Interval, first_open: datetime | None, last_open: datetime
    ) -> Candles:
        if (symbol, interval) not in self._series:
            raise DataUnavailable(f"no {symbol}", remedy="none")
        return self._series[symbol, interval].between(first_open or START, last_open)


@pytest.mark.parametrize("missing", SYMBOLS)
def test_a_reference_may_be_missing_and_the_own_candles_may_not(missing: str) -> None:
    archive = Archive(tuple(one for one in MARKET.series() if one.symbol != missing))
    asof = TODAY + 13 * HOUR
    if missing == "BTCUSDT":
        with pytest.raises(DataUnavailable, match="no BTCUSDT"):
            read_market(archive, needed(), asof, asof)
        return
    window = serving_window(read_market(archive, needed(), asof, asof), needed(), asof)
    assert len(window.view.candles("ETHUSDT", "1h")) == 0


def test_other_funding_rates_are_another_source() -> None:
    asof = TODAY + 13 * HOUR
    index = pd.date_range(START, periods=40, freq="8h").as_unit("ms")
    rates = pd.Series(1e-4, index=index)
    later, older, inside = rates.copy(), rates.copy(), rates.copy()
    later[index > pd.Timestamp(asof + HOUR)] = 1.0
    older[index < pd.Timestamp(TODAY - 4 * DAY)] = 1.0
    inside[index == pd.Timestamp(TODAY)] = 1.0

    def digest(funding: pd.Series | None) -> str:
        held = {} if funding is None else {"BTCUSDT": funding}
        window = serving_window(Market(MARKET.series(), held), needed(), asof)
        return window.reference("file").digest

    assert digest(rates) == digest(later) == digest(older)
    assert len({digest(None), digest(rates), digest(inside)}) == 3


def test_rows_beside_a_gap_do_not_shorten_a_sequence() -> None:
    """A window is made of complete rows, in serving as in training."""
    asof = TODAY + 13 * HOUR
    holed = without(MARKET, "ETHUSDT", "1h", [asof - 70 * HOUR])
    window = serving_window(holed, needed(days=9), asof)
    recipe = SimpleNamespace(
        interval="1h",
        references=("ETHUSDT",),
        features=FeatureTable(set="direction", references=("ETHUSDT",)),
        recipe=None,
    )
    manifest = SimpleNamespace(recipe=recipe)
    bundle: Any = SimpleNamespace(
        files=SimpleNamespace(manifest=manifest),
        forecasters={"H5": SimpleNamespace(windows={"cross": 96})},
    )
    rows, absent, stood_in = _rows(bundle, window)
    assert (absent, stood_in) == ({}, ())
    assert len(rows["cross"]) == 96
    assert rows["cross"].index[-1] == pd.Timestamp(asof)
