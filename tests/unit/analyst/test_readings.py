"""Readings against independent definitions, and on series that deceived the original."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecastlab.analyst.readings import average_true_range, hourly_bars, macd, read_market
from forecastlab.contracts.analysis import MarketData
from forecastlab.contracts.errors import UsageError


def walk(length: int = 288, *, seed: int = 1, deviation: float = 0.001) -> list[float]:
    steps = np.random.default_rng(seed).normal(0, deviation, length)
    return [float(price) for price in 100 * np.exp(np.cumsum(steps))]


def market(closes: list[float], **changed: Any) -> MarketData:
    given = {
        "symbol": "BTCUSDT",
        "current_price": closes[-1],
        "prices_1h": closes[-12:],
        "prices_24h": closes,
        "volumes_24h": [1.0] * 19 + [2.9],
        "bid_ask_spread": 0.02,
    }
    return MarketData.model_validate({**given, **changed})


def test_a_flat_market_is_neutral() -> None:
    """The original called it overbought at RSI 100."""
    found = read_market(market([100.0] * 288))
    assert (found.rsi, found.macd, found.band_position, found.atr_percent) == (50.0, 0.0, 0.5, 0.0)


def test_macd_has_a_signal_line_of_its_own() -> None:
    closes = walk()
    series = pd.Series(closes)
    line = series.ewm(span=12, adjust=False).mean() - series.ewm(span=26, adjust=False).mean()
    signal = line.ewm(span=9, adjust=False).mean()
    assert macd(closes) == pytest.approx((line.iloc[-1], signal.iloc[-1]))
    assert macd(closes)[1] != pytest.approx(0.9 * macd(closes)[0])


def test_bands_rsi_and_changes_against_pandas() -> None:
    closes = walk(seed=2)
    found, series = read_market(market(closes)), pd.Series(closes)
    last = series.iloc[-20:]
    upper, lower = (last.mean() + sign * 2 * last.std(ddof=0) for sign in (1, -1))
    assert found.band_position == pytest.approx((closes[-1] - lower) / (upper - lower))
    changes = series.diff().iloc[-14:]
    gains, losses = changes.clip(lower=0).sum(), -changes.clip(upper=0).sum()
    assert found.rsi == pytest.approx(100 - 100 / (1 + gains / losses))
    assert found.change_24h == pytest.approx(closes[-1] / closes[0] - 1)
    assert found.change_1h == pytest.approx(closes[-1] / closes[-12] - 1)
    assert found.low_24h <= 0 <= found.high_24h


def test_atr_is_the_range_of_an_hour_in_per_cent() -> None:
    """The original's deviation of five-minute returns never reached its thresholds of 1 and 3 %."""
    wild = read_market(market(walk(deviation=0.012)))
    assert wild.atr_percent > 3
    bars = hourly_bars(walk())
    assert len(bars) == 24
    frame = pd.DataFrame(bars, columns=["high", "low", "close"])
    before = frame["close"].shift()
    ranges = pd.concat(
        [
            frame["high"] - frame["low"],
            (frame["high"] - before).abs(),
            (frame["low"] - before).abs(),
        ],
        axis=1,
    ).max(axis=1)[1:]
    found = ranges.iloc[:14].mean()
    for one in ranges.iloc[14:]:
        found = (found * 13 + one) / 14
    assert average_true_range(bars) == pytest.approx(found)


def test_readings_do_not_know_the_price() -> None:
    closes = walk(seed=3)
    one = read_market(market(closes))
    other = read_market(market([1000 * price for price in closes], bid_ask_spread=20.0))
    assert [*vars(one).values()] == pytest.approx([*vars(other).values()])


@pytest.mark.parametrize("name", ["prices_24h", "prices_1h"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0, 0.0])
def test_what_is_no_price_is_refused(name: str, value: float) -> None:
    series = [*walk()[:-1], value]
    with pytest.raises(ValueError, match=name):
        market(walk(), **{name: series})


def test_short_series_are_refused() -> None:
    with pytest.raises(ValueError, match="prices_24h"):
        market(walk(200))
    broken = MarketData.model_construct(
        **{**market(walk()).__dict__, "prices_24h": tuple(walk(100))}
    )
    with pytest.raises(UsageError, match="100 value"):
        read_market(broken)
