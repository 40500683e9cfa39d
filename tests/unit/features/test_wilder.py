"""Seeded averages over a fixed window: the recursion on that window, whatever came before."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from forecastlab.features.wilder import WINDOW, seeded_macd, wilder_atr, wilder_rsi
from tests.support.signal_market import atr, rsi, seeded

RNG = np.random.default_rng(8)
CLOSE = 100 * np.exp(np.cumsum(RNG.normal(0, 0.01, 260)))
HIGH, LOW = CLOSE * 1.004, CLOSE * 0.997

LINES: dict[str, Callable[[slice], np.ndarray]] = {
    "rsi": lambda part: wilder_rsi(CLOSE[part]),
    "atr": lambda part: wilder_atr(HIGH[part], LOW[part], CLOSE[part]),
    "macd": lambda part: seeded_macd(CLOSE[part])[0],
    "signal": lambda part: seeded_macd(CLOSE[part])[1],
}


@pytest.mark.parametrize("end", [100, 101, 173, 260])
def test_a_value_is_the_recursion_on_its_window(end: int) -> None:
    part = slice(end - WINDOW, end)
    close, high, low = (list(one[part]) for one in (CLOSE, HIGH, LOW))
    macd = [a - b for a, b in zip(seeded(close, 12)[14:], seeded(close, 26), strict=True)]
    expected = {
        "rsi": rsi(close),
        "atr": atr(high, low, close),
        "macd": macd[-1],
        "signal": seeded(macd, 9)[-1],
    }
    found = {name: float(line(slice(0, end))[-1]) for name, line in LINES.items()}
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-11)


@pytest.mark.parametrize("name", LINES)
def test_what_came_before_the_window_changes_no_bit(name: str) -> None:
    whole, alone = LINES[name](slice(0, 260)), LINES[name](slice(160, 260))
    assert whole[-1] == alone[-1]
    assert np.isnan(alone[:-1]).all()


def test_an_endless_rsi_is_close_by() -> None:
    """Pandas' own recursion over all 260 closes: the window's start carries 7e-4 of the weight."""
    move = pd.Series(CLOSE).diff()
    up, down = (
        (sign * move).clip(lower=0).ewm(alpha=1 / 14, adjust=False).mean() for sign in (1, -1)
    )
    endless = (100 * up / (up + down)).to_numpy()
    assert np.abs(endless - LINES["rsi"](slice(0, 260)))[WINDOW:].max() < 0.2


def test_an_rsi_of_closes_that_never_moved_is_missing() -> None:
    assert np.isnan(wilder_rsi(np.ones(150))).all()


def test_the_signal_line_needs_fewer_candles_than_the_window() -> None:
    macd, signal = seeded_macd(CLOSE, 34)
    assert np.isfinite(macd[33])
    # With 34 candles the nine values of the MACD are there once: their mean.
    fast, slow = seeded(list(CLOSE[:34]), 12), seeded(list(CLOSE[:34]), 26)
    assert signal[33] == pytest.approx(
        np.mean([a - b for a, b in zip(fast[14:], slow, strict=True)]), rel=1e-9
    )
