"""The original's experiment gives the original's numbers, and the kept result agrees with them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from benchmarks import original_table
from benchmarks.original_experiment import (
    agreement,
    blocks,
    closes_read,
    forward_label,
    known_label,
    original_label,
)
from benchmarks.results import Row, number, read_result
from forecastlab.contracts.errors import DataUnavailable
from tests.support.imports import ROOT
from tests.support.market_data import market_data_folder

REFERENCE = {
    ("T14_X8", "original"): (0.7642, 0.7430, 0.933, 0.581, 1.084),
    ("T14_X8", "forward"): (0.3479, 0.2350, 0.503, 1.833, 1.120),
    ("T21_X8", "original"): (0.7826, 0.7585, 0.947, 0.543, 1.150),
}
"""Median balanced accuracy and macro F1, pooled AUC, log loss and prior log loss of all 58 folds,
measured on the same candles by another program."""

FIRST_FOLDS = {
    ("T14_X8", "original"): (0.698, 0.602, 0.916, 1.118, 1.113),
    ("T14_X8", "forward"): (0.383, 0.181, 0.593, 2.615, 1.217),
    ("T21_X8", "original"): (0.721, 0.678, 0.957, 0.852, 1.007),
    ("T21_X8", "forward"): (0.477, 0.328, 0.738, 2.100, 1.128),
}
"""The same of the first two folds alone."""


def figures(runs: Sequence[Row]) -> dict[tuple[str, str], tuple[float, ...]]:
    names = ("balanced_accuracy", "macro_f1", "auc", "log_loss", "prior_log_loss")
    return {
        (str(run["candidate"]), str(run["label"])): tuple(number(run, name) for name in names)
        for run in runs
    }


def test_the_first_folds_give_what_they_gave() -> None:
    path = market_data_folder() / "BTCUSDT_1d.parquet"
    candles = original_table.read_candles(path, "2018-01-01", "2022-07-31")
    result = original_table.experiments(candles, folds=2)
    found = figures(result.tables["runs"])
    assert found.keys() == FIRST_FOLDS.keys()
    for name, expected in FIRST_FOLDS.items():
        assert found[name][:2] == pytest.approx(expected[:2], abs=0.01), name
        assert found[name][2:] == pytest.approx(expected[2:], abs=0.005), name
    for run in result.tables["runs"]:
        horizon = int(str(run["candidate"])[1:3])
        reads = [run["reads_first"], run["reads_last"]]
        if run["label"] == "original":
            assert (run["verdict"], reads) == ("refused", [2 - horizon, 1])
            assert "before t must not count" in str(run["finding"])
        else:
            assert (run["verdict"], reads) == ("passed", [1, horizon])
            assert run["finding"] is None
    assert result.measured["t14_x8_original_auc"] == found["T14_X8", "original"][2]


def test_the_kept_result_agrees_with_the_reference() -> None:
    runs = read_result(ROOT / "docs" / "results" / "original_table.json").table("runs")
    found = figures(runs)
    assert {run["folds"] for run in runs} == {58}
    for name, expected in REFERENCE.items():
        assert found[name][:2] == pytest.approx(expected[:2], abs=0.01), name
        assert found[name][2:] == pytest.approx(expected[2:], abs=0.005), name


def test_the_original_label_is_that_of_pandas_rolling() -> None:
    close = 100 * np.exp(np.cumsum(np.random.default_rng(3).normal(0, 0.04, 400)))
    ahead = pd.Series(close).shift(-1)
    highest, lowest = ahead.rolling(14).max(), ahead.rolling(14).min()
    expected = pd.Series(0.0, index=highest.index)
    expected[(close - lowest) / close >= 0.08] = -1.0
    expected[(highest - close) / close >= 0.08] = 1.0
    expected[highest.isna()] = np.nan
    np.testing.assert_array_equal(original_label(close, 14, 0.08), expected)


def test_each_label_reads_the_closes_that_the_page_says() -> None:
    close = 100 * np.exp(np.cumsum(np.random.default_rng(4).normal(0, 0.04, 1500)))
    assert closes_read(original_label, close, 5, 0.08) == [-3, -2, -1, 1]
    assert closes_read(known_label, close, 5, 0.08) == [-3, -2, -1]
    assert closes_read(forward_label, close, 5, 0.08) == [1, 2, 3, 4, 5]


def test_on_a_random_walk_the_past_gives_the_original_label_and_not_the_forward_one() -> None:
    close = 100 * np.exp(np.cumsum(np.random.default_rng(5).normal(0, 0.035, 3000)))
    assert agreement(original_label, known_label, close, 14, 0.08) > 0.9
    assert agreement(forward_label, known_label, close, 14, 0.08) < 0.6


def test_purged_folds_leave_the_rows_before_the_test_block_out() -> None:
    features = pd.DataFrame({"row": np.arange(1700.0)})
    plain, purged = blocks(features, np.zeros(1700)), blocks(features, np.zeros(1700), purge=14)
    assert [len(one.train_x) for one in plain[:2]] == [1500, 1521]
    assert [len(one.train_x) for one in purged[:2]] == [1486, 1507]
    assert plain[1].test_x[0] == purged[1].test_x[0] == 1521
    assert len(plain) == (1700 - 1563) // 21 + 1


def test_too_few_rows_are_refused() -> None:
    with pytest.raises(DataUnavailable, match="fill no fold"):
        blocks(pd.DataFrame({"row": np.arange(1562.0)}), np.zeros(1562))
