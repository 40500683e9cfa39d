"""What acting on a direction forecast would have earned, after cost, by how sure it was."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from forecastlab.evaluation.uncertainty import subset_mean_interval

ROUND_TRIP: Final = 0.002
"""Cost of entering and leaving, a fraction: 20 basis points of fees, spread and slippage."""

BUCKETS: Final = 5


def by_probability(
    probability: np.ndarray,
    base_rate: np.ndarray,
    forward_return: np.ndarray,
    *,
    block: int,
    buckets: int = BUCKETS,
    cost: float = ROUND_TRIP,
) -> pd.DataFrame:
    """Average the forward return over equally many forecasts each, from the lowest P(1) up.

    The bounds of the buckets are known in hindsight only, so this describes; it is no strategy. In
    a bucket whose mean P(1) lies above its mean base rate the side is 1 (buy), else −1 (sell);
    `gross` is side · forward return, and `net` is that minus `cost`.

    Args:
        probability: P(1), shape (rows,).
        base_rate: P(1) by frequency alone, of the same rows.
        forward_return: over the horizon, fractions, of the same rows.
        block: rows that are resampled together.

    Returns:
        One row per bucket; columns `lowest`, `highest` and `mean` P(1), `rows`, `forward` (mean
        forward return), `side`, then `gross`, `net` and the interval of `net`, `low` and `high`.

    >>> chance = np.linspace(0.4, 0.6, 100)
    >>> table = by_probability(chance, np.full(100, 0.5), chance - 0.5, block=5, buckets=2)
    >>> table["side"].tolist(), table["net"].round(4).tolist()
    ([-1, 1], [0.0485, 0.0485])
    """
    order = np.argsort(np.argsort(probability, kind="stable"), kind="stable")
    bucket = order * buckets // len(probability)
    lines = []
    for number in range(buckets):
        inside = bucket == number
        own = probability[inside]
        side = 1 if own.mean() > base_rate[inside].mean() else -1
        gross = subset_mean_interval(side * forward_return, inside, block=block)
        lines.append(
            {
                "lowest": float(own.min()),
                "highest": float(own.max()),
                "mean": float(own.mean()),
                "rows": int(inside.sum()),
                "forward": side * gross.estimate,
                "side": side,
                "gross": gross.estimate,
                "net": gross.estimate - cost,
                "low": gross.low - cost,
                "high": gross.high - cost,
            }
        )
    return pd.DataFrame(lines)
