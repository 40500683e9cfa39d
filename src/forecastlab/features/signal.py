"""The feature sets of the hourly signal: `signal_v1` (13), `signal_v2_6` (19), `signal_v2_7` (30).

Names and order are those of the system that this one replaces. Every value is a function of a fixed
window of closed candles: 100 hours, 100 four-hour candles, 25 hours of the others. Candles of
different series are matched by their instants, never by their place.

A value that cannot be computed is missing here. What may stand in for it when a signal is made, and
how that is shown, is `signal_neutral`'s; learners never see a stand-in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final

import numpy as np
import pandas as pd

from forecastlab.contracts.candles import Candles, MarketView
from forecastlab.contracts.intervals import DURATION, Interval
from forecastlab.features.feature import Feature, FeatureKey, FeatureSet, Source
from forecastlab.features.holes import compute_by_stretch, milliseconds
from forecastlab.features.signal_cross import CROSS, cross_columns
from forecastlab.features.wilder import WINDOW, seeded_macd, wilder_atr, wilder_rsi
from forecastlab.features.windows import Series, change, window_deviation, window_mean

VERSIONS: Final = ("v1", "v2_6", "v2_7")
"""The versions, each with all features of those before it."""

HOUR: Final[Interval] = "1h"
FOUR_HOURS: Final[Interval] = "4h"

_BANDS: Final = 20
"""Candles of the bands, and of the averages that bear the number."""

_Row = tuple[str, str, str, int, Source]
"""Name, formula, unit, lookback, source."""


def signal_set(version: str) -> FeatureSet:
    """Describe a version's set.

    >>> [len(signal_set(version).columns) for version in VERSIONS]
    [13, 19, 30]
    """
    return _sets()[version]


def set_name(version: str) -> str:
    """Return the name of a version's feature set.

    >>> set_name("v2_6")
    'signal_v2_6'
    """
    return f"signal_{version}"


def version_of(feature_set: str) -> str | None:
    """Return the version whose feature set has this name; None if none has.

    >>> version_of("signal_v2_6"), version_of("flow")
    ('v2_6', None)
    """
    return next((one for one in VERSIONS if set_name(one) == feature_set), None)


def series_read(
    version: str, symbol: str, references: tuple[str, ...]
) -> tuple[tuple[str, Interval], ...]:
    """Return the series that a version reads for a symbol, its own hours first.

    >>> series_read("v2_6", "BTCUSDT", ("BTCUSDT", "ETHUSDT"))
    (('BTCUSDT', '1h'), ('BTCUSDT', '4h'))
    """
    own: list[tuple[str, Interval]] = [(symbol, HOUR)]
    if version != "v1":
        own.append((symbol, FOUR_HOURS))
    others = references if version == "v2_7" else ()
    return (*own, *((one, HOUR) for one in others if one != symbol))


def signal_features(view: MarketView, symbol: str, key: FeatureKey) -> pd.DataFrame:
    """Compute a version's set at every hour of a symbol in the view.

    Returns:
        Index `open_time`, the set's columns in order; NaN where a value is missing.

    Raises:
        DataUnavailable: the market has no hourly candles of the symbol.
    """
    version = version_of(key.name) or VERSIONS[0]
    hours = view.candles(symbol, HOUR).frame
    parts = [compute_by_stretch(hours, HOUR, [row[0] for row in _hourly()], _hourly_columns)]
    if version != "v1":
        parts.append(_of_four_hours(view, symbol, pd.DatetimeIndex(hours.index)))
    if version == "v2_7":
        parts.append(cross_columns(view, symbol, key.references))
    return pd.concat(parts, axis=1)


def _of_four_hours(view: MarketView, symbol: str, opens: pd.DatetimeIndex) -> pd.DataFrame:
    """Return what the newest closed four-hour candle gave, at every hour; NaN where it is stale."""
    names = [row[0] for row in _four_hourly()]
    if not view.has(symbol, FOUR_HOURS):
        return pd.DataFrame(np.nan, index=opens, columns=names)
    blocks = view.candles(symbol, FOUR_HOURS)
    table = compute_by_stretch(blocks.frame, FOUR_HOURS, names, _four_hourly_columns)
    place = newest_closed(blocks, opens)
    values = np.full((len(opens), len(names)), np.nan)
    values[place >= 0] = table.to_numpy()[place[place >= 0]]
    return pd.DataFrame(values, index=opens, columns=names)


def newest_closed(blocks: Candles, opens: pd.DatetimeIndex) -> np.ndarray:
    """Return, per hour, the place of the longer candle that closed last; −1 if it is not there.

    An hour is known at its close, and a longer candle counts only if it is the one that closed last
    by then: an older one is stale.

    >>> from forecastlab.contracts.candles import COLUMNS, open_index
    >>> frame = pd.DataFrame({name: 1.0 for name in COLUMNS}, index=open_index([0, 14_400_000]))
    >>> hours = open_index(np.arange(2, 13) * 3_600_000)
    >>> newest_closed(Candles("BTCUSDT", "4h", frame), hours).tolist()
    [-1, 0, 0, 0, 0, 1, 1, 1, 1, -1, -1]
    """
    hour_ms, step_ms = (int(DURATION[one].total_seconds()) * 1000 for one in (HOUR, FOUR_HOURS))
    closes, known = milliseconds(blocks.available_at), milliseconds(opens) + hour_ms
    place = np.searchsorted(closes, known, side="right") - 1
    if len(closes):
        place[known - closes[np.maximum(place, 0)] >= step_ms] = -1
    return np.asarray(place)


def _hourly_columns(candles: pd.DataFrame) -> Mapping[str, Series]:
    high, low, close, volume = _arrays(candles)
    macd, signal = seeded_macd(close)
    middle, spread = window_mean(close, _BANDS), 2.0 * window_deviation(close, _BANDS)
    return {
        "rsi_14": wilder_rsi(close),
        "macd": macd,
        "macd_signal": signal,
        "macd_hist": macd - signal,
        "ma_20": middle,
        "ma_50": window_mean(close, 50),
        "bb_upper": middle + spread,
        "bb_middle": middle,
        "bb_lower": middle - spread,
        "atr_14": wilder_atr(high, low, close),
        "volume": volume,
        "volume_ma_20": window_mean(volume, _BANDS),
        "price_change_pct": 100.0 * change(close),
    }


def _four_hourly_columns(candles: pd.DataFrame) -> Mapping[str, Series]:
    high, low, close, volume = _arrays(candles)
    macd, signal = seeded_macd(close)
    return {
        "rsi_14_4h": wilder_rsi(close),
        "macd_4h": macd,
        "macd_signal_4h": signal,
        "ma_20_4h": window_mean(close, _BANDS),
        "volume_ma_20_4h": window_mean(volume, _BANDS),
        "atr_14_4h": wilder_atr(high, low, close),
    }


def _arrays(candles: pd.DataFrame) -> list[Series]:
    names = ("high", "low", "close", "volume")
    return [candles[name].to_numpy(dtype="float64") for name in names]


@lru_cache(maxsize=1)
def _sets() -> dict[str, FeatureSet]:
    blocks = [(_hourly(), HOUR), (_four_hourly(), FOUR_HOURS), (CROSS, HOUR)]
    found: dict[str, FeatureSet] = {}
    features: tuple[Feature, ...] = ()
    for version, (rows, interval) in zip(VERSIONS, blocks, strict=True):
        features += tuple(
            Feature(name, formula, unit, lookback, interval, source)
            for name, formula, unit, lookback, source in rows
        )
        found[version] = FeatureSet(set_name(version), "raw", features, HOUR, rows=signal_features)
    return found


def _hourly() -> Iterator[_Row]:
    within = f"of the last {WINDOW} candles alone"
    yield "rsi_14", f"Wilder's RSI(14) {within}", "points, 0 to 100", WINDOW, "price"
    start = "each average started from the mean of its first values"
    macd = f"average of span 12 less that of span 26 of the close, {start}, {within}"
    yield "macd", macd, "price", WINDOW, "price"
    yield "macd_signal", "average of span 9 of macd, started likewise", "price", WINDOW, "price"
    yield "macd_hist", "macd less macd_signal", "price", WINDOW, "price"
    yield "ma_20", "mean of the last 20 closes", "price", 20, "price"
    yield "ma_50", "mean of the last 50 closes", "price", 50, "price"
    band = "two standard deviations (ddof 1) of the last 20 closes"
    yield "bb_upper", f"ma_20 plus {band}", "price", 20, "price"
    yield "bb_middle", "ma_20 by its other name", "price", 20, "price"
    yield "bb_lower", f"ma_20 less {band}", "price", 20, "price"
    yield "atr_14", f"Wilder's ATR(14) {within}", "price", WINDOW, "price"
    yield "volume", "volume of the candle", "base currency", 1, "volume"
    yield "volume_ma_20", "mean of the last 20 volumes", "base currency", 20, "volume"
    yield "price_change_pct", "close over the one before, less 1, times 100", "per cent", 2, "price"


def _four_hourly() -> Iterator[_Row]:
    closed = "of the closed four-hour candles"
    yield "rsi_14_4h", f"rsi_14 {closed}", "points, 0 to 100", WINDOW, "price"
    yield "macd_4h", f"macd {closed}", "price", WINDOW, "price"
    yield "macd_signal_4h", f"macd_signal {closed}", "price", WINDOW, "price"
    yield "ma_20_4h", f"ma_20 {closed}", "price", _BANDS, "price"
    yield "volume_ma_20_4h", f"volume_ma_20 {closed}", "base currency", _BANDS, "volume"
    yield "atr_14_4h", f"atr_14 {closed}", "price", WINDOW, "price"
