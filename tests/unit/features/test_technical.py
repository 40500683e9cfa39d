"""The classic indicators against plain loops in the original's manner, over the whole history."""

from __future__ import annotations

import numpy as np
import pytest

from forecastlab.features.technical import (
    D_LOOKBACK,
    DEA_LOOKBACK,
    DIF_LOOKBACK,
    K_LOOKBACK,
    STREAK_BOUND,
    cci,
    kdj,
    macd,
    rsi,
    straightness,
    streak,
    true_range,
)
from tests.support.synthetic import synthetic_market

(HOURS,) = (one.frame for one in synthetic_market(40, intervals=("1h",)).series())
HIGH, LOW, CLOSE = (HOURS[name].to_numpy() for name in ("high", "low", "close"))
ROWS = len(HOURS)


def endless(values: list[float], keep: float, start: float) -> list[float]:
    """Average without a window: what was there keeps `keep` of its weight with each candle."""
    found = [start]
    for value in values[1:]:
        found.append(keep * found[-1] + (1 - keep) * value)
    return found


def test_macd_is_the_endless_one_but_for_what_lies_ten_spans_back() -> None:
    closes = CLOSE.tolist()
    fast, slow = (endless(closes, 1 - 2 / (span + 1), closes[0]) for span in (12, 26))
    dif = [a - b for a, b in zip(fast, slow, strict=True)]
    dea = endless(dif, 1 - 2 / 10, dif[0])
    found = macd(CLOSE)
    np.testing.assert_allclose(found[0][500:], dif[500:], atol=1e-8 * CLOSE.max())
    np.testing.assert_allclose(found[1][500:], dea[500:], atol=1e-8 * CLOSE.max())
    assert np.flatnonzero(np.isfinite(found[0]))[0] == DIF_LOOKBACK - 1
    assert np.flatnonzero(np.isfinite(found[1]))[0] == DEA_LOOKBACK - 1


@pytest.mark.parametrize("span", [6, 12])
def test_rsi_is_the_endless_one(span: int) -> None:
    moves = [0.0, *np.diff(CLOSE).tolist()]
    keep = 1 - 2 / (span + 1)
    up = endless([max(one, 0.0) for one in moves], keep, 0.0)
    down = endless([max(-one, 0.0) for one in moves], keep, 0.0)
    expected = [a / (a + b) for a, b in zip(up[300:], down[300:], strict=True)]
    np.testing.assert_allclose(rsi(CLOSE, span)[300:], expected, atol=1e-7)


def test_kdj_is_the_endless_one() -> None:
    place = []
    for t in range(ROWS):
        bottom, top = min(LOW[max(t - 8, 0) : t + 1]), max(HIGH[max(t - 8, 0) : t + 1])
        place.append((CLOSE[t] - bottom) / (top - bottom))
    k = endless(place, 2 / 3, 0.5)
    d = endless(k, 2 / 3, 0.5)
    found = kdj(HIGH, LOW, CLOSE)
    np.testing.assert_allclose(found[0][200:], k[200:], atol=1e-7)
    np.testing.assert_allclose(found[1][200:], d[200:], atol=1e-7)
    for line, lookback in zip(found, (K_LOOKBACK, D_LOOKBACK), strict=True):
        assert np.flatnonzero(np.isfinite(line))[0] == lookback - 1


def test_cci_true_range_and_straightness_by_hand() -> None:
    typical = (HIGH + LOW + CLOSE) / 3
    for t in (13, 400, ROWS - 1):
        own = typical[t - 13 : t + 1]
        spread = np.abs(own - own.mean()).mean()
        expected = (own[-1] - own.mean()) / (0.015 * spread)
        assert cci(HIGH, LOW, CLOSE)[t] == pytest.approx(expected, rel=1e-9)
        before = CLOSE[t - 1]
        parts = HIGH[t] - LOW[t], abs(HIGH[t] - before), abs(LOW[t] - before)
        assert true_range(HIGH, LOW, CLOSE)[t] == max(parts)
        if t > 20:
            line = np.corrcoef(CLOSE[t - 19 : t + 1], np.arange(20))[0, 1] ** 2
            assert straightness(CLOSE, 20)[t] == pytest.approx(line, rel=1e-9)


def test_where_nothing_moves_the_indicators_are_neutral() -> None:
    flat = np.full(600, 123.45)
    with np.errstate(all="raise"):
        assert rsi(flat, 6)[-1] == 0.5
        assert cci(flat, flat, flat)[-1] == 0.0
        assert straightness(flat, 20)[-1] == 0.0
        assert [line[-1] for line in kdj(flat, flat, flat)] == pytest.approx([0.5, 0.5])
        assert [line[-1] for line in macd(flat)] == pytest.approx([0.0, 0.0], abs=1e-10)


def test_a_streak_is_bounded_and_unknown_at_the_start() -> None:
    flags = np.array([True] * 30 + [False] + [True] * 3)
    found = streak(flags)
    assert np.isnan(found[: STREAK_BOUND - 1]).all()
    assert found[STREAK_BOUND - 1 : 30].tolist() == [STREAK_BOUND] * (31 - STREAK_BOUND)
    assert found[30:].tolist() == [0, 1, 2, 3]
