"""Views cut and poisoned by the prover's own arithmetic, not by the market under test."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Final, Literal, get_args

import numpy as np
import pandas as pd

from forecastlab.contracts.candles import Candles, MarketView
from forecastlab.contracts.intervals import DURATION, INTERVALS, Interval

SeriesKey = tuple[str, Interval]
"""Symbol and interval."""

Limits = Mapping[SeriesKey, datetime]
"""Per series the instant up to which it is shown, or altered."""

Poison = Literal["scaled", "shuffled", "missing"]
POISONS: Final[tuple[Poison, ...]] = get_args(Poison)

SCALE: Final = 1000.0
"""What `scaled` candles are multiplied by."""


def series_of(view: MarketView) -> dict[SeriesKey, Candles]:
    """Return every series of a view."""
    keys = [(symbol, one) for symbol in view.symbols for one in INTERVALS]
    return {key: view.candles(*key) for key in keys if view.has(*key)}


def cut(view: MarketView, instant: datetime) -> MarketView:
    """Return what was known at an instant: candles that had closed by then."""
    return cut_each(view, dict.fromkeys(series_of(view), instant), instant)


def only(view: MarketView, keys: Collection[SeriesKey]) -> MarketView:
    """Return the view with these series alone."""
    return view.with_series({key: one for key, one in series_of(view).items() if key in keys})


def cut_each(view: MarketView, limits: Limits, as_of: datetime) -> MarketView:
    """Return each series as it was known at an instant of its own."""
    series = series_of(view)
    shown = {key: _sliced(one, 0, _closed(one, limits[key])) for key, one in series.items()}
    return view.with_series(shown, as_of=as_of)


def trimmed(view: MarketView, days: int) -> MarketView:
    """Return only the candles that open in [as_of − days, as_of)."""
    first = pd.Timestamp(view.as_of - timedelta(days=days))
    series = series_of(view)
    kept = {
        key: _sliced(one, int(one.frame.index.searchsorted(first)), len(one))
        for key, one in series.items()
    }
    return view.with_series(kept)


def poisoned(
    view: MarketView, after: datetime, kind: Poison, seed: int, limits: Limits | None = None
) -> MarketView:
    """Return the view with nonsense in every candle and funding rate not known at `after`.

    Args:
        limits: per series, alter only candles that closed by this instant, and no rate.
    """
    altered = {}
    for number, (key, one) in enumerate(series_of(view).items()):
        begin, end = _closed(one, after), len(one) if limits is None else _closed(one, limits[key])
        values = one.frame.to_numpy(dtype="float64", copy=True)
        random = np.random.default_rng([seed, number])
        values[begin:end] = _nonsense(values[begin:end], kind, random)
        frame = pd.DataFrame(values, index=one.frame.index, columns=one.frame.columns)
        altered[key] = Candles(one.symbol, one.interval, frame)
    spoiled = view.with_series(altered)
    return spoiled if limits is not None else spoiled.with_funding(_rates(view, after, kind, seed))


def _rates(view: MarketView, after: datetime, kind: Poison, seed: int) -> dict[str, pd.Series]:
    """Return every symbol's funding rates, with nonsense in those stamped later than `after`."""
    altered = {}
    for number, symbol in enumerate(view.symbols):
        honest = view.funding(symbol)
        values = honest.to_numpy(dtype="float64", copy=True)
        begin = int(honest.index.searchsorted(pd.Timestamp(after), side="right"))
        random = np.random.default_rng([seed, number])
        values[begin:] = _nonsense(values[begin:], kind, random)
        altered[symbol] = pd.Series(values, index=honest.index, name=honest.name)
    return altered


def _nonsense(values: np.ndarray, kind: Poison, random: np.random.Generator) -> np.ndarray:
    if kind == "missing":
        return np.full_like(values, np.nan)
    if kind == "scaled":
        return values * SCALE
    return np.asarray(values[random.permutation(len(values))])


def _closed(candles: Candles, instant: datetime) -> int:
    """Return how many candles had closed by an instant."""
    last_open = pd.Timestamp(instant) - DURATION[candles.interval]
    return int(candles.frame.index.searchsorted(last_open, side="right"))


def _sliced(candles: Candles, begin: int, end: int) -> Candles:
    return Candles(candles.symbol, candles.interval, candles.frame.iloc[begin:end])
