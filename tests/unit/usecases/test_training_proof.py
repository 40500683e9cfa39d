"""The walk-forward's own code is proven honest, and is caught when it is broken on purpose."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest

from forecastlab.adapters.clocks import FixedClock
from forecastlab.adapters.simulated import SimulatedMarket
from forecastlab.contracts.candles import Market, MarketView
from forecastlab.contracts.config import Recipe
from forecastlab.evaluation.leakage.findings import CheckReport
from forecastlab.evaluation.leakage.null_controls import null_controls
from forecastlab.evaluation.splits import Fold
from forecastlab.models import prequential
from forecastlab.models.base import Learner
from forecastlab.models.catalogue import make_learner
from forecastlab.targets.reversal import ReversalTarget
from forecastlab.usecases.audit_subjects import Quiet
from forecastlab.usecases.measure import measure, publish_out_of_fold
from forecastlab.usecases.training_materials import Materials, build_materials
from forecastlab.usecases.training_proof import (
    WalkForward,
    prove_labels,
    prove_null,
    prove_purge,
    prove_start_up,
)
from forecastlab.usecases.walk_forward import out_of_fold
from tests.support.synthetic import START, synthetic_market
from tests.support.workspaces import small_recipe

DAYS = 900
END = START + timedelta(days=DAYS)


@pytest.fixture(autouse=True)
def _threads() -> Any:
    """Fit in this process, where a patch holds."""
    with joblib.parallel_config(backend="threading"):
        yield


def recipe(*candidates: str, embargo: int = 0) -> Recipe:
    """Return the shipped recipe on one symbol, with five folds of the last 300 days."""
    small = small_recipe()
    train = small.train.model_copy(
        update={
            "oof_from": date(2019, 8, 24),
            "score_from": date(2019, 8, 24),
            "refit_days": 60,
            "embargo": embargo,
        }
    )
    target = small.target.model_copy(update={"candidates": candidates or ("T5_X4", "T3_X4")})
    return small.model_copy(update={"train": train, "target": target})


@lru_cache
def view() -> MarketView:
    return synthetic_market(DAYS, seed=6).as_of(END)


def learners(one: Recipe) -> dict[str, Learner]:
    return {name: make_learner(name, {}, one.train.symbols) for name in one.members}


def materials(one: Recipe, shown: MarketView | None = None) -> Materials:
    return build_materials(shown or view(), one, learners(one).values())


def walked(one: Recipe) -> WalkForward:
    known = materials(one)
    return WalkForward(
        view(), known, one, learners(one), out_of_fold(known, one, learners(one), Quiet())
    )


def found_in(report: CheckReport) -> set[str]:
    return {finding.subject for finding in report.findings}


@pytest.mark.parametrize("embargo", [0, 7])
def test_the_walk_forward_is_honest(embargo: int) -> None:
    report = prove_purge(walked(recipe(embargo=embargo)), Quiet())
    assert [one.sentence for one in report.findings] == []
    assert report.comparisons > 10_000


def test_an_overlap_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refits learn from all labels of earlier as-ofs, resolved or not."""
    monkeypatch.setattr(
        Fold, "training", lambda fold, every: every.loc[every["as_of"] < pd.Timestamp(fold.refit)]
    )
    found = found_in(prove_purge(walked(recipe("T5_X4")), Quiet()))
    assert "T5_X4" in found
    assert "T5_X4 lightgbm[0]" in found


def test_a_learner_that_reads_later_closes_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The daily table, which first_passage learns from, is not cut at the refit."""
    cut = Materials.training_sets

    def uncut(self: Materials, candidates: Any, fold: Fold, feature_sets: Any = None) -> Any:
        sets = cut(self, candidates, fold, feature_sets)
        return {name: replace(one, daily=self.daily) for name, one in sets.items()}

    monkeypatch.setattr(Materials, "training_sets", uncut)
    monkeypatch.setattr("forecastlab.models.first_passage._closed_before", lambda daily, _: daily)
    found = found_in(prove_purge(walked(recipe("T5_X4")), Quiet()))
    assert any("first_passage" in one for one in found)


def test_a_choice_by_hindsight_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The published forecast is calibrated and sized on labels of the block itself."""
    monkeypatch.setattr(
        prequential._History, "known", lambda self, _: np.flatnonzero(self.happened >= 0)
    )
    found = found_in(prove_purge(walked(recipe("T5_X4")), Quiet()))
    assert any(one.startswith("T5_X4 published set_") for one in found)


def test_labels_look_forward() -> None:
    report = prove_labels(view(), recipe())
    assert report.passed
    assert report.comparisons > 10_000


def test_a_label_rule_that_looks_back_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = ReversalTarget._first_touch

    def backward(self: ReversalTarget, close: np.ndarray, known: np.ndarray) -> np.ndarray:
        return honest(self, np.roll(close, self.horizon - 1), known)

    monkeypatch.setattr(ReversalTarget, "_first_touch", backward)
    assert found_in(prove_labels(view(), recipe())) == {"T5_X4", "T3_X4"}


def test_a_market_that_is_too_short_shows_no_start_up() -> None:
    found = prove_start_up(view(), recipe(), {}, Quiet())
    assert found.shortest is None
    assert not found.report.passed
    assert "more history than the 1595 days" in str(found.report.not_shown)


def test_shuffled_labels_are_not_skill() -> None:
    """20 seeds, at most 3 `better` (more has a probability of 1.6 % if 5 % is true)."""
    one = recipe("T5_X4")
    report = prove_null(materials(one), one, learners(one), Quiet(), seeds=20)
    assert report.passed
    assert report.comparisons == 20


def test_a_market_with_nothing_to_find_is_not_skill() -> None:
    """Both knobs of the simulated market at 0; the same bound."""
    one, intervals = recipe("T5_X4"), ("1d", "4h", "1h")
    verdicts = []
    for seed in range(20):
        source = SimulatedMarket(seed, clock=FixedClock(END))
        series = [source.fetch("BTCUSDT", i, None, END) for i in intervals]
        known = materials(one, Market(series).as_of(END))
        found = out_of_fold(known, one, learners(one), Quiet())["T5_X4"]
        verdict = measure(found, publish_out_of_fold(found, one, until=known.until), one).verdict
        verdicts.append({"T5_X4": verdict})
    assert null_controls("an empty market", verdicts).passed
