"""Touches equal the rule written out, and know highs and lows of their window alone."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from forecastlab.contracts.candles import Candles
from forecastlab.targets.touch import TouchTarget
from tests.support.hourly_candles import hourly_candles

steps = st.lists(
    st.tuples(st.floats(-0.03, 0.03), st.floats(0, 0.03), st.floats(0, 0.03)),
    min_size=3,
    max_size=40,
)


def drawn(rows: list[tuple[float, float, float]]) -> Candles:
    """Return hours whose highs and lows lie at drawn distances from the close."""
    close = 100 * np.exp(np.cumsum([row[0] for row in rows]))
    flat = hourly_candles(close)
    frame = flat.frame.assign(
        high=close * [1 + row[1] for row in rows], low=close * [1 - row[2] for row in rows]
    )
    return Candles(flat.symbol, flat.interval, frame)


def plain_label(hours: Candles, t: int, target: TouchTarget) -> int | None:
    frame = hours.frame
    base = float(frame["close"].iloc[t])
    for later in range(t + 1, t + 1 + target.horizon):
        up = float(frame["high"].iloc[later]) >= base * (1 + target.level)
        down = float(frame["low"].iloc[later]) <= base * (1 - target.level)
        if up and down:
            return None
        if up or down:
            return 1 if up else -1
    return None


@given(rows=steps, horizon=st.integers(1, 12), level=st.sampled_from([0.005, 0.01, 0.03]))
def test_labels_equal_the_rule_written_out(
    rows: list[tuple[float, float, float]], horizon: int, level: float
) -> None:
    hours, target = drawn(rows), TouchTarget(level, horizon)
    labels = target.labels(hours)["label"]
    written = {
        hours.frame.index[t]: plain_label(hours, t, target)
        for t in range(max(len(rows) - horizon, 0))
    }
    assert labels.to_dict() == {t: label for t, label in written.items() if label is not None}


@given(rows=steps, horizon=st.integers(1, 12), data=st.data())
def test_prices_outside_the_window_change_nothing(
    rows: list[tuple[float, float, float]], horizon: int, data: st.DataObject
) -> None:
    hours, target = drawn(rows), TouchTarget(0.01, horizon)
    if len(rows) <= horizon:
        return
    t = data.draw(st.integers(0, len(rows) - horizon - 1))
    places = np.arange(len(rows))
    inside = (places > t) & (places <= t + horizon)
    frame = hours.frame.copy()
    for name in ("high", "low"):
        frame[name] = np.where(inside, frame[name], frame[name] * 7)
    frame["open"] = frame["open"] * 7
    frame["close"] = np.where(places == t, frame["close"], frame["close"] * 7)
    altered = target.labels(Candles(hours.symbol, hours.interval, frame))["label"]
    at = hours.frame.index[t]
    assert altered.get(at) == target.labels(hours)["label"].get(at)
