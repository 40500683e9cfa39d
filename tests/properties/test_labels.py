"""Labels look strictly forward: closes t+1 … t+T, all of them and nothing else."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from forecastlab.targets.direction import DirectionTarget
from forecastlab.targets.reversal import ReversalTarget
from tests.support.out_of_fold import daily_candles

steps = st.lists(st.floats(-0.12, 0.12), min_size=3, max_size=40)


def plain_label(closes: np.ndarray, t: int, horizon: int, level: float) -> int:
    for later in closes[t + 1 : t + 1 + horizon]:
        if later <= closes[t] * (1 - level):
            return -1
        if later >= closes[t] * (1 + level):
            return 1
    return 0


@given(steps=steps, horizon=st.integers(1, 12), level=st.sampled_from([0.04, 0.08, 0.15]))
def test_labels_equal_the_rule_written_out(steps: list[float], horizon: int, level: float) -> None:
    closes = 100 * np.exp(np.cumsum(steps))
    labels = ReversalTarget(horizon, level).labels(daily_candles(closes))
    expected = [
        plain_label(closes, t, horizon, level) for t in range(max(len(closes) - horizon, 0))
    ]
    assert labels["label"].tolist() == expected


@given(steps=steps, horizon=st.integers(1, 12), data=st.data())
def test_closes_outside_the_window_change_nothing(
    steps: list[float], horizon: int, data: st.DataObject
) -> None:
    closes, target = 100 * np.exp(np.cumsum(steps)), ReversalTarget(horizon, 0.08)
    labels = target.labels(daily_candles(closes))["label"].to_numpy()
    if not len(labels):
        return
    t = data.draw(st.integers(0, len(labels) - 1))
    outside = np.ones(len(closes), dtype=bool)
    outside[t : t + horizon + 1] = False
    poisoned = np.where(outside, closes * 7, closes)
    assert target.labels(daily_candles(poisoned))["label"].iloc[t] == labels[t]


@given(horizon=st.integers(1, 12), ahead=st.integers(1, 12))
def test_every_close_of_the_window_can_change_the_label(horizon: int, ahead: int) -> None:
    closes = np.full(horizon + 2, 100.0)
    if ahead > horizon:
        return
    closes[ahead] = 120.0
    assert ReversalTarget(horizon, 0.08).labels(daily_candles(closes))["label"].iloc[0] == 1


returns = st.sampled_from([0.0, 0.003, 0.05])


@given(steps=steps, horizon=st.integers(1, 12), least=returns)
def test_directions_equal_the_rule_written_out(
    steps: list[float], horizon: int, least: float
) -> None:
    closes = 100 * np.exp(np.cumsum(steps))
    labels = DirectionTarget(horizon, least).labels(daily_candles(closes))
    pairs = zip(closes, closes[horizon:], strict=False)
    assert labels["label"].tolist() == [int(later > now * (1 + least)) for now, later in pairs]


@given(steps=steps, horizon=st.integers(1, 12), least=returns, data=st.data())
def test_a_direction_knows_two_closes_and_no_other(
    steps: list[float], horizon: int, least: float, data: st.DataObject
) -> None:
    closes, target = 100 * np.exp(np.cumsum(steps)), DirectionTarget(horizon, least)
    labels = target.labels(daily_candles(closes))["label"].to_numpy()
    if not len(labels):
        return
    t = data.draw(st.integers(0, len(labels) - 1))
    poisoned = closes * 7
    poisoned[[t, t + horizon]] = closes[[t, t + horizon]]
    assert target.labels(daily_candles(poisoned))["label"].iloc[t] == labels[t]
    for factor, label in ((0.01, 0), (100.0, 1)):
        moved = closes.copy()
        moved[t + horizon] = closes[t] * factor
        assert target.labels(daily_candles(moved))["label"].iloc[t] == label


@given(hours=st.integers(2, 40), horizon=st.integers(1, 12), hole=st.integers(0, 39))
def test_a_label_over_a_gap_is_missing_and_never_negative(
    hours: int, horizon: int, hole: int
) -> None:
    if hole >= hours:
        return
    candles = daily_candles(np.linspace(100, 200, hours), missing=[hole])
    labels = DirectionTarget(horizon).labels(candles)
    assert (labels["label"] == 1).all()
    whole = [t for t in range(hours - horizon) if not t <= hole <= t + horizon]
    assert len(labels) == len(whole)
