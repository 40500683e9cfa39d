"""The feature sets of the hourly system, each with its builder, on one synthetic market."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import pandas as pd

from forecastlab.contracts.candles import Candles, Market, MarketView
from forecastlab.contracts.intervals import DURATION, Interval
from forecastlab.features.cross import cross_features, cross_set
from forecastlab.features.direction import direction_features, direction_set
from forecastlab.features.direction_scaled import direction_scaled_features, direction_scaled_set
from forecastlab.features.feature import FeatureSet
from forecastlab.features.regime import (
    quantile_features,
    quantile_set,
    regime_features,
    regime_set,
)
from tests.support.synthetic import START, synthetic_market, without

SYMBOL: Final = "ETHUSDT"
REFERENCES: Final = ("BTCUSDT", "SOLUSDT", "BNBUSDT")
SYMBOLS: Final = ("BTCUSDT", "ETHUSDT", "BNBUSDT", "SOLUSDT", "ADAUSDT")
DAYS: Final = 400
END: Final = START + DAYS * DURATION["1d"]
HOUR: Final = DURATION["1h"]


@dataclass(frozen=True, eq=False)
class Case:
    """A set as it is described, and as it is built for `SYMBOL`."""

    described: FeatureSet
    build: Callable[[MarketView], pd.DataFrame]

    def __str__(self) -> str:
        return f"{self.described.name}-{self.described.variant}-{self.described.interval}"


def _cases(interval: Interval) -> list[Case]:
    return [
        Case(direction_set(interval), lambda view: direction_features(view, SYMBOL, interval)),
        Case(
            cross_set(REFERENCES, interval),
            lambda view: cross_features(view, SYMBOL, REFERENCES, interval),
        ),
        Case(quantile_set(interval), lambda view: quantile_features(view, SYMBOL, interval)),
    ]


HOURLY: Final = [
    *_cases("1h"),
    Case(regime_set("1h"), lambda view: regime_features(view, SYMBOL, "1h")),
    Case(direction_scaled_set(), lambda view: direction_scaled_features(view, SYMBOL, SYMBOLS)),
]
CASES: Final = [*HOURLY, *_cases("4h"), *_cases("1d")]


@lru_cache(maxsize=4)
def market(seed: int = 0) -> Market:
    """Draw five symbols without a hole, and funding rates of `SYMBOL`."""
    series = synthetic_market(DAYS, SYMBOLS, seed=seed).series()
    return Market(series, {SYMBOL: funding_rates(seed)})


@lru_cache(maxsize=4)
def market_with_outages(seed: int = 0) -> Market:
    """The same with a hole that windows cross, one that ends the history, and lone missing hours.

    A symbol is listed late, an hour has no trade, and a reference lacks an hour.
    """
    found = market(seed)
    for symbol in SYMBOLS:
        lost = [START + k * HOUR for k in (*range(5000, 5005), *range(7000, 7033), 8001, 8003)]
        found = without(found, symbol, "1h", lost)
        found = without(found, symbol, "4h", [START + k * HOUR for k in range(7004, 7029, 4)])
    found = without(found, "BTCUSDT", "1h", [START + 9000 * HOUR])
    series = [_listed_late(one) if one.symbol == "SOLUSDT" else one for one in found.series()]
    quiet = [_without_trades(one, 8800) if one.interval == "1h" else one for one in series]
    return Market(quiet, {SYMBOL: funding_rates(seed)})


def funding_rates(seed: int = 0) -> pd.Series:
    """Draw a rate every eight hours; the stamps are up to 5 ms late, and three are missing."""
    rng = np.random.default_rng([seed, 99])
    count = DAYS * 3
    first = pd.Timestamp(START).as_unit("ms")
    late = pd.to_timedelta(rng.integers(0, 6, count), unit="ms").as_unit("ms")
    index = first + pd.to_timedelta(8 * np.arange(count), unit="h").as_unit("ms") + late
    rates = pd.Series(rng.normal(1e-4, 1e-4, count), index=index)
    return rates.drop(rates.index[[900, 901, 902]])


def last_candles(one: Candles, count: int) -> Candles:
    """Return the newest candles of a series."""
    frame = one.frame
    return Candles(one.symbol, one.interval, frame.iloc[max(len(frame) - count, 0) :])


def _listed_late(one: Candles) -> Candles:
    return Candles(one.symbol, one.interval, one.frame.loc[pd.Timestamp(START + 1000 * HOUR) :])


def _without_trades(one: Candles, place: int) -> Candles:
    frame = one.frame.copy()
    if len(frame) > place:
        before = frame["close"].iloc[place - 1]
        frame.iloc[place] = [before] * 4 + [0.0] * 5
    return Candles(one.symbol, one.interval, frame)
