"""Realised variance of each day, from the intraday returns that were booked in it.

A return runs from the previous close to the close, across midnight and across gaps, and counts on
the day of the later candle. Hours are used where they exist; the days up to and including a
symbol's first day of 1h candles are read from 4h candles.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from forecastlab.contracts.candles import MarketView, empty_frame, open_index
from forecastlab.contracts.intervals import Interval

MEASURES: Final = ("rv", "bipower", "downside")
_DAY_MS: Final = 86_400_000


def daily_variance(view: MarketView, symbol: str) -> pd.DataFrame:
    """Measure the realised variance of each daily candle in the view.

    Returns:
        Index `open_time` (the 1d candles of the view), columns:
        `close` and `quote_volume` of the daily candle (quote currency);
        `rv` = Σ r² over the day's log returns (log variance per day);
        `bipower` = π/2 · Σ |r · previous r|, the part of `rv` that is no jump;
        `downside` = Σ r² over the returns below 0.
            The three are missing where the day's intraday candles are, and on the first day of the
        history, whose first return would need a close from before it.

    Raises:
        DataUnavailable: the market has no daily candles of the symbol.

    Source: Barndorff-Nielsen and Shephard (2004), "Power and bipower variation with stochastic
    volatility and jumps", Journal of Financial Econometrics 2, eq. 5.

    >>> from datetime import UTC, datetime
    >>> from forecastlab.contracts.candles import COLUMNS, Candles, Market, open_index
    >>> def candles(interval, close, step_ms):
    ...     opens = open_index(np.arange(len(close)) * step_ms)
    ...     frame = pd.DataFrame({name: close for name in COLUMNS}).set_index(opens)
    ...     return Candles("BTCUSDT", interval, frame)
    >>> closes = np.exp(np.r_[np.zeros(24), np.resize([0.01, -0.01], 24)])
    >>> hours, days = candles("1h", closes, 3_600_000), candles("1d", closes[23::24], 86_400_000)
    >>> market = Market([hours, days])
    >>> table = daily_variance(market.as_of(datetime(1970, 1, 3, tzinfo=UTC)), "BTCUSDT")
    >>> table["rv"].round(6).tolist()
    [nan, 0.0093]
    """
    daily = view.candles(symbol, "1d").frame
    hours, blocks = _measured(view, symbol, "1h"), _measured(view, symbol, "4h")
    if len(hours):
        blocks = blocks.loc[: hours.index[0]]
    # A series' first day has no close before it, so it lacks a return.
    measures = pd.concat([blocks.iloc[1:], hours.iloc[1:]])
    return daily.loc[:, ["close", "quote_volume"]].join(measures)


def _measured(view: MarketView, symbol: str, interval: Interval) -> pd.DataFrame:
    """Return the measures of each day that has candles of `interval`; index `open_time`."""
    candles = view.candles(symbol, interval) if view.has(symbol, interval) else None
    frame = empty_frame() if candles is None else candles.frame
    opens = pd.DatetimeIndex(frame.index).as_unit("ms")
    returns = np.diff(np.log(frame["close"].to_numpy()), prepend=np.nan)
    square, before = returns**2, np.concatenate([[np.nan], returns])[: len(returns)]
    parts = np.column_stack([square, np.pi / 2 * np.abs(returns * before), square * (returns < 0)])
    day, place = np.unique(opens.asi8 // _DAY_MS, return_inverse=True)
    sums = np.zeros((len(day), len(MEASURES)))
    np.add.at(sums, place, np.nan_to_num(parts))
    return pd.DataFrame(sums, index=open_index(day * _DAY_MS), columns=list(MEASURES))
