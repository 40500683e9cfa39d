"""A target is added as docs/architecture.md says: its own file, and one line."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final, Self

import numpy as np
import pandas as pd
import pytest

from forecastlab.contracts.candles import Candles
from forecastlab.contracts.config import Recipe
from forecastlab.contracts.errors import UsageError
from forecastlab.targets.base import labelled, whole_windows
from forecastlab.targets.catalogue import TARGETS, Family, check_target, target_from_name
from forecastlab.usecases.training_proof import prove_labels
from tests.extension.conftest import Trained, recipe_with
from tests.support.synthetic import START, synthetic_market

# What a file `targets/majority.py` holds.

_NAME: Final = re.compile(r"M([1-9]\d{0,2})")


@dataclass(frozen=True)
class MajorityTarget:
    """Whether more than half of the next `horizon` closes stand above the as-of close."""

    horizon: int

    @classmethod
    def from_name(cls, name: str) -> Self:
        found = _NAME.fullmatch(name)
        if found is None:
            raise UsageError(f"{name!r} names no majority candidate.", remedy="Write M5.")
        return cls(int(found[1]))

    @property
    def name(self) -> str:
        return f"M{self.horizon}"

    @property
    def classes(self) -> tuple[int, ...]:
        return (0, 1)

    @property
    def rule(self) -> str:
        return f"1 if most of the next {self.horizon} closes stand above the as-of close, else 0."

    @property
    def level(self) -> None:
        return

    @property
    def looks_at(self) -> tuple[int, ...]:
        return tuple(range(1, self.horizon + 1))

    @property
    def reads(self) -> tuple[str, ...]:
        return ("close",)

    def labels(self, candles: Candles) -> pd.DataFrame:
        known = np.flatnonzero(whole_windows(candles, ahead=self.horizon))
        close = candles.frame["close"].to_numpy(dtype="float64")
        above = np.sum([close[known + ahead] > close[known] for ahead in self.looks_at], axis=0)
        most = (2 * above > self.horizon).astype("int64")
        return labelled(most, known, candles, horizon=self.horizon)


MAJORITY: Final = Family("M", "M5", MajorityTarget.from_name)


@pytest.fixture(autouse=True)
def added(monkeypatch: pytest.MonkeyPatch) -> None:
    """Add the one line of the catalogue."""
    monkeypatch.setitem(TARGETS, "majority", MAJORITY)


def recipe_of_majorities() -> Recipe:
    recipe = recipe_with(("lightgbm",), candidates=("M5",))
    target = recipe.target.model_copy(update={"kind": "majority"})
    return recipe.model_copy(update={"target": target})


def test_it_is_found_by_kind_and_by_name() -> None:
    check_target(recipe_of_majorities().target, what="a recipe")
    assert target_from_name("M5") == MajorityTarget(5)


def test_its_labels_are_the_rule() -> None:
    view = synthetic_market(30, seed=4).as_of(START + timedelta(days=30))
    candles = view.candles("BTCUSDT", "1d")
    labels, close = MajorityTarget(5).labels(candles), candles.frame["close"]
    assert len(labels) == 25
    for place, label in enumerate(labels["label"]):
        later = close.iloc[place + 1 : place + 6]
        assert label == int((later > close.iloc[place]).sum() >= 3)


def test_the_leak_prover_passes_its_labels_and_would_find_a_leak(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    view = synthetic_market(900, seed=4).as_of(START + timedelta(days=900))
    honest = prove_labels(view, recipe_of_majorities())
    assert honest.comparisons and not honest.findings

    class Backward(MajorityTarget):
        def labels(self, candles: Candles) -> pd.DataFrame:
            labels = super().labels(candles)
            return labels.assign(label=labels["label"].shift(1, fill_value=0))

    leaking = replace(MAJORITY, from_name=Backward.from_name)
    monkeypatch.setitem(TARGETS, "majority", leaking)
    assert prove_labels(view, recipe_of_majorities()).findings


def test_a_bundle_learns_it(trained: Trained) -> None:
    manifest = trained(recipe_of_majorities())
    [(name, candidate)] = manifest.candidates.items()
    assert (name, candidate.horizon, candidate.classes) == ("M5", 5, (0, 1))
    assert manifest.gates["L6"]["passed"]
