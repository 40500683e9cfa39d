"""Which candle a value depends on: found by halving the time that comes after."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pandas as pd

from forecastlab.contracts.candles import MarketView, as_datetime
from forecastlab.contracts.intervals import DURATION, Interval, asof_name
from forecastlab.evaluation.leakage.altered_views import Limits, SeriesKey, series_of


def culprit(view: MarketView, after: datetime, changed: Callable[[Limits], bool]) -> str | None:
    """Name a candle, closed after an instant, that changes a value.

    Args:
        changed: says whether the value changes if each series is altered from `after` up to its
            limit.

    Returns:
        As `BTCUSDT 4h 2021-03-01T12Z`; None if not even all candles together change it.
    """
    keys, closes = list(series_of(view)), _closes(view, after)
    if not len(closes) or not changed(dict.fromkeys(keys, as_datetime(closes[-1]))):
        return None
    harmless, harmful = -1, len(closes) - 1
    while harmful - harmless > 1:
        middle = (harmless + harmful) // 2
        if changed(dict.fromkeys(keys, as_datetime(closes[middle]))):
            harmful = middle
        else:
            harmless = middle
    before = as_datetime(closes[harmful - 1]) if harmful else after
    close = as_datetime(closes[harmful])
    symbol, interval = _which(view, before, close, changed)
    return candle_text(symbol, interval, close - DURATION[interval])


def candle_text(symbol: str, interval: Interval, open_time: datetime) -> str:
    """Write a candle for a person.

    >>> from datetime import UTC
    >>> candle_text("BTCUSDT", "4h", datetime(2021, 3, 1, 12, tzinfo=UTC))
    'BTCUSDT 4h 2021-03-01T12Z'
    """
    return f"{symbol} {interval} {asof_name(open_time, interval)}"


def _closes(view: MarketView, after: datetime) -> pd.DatetimeIndex:
    """Return the instants at which candles closed after `after`, ascending."""
    first, *others = (one.available_at for one in series_of(view).values())
    closes = first.append(others).unique().sort_values()
    return pd.DatetimeIndex(closes[closes > pd.Timestamp(after)])


def _which(
    view: MarketView, before: datetime, close: datetime, changed: Callable[[Limits], bool]
) -> SeriesKey:
    """Return the series whose candle, closed at `close`, makes the change alone; else the first."""
    series = series_of(view)
    closing = [
        key for key, one in series.items() if (one.available_at == pd.Timestamp(close)).any()
    ]
    for key in closing:
        if changed({**dict.fromkeys(series, before), key: close}):
            return key
    return closing[0]
