"""What the catalogue says of one feature."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import pandas as pd

from forecastlab.contracts.candles import MarketView
from forecastlab.contracts.intervals import Interval

Source = Literal["price", "volume", "trades", "taker_flow", "calendar", "funding", "open_interest"]


@dataclass(frozen=True)
class Feature:
    """One column of a feature set.

    Attributes:
        name: the column's name; the original's name where it has one.
        formula: the computation in words.
        unit: what the number counts (`fraction`, `log variance`, `standard deviations`, …).
        lookback: candles of `interval` that a value may depend on, the as-of candle included.
        interval: the candles that it is computed from.
        source: the kind of candle column that it draws on.
    """

    name: str
    formula: str
    unit: str
    lookback: int
    interval: Interval
    source: Source


@dataclass(frozen=True)
class FeatureKey:
    """What names a feature set: its rows' interval, and the symbols that it compares with.

    `references` is empty for sets that look at one symbol alone. Without `funding` the columns that
    need funding rates are left out; those that need open interest always are.
    """

    name: str
    variant: str = "raw"
    interval: Interval = "1d"
    references: tuple[str, ...] = ()
    funding: bool = False


Rows = Callable[[MarketView, str, FeatureKey], pd.DataFrame]
"""How a set is computed at every candle of a symbol in a view; NaN where a value is missing."""


@dataclass(frozen=True)
class FeatureSet:
    """An ordered list of features under one name and variant; one row per candle of `interval`."""

    name: str
    variant: str
    features: tuple[Feature, ...]
    interval: Interval = "1d"
    rows: Rows = field(kw_only=True, compare=False, repr=False)

    @property
    def columns(self) -> tuple[str, ...]:
        """Column names, in order."""
        return tuple(feature.name for feature in self.features)
