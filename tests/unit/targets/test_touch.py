"""The first touch by highs and lows: which side, both at once, neither, and what either earns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import pytest

from forecastlab.contracts.candles import Candles
from forecastlab.contracts.errors import UsageError
from forecastlab.evaluation.leakage.label_window import label_window
from forecastlab.targets.catalogue import target_from_name
from forecastlab.targets.touch import TouchTarget
from tests.support.hourly_candles import hourly_candles, random_hours

TARGET = TouchTarget(0.01, 3)


def candles(
    closes: Sequence[float], *, high: Mapping[int, float] = {}, low: Mapping[int, float] = {}
) -> Candles:
    """Return hourly candles without wicks but where a high or a low is given."""
    flat = hourly_candles(closes)
    frame = flat.frame.assign(high=flat.frame["close"], low=flat.frame["close"])
    for name, values in (("high", high), ("low", low)):
        for place, value in values.items():
            frame.loc[frame.index[place], name] = value
    return Candles(flat.symbol, flat.interval, frame)


@pytest.mark.parametrize(
    ("high", "low", "label"),
    [
        ({1: 101.0}, {}, 1),
        ({}, {1: 99.0}, -1),
        ({2: 101.0}, {1: 99.0}, -1),
        ({1: 101.0}, {2: 99.0}, 1),
        ({3: 101.5}, {}, 1),
        ({1: 101.0, 2: 100.0}, {3: 90.0}, 1),
    ],
    ids=["just up", "just down", "down first", "up first", "the last hour counts", "then a crash"],
)
def test_the_first_touch_decides(high: dict[int, float], low: dict[int, float], label: int) -> None:
    # A touch after the window must not matter.
    labels = TARGET.labels(candles([100.0] * 8, high={**high, 4: 200.0}, low={**low, 5: 1.0}))
    assert labels["label"].iloc[0] == label


@pytest.mark.parametrize(
    ("high", "low"),
    [({}, {}), ({1: 100.99}, {2: 99.01}), ({2: 101.0}, {2: 99.0})],
    ids=["flat", "inside", "both in one hour"],
)
def test_no_side_is_no_label(high: dict[int, float], low: dict[int, float]) -> None:
    found = TARGET.labels(candles([100.0] * 4, high=high, low=low))
    assert found.empty
    assert list(found.columns) == ["label", "as_of", "resolves_at"]


def test_both_edges_later_do_not_undo_a_touch() -> None:
    found = TARGET.labels(candles([100.0] * 4, high={1: 101.0, 2: 105.0}, low={2: 95.0}))
    assert found["label"].tolist() == [1]


def test_the_band_is_around_the_close_and_not_the_high() -> None:
    found = TARGET.labels(candles([100.0] * 4, high={0: 150.0}, low={0: 50.0, 1: 99.0}))
    assert found["label"].tolist() == [-1]


def test_the_label_resolves_after_the_whole_window_touched_early_or_not() -> None:
    labels = TARGET.labels(candles([100.0] * 5, high={1: 101.0}))
    assert labels["as_of"].iloc[0] == pd.Timestamp("1970-01-01T01", tz="UTC")
    assert labels["resolves_at"].iloc[0] == pd.Timestamp("1970-01-01T04", tz="UTC")
    assert labels["label"].dtype == np.dtype("int64")


def test_a_gap_or_an_incomplete_window_has_no_label() -> None:
    # Highs 2 % above every close touch at once; hour 6 of 0 … 11 is not there.
    gapped = TARGET.labels(hourly_candles(100 * 1.02 ** np.arange(12), missing=[6]))
    assert [t.hour for t in gapped.index] == [0, 1, 2, 7, 8]


def test_labels_of_a_cut_market_are_those_that_had_resolved() -> None:
    hours, target = random_hours(120), TouchTarget(0.01, 12)
    cut = hours.frame.index[70].to_pydatetime()
    everything = target.labels(hours)
    known = everything.loc[everything["resolves_at"] <= pd.Timestamp(cut)]
    assert 20 < len(known) < len(everything)
    pd.testing.assert_frame_equal(target.labels(hours.until(cut)), known)


def test_the_shares_count_every_whole_window_once() -> None:
    flat, wick = random_hours(400, seed=3), np.random.default_rng(3).uniform(0, 0.015, 400)
    close, target = flat.frame["close"], TouchTarget(0.01, 2)
    frame = flat.frame.assign(high=close * (1 + wick), low=close * (1 - wick))
    hours = Candles(flat.symbol, flat.interval, frame)
    found, labels = target.shares(hours), target.labels(hours)["label"]
    assert found.windows == 398
    assert found.up == pytest.approx((labels == 1).sum() / 398)
    assert found.down == pytest.approx((labels == -1).sum() / 398)
    assert found.untouched > 0
    assert found.ambiguous > 0
    total = found.up + found.down + found.untouched + found.ambiguous
    assert total == pytest.approx(1.0)
    assert TouchTarget(0.01, 500).shares(hours).windows == 0


def test_either_side_earns_the_level_loses_it_or_leaves_at_the_close() -> None:
    up = TARGET.exits(candles([100.0, 100.0, 100.0, 100.0], high={2: 101.0}))
    assert up.iloc[0].tolist() == pytest.approx([0.01, -0.01])
    both = TARGET.exits(candles([100.0, 100.0, 100.0, 100.0], high={2: 101.0}, low={2: 99.0}))
    assert both.iloc[0].tolist() == pytest.approx([-0.01, -0.01])
    neither = TARGET.exits(candles([100.0, 100.0, 100.0, 100.5]))
    assert neither.iloc[0].tolist() == pytest.approx([0.005, -0.005])


@pytest.mark.parametrize("target", [TouchTarget(0.01, 5), TouchTarget(0.03, 12)])
def test_the_prover_finds_nothing(target: TouchTarget) -> None:
    report = label_window(
        *(target.name, target.labels, random_hours(900)),
        horizon=target.horizon,
        seed=1,
        looks_at=target.looks_at,
        reads=target.reads,
    )
    assert report.passed


def by_closes(candles: Candles) -> pd.DataFrame:
    """A leaky relative: highs and lows are taken from the closes."""
    close = candles.frame["close"]
    frame = candles.frame.assign(high=close, low=close)
    return TouchTarget(0.01, 5).labels(Candles(candles.symbol, candles.interval, frame))


def by_highs_alone(candles: Candles) -> pd.DataFrame:
    """Another: the lows are never looked at but where the high touches."""
    frame = candles.frame.assign(low=candles.frame["high"] / 1.02)
    return TouchTarget(0.01, 5).labels(Candles(candles.symbol, candles.interval, frame))


def around_the_open(candles: Candles) -> pd.DataFrame:
    """A third: the band is around the as-of open."""
    frame = candles.frame.assign(close=candles.frame["open"])
    return TouchTarget(0.01, 5).labels(Candles(candles.symbol, candles.interval, frame))


@pytest.mark.parametrize("rule", [by_closes, by_highs_alone, around_the_open])
def test_the_prover_finds_labels_that_read_other_prices(rule: object) -> None:
    report = label_window(
        *("L1_H5", rule, random_hours(300)),  # type: ignore[arg-type]
        horizon=5,
        seed=1,
        reads=("high", "low"),
    )
    assert not report.passed


def test_the_prover_finds_a_window_that_is_too_short() -> None:
    shorter = TouchTarget(0.01, 4)
    report = label_window(
        *("L1_H5", shorter.labels, random_hours(300)), horizon=5, seed=1, reads=shorter.reads
    )
    assert not report.passed


@pytest.mark.parametrize("name", ["L1_H24", "L0.5_H12", "L2.25_H1"])
def test_names_are_read_back(name: str) -> None:
    target = TouchTarget.from_name(name)
    assert target.name == name
    assert target_from_name(name) == target


@pytest.mark.parametrize("name", ["", "L", "L0_H24", "L1_H0", "L1.0_H24", "L01_H24", "l1_H24"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match="names no touch candidate"):
        TouchTarget.from_name(name)


@pytest.mark.parametrize(("level", "horizon"), [(0.0, 24), (1.0, 24), (-0.01, 24), (0.01, 0)])
def test_senseless_parameters_are_refused(level: float, horizon: int) -> None:
    with pytest.raises(UsageError, match="cannot be meant"):
        TouchTarget(level, horizon)
