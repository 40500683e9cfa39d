"""The feature set `variance` against its definition, row by row."""

from __future__ import annotations

import math
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from forecastlab.contracts.intervals import DURATION
from forecastlab.features.realised import daily_variance
from forecastlab.features.variance import (
    LEVEL,
    VARIANCE,
    WINDOW,
    variance_features,
    windowed_ewma,
)
from tests.support.synthetic import START, synthetic_market

DAYS = 420


@pytest.fixture(scope="module")
def daily() -> pd.DataFrame:
    """Daily variance of a synthetic market, with days whose hours are missing."""
    view = synthetic_market(DAYS, seed=6).as_of(START + timedelta(days=DAYS))
    table = daily_variance(view, "BTCUSDT")
    holes = [50, 51, 52, 130, 300, 301, 340, *range(200, 224)]
    table.iloc[holes, table.columns.get_indexer(["rv", "bipower", "downside"])] = np.nan
    return table


def by_definition(daily: pd.DataFrame, row: int, window: int) -> dict[str, float]:
    """Compute one row from the recipe's words, on the candles of its window alone."""
    past = daily.iloc[: row + 1]
    seen = past["rv"].iloc[-(window - 1) :]

    def e(centre: int) -> float:
        mean = seen.ewm(
            com=centre, adjust=True, ignore_na=True, min_periods=min(21, centre + 1)
        ).mean()
        return math.log(mean.iloc[-1])

    def share(name: str, days: int) -> float:
        recent = past.iloc[-days:]
        enough = recent["rv"].notna().sum() >= 7
        return recent[name].sum() / recent["rv"].sum() if enough else math.nan

    volume, log_rv = past["quote_volume"], np.log(past["rv"].iloc[-28:])
    return {
        "rv_1_25": e(1) - e(25),
        "rv_5_25": e(5) - e(25),
        "rv_125_25": e(125) - e(25),
        "rv_400_25": e(400) - e(25),
        "downside_28": 8 * (share("downside", 28) - 0.5),
        "bipower_28": 5 * share("bipower", 28) - 4.5,
        "volume_7_91": float(
            np.clip(np.log(volume.iloc[-7:].mean() / volume.iloc[-91:].mean()), -3, 3)
        ),
        "log_rv_deviation_28": log_rv.std() - 0.6 if log_rv.count() >= 14 else math.nan,
        "downside_91": 14 * (share("downside", 91) - 0.5),
        "bipower_91": 5 * share("bipower", 91) - 4.5,
        "log_rv_25": e(25),
    }


@pytest.mark.parametrize("window", [150, WINDOW])
def test_each_row_follows_the_definition(daily: pd.DataFrame, window: int) -> None:
    table = variance_features(daily, window=window)
    for row in (40, 52, 60, 129, 130, 149, 150, 151, 203, 210, 215, 223, 224, 230, 260, 419):
        expected = by_definition(daily, row, window)
        assert list(expected) == list(table.columns)
        np.testing.assert_allclose(
            table.iloc[row], list(expected.values()), rtol=1e-9, atol=1e-12, err_msg=str(row)
        )


def test_rows_begin_once_enough_days_are_there(daily: pd.DataFrame) -> None:
    """The listing day has no variance: the n-th variance belongs to row n."""
    first = variance_features(daily).notna().idxmax().map(daily.index.get_loc).to_dict()
    assert first == {
        "rv_1_25": 21,
        "rv_5_25": 21,
        "rv_125_25": 21,
        "rv_400_25": 21,
        "downside_28": 7,
        "bipower_28": 7,
        "volume_7_91": 13,
        "log_rv_deviation_28": 14,
        "downside_91": 7,
        "bipower_91": 7,
        "log_rv_25": 21,
    }
    assert windowed_ewma(np.ones(30), 1, 29).tolist()[:3] == pytest.approx(
        [math.nan, 1.0, 1.0], nan_ok=True
    )


def test_only_the_level_knows_the_scale(daily: pd.DataFrame) -> None:
    measures = ["rv", "bipower", "downside"]
    scaled = daily.assign(
        quote_volume=daily["quote_volume"] * 1e6, **{name: daily[name] * 9.0 for name in measures}
    )
    before, after = variance_features(daily), variance_features(scaled)
    shift = (after - before).dropna()
    np.testing.assert_allclose(shift[LEVEL], math.log(9.0), atol=1e-9)
    np.testing.assert_allclose(shift.drop(columns=LEVEL), 0.0, atol=1e-9)


def test_flat_days_and_days_without_trades_are_missing_values_not_infinite(
    daily: pd.DataFrame,
) -> None:
    dead = daily.copy()
    dead.iloc[30:150, 1:] = 0.0
    table = variance_features(dead)
    assert np.isinf(table.to_numpy()).sum() == 0
    assert table[["bipower_28", "log_rv_deviation_28", "volume_7_91"]].iloc[100].isna().all()
    assert table.iloc[-1].notna().all()


def test_the_volume_ratio_is_clipped(daily: pd.DataFrame) -> None:
    burst = daily.copy()
    burst.iloc[:-7, burst.columns.get_loc("quote_volume")] = 1e-9
    assert variance_features(burst)["volume_7_91"].iloc[-1] == pytest.approx(math.log(13))
    burst.iloc[-7:, burst.columns.get_loc("quote_volume")] = 1e-30
    assert variance_features(burst)["volume_7_91"].iloc[-1] == -3.0


def test_no_candle_gives_no_row(daily: pd.DataFrame) -> None:
    table = variance_features(daily.iloc[:0])
    assert table.empty
    assert tuple(table.columns) == VARIANCE.columns


def test_the_catalogue_describes_every_column() -> None:
    assert (VARIANCE.name, VARIANCE.variant) == ("variance", "raw")
    assert len(set(VARIANCE.columns)) == len(VARIANCE.features) == 11
    assert VARIANCE.columns[-1] == LEVEL
    days = [one.lookback * DURATION[one.interval] / timedelta(days=1) for one in VARIANCE.features]
    assert max(days) == WINDOW
    assert days == [1500] * 4 + [29, 29, 91, 29, 92, 92, 1500]
    assert all(one.formula and one.unit for one in VARIANCE.features)
