from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from forecastlab.contracts.errors import UsageError
from forecastlab.targets.reversal import ReversalTarget
from tests.support.out_of_fold import daily_candles


@pytest.mark.parametrize(
    ("later", "label"),
    [
        ([100.0, 100.0, 100.0], 0),
        ([107.9, 92.1, 100.0], 0),
        ([100.0, 108.0, 100.0], 1),
        ([100.0, 92.0, 100.0], -1),
        ([100.0, 92.0, 120.0], -1),
        ([120.0, 80.0, 80.0], 1),
        ([100.0, 100.0, 91.0], -1),
    ],
    ids=[
        "flat",
        "inside",
        "reaches +8",
        "reaches −8",
        "falls first",
        "rises first",
        "last close counts",
    ],
)
def test_the_first_touch_decides(later: list[float], label: int) -> None:
    # A close after the window must not matter.
    candles = daily_candles([100.0, *later, 500.0, 1.0, 500.0])
    assert ReversalTarget(3, 0.08).labels(candles)["label"].iloc[0] == label


def test_both_instants_are_stated_touched_early_or_not() -> None:
    labels = ReversalTarget(3, 0.08).labels(daily_candles([100.0, 120.0, 100.0, 100.0, 100.0]))
    assert labels["as_of"].tolist() == list(pd.date_range("1970-01-02", periods=2, tz="UTC"))
    assert labels["resolves_at"].tolist() == list(pd.date_range("1970-01-05", periods=2, tz="UTC"))
    assert labels["label"].dtype == np.dtype("int64")


@pytest.mark.parametrize("days", [0, 1, 3])
def test_an_incomplete_window_has_no_label(days: int) -> None:
    labels = ReversalTarget(3, 0.08).labels(daily_candles([100.0] * days))
    assert labels.empty
    assert list(labels.columns) == ["label", "as_of", "resolves_at"]


def test_a_window_that_crosses_a_gap_has_no_label() -> None:
    # Day 6 of 0 … 11 is not there: windows of 3 from 3 … 6 would reach it.
    whole = ReversalTarget(3, 0.08).labels(daily_candles([100.0] * 12))
    gapped = ReversalTarget(3, 0.08).labels(daily_candles([100.0] * 12, missing=[6]))
    assert [t.day - 1 for t in whole.index] == [0, 1, 2, 3, 4, 5, 6, 7, 8]
    assert [t.day - 1 for t in gapped.index] == [0, 1, 2, 7, 8]


def test_labels_of_a_cut_market_are_those_that_had_resolved() -> None:
    closes = 100 * np.exp(np.cumsum(np.random.default_rng(3).normal(0, 0.04, 80)))
    candles, target = daily_candles(closes), ReversalTarget(5, 0.08)
    cut = candles.frame.index[50].to_pydatetime()
    everything = target.labels(candles)
    known = everything.loc[everything["resolves_at"] <= pd.Timestamp(cut)]
    pd.testing.assert_frame_equal(target.labels(candles.until(cut)), known)


@pytest.mark.parametrize("name", ["T21_X8", "T14_X8", "T7_X12", "T10_X7.5", "T3_X0.5"])
def test_names_are_read_back(name: str) -> None:
    assert ReversalTarget.from_name(name).name == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "T21",
        "X8_T21",
        "T0_X8",
        "T021_X8",
        "T21_X0",
        "T21_X8.0",
        "T21_X08",
        "T21_X100",
        "t21_x8",
    ],
)
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match="names no reversal candidate"):
        ReversalTarget.from_name(name)


@pytest.mark.parametrize(("horizon", "level"), [(0, 0.08), (-1, 0.08), (14, 0.0), (14, 1.0)])
def test_senseless_parameters_are_refused(horizon: int, level: float) -> None:
    with pytest.raises(UsageError, match="cannot be meant"):
        ReversalTarget(horizon, level)
