"""The set `baseline`: names and order of the original, values by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from forecastlab.features.baseline import BASELINE, baseline_features

CLOSES = [100.0, 102.0, 101.0, 105.0, 103.0, 108.0, 110.0, 107.0]


def test_columns_are_the_originals_in_its_order() -> None:
    assert BASELINE.columns == ("rsi_14", "ma7", "ma21", "vol21", "macd_hist", "ret1")
    assert tuple(baseline_features(pd.DataFrame({"close": CLOSES})).columns) == BASELINE.columns


def test_values_by_hand() -> None:
    table = baseline_features(pd.DataFrame({"close": CLOSES}))
    assert table["ret1"].iloc[1] == pytest.approx(0.02)
    assert np.isnan(table["ret1"].iloc[0])
    assert table["ma7"].iloc[6:].tolist() == pytest.approx([729 / 7, 736 / 7])
    assert table["ma7"].iloc[:6].isna().all()
    # Two changes: +2, then -1; weights 13/14 and 1 of the older and the newer.
    gain, loss = 2 * 13 / 14, 1.0
    assert table["rsi_14"].iloc[2] == pytest.approx(100 * gain / (gain + loss), abs=1e-6)


def test_volatility_needs_twenty_one_returns() -> None:
    close = pd.Series(100 + np.sin(np.arange(30)) * 5)
    table = baseline_features(close.to_frame("close"))
    assert table["vol21"].first_valid_index() == 21
    returns = close.to_numpy()[1:22] / close.to_numpy()[:21] - 1
    assert table["vol21"].iloc[21] == pytest.approx(np.std(returns, ddof=1))


def test_macd_follows_the_recursions() -> None:
    """The three adjusted EWMAs written as recursions of a sum and its weight."""
    table = baseline_features(pd.DataFrame({"close": CLOSES}))

    def averages(values: list[float], span: int) -> list[float]:
        keep, total, weight, found = 1 - 2 / (span + 1), 0.0, 0.0, []
        for value in values:
            total, weight = keep * total + value, keep * weight + 1
            found.append(total / weight)
        return found

    macd = [a - b for a, b in zip(averages(CLOSES, 12), averages(CLOSES, 26), strict=True)]
    expected = [a - b for a, b in zip(macd, averages(macd, 9), strict=True)]
    assert table["macd_hist"].tolist() == pytest.approx(expected, abs=1e-12)
