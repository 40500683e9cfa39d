"""A small training set of two symbols with one signal, for learners that pool symbols."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd

from forecastlab.models.base import TrainingSet
from forecastlab.targets.direction import DirectionTarget
from forecastlab.targets.reversal import ReversalTarget
from tests.support.out_of_fold import CLASSES, out_of_fold

SYMBOLS = ("BTCUSDT", "ETHUSDT")
COLUMNS = ["signal", "noise"]
ROWS = pd.DataFrame({"signal": [-2.0, 0.0, 2.0], "noise": [0.0, 0.0, 0.0]})
"""Rows to ask for: the signal says −1, nothing, 1."""


def training_set(
    days: int = 600, *, keep: tuple[int, ...] = CLASSES, eth_label: int | None = None
) -> TrainingSet:
    """Two symbols with the same signal; `keep` limits the labels that BTCUSDT has."""
    rows, _ = out_of_fold(days)
    labels = rows.dropna()[["label", "as_of", "resolves_at"]].astype({"label": "int64"})
    random = np.random.default_rng(1)
    signal = labels["label"] + random.normal(0, 1.0, len(labels))
    table = pd.DataFrame({"signal": signal, "noise": random.normal(size=len(labels))})
    own = labels.loc[labels["label"].isin(keep)]
    other = labels if eth_label is None else labels.assign(label=eth_label)
    names = ["symbol", "open_time"]
    return TrainingSet(
        symbol="BTCUSDT",
        target=ReversalTarget(5, 0.08),
        until=labels["resolves_at"].max().to_pydatetime() + timedelta(days=1),
        features={"flow": pd.concat({"BTCUSDT": table, "ETHUSDT": table}, names=names)},
        labels=pd.concat({"BTCUSDT": own, "ETHUSDT": other}, names=names),
        daily=pd.DataFrame(),
    )


def up_or_not(training: TrainingSet) -> TrainingSet:
    """Return the same as a direction: 1 where the label was 1, else 0."""
    label = (training.labels["label"] == 1).astype("int64")
    labels = training.labels.assign(label=label)
    return replace(training, target=DirectionTarget(5), labels=labels)
