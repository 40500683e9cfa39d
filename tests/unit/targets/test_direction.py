from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from forecastlab.contracts.config import TargetTable
from forecastlab.contracts.errors import ConfigError, UsageError
from forecastlab.evaluation.leakage.label_window import label_window
from forecastlab.targets.catalogue import check_target, target_from_name
from forecastlab.targets.direction import DirectionTarget
from tests.support.hourly_candles import hourly_candles, random_hours
from tests.support.out_of_fold import daily_candles


@pytest.mark.parametrize(
    ("target", "later", "label"),
    [
        (DirectionTarget(3), [1.0, 1.0, 100.01], 1),
        (DirectionTarget(3), [200.0, 200.0, 100.0], 0),
        (DirectionTarget(3), [200.0, 200.0, 99.0], 0),
        (DirectionTarget(3, 0.5), [100.0, 200.0, 150.0], 0),
        (DirectionTarget(3, 0.5), [100.0, 100.0, 150.01], 1),
    ],
    ids=["up", "even", "down", "just the return", "above the return"],
)
def test_only_the_last_close_decides(
    target: DirectionTarget, later: list[float], label: int
) -> None:
    candles = hourly_candles([100.0, *later, 500.0, 1.0])
    assert target.labels(candles)["label"].iloc[0] == label


def test_both_instants_are_stated_in_the_candles_own_steps() -> None:
    hours = DirectionTarget(5).labels(hourly_candles([100.0] * 8))
    assert hours["as_of"].tolist() == list(
        pd.date_range("1970-01-01T01", periods=3, freq="h", tz="UTC")
    )
    assert (hours["resolves_at"] - hours["as_of"] == pd.Timedelta(hours=5)).all()
    days = DirectionTarget(5).labels(daily_candles([100.0] * 8))
    assert (days["resolves_at"] - days["as_of"] == pd.Timedelta(days=5)).all()
    assert days["label"].dtype == np.dtype("int64")


@pytest.mark.parametrize("hours", [0, 1, 5])
def test_an_incomplete_window_has_no_label(hours: int) -> None:
    labels = DirectionTarget(5).labels(hourly_candles([100.0] * hours))
    assert labels.empty
    assert list(labels.columns) == ["label", "as_of", "resolves_at"]


def test_a_window_that_crosses_a_gap_has_no_label() -> None:
    # Hour 6 of 0 … 11 is not there: windows of 3 from 3 … 6 would reach over it.
    gapped = DirectionTarget(3).labels(hourly_candles([100.0] * 12, missing=[6]))
    assert [t.hour for t in gapped.index] == [0, 1, 2, 7, 8]


def test_labels_of_a_cut_market_are_those_that_had_resolved() -> None:
    candles, target = random_hours(80), DirectionTarget(12)
    cut = candles.frame.index[50].to_pydatetime()
    everything = target.labels(candles)
    known = everything.loc[everything["resolves_at"] <= pd.Timestamp(cut)]
    pd.testing.assert_frame_equal(target.labels(candles.until(cut)), known)


@pytest.mark.parametrize("target", [DirectionTarget(5), DirectionTarget(12, 0.003)])
def test_the_prover_finds_nothing(target: DirectionTarget) -> None:
    horizon, candles = target.horizon, random_hours(300)
    report = label_window(
        target.name, target.labels, candles, horizon=horizon, seed=1, looks_at=target.looks_at
    )
    assert report.passed


def test_the_prover_finds_a_window_that_is_too_short() -> None:
    shorter = DirectionTarget(4)
    report = label_window("H5", shorter.labels, random_hours(300), horizon=5, seed=1, looks_at=(5,))
    assert not report.passed


@pytest.mark.parametrize("name", ["H5", "H12", "H24", "H5_R30bp", "H5_R0.5bp", "H24_R150bp"])
def test_names_are_read_back(name: str) -> None:
    target = DirectionTarget.from_name(name)
    assert target.name == name
    assert target_from_name(name) == target


def test_a_return_is_a_fraction_and_its_name_in_basis_points() -> None:
    assert DirectionTarget.from_name("H5_R30bp").min_return == 0.003


@pytest.mark.parametrize(
    "name",
    ["", "H", "H0", "H05", "h5", "H5_R0bp", "H5_R30", "H5_R030bp", "H5_R30.0bp", "H5_R10000bp"],
)
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match="names no direction candidate"):
        DirectionTarget.from_name(name)


def test_a_name_of_no_kind_is_refused_by_the_catalogue() -> None:
    with pytest.raises(UsageError, match="names no candidate"):
        target_from_name("X5")
    assert target_from_name("T21_X8").level == 0.08
    assert target_from_name("H5").level is None


@pytest.mark.parametrize(
    ("kind", "candidate", "named"),
    [("astrology", "H5", "no target.kind 'astrology'"), ("direction", "T21_X8", "'T21_X8'")],
)
def test_a_recipe_of_no_kind_or_of_two_is_refused(kind: str, candidate: str, named: str) -> None:
    table = TargetTable(kind=kind, candidates=("H5", candidate))
    with pytest.raises(ConfigError, match=named):
        check_target(table, what="a recipe")


@pytest.mark.parametrize(("horizon", "least"), [(0, 0.0), (-1, 0.0), (5, -0.001), (5, 1.0)])
def test_senseless_parameters_are_refused(horizon: int, least: float) -> None:
    with pytest.raises(UsageError, match="cannot be meant"):
        DirectionTarget(horizon, least)
