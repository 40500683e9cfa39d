"""The edges of the checks: what they must allow, and where exactly they begin to object."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import numpy as np
import pandas as pd
import pytest

from forecastlab.contracts.candles import MarketView
from forecastlab.contracts.errors import DataUnavailable
from forecastlab.evaluation.leakage.findings import CheckReport
from forecastlab.evaluation.leakage.label_window import label_window
from forecastlab.evaluation.leakage.null_controls import (
    most_better,
    null_controls,
    shuffled_labels,
)
from forecastlab.evaluation.leakage.purge import labels_out_of_reach, purged
from forecastlab.evaluation.leakage.start_up import start_up
from forecastlab.evaluation.leakage.subject import Subject
from forecastlab.evaluation.leakage.truncation import truncation
from forecastlab.evaluation.splits import Fold, walk_forward
from forecastlab.targets.reversal import ReversalTarget
from tests.support.out_of_fold import daily_candles
from tests.support.synthetic import START
from tests.unit.evaluation.planted_leaks import (
    DAYS,
    HORIZON,
    TARGET,
    closes,
    folds,
    labels,
    view,
)

DAY = timedelta(days=1)


def learnt_until(days: int) -> CheckReport:
    """Learn from labels that resolve up to `days` after the first test as-of."""
    training = []
    for fold in folds():
        limit = pd.Timestamp(fold.refit + days * DAY)
        training.append((fold, labels().loc[labels()["resolves_at"] <= limit]))
    return purged("T5_X3", training, horizon=HORIZON, embargo=2, interval="1d")


def test_the_purge_is_strict_and_counts_the_embargo() -> None:
    assert not learnt_until(-3).findings
    finding = learnt_until(-2).findings[0]
    assert finding.change == 0.0
    assert finding.as_of == folds()[0].refit - 7 * DAY
    assert finding.candle == f"BTCUSDT 1d {folds()[0].first_open - 2 * DAY:%Y-%m-%d}"


def test_a_label_that_lies_about_its_resolution_is_caught() -> None:
    """The purge computes when a label resolves; here they claim to be resolved at once."""
    touched = labels().assign(resolves_at=labels()["as_of"])
    learnt = ((fold, fold.training(touched)) for fold in folds())
    assert purged("T5_X3", learnt, horizon=HORIZON, embargo=0, interval="1d").findings
    rule = partial(_touched_at_once, TARGET)
    report = label_window("T5_X3", rule, view().candles("BTCUSDT", "1d"), horizon=HORIZON, seed=1)
    assert "another as_of or resolves_at" in report.findings[0].sentence


def _touched_at_once(target: ReversalTarget, candles: object) -> pd.DataFrame:
    found = target.labels(candles)  # type: ignore[arg-type]
    return found.assign(resolves_at=found["as_of"])


def test_what_is_scored_is_compared_with_what_a_poisoned_fit_gives() -> None:
    """A refit that is honest now does not excuse forecasts that were not."""

    def base_rate(every: pd.DataFrame, fold: Fold) -> pd.DataFrame:
        index = fold.test(every).index.get_level_values("open_time")
        return pd.DataFrame({"p": (fold.training(every)["label"] == 1).mean()}, index=index)

    def scored(fold: Fold) -> pd.DataFrame:
        return base_rate(labels(), fold).assign(p=0.9)

    classes = (-1, 0, 1)
    assert not labels_out_of_reach(base_rate, labels(), folds(), classes=classes).findings
    report = labels_out_of_reach(base_rate, labels(), folds(), classes=classes, scored=scored)
    assert [one.subject for one in report.findings] == ["p"]


@pytest.mark.parametrize("memory", [1, 2, 60, 119, 120])
def test_the_shortest_history_is_the_memory_of_the_subject(memory: int) -> None:
    subject = Subject("mean", "1d", lambda v: closes(v).rolling(memory).mean())
    found = start_up(subject, view(), [START + 250 * DAY, START + 300 * DAY], window=120)
    assert (found.shortest, found.report.findings) == (memory, ())


def test_a_history_that_is_enough_by_chance_does_not_end_the_search() -> None:
    """The answer is right with 10 to 19 days, wrong with 20 to 29, right from 30 on."""

    def rows(one: MarketView) -> pd.DataFrame:
        days = len(closes(one))
        return closes(one).assign(close=float(days < 10 or 20 <= days < 30))

    found = start_up(Subject("odd", "1d", rows), view(), [START + 250 * DAY], window=45)
    assert found.shortest == 30


def test_a_window_that_is_too_short_is_a_finding() -> None:
    subject = Subject("mean", "1d", lambda v: closes(v).rolling(121).mean())
    found = start_up(subject, view(), [START + 250 * DAY], window=120)
    assert found.shortest is None
    assert found.report.findings[0].as_of == START + 250 * DAY


def test_a_start_up_that_compares_nothing_is_an_error() -> None:
    subject = Subject("mean", "1d", closes)
    with pytest.raises(DataUnavailable, match="more history than the 300 days"):
        start_up(subject, view(), [START + DAYS * DAY], window=DAYS)


def test_missing_equals_missing_and_float_noise_is_none() -> None:
    def rows(one: MarketView) -> pd.DataFrame:
        table = closes(one).rolling(200).mean()
        return table * (1 + len(table) * 1e-13)

    assert not truncation(Subject("noise", "1d", rows), view(), [START + 150 * DAY]).findings


def test_rows_that_are_dropped_count_as_missing() -> None:
    """Leaving out the last row until the next one is there is a dependence on the next one."""
    subject = Subject("late", "1d", lambda v: closes(v).iloc[:-1])
    (finding,) = truncation(subject, view(), [START + 150 * DAY]).findings
    assert (finding.as_of, finding.change) == (START + 150 * DAY, None)


def test_labels_of_a_market_with_gaps_are_not_flagged() -> None:
    steps = np.random.default_rng(4).normal(0, 0.03, 200)
    candles = daily_candles(100 * np.exp(np.cumsum(steps)), missing=[40, 41, 120])
    report = label_window("T5_X8", ReversalTarget(5, 0.08).labels, candles, horizon=5, seed=3)
    assert not report.findings


def test_a_target_without_a_label_is_an_error() -> None:
    with pytest.raises(DataUnavailable, match="no label"):
        label_window("T5_X8", TARGET.labels, daily_candles([1.0, 1.0]), horizon=HORIZON, seed=1)


def test_better_verdicts_are_counted_per_candidate() -> None:
    seeds = [{"a": "better", "b": "better" if seed < 2 else "worse"} for seed in range(20)]
    report = null_controls("a test", seeds)  # type: ignore[arg-type]
    assert [one.subject for one in report.findings] == ["a"]
    assert report.comparisons == 40


def test_the_bound_is_the_binomial_one() -> None:
    """More than the bound happens in at most 2 % of the cases, more than one less does not."""
    for seeds in (1, 10, 20, 60):
        draws = np.random.default_rng(seeds).binomial(seeds, 0.05, 200_000)
        assert (draws > most_better(seeds)).mean() < 0.0215
        assert (draws > most_better(seeds) - 1).mean() > 0.0185


def test_shuffling_moves_whole_blocks_for_all_symbols_alike() -> None:
    both = pd.concat(
        {"BTCUSDT": labels().xs("BTCUSDT"), "ETHUSDT": labels().xs("BTCUSDT").iloc[100:]},
        names=["symbol", "open_time"],
    )
    days = pd.Index(both.index.get_level_values("open_time").unique())
    both["label"] = days.get_indexer(both.index.get_level_values("open_time"))
    shuffled = shuffled_labels(both, "BTCUSDT", block=15, seed=5)
    own, other = (shuffled.xs(symbol)["label"] for symbol in ("BTCUSDT", "ETHUSDT"))
    assert sorted(own) == sorted(both.xs("BTCUSDT")["label"])
    assert (own.loc[other.index] == other).all()
    assert (np.diff(own) == 1).mean() > 0.9
    assert (own == both.xs("BTCUSDT")["label"]).mean() < 0.1
    honest = both.loc[shuffled.index, ["as_of", "resolves_at"]]
    pd.testing.assert_frame_equal(shuffled[["as_of", "resolves_at"]], honest)
    assert not shuffled_labels(both, "BTCUSDT", block=15, seed=6).equals(shuffled)


def test_the_folds_of_the_table_are_what_a_walk_forward_gives() -> None:
    assert folds() == walk_forward(START + 150 * DAY, START + 280 * DAY, step=21, interval="1d")
