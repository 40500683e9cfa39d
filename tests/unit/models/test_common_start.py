"""One model for several symbols: boosting starts from the frequencies of all of them together."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd

from forecastlab.models.base import TrainingSet
from forecastlab.models.xgb import XgBoost
from forecastlab.targets.touch import TouchTarget
from tests.support.synthetic import START

SYMBOLS = ("BTCUSDT", "ETHUSDT")
ROWS = 400
LEARNER = XgBoost(SYMBOLS, "f", rounds=1, patience=0, min_weight=1e6)
"""Leaves so large that no tree splits: what is forecast is where boosting starts."""


def training(symbol: str) -> TrainingSet:
    """Return rows of two symbols, of which one rises in 3 of 4 cases and the other in 1 of 4."""
    opens = pd.date_range(START, periods=ROWS, freq="h").as_unit("ms")
    index = pd.MultiIndex.from_product([SYMBOLS, opens], names=["symbol", "open_time"])
    often = np.tile([1, 1, 1, -1], ROWS // 4)
    label = np.r_[often, -often]
    as_of = index.get_level_values("open_time") + timedelta(hours=1)
    labels = pd.DataFrame(
        {"label": label, "as_of": as_of, "resolves_at": as_of + timedelta(hours=24)}, index=index
    )
    random = np.random.default_rng(0).standard_normal(len(index))
    return TrainingSet(
        symbol=symbol,
        target=TouchTarget(0.01, 24),
        until=START + timedelta(days=60),
        features={"f": pd.DataFrame({"x": random}, index=index)},
        labels=labels,
        daily=pd.DataFrame(),
    )


def rise(learner: XgBoost, symbol: str) -> float:
    rows = training(symbol).features["f"].loc[symbol].iloc[:1]
    return float(learner.fit(training(symbol), seed=1).predict_proba(rows)[1].iloc[0])


def test_a_common_start_is_the_same_for_each_symbol() -> None:
    common = replace(LEARNER, common_start=True)
    assert [round(rise(common, symbol), 3) for symbol in SYMBOLS] == [0.5, 0.5]


def test_without_it_each_symbol_starts_from_its_own_frequencies() -> None:
    found = [round(rise(LEARNER, symbol), 2) for symbol in SYMBOLS]
    assert found == [0.75, 0.25]
