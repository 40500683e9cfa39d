"""Live scores of champion and challenger: a known winner is found, too few bars are said to be."""

from __future__ import annotations

import numpy as np
import pytest

from forecastlab.evaluation.scores import Forecasts
from forecastlab.evaluation.shadow_scores import ShadowScores, shadow_scores


def forecasts(labels: np.ndarray, lean: float) -> Forecasts:
    noise = 0.02 * np.random.default_rng(3).standard_normal(len(labels))
    up = 0.5 + lean * (labels - 0.5) + noise
    return Forecasts(np.column_stack([1 - up, up]), labels, (0, 1))


def scored(rows: int, lean: float = 0.2) -> ShadowScores:
    labels = np.random.default_rng(1).integers(0, 2, size=rows)
    sides = {"challenger": forecasts(labels, lean), "champion": forecasts(labels, 0.0)}
    return shadow_scores("H5", sides, horizon=5, week=168)


def test_a_knowing_challenger_is_better_with_an_interval_that_says_so() -> None:
    found = scored(700)
    assert found.too_few == ()
    gain = found.gain["log_loss"]
    assert gain.low is not None and gain.value is not None
    assert 0 < gain.low < gain.value
    area = scored(700, lean=0.02).scores["challenger"]["direction_auc"]
    assert area.value is not None and area.low is not None and area.high is not None
    assert 0.5 < area.low < area.value < area.high < 1


def test_two_that_say_the_same_differ_by_nothing() -> None:
    gain = scored(600, lean=0.0).gain["log_loss"]
    assert (gain.value, gain.low, gain.high) == (0, 0, 0)


def test_too_few_bars_give_scores_without_intervals() -> None:
    found = scored(29)
    assert (found.rows, found.needed["log_loss"]) == (29, 30)
    assert found.too_few == ("log_loss", "direction_auc")
    assert found.gain["log_loss"].low is None
    ours, theirs = (found.scores[name]["log_loss"].value for name in ("challenger", "champion"))
    assert ours is not None and theirs is not None
    assert found.gain["log_loss"].value == pytest.approx(theirs - ours)
    assert scored(30).too_few == scored(671).too_few == ("direction_auc",)
    assert scored(671).scores["champion"]["direction_auc"].low is None


def test_no_resolved_bar_gives_no_number() -> None:
    found = scored(0)
    assert found.rows == 0
    assert {one.value for table in found.scores.values() for one in table.values()} == {None}


def test_one_class_alone_determines_no_auc() -> None:
    ups = forecasts(np.ones(700, dtype="int64"), 0.1)
    found = shadow_scores("H5", {"challenger": ups, "champion": ups}, horizon=5, week=168)
    assert found.scores["challenger"]["direction_auc"].value is None
    assert found.scores["challenger"]["log_loss"].value is not None
