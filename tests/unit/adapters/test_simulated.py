"""The simulated market: valid closed candles, one story in all intervals, and a law that holds.

Statistical bounds are four standard errors wide and the seeds are fixed.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from forecastlab.adapters.clocks import FixedClock
from forecastlab.adapters.simulated import DEMO_VOL_OF_VOL, START, SimulatedMarket
from forecastlab.adapters.simulated_paths import (
    ASSETS,
    FLOW_SHARE,
    HALF_LIFE_OF_FLOW,
    HALF_LIFE_OF_VOLATILITY,
)
from forecastlab.contracts.candle_checks import checked_candles
from forecastlab.contracts.errors import DataUnavailable
from forecastlab.contracts.intervals import DURATION, INTERVALS, Interval, last_closed_open

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
NOW = datetime(2025, 10, 1, 0, 5, tzinfo=UTC)
YEARS = datetime(2049, 1, 1, tzinfo=UTC)
"""A clock so late that the law shows in the sample: 31 years of days."""


def market(
    seed: int = 7, *, now: datetime = NOW, drift: float = 0.0, vol: float = 0.0
) -> SimulatedMarket:
    return SimulatedMarket(seed, clock=FixedClock(now), drift_signal=drift, vol_of_vol=vol)


def frame(
    source: SimulatedMarket, interval: Interval = "1d", symbol: str = "BTCUSDT"
) -> pd.DataFrame:
    return source.fetch(symbol, interval, None, YEARS).frame


def daily_returns(source: SimulatedMarket, symbol: str = "BTCUSDT") -> np.ndarray:
    """Return the log returns of days 1, 2, …; day 0's is left out."""
    return np.diff(np.log(frame(source, "1d", symbol)["close"].to_numpy()))


def flow(source: SimulatedMarket) -> np.ndarray:
    """Read the flow pressure off the daily taker-buy share."""
    daily = frame(source)
    return ((daily["taker_buy_base"] / daily["volume"] - 0.5) / FLOW_SHARE).to_numpy()


