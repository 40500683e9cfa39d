"""Learners that train all folds together: which refit forecasts which fold, and what it saw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest

from forecastlab.contracts.intervals import DURATION
from forecastlab.evaluation.splits import walk_forward
from forecastlab.models.base import TrainingSet
from forecastlab.targets.direction import DirectionTarget
from forecastlab.usecases.audit_subjects import Quiet
from forecastlab.usecases.joint_walk_forward import is_joint, joint_out_of_fold
from forecastlab.usecases.training_materials import Materials
from tests.support.synthetic import START, synthetic_market

HOURS = 500
HOUR = DURATION["1h"]
CANDLES = synthetic_market(30).as_of(START + HOURS * HOUR).candles("BTCUSDT", "1h")
TARGET = DirectionTarget(5)


def materials(fit_every: int = 1) -> Materials:
    rows = pd.DataFrame({"close": CANDLES.frame["close"]})
    labels = pd.concat({"BTCUSDT": TARGET.labels(CANDLES)}, names=["symbol", "open_time"])
    return Materials(
        symbol="BTCUSDT",
        interval="1h",
        until=START + HOURS * HOUR,
        features={"closes": pd.concat({"BTCUSDT": rows}, names=["symbol", "open_time"])},
        labels={"H5": labels},
        daily=pd.concat({"BTCUSDT": rows.iloc[:0]}, names=["symbol", "open_time"]),
        fit_every=fit_every,
    )


@dataclass(frozen=True)
class Remembers:
    """A model that says when it was fitted, as P(1) in hours after the start over 10,000."""

    until: pd.Timestamp
    window: int
    classes: tuple[int, ...] = (0, 1)

    def predict_proba(self, rows: pd.DataFrame) -> pd.DataFrame:
        hours = (self.until - pd.Timestamp(START)) / pd.Timedelta(hours=1)
        ends = rows.index[self.window - 1 :]
        values = np.tile([1 - hours / 10_000, hours / 10_000], (len(ends), 1))
        return pd.DataFrame(values, index=ends, columns=[0, 1])


@dataclass(frozen=True)
class Together:
    kind: ClassVar[str] = "together"
    feature_set: str = "closes"
    refit_every: int = 1
    window: int = 48

    def fit_many(
        self, jobs: Sequence[Mapping[str, TrainingSet]], *, seed: int, progress: Any
    ) -> list[dict[str, Any]]:
        for job in jobs:
            for one in job.values():
                assert (one.labels["resolves_at"] < pd.Timestamp(one.until)).all()
                opens = one.features["closes"].index.get_level_values("open_time")
                assert (opens + HOUR <= pd.Timestamp(one.until)).all()
        return [
            {name: Remembers(pd.Timestamp(one.until), self.window) for name, one in job.items()}
            for job in jobs
        ]


def refits(learner: Together, first_hour: int) -> pd.Series:
    """Hours after the start at which the model behind each forecast was fitted."""
    first = START + first_hour * HOUR
    folds = walk_forward(first, START + (HOURS - 1) * HOUR, step=100, interval="1h")
    found = joint_out_of_fold(materials(), ["H5"], folds, learner, 1, Quiet())["H5"]
    return (found[1] * 10_000).round().astype("int64")


def test_each_fold_is_forecast_by_its_own_refit() -> None:
    found = refits(Together(), 100)
    assert found.index[0] == pd.Timestamp(START + 100 * HOUR)
    assert len(found) == HOURS - 100
    assert found.iloc[[0, 99, 100, -1]].tolist() == [101, 101, 201, 401]


def test_folds_between_refits_are_forecast_by_the_model_before_them() -> None:
    found = refits(Together(refit_every=3), 100)
    assert found.iloc[[0, 100, 200, 300]].tolist() == [101, 101, 101, 401]


def test_rows_without_a_whole_window_have_no_forecast() -> None:
    found = refits(Together(), 10)
    assert found.index[0] == pd.Timestamp(START + 47 * HOUR)


def test_thinned_labels_are_a_fixed_grid_of_candles_whatever_the_fold() -> None:
    fold = walk_forward(START + 300 * HOUR, START + 400 * HOUR, step=50, interval="1h")[0]
    learnt = materials(fit_every=4).training_set("H5", fold).labels
    opens = pd.DatetimeIndex(learnt.index.get_level_values("open_time"))
    assert set(opens.hour % 4) == {0}
    assert len(materials().training_set("H5", fold).labels) == pytest.approx(4 * len(learnt), abs=4)


def test_a_learner_says_by_its_verbs_that_it_is_joint() -> None:
    assert is_joint(Together())  # type: ignore[arg-type]
    assert not is_joint(object())  # type: ignore[arg-type]
