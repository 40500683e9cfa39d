"""Funding rates of perpetual contracts at candles, and which features have no source."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import numpy as np
import pandas as pd

from forecastlab.contracts.intervals import DURATION, Interval
from forecastlab.features.feature import FeatureSet
from forecastlab.features.holes import milliseconds
from forecastlab.features.windows import Series

PUBLICATION_DELAY: Final = timedelta(hours=1)
"""How long after its stamp a rate counts as known."""

STALE_AFTER: Final = timedelta(hours=24)
"""An older rate is missing: one is due every eight hours, so that two may fail to come."""

_NO_SOURCE: Final = {
    "funding": "the market holds no funding rates of the symbol",
    "open_interest": "no candle source has open interest",
}


def funding_lookback(interval: Interval) -> int:
    """Return how many candles the newest rate that still counts may lie back.

    >>> [funding_lookback(one) for one in ("1h", "4h", "1d")]
    [24, 6, 1]
    """
    return STALE_AFTER // DURATION[interval]


def funding_at(funding: pd.Series | None, opens: pd.Index, interval: Interval) -> Series:
    """Return the newest funding rate that was known at each candle's close.

    Known, to the millisecond, is a rate with `funding_time + 1 h <= open + interval`.

    Args:
        funding: rates as fractions per funding period, index `funding_time` (UTC, ascending); None
            or empty where there is no source.
        opens: candle opens.

    Returns:
        Shape (len(opens),); NaN where the newest known rate is older than 24 hours.

    >>> times = pd.to_datetime([8 * 3_600_000, 16 * 3_600_000 + 4], unit="ms", utc=True)
    >>> rates = pd.Series([1e-4, 2e-4], index=times)
    >>> opens = pd.to_datetime([7, 8, 16, 17, 39, 40], unit="h", utc=True)
    >>> funding_at(rates, opens, "1h")
    array([   nan, 0.0001, 0.0001, 0.0002, 0.0002,    nan])
    """
    if funding is None or funding.empty:
        return np.full(len(opens), np.nan)
    closes_ms = milliseconds(opens) + _ms(DURATION[interval])
    times_ms = milliseconds(funding.index)
    newest = np.searchsorted(times_ms, closes_ms - _ms(PUBLICATION_DELAY), side="right") - 1
    fresh = (newest >= 0) & (closes_ms - times_ms[newest] <= _ms(STALE_AFTER))
    return np.where(fresh, funding.to_numpy(dtype="float64")[newest], np.nan)


def sources_absent(features: FeatureSet, *, funding: bool) -> dict[str, str]:
    """Name the features of a set whose source does not exist, with the reason.

    Args:
        funding: whether the market holds funding rates of the symbol.

    Returns:
        Column name -> reason, in the order of the set; their columns hold NaN alone.
    """
    absent = {"open_interest"} if funding else set(_NO_SOURCE)
    return {one.name: _NO_SOURCE[one.source] for one in features.features if one.source in absent}


def _ms(duration: timedelta) -> int:
    return duration // timedelta(milliseconds=1)
