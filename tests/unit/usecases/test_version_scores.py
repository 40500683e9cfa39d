"""Scores of a version over all symbols: planted forecasts get the marks that they deserve."""

from __future__ import annotations

from datetime import date
from functools import lru_cache

import numpy as np
import pandas as pd
import pytest

from forecastlab.contracts.candles import MarketView
from forecastlab.contracts.config import Recipe, parse_recipe
from forecastlab.contracts.errors import ConfigError
from forecastlab.contracts.version_scores import VersionScores
from forecastlab.models.catalogue import make_learners
from forecastlab.targets.touch import TouchTarget
from forecastlab.usecases.training_materials import Materials, build_materials
from forecastlab.usecases.version_scores import (
    score_version,
    scored_rows,
    touch_entries,
    touch_target,
)
from tests.support.imports import ROOT
from tests.support.signal_market import END, SYMBOLS, market
from tests.support.synthetic import START

TARGET = TouchTarget(0.01, 24)
TEXT = (ROOT / "config" / "signal.toml").read_text(encoding="utf-8")


@lru_cache(maxsize=1)
def world() -> tuple[MarketView, Recipe, Materials]:
    """Return the synthetic market, a version that is scored from its start, and its materials."""
    recipe = parse_recipe(TEXT, what="signal.toml").versioned("v1")
    train = {"oof_from": START.date(), "score_from": START.date()}
    recipe = recipe.model_copy(update={"train": recipe.train.model_copy(update=train)})
    view = market().as_of(END)
    return view, recipe, build_materials(view, recipe, make_learners(recipe).values())


def planted(lean: float, *, seed: int = 0) -> pd.Series:
    """Return forecasts of every hour of every symbol that lean to what will come."""
    view, recipe, _ = world()
    random = np.random.default_rng(seed)
    parts = {}
    for symbol in SYMBOLS:
        candles = view.candles(symbol, recipe.interval)
        label = TARGET.labels(candles)["label"].reindex(candles.frame.index).fillna(0.0)
        odds = lean * label.to_numpy() + 0.1 * random.standard_normal(len(label))
        parts[symbol] = pd.Series(1 / (1 + np.exp(-odds)), index=label.index)
    return pd.concat(parts, names=["symbol", "open_time"])


def scored(up: pd.Series) -> VersionScores:
    view, recipe, materials = world()
    return score_version(up, view, recipe, materials)


def test_forecasts_that_know_the_label_are_better_in_every_way() -> None:
    found = scored(planted(2.0))
    assert found.auc.value == pytest.approx(1.0)
    assert found.accuracy.value == pytest.approx(1.0)
    assert (found.ranks, found.verdict) == ("better", "better")
    assert found.log_loss_gain.value is not None and found.log_loss_gain.value > 0.4
    # The right side of every touch earns 1 %, less 0.2 %; both edges at once lose 1 %.
    assert found.net_return.value is not None and 0.005 < found.net_return.value < 0.008


def test_forecasts_of_nothing_are_not_distinguishable_and_pay_the_cost() -> None:
    found = scored(planted(0.0))
    assert found.ranks == "not_distinguishable"
    assert found.auc.ci95 is not None and found.auc.ci95[0] < 0.5 < found.auc.ci95[1]
    assert found.net_return.value is not None and found.net_return.value < 0


def test_forecasts_of_the_opposite_are_worse() -> None:
    found = scored(planted(-0.5))
    assert (found.ranks, found.verdict) == ("worse", "worse")


def test_untouched_and_ambiguous_hours_are_acted_on_though_they_have_no_label() -> None:
    view, recipe, materials = world()
    found, entries = scored(planted(0.1)), touch_entries(view, recipe)
    windows = sum(one.windows for one in entries.values())
    assert found.acted == windows
    share = sum(one.windows * (one.up + one.down) for one in entries.values()) / windows
    assert found.rows == pytest.approx(share * windows, abs=1)
    assert found.rows < found.acted
    rows = scored_rows(planted(0.1).to_frame("up"), view, recipe, materials)
    assert rows[["long", "short", "base"]].notna().all(axis=None)
    assert rows["label"].isna().sum() == found.acted - found.rows


def test_the_base_rate_knows_only_what_had_resolved() -> None:
    view, recipe, materials = world()
    rows = scored_rows(planted(0.1).to_frame("up"), view, recipe, materials)
    own = rows.xs("BTCUSDT", level="symbol")
    labels = TARGET.labels(view.candles("BTCUSDT", "1h"))
    at = own.index[600]
    known = labels.loc[labels["resolves_at"] <= at + pd.Timedelta(hours=1), "label"]
    expected = ((known == 1).sum() + 1) / (len(known) + 2)
    assert own["base"].iloc[600] == pytest.approx(expected)


def test_scores_begin_where_the_recipe_says() -> None:
    view, recipe, materials = world()
    later = recipe.model_copy(
        update={"train": recipe.train.model_copy(update={"score_from": date(2018, 2, 1)})}
    )
    found = score_version(planted(0.1), view, later, materials)
    assert found.first == "2018-02-01"
    assert found.rows < scored(planted(0.1)).rows


def test_only_a_single_touch_can_be_compared() -> None:
    plain = parse_recipe(
        (ROOT / "config" / "reversal.toml").read_text(encoding="utf-8"), what="reversal.toml"
    )
    with pytest.raises(ConfigError, match="no single touch"):
        touch_target(plain)
