"""A seeded synthetic market for tests: volatility clusters, nothing to find in direction.

The log price is driftless. The hourly candles are drawn; 4h and 1d candles are joined from them,
so that every interval tells the same story. Eight years of one symbol take about 30 ms.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Final

import numpy as np
import pandas as pd

from forecastlab.contracts.candles import COLUMNS, Candles, Market, open_index
from forecastlab.contracts.intervals import DURATION, Interval

START: Final = datetime(2018, 1, 1, tzinfo=UTC)
_HOUR_MS: Final = 3_600_000
_HOURS: Final[dict[Interval, int]] = {"1h": 1, "4h": 4, "1d": 24}


def synthetic_market(
    days: int = 400,
    symbols: Sequence[str] = ("BTCUSDT",),
    seed: int = 0,
    *,
    start: datetime = START,
    intervals: Sequence[Interval] = ("1h", "4h", "1d"),
) -> Market:
    """Draw `days` whole UTC days of closed candles for each symbol, without gaps.

    Symbols share a market factor (correlation of hourly returns about 0.7). The same arguments give
    the same candles; a symbol's candles depend on its place in `symbols`, not on later symbols;
    longer markets do not extend shorter ones.
    """
    hours = days * 24
    factor = np.random.default_rng([seed, 0])
    log_vol = _clustered_log_volatility(factor, hours)
    shock = factor.standard_normal(hours)
    series = []
    for place, symbol in enumerate(symbols, start=1):
        hourly = _hourly_values(np.random.default_rng([seed, place]), log_vol, shock, place)
        opens_ms = int(start.timestamp() * 1000) + _HOUR_MS * np.arange(hours)
        series += [_candles(symbol, interval, opens_ms, hourly) for interval in intervals]
    return Market(series)


def without(market: Market, symbol: str, interval: Interval, opens: Collection[datetime]) -> Market:
    """Return the market with these candles of one series taken out, as an outage would."""
    gone = pd.DatetimeIndex(list(opens)).as_unit("ms")
    return Market(
        Candles(one.symbol, one.interval, one.frame.loc[~one.frame.index.isin(gone)])
        if (one.symbol, one.interval) == (symbol, interval)
        else one
        for one in market.series()
    )


def poisoned_after(market: Market, instant: datetime, seed: int = 0) -> Market:
    """Return the market with every candle that was not available at `instant` made nonsense.

    Values are multiplied by random factors between 1/1000 and 1000, and some are NaN or infinite.
    """
    rng = np.random.default_rng(seed)
    series = []
    for one in market.series():
        values = one.frame.to_numpy(copy=True)
        late = np.asarray(one.available_at > instant)
        nonsense = values[late] * 10.0 ** rng.uniform(-3, 3, size=values[late].shape)
        nonsense[rng.random(nonsense.shape) < 0.2] = np.nan
        nonsense[rng.random(nonsense.shape) < 0.05] = np.inf
        values[late] = nonsense
        frame = pd.DataFrame(values, index=one.frame.index, columns=one.frame.columns)
        series.append(Candles(one.symbol, one.interval, frame))
    return Market(series)


def _clustered_log_volatility(rng: np.random.Generator, hours: int) -> np.ndarray:
    """Draw a log volatility that reverts over about ten days; its mean is log(0.6 %) an hour."""
    pull = 1 / 240
    steps = rng.standard_normal(hours) * np.sqrt(2 * pull) * 0.5
    decay = (1 - pull) ** np.arange(24)
    # Day by day, so that the powers of the decay stay in range on long markets.
    level, days = 0.0, []
    for block in steps.reshape(-1, 24):
        path = decay * (np.cumsum(block / decay) + (1 - pull) * level)
        level = float(path[-1])
        days.append(path)
    log_vol: np.ndarray = np.concatenate([np.empty(0), *days]) + np.log(0.006)
    return log_vol


def _hourly_values(
    rng: np.random.Generator, log_vol: np.ndarray, shock: np.ndarray, place: int
) -> dict[str, np.ndarray]:
    hours, sigma = len(log_vol), np.exp(log_vol)
    returns = sigma * (0.85 * shock + 0.53 * rng.standard_normal(hours))
    close = 20_000.0 / 10 ** (place - 1) * np.exp(np.cumsum(returns))
    first = np.full(min(1, hours), 20_000.0 / 10 ** (place - 1))
    open_ = np.concatenate([first, close[:-1]])
    wick = sigma * 0.4
    high = np.maximum(open_, close) * np.exp(wick * np.abs(rng.standard_normal(hours)))
    low = np.minimum(open_, close) * np.exp(-wick * np.abs(rng.standard_normal(hours)))
    activity = log_vol - np.log(0.006) + 0.3 * rng.standard_normal(hours)
    volume = 1_000.0 * 10 ** (place - 1) * np.exp(activity)
    trades = np.round(40_000.0 * np.exp(activity + 0.1 * rng.standard_normal(hours)))
    quote = volume * (open_ + high + low + close) / 4
    share = 1 / (1 + np.exp(-0.15 * rng.standard_normal(hours) - 20 * returns))
    quote_share = share * (1 + 1e-3 * np.tanh(rng.standard_normal(hours)))
    return {
        "open": open_,
        "high": high,
        "low": low,
        "close": close,
        "volume": volume,
        "quote_volume": quote,
        "trades": trades,
        "taker_buy_base": volume * share,
        "taker_buy_quote": quote * np.minimum(quote_share, 1.0),
    }


def _candles(
    symbol: str, interval: Interval, opens_ms: np.ndarray, hourly: dict[str, np.ndarray]
) -> Candles:
    """Join hours into candles of `interval`: first open, last close, extremes, sums."""
    assert _HOURS[interval] * DURATION["1h"] == DURATION[interval]
    hours = {name: values.reshape(-1, _HOURS[interval]) for name, values in hourly.items()}
    joined = {name: values.sum(axis=1) for name, values in hours.items()}
    joined["open"], joined["close"] = hours["open"][:, 0], hours["close"][:, -1]
    joined["high"], joined["low"] = hours["high"].max(axis=1), hours["low"].min(axis=1)
    index = open_index(opens_ms[:: _HOURS[interval]])
    return Candles(symbol, interval, pd.DataFrame(joined, index=index, columns=list(COLUMNS)))