def slope(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Return the least-squares slope and its standard error (no overlap assumed)."""
    x, y = x - x.mean(), y - y.mean()
    estimate = (x @ y) / (x @ x)
    return estimate, float(np.std(y - estimate * x) / np.sqrt(x @ x))


# What every source of candles keeps


@pytest.mark.parametrize("symbol", ASSETS)
@pytest.mark.parametrize("interval", INTERVALS)
def test_candles_keep_the_contract_without_a_gap(symbol: str, interval: Interval) -> None:
    series = market(vol=DEMO_VOL_OF_VOL).fetch(symbol, interval, None, YEARS)
    checked = checked_candles(symbol, interval, series.frame.reset_index())
    assert (checked.digest(), checked.rejected, checked.duplicates) == (series.digest(), (), 0)
    assert series.gaps() == ()
    assert series.frame.index[0] == START
    assert (series.frame[["volume", "trades", "taker_buy_base"]] > 0).all(axis=None)


def test_candles_keep_the_contract_however_strong_the_drift() -> None:
    series = market(now=YEARS, drift=3.0, vol=1.0).fetch("BTCUSDT", "1h", None, YEARS)
    assert not checked_candles("BTCUSDT", "1h", series.frame.reset_index()).rejected


@pytest.mark.parametrize("interval", INTERVALS)
@pytest.mark.parametrize("minutes", [0, 1, 59, 60, 240, 1439])
def test_last_candle_is_the_last_closed(interval: Interval, minutes: int) -> None:
    now = datetime(2025, 9, 30, tzinfo=UTC) + timedelta(minutes=minutes)
    series = market(now=now).fetch("BTCUSDT", interval, None, now + 9 * DAY)
    assert series.last_open == last_closed_open(now, interval)
    assert series.last_open + DURATION[interval] <= now


def test_request_bounds_are_closed() -> None:
    first, last = datetime(2020, 1, 5, tzinfo=UTC), datetime(2020, 1, 9, tzinfo=UTC)
    series = market().fetch("ETHUSDT", "1d", first, last)
    assert list(series.frame.index) == [first + i * DAY for i in range(5)]
    assert not len(market().fetch("ETHUSDT", "1d", NOW, NOW + DAY))
    assert not len(market().fetch("ETHUSDT", "1d", None, START - DAY))
    assert not len(market(now=START).fetch("ETHUSDT", "1d", None, NOW))


def test_unknown_symbol_is_unavailable() -> None:
    with pytest.raises(DataUnavailable, match=r"no DOGEUSDT\. It has BTCUSDT"):
        market().fetch("DOGEUSDT", "1d", None, NOW)


@pytest.mark.parametrize("interval", ["4h", "1d"])
def test_longer_candles_are_the_sums_of_hours(interval: Interval) -> None:
    source = market(vol=DEMO_VOL_OF_VOL)
    how = {"open": "first", "high": "max", "low": "min", "close": "last"}
    hours = frame(source, "1h")
    joined = hours.resample(DURATION[interval]).agg(
        {name: how.get(name, "sum") for name in hours.columns}
    )
    longer = frame(source, interval)
    np.testing.assert_allclose(joined.loc[longer.index], longer, rtol=1e-12)


# Reproducible


@pytest.mark.parametrize("interval", INTERVALS)
def test_a_later_clock_only_adds_candles(interval: Interval) -> None:
    early = market(vol=0.5, drift=0.1).fetch("BTCUSDT", interval, None, NOW)
    late = market(vol=0.5, drift=0.1, now=YEARS).fetch("BTCUSDT", interval, None, early.last_open)
    assert early.digest() == late.digest()


def test_a_moving_clock_gives_what_a_fresh_market_gives() -> None:
    clock = FixedClock(datetime(2018, 3, 1, tzinfo=UTC))
    moving = SimulatedMarket(7, clock=clock)
    seen = []
    for days in range(0, 1000, 90):
        clock.set(datetime(2018, 3, 1, tzinfo=UTC) + timedelta(days=days))
        seen.append(moving.fetch("BTCUSDT", "1h", None, YEARS))
        assert seen[-1].last_open == last_closed_open(clock.now(), "1h")
    whole = market().fetch("BTCUSDT", "1h", None, YEARS)
    assert all(one.digest() == whole.until(one.last_open + HOUR).digest() for one in seen)


def test_a_symbol_does_not_depend_on_the_others_asked() -> None:
    asked = market()
    for symbol in reversed(ASSETS):
        asked.fetch(symbol, "1h", None, NOW)
    alone = SimulatedMarket(7, clock=FixedClock(NOW), symbols=("BTCUSDT",))
    assert frame(alone, "1h").equals(frame(asked, "1h"))


def test_seeds_and_symbols_differ() -> None:
    returns = [daily_returns(market(seed), s) for seed in (1, 2) for s in ("BTCUSDT", "ETHUSDT")]
    correlations = np.corrcoef(returns)
    assert np.abs(correlations[:2, 2:]).max() < 4 / np.sqrt(len(returns[0]))
    assert correlations[0, 1] == pytest.approx(0.6, abs=0.05)


# The law


@pytest.mark.parametrize("symbol", ASSETS)
@pytest.mark.parametrize("vol", [0.0, 0.5])
def test_knobs_at_zero_leave_nothing_to_find_and_vol_of_vol_no_direction(
    symbol: str, vol: float
) -> None:
    source = market(now=YEARS, vol=vol)
    returns, volatility = daily_returns(source, symbol), ASSETS[symbol].volatility
    # Scaled by the average size of the days before, so that calm and wild times weigh alike.
    size = pd.Series(np.abs(returns)).ewm(halflife=20).mean().shift(1).to_numpy()[50:]
    standard = returns[50:] / size
    daily = frame(source, "1d", symbol)
    share = (daily["taker_buy_base"] / daily["volume"]).to_numpy()
    past = {
        "return": returns[49:-1],
        "month": pd.Series(returns).rolling(30).sum().to_numpy()[49:-1],
        "share": share[50:-1],
        "volume": np.log(daily["volume"].to_numpy())[50:-1],
    }
    for known in past.values():
        estimate, error = slope(known, standard)
        assert abs(estimate) < 4 * error
    assert returns.mean() == pytest.approx(0, abs=4 * returns.std() / np.sqrt(len(returns)))
    if vol == 0:
        assert returns.std() == pytest.approx(volatility, rel=0.03)


def log_size(source: SimulatedMarket) -> np.ndarray:
    """Return the log of each day's realised volatility from day 1 on, from its hours."""
    closes = frame(source, "1h")["close"].to_numpy()
    hours = np.diff(np.log(closes[23:])).reshape(-1, 24)
    return 0.5 * np.log((hours**2).sum(axis=1))


def test_volatility_is_constant_without_its_knob() -> None:
    size = log_size(market(now=YEARS))
    estimate, error = slope(size[:-1], size[1:])
    assert abs(estimate) < 4 * error
    volume = np.log(frame(market(now=YEARS))["volume"].to_numpy())[1 : len(size)]
    estimate, error = slope(volume, size[1:])
    assert abs(estimate) < 4 * error


def test_volatility_persists_as_the_knob_says() -> None:
    size = log_size(market(now=YEARS, vol=DEMO_VOL_OF_VOL))
    noise = log_size(market(now=YEARS)).var()
    true_variance = size.var() - noise
    # The sample of 31 years holds about 130 independent spells of 30 days · 2 / ln 2.
    assert np.sqrt(true_variance) == pytest.approx(DEMO_VOL_OF_VOL, rel=0.2)
    mean_square = np.exp(2 * size).mean() / ASSETS["BTCUSDT"].volatility ** 2
    assert mean_square == pytest.approx(1, abs=0.4)
    lag = 15
    covariance = np.cov(size[:-lag], size[lag:])[0, 1]
    assert covariance / true_variance == pytest.approx(
        0.5 ** (lag / HALF_LIFE_OF_VOLATILITY), abs=0.08
    )


@pytest.mark.parametrize("drift", [0.1, 0.6])
def test_planted_drift_has_the_size_that_the_law_says(drift: float) -> None:
    source = market(now=YEARS, drift=drift)
    returns = daily_returns(source) / ASSETS["BTCUSDT"].volatility
    estimate, error = slope(flow(source)[:-1], returns)
    # The share shows the pressure with noise of variance 0.02, which flattens the slope by 2 %.
    assert estimate == pytest.approx(0.98 * drift, abs=4 * error)
    assert estimate > 4 * error


def test_planted_drift_scales_with_the_volatility() -> None:
    source = market(now=YEARS, drift=0.1, vol=DEMO_VOL_OF_VOL)
    estimate, error = slope(flow(source)[:-1], daily_returns(source) / np.exp(log_size(source)))
    assert estimate == pytest.approx(0.1, abs=4 * error)
    assert estimate > 4 * error


def test_planted_drift_lasts_for_days_as_the_law_says() -> None:
    days, drift = 14, 0.1
    returns, pressure = daily_returns(market(now=YEARS, drift=drift)), flow(market(now=YEARS))
    ahead = np.convolve(returns, np.ones(days), "valid")
    phi = 0.5 ** (1 / HALF_LIFE_OF_FLOW)
    true = drift * ASSETS["BTCUSDT"].volatility * (1 - phi**days) / (1 - phi)
    estimate, error = slope(pressure[: len(ahead)], ahead)
    assert estimate == pytest.approx(true, abs=4 * error * np.sqrt(days))
    assert estimate > 4 * error * np.sqrt(days)


def test_high_and_low_are_those_of_a_brownian_path() -> None:
    hours = frame(market(), "1h")
    ranges = np.log(hours["high"] / hours["low"])
    sigma = ASSETS["BTCUSDT"].volatility / np.sqrt(24)
    # Feller (1951): the mean range of a Brownian path of length 1 is sqrt(8 / pi).
    assert ranges.mean() / sigma == pytest.approx(np.sqrt(8 / np.pi), rel=0.01)


def test_mean_price_of_an_hour_lies_within_it() -> None:
    hours = frame(market(vol=0.5), "1h")
    price = hours["quote_volume"] / hours["volume"]
    assert ((price >= hours["low"] * (1 - 1e-6)) & (price <= hours["high"] * (1 + 1e-6))).all()
