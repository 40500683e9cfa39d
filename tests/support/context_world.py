"""A small hourly market whose range ahead can be seen in its features, for context models."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pandas as pd

from forecastlab.contracts.candles import Candles
from forecastlab.models.context import ContextTraining
from tests.support.hourly_candles import hourly_candles


@lru_cache(maxsize=4)
def clustered_hours(hours: int = 4000, seed: int = 0) -> Candles:
    """Return hourly candles whose volatility changes every two days or so."""
    random = np.random.default_rng(seed)
    calm_or_wild = np.repeat(random.choice([0.002, 0.008], hours // 48 + 1), 48)[:hours]
    steps = calm_or_wild * random.standard_normal(hours)
    return hourly_candles(100 * np.exp(np.cumsum(steps)), wick=0.0005)


def context_rows(candles: Candles) -> dict[str, pd.DataFrame]:
    """Return a few of the columns of both feature sets, complete rows only."""
    frame = candles.frame
    true_range = (frame["high"] - frame["low"]) / frame["close"]
    steps = np.log(frame["close"]).diff()
    regime = pd.DataFrame(
        {
            "atr_pct": true_range.rolling(14).mean(),
            "vol_ratio": steps.rolling(5).std() / steps.rolling(20).std(),
            "momentum_5": frame["close"].pct_change(5),
        }
    ).dropna()
    noise = np.random.default_rng(5).normal(size=len(regime))
    return {"regime": regime, "quantile": regime.assign(taker_imbalance=noise)}


def context_training(candles: Candles, *, every: int = 1) -> ContextTraining:
    """Return what a context may see of these candles."""
    return ContextTraining(candles, context_rows(candles), every)
