"""Every feature set that exists, under its name and variant."""

from __future__ import annotations

import math
from typing import Final

from forecastlab.contracts.errors import UsageError
from forecastlab.contracts.intervals import DURATION
from forecastlab.features.baseline import BASELINE
from forecastlab.features.feature import FeatureSet
from forecastlab.features.flow import FLOW
from forecastlab.features.scaled import FLOW_SCALED
from forecastlab.features.variance import VARIANCE

FEATURE_SETS: Final = {
    (one.name, one.variant): one for one in (BASELINE, FLOW, FLOW_SCALED, VARIANCE)
}


def find_feature_set(name: str, variant: str) -> FeatureSet:
    """Return a feature set by name and variant.

    Raises:
        UsageError: there is none; the message names those that exist.

    >>> len(find_feature_set("flow", "scaled").columns)
    20
    """
    if (name, variant) not in FEATURE_SETS:
        known = ", ".join(f"{a} ({b})" for a, b in FEATURE_SETS)
        raise UsageError(
            f"There is no feature set {name!r} in the variant {variant!r}.",
            remedy=f"Choose one of: {known}.",
        )
    return FEATURE_SETS[name, variant]


def lookback(name: str, variant: str) -> int:
    """Return how many daily candles a row of the set may depend on, the as-of candle included.

    Features of shorter candles count by the days that they span.

    Raises:
        UsageError: there is no such set.

    >>> lookback("flow", "scaled"), lookback("variance", "raw")
    (150, 1500)
    """
    day = DURATION["1d"]
    features = find_feature_set(name, variant).features
    return max(math.ceil(one.lookback * DURATION[one.interval] / day) for one in features)
