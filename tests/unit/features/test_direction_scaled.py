"""`direction` (scaled): what the columns of other intervals and other symbols may see."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from forecastlab.contracts.candles import Candles, Market
from forecastlab.contracts.errors import DataUnavailable
from forecastlab.contracts.intervals import DURATION, Interval
from forecastlab.features.direction_scaled import (
    LEADERS,
    direction_scaled_features,
    direction_scaled_set,
)
from tests.support.hourly_sets import END, HOUR, SYMBOL, SYMBOLS, market
from tests.support.synthetic import START, without


def table(found: Market, symbol: str = SYMBOL, *, of: tuple[str, ...] = SYMBOLS) -> pd.DataFrame:
    return direction_scaled_features(found.as_of(END), symbol, of)


def test_the_set_is_this() -> None:
    one = direction_scaled_set()
    assert (one.name, one.variant, one.interval, len(one.columns)) == (
        "direction",
        "scaled",
        "1h",
        81,
    )
    assert {feature.interval for feature in one.features} == {"1h", "4h", "1d"}
    days = {feature.interval: 0 for feature in one.features}
    for feature in one.features:
        days[feature.interval] = max(days[feature.interval], feature.lookback)
    assert days == {"1h": 721, "4h": 81, "1d": 81}


@pytest.mark.parametrize(("interval", "prefix"), [("4h", "h4"), ("1d", "d1")])
def test_a_slow_candle_is_seen_from_its_close_until_the_next(
    interval: Interval, prefix: str
) -> None:
    """A change to one 4h or 1d candle moves no hour that closes before it does."""
    place = 300
    changed = []
    for one in market().series():
        frame = one.frame.copy()
        if one.interval == interval and one.symbol == SYMBOL:
            frame.iloc[place, frame.columns.get_indexer(["close"])] *= 1.5
            first = frame.index[place] + DURATION[interval]
        changed.append(Candles(one.symbol, one.interval, frame))
    before, after = table(market()), table(Market(changed))
    name = f"{prefix}_move_1"
    moved = before.index[(before[name] != after[name]) & before[name].notna()]
    # The hour that closes with it is the first to see it.
    assert moved[0] == first - DURATION["1h"]
    others = [one for one in before.columns if not one.startswith(prefix)]
    pd.testing.assert_frame_equal(before[others], after[others], check_exact=True)


def test_a_slow_candle_that_the_exchange_lacks_is_missing_until_the_next_closes() -> None:
    lost = START + 400 * DURATION["4h"]
    found = table(without(market(), SYMBOL, "4h", [lost]))
    missing = found.index[found["h4_move_5"].isna()][-4:]
    first = lost + DURATION["4h"] - HOUR
    assert missing.tolist() == [pd.Timestamp(first + k * HOUR) for k in range(4)]


def test_the_market_is_the_mean_of_the_symbols_that_are_there() -> None:
    whole = table(market())
    moves = {one: table(market(), one)["move_24"] for one in SYMBOLS}
    mean = pd.concat(moves, axis=1).mean(axis=1, skipna=False)
    np.testing.assert_allclose(whole["market_move_24"], mean, rtol=1e-12)
    spread = pd.concat(moves, axis=1).std(axis=1, ddof=0, skipna=False)
    np.testing.assert_allclose(whole["dispersion_24"], spread, rtol=1e-9)
    np.testing.assert_allclose(whole["strength_24"], whole["move_24"] - mean, atol=1e-12)
    np.testing.assert_array_equal(whole["eth_move_24"], whole["move_24"])
    lost = START + 5000 * HOUR
    row = table(without(market(), "ADAUSDT", "1h", [lost])).loc[pd.Timestamp(lost)]
    rest = [moves[one].loc[pd.Timestamp(lost)] for one in SYMBOLS if one != "ADAUSDT"]
    assert row["market_move_24"] == pytest.approx(np.mean(rest), rel=1e-12)


def test_a_market_needs_three_symbols_or_those_named() -> None:
    lost = START + 5000 * HOUR
    found = market()
    for symbol in ("BNBUSDT", "SOLUSDT", "ADAUSDT"):
        found = without(found, symbol, "1h", [lost])
    at = pd.Timestamp(lost)
    assert np.isnan(table(found).loc[at, "market_move_6"])
    two = table(found, of=LEADERS).loc[at]
    assert two["market_move_6"] == pytest.approx((two["btc_move_6"] + two["eth_move_6"]) / 2)


def test_a_symbol_outside_the_market_is_compared_with_it() -> None:
    found = table(market(), of=("BTCUSDT", "BNBUSDT", "ADAUSDT"))
    difference = found["move_6"] - found["market_move_6"]
    np.testing.assert_allclose(found["strength_6"], difference, atol=1e-12)


@pytest.mark.parametrize("gone", [("BTCUSDT", "1h"), ("ADAUSDT", "1h"), (SYMBOL, "4h")])
def test_a_market_that_lacks_a_series_is_refused(gone: tuple[str, Interval]) -> None:
    series = [one for one in market().series() if (one.symbol, one.interval) != gone]
    with pytest.raises(DataUnavailable):
        table(Market(series))


def test_what_is_counted_in_standard_deviations_is_bounded() -> None:
    found = market().series()
    wild = []
    for one in found:
        frame = one.frame.copy()
        if one.interval == "1h":
            frame.iloc[5000, frame.columns.get_indexer(["high", "close"])] *= 40.0
        wild.append(Candles(one.symbol, one.interval, frame))
    values = table(Market(wild))
    assert values.iloc[5000]["move_1"] == 6.0
    assert values.iloc[5000]["range_sigma"] == 6.0
    # A strength is the difference of two bounded moves.
    strengths = values.columns.str.startswith("strength_")
    assert values.loc[:, ~strengths].abs().max(axis=None) == 6.0
