"""What stands in for a missing value of the signal sets, named wherever it is used.

Price and volume levels have no neutral value: where one of them is missing there is no row.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pandas as pd

from forecastlab.features.signal import set_name
from forecastlab.features.signal_cross import CROSS

NEUTRAL: Final[Mapping[str, float]] = {
    "rsi_14": 50.0,
    "rsi_14_4h": 50.0,
    **{name: 0.0 for name, *_ in CROSS},
    "market_bullish_ratio": 0.5,
}
"""Column -> its neutral value, in the column's unit. For `btc_trend_4h` 0 also means "below the
mean": the original's choice."""


def neutral_values(feature_set: str) -> Mapping[str, float]:
    """Return the stand-ins of a feature set; empty for sets that have none.

    >>> neutral_values("signal_v1"), neutral_values("flow")
    ({'rsi_14': 50.0}, {})
    """
    four_hours = {name: one for name, one in NEUTRAL.items() if name.startswith("rsi")}
    return {
        set_name("v1"): {"rsi_14": NEUTRAL["rsi_14"]},
        set_name("v2_6"): four_hours,
        set_name("v2_7"): dict(NEUTRAL),
    }.get(feature_set, {})


def newest_filled(table: pd.DataFrame, feature_set: str) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return the table with stand-ins in its newest row, and the columns that they stand in.

    Args:
        table: rows of the feature set, ascending.

    >>> table = pd.DataFrame({"rsi_14": [float("nan")], "macd": [1.0]})
    >>> filled, stood_in = newest_filled(table, "signal_v1")
    >>> filled.iloc[0].tolist(), stood_in
    ([50.0, 1.0], ('rsi_14',))
    """
    known = neutral_values(feature_set)
    if table.empty or not known:
        return table, ()
    newest = table.iloc[-1]
    missing = tuple(str(name) for name in table.columns[newest.isna()] if name in known)
    if not missing:
        return table, ()
    values = table.to_numpy(dtype="float64", copy=True)
    for place, name in enumerate(table.columns):
        if name in missing:
            values[-1, place] = known[str(name)]
    return pd.DataFrame(values, index=table.index, columns=table.columns), missing
