"""Every feature set that exists, under its name and variant."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

import pandas as pd

from forecastlab.contracts.candles import MarketView
from forecastlab.contracts.errors import UsageError
from forecastlab.contracts.intervals import DURATION
from forecastlab.features.baseline import BASELINE
from forecastlab.features.cross import cross_set
from forecastlab.features.direction import direction_set
from forecastlab.features.direction_scaled import direction_scaled_set
from forecastlab.features.feature import FeatureKey, FeatureSet
from forecastlab.features.flow import FLOW
from forecastlab.features.funding import sources_absent
from forecastlab.features.regime import quantile_set, regime_set
from forecastlab.features.scaled import FLOW_SCALED
from forecastlab.features.signal import VERSIONS, set_name, signal_set
from forecastlab.features.variance import VARIANCE

FEATURE_SETS: Final = {
    (one.name, one.variant): one
    for one in (
        BASELINE,
        FLOW,
        FLOW_SCALED,
        VARIANCE,
    )
}
"""The sets of daily rows; a further one adds a line. A set's file says how it is computed."""


def _direction_cross(key: FeatureKey) -> FeatureSet:
    own, other = direction_set(key.interval), cross_set(key.references, key.interval)
    both = (*own.features, *other.features)
    return FeatureSet("direction_cross", "raw", both, key.interval, rows=_direction_cross_rows)


def _direction_cross_rows(view: MarketView, symbol: str, key: FeatureKey) -> pd.DataFrame:
    parts = (direction_set(key.interval), cross_set(key.references, key.interval))
    return pd.concat([one.rows(view, symbol, key) for one in parts], axis=1)


BY_KEY: Final[Mapping[tuple[str, str], Callable[[FeatureKey], FeatureSet]]] = {
    ("direction", "raw"): lambda key: direction_set(key.interval),
    ("direction", "scaled"): lambda key: direction_scaled_set(),  # noqa: ARG005 - hourly alone
    ("cross", "raw"): lambda key: cross_set(key.references, key.interval),
    ("direction_cross", "raw"): _direction_cross,
    ("regime", "raw"): lambda key: regime_set(key.interval),
    ("quantile", "raw"): lambda key: quantile_set(key.interval),
    **{
        (set_name(version), "raw"): lambda key: signal_set(key.name.removeprefix("signal_"))
        for version in VERSIONS
    },
}
"""The sets whose columns depend on the rows' interval or on the references; a further one adds a
line."""


def find_feature_set(key: FeatureKey) -> FeatureSet:
    """Return a feature set by its key.

    Raises:
        UsageError: there is none; the message names those that exist.

    >>> len(find_feature_set(FeatureKey("flow", "scaled")).columns)
    20
    """
    if (key.name, key.variant) in BY_KEY:
        whole = BY_KEY[key.name, key.variant](key)
        absent = sources_absent(whole, funding=key.funding)
        kept = tuple(one for one in whole.features if one.name not in absent)
        return replace(whole, features=kept)
    if (key.name, key.variant) not in FEATURE_SETS or key.interval != "1d":
        known = ", ".join(f"{a} ({b})" for a, b in (*FEATURE_SETS, *BY_KEY))
        raise UsageError(
            f"There is no feature set {key.name!r} in the variant {key.variant!r} with"
            f" {key.interval} rows.",
            remedy=f"Choose one of: {known}.",
        )
    return FEATURE_SETS[key.name, key.variant]


def dropped_columns(key: FeatureKey) -> dict[str, str]:
    """Name the columns of a set that are left out for want of a source, with the reason.

    >>> sorted(dropped_columns(FeatureKey("direction", interval="1h")))
    ['funding_rate', 'funding_rate_ma', 'oi_change', 'oi_change_5']
    """
    if (key.name, key.variant) not in BY_KEY:
        return {}
    return sources_absent(BY_KEY[key.name, key.variant](key), funding=key.funding)


def lookback(key: FeatureKey) -> int:
    """Return how many days of candles a row of the set may depend on, the as-of's included.

    Features of shorter candles count by the days that they span.

    Raises:
        UsageError: there is no such set.

    >>> lookback(FeatureKey("flow", "scaled")), lookback(FeatureKey("variance"))
    (150, 1500)
    """
    day = DURATION["1d"]
    features = find_feature_set(key).features
    return max(math.ceil(one.lookback * DURATION[one.interval] / day) for one in features)
