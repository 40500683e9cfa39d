"""How good the context has been, out of sample: coverage of quantiles, AUC of regime chances."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from forecastlab.contracts.canonical import rounded
from forecastlab.evaluation.ranks import auc_interval
from forecastlab.evaluation.uncertainty import Interval, block_length, mean_interval

TOLERANCE: Final = 0.03
"""How far realised coverage may lie from nominal."""


@dataclass(frozen=True)
class Coverage:
    """The realised share of outcomes at or below one quantile.

    `loss` is the mean pinball loss over that of the best constant in hindsight; below 1 the
    quantile knows more than a constant could.
    """

    level: float
    share: Interval
    loss: float

    @property
    def holds(self) -> bool:
        """Whether the share is within `TOLERANCE` of the level, or the level in its interval."""
        near = abs(self.share.estimate - self.level) <= TOLERANCE
        return near or self.share.low <= self.level <= self.share.high


@dataclass(frozen=True)
class ChanceScore:
    """One chance of an event: AUC with its interval, and mean forecast against what happened."""

    auc: Interval
    mean_forecast: float
    happened: float


def coverage(quantiles: pd.DataFrame, outcomes: pd.Series, *, horizon: int) -> tuple[Coverage, ...]:
    """Score a quantile forecast on the rows that have an outcome.

    Args:
        quantiles: index `open_time`, columns the levels.
        outcomes: index `open_time`.
        horizon: rows that an outcome overlaps.

    Raises:
        DataUnavailable: too few rows have an outcome for an interval.

    >>> outcomes = pd.Series(np.tile([0.0, 1.0, 2.0, 3.0], 50))
    >>> one, = coverage(pd.DataFrame({0.25: np.zeros(200)}), outcomes, horizon=2)
    >>> one.share.estimate, one.holds, round(one.loss, 3)
    (0.25, True, 1.0)
    """
    known = outcomes.loc[outcomes.index.isin(quantiles.index)]
    happened = known.to_numpy(dtype="float64")
    found = []
    for name in quantiles.columns:
        level, forecast = float(name), quantiles[name].loc[known.index].to_numpy(dtype="float64")
        below = (happened <= forecast).astype("float64")
        share = mean_interval(below, horizon=horizon)
        constant = _pinball(happened, np.quantile(happened, level), level)
        loss = _pinball(happened, forecast, level) / constant if constant else np.nan
        found.append(Coverage(level, share, loss))
    return tuple(found)


def chance_score(chances: pd.Series, labels: pd.Series, *, horizon: int) -> ChanceScore:
    """Score the chance of an event on the rows that have a label (0 or 1).

    Args:
        chances, labels: index `open_time`.
        horizon: rows that a label overlaps.

    Raises:
        DataUnavailable: too few rows have a label for an interval.

    >>> labels = pd.Series(np.tile([0, 1], 100))
    >>> chance_score(labels * 0.2 + 0.4, labels, horizon=2).auc.estimate
    1.0
    """
    known = labels.loc[labels.index.isin(chances.index)]
    forecast = chances.loc[known.index].to_numpy(dtype="float64")
    happened = known.to_numpy() == 1
    block = block_length((forecast - happened) ** 2, horizon)
    return ChanceScore(
        auc=auc_interval(forecast, happened, block=block),
        mean_forecast=float(forecast.mean()),
        happened=float(happened.mean()),
    )


def context_document(
    quantiles: Mapping[int, tuple[Coverage, ...]], chances: Mapping[str, ChanceScore]
) -> dict[str, Any]:
    """Return the scores as a manifest keeps them.

    >>> context_document({}, {})
    {'quantiles': {}, 'regime': {}}
    """
    return {
        "quantiles": {
            str(horizon): {
                f"{one.level:g}": {
                    **_interval(one.share),
                    "loss": rounded(one.loss),
                    "holds": one.holds,
                }
                for one in scores
            }
            for horizon, scores in quantiles.items()
        },
        "regime": {
            part: {
                **_interval(one.auc),
                "mean_forecast": rounded(one.mean_forecast),
                "happened": rounded(one.happened),
            }
            for part, one in chances.items()
        },
    }


def _interval(interval: Interval) -> dict[str, float]:
    return {name: rounded(value) for name, value in asdict(interval).items()}


def _pinball(happened: np.ndarray, forecast: np.ndarray | float, level: float) -> float:
    miss = happened - forecast
    return float(np.maximum(level * miss, (level - 1) * miss).mean())
