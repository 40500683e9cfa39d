"""What stands between a challenger and the champion's place: refits, changed recipes, and races."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from forecastlab.bootstrap import Choice, chosen_settings, open_workspace, provenance
from forecastlab.contracts.config import Recipe
from forecastlab.contracts.errors import DataUnavailable, GateRefused, PreconditionFailed
from forecastlab.contracts.operations import Operations, PromotionTable
from forecastlab.contracts.registry import RegistryState
from forecastlab.usecases.champion import opened
from forecastlab.usecases.open_bundle import OpenBundle
from forecastlab.usecases.promote import enter_shadow, promote
from forecastlab.usecases.promotion.chosen import Examination
from forecastlab.usecases.promotion.operations import training_gate
from forecastlab.usecases.promotion.paired import on_common_folds, paired_gate
from forecastlab.usecases.promotion.refit import refit_gate
from forecastlab.usecases.trials import read_trials
from forecastlab.usecases.workspace import Workspace
from tests.e2e.conftest import Lab
from tests.support.workspaces import small_recipe


@pytest.fixture
def workspace(lab: Lab) -> Workspace:
    return open_workspace(chosen_settings(Choice()))


def loaded(workspace: Workspace, name: str) -> OpenBundle:
    return opened(workspace, workspace.bundles.find(name))


class Leaning:
    """A forecaster that says a little more of one class than the one it was made of."""

    def __init__(self, inner: Any, lean: float) -> None:
        self._inner, self._lean = inner, lean

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def forecast(self, features: Mapping[str, pd.DataFrame], opens: pd.DatetimeIndex) -> Any:
        said = self._inner.forecast(features, opens)
        shift = np.zeros(said.published.shape[1])
        shift[0], shift[-1] = self._lean, -self._lean
        return dataclasses.replace(said, published=said.published + shift)


def leaning(bundle: OpenBundle, lean: float, candidate: str = "T14_X8") -> OpenBundle:
    inner = bundle.forecasters[candidate]
    changed = {**bundle.forecasters, candidate: cast(Any, Leaning(inner, lean))}
    return dataclasses.replace(bundle, forecasters=changed)


def test_a_refit_is_bound_to_what_the_champion_says(
    lab: Lab, workspace: Workspace, second: str
) -> None:
    gate = refit_gate(workspace, lab.bundle)
    bundle = loaded(workspace, second)
    same = gate(bundle)
    assert same["passed"] is True and same["compared"] == 250
    assert same["max_dp"] == {"T21_X8": 0.0, "T14_X8": 0.0}
    assert same["last"] > bundle.files.manifest.training.cut_off, "up to the newest closed candle"
    near = gate(leaning(bundle, 0.049))
    assert near["passed"] is True
    far = gate(leaning(bundle, 0.051))
    assert far["passed"] is False and "T14_X8 moves by up to 0.051" in far["reason"]
    assert far["max_dp"]["T14_X8"] == pytest.approx(0.051)
    for candidate in ("T14_X8", "T21_X8"):
        unknown = gate(leaning(bundle, float("nan"), candidate))
        assert unknown["passed"] is False and f"{candidate} moves by up to nan" in unknown["reason"]


def test_a_refit_that_cannot_be_compared_is_no_pass(
    lab: Lab, workspace: Workspace, second: str
) -> None:
    table = PromotionTable(compared=1700)
    recipe = small_recipe().model_copy(update={"operations": Operations(promotion=table)})
    gate = refit_gate(dataclasses.replace(workspace, recipe=lambda: recipe), lab.bundle)
    with pytest.raises(DataUnavailable, match="1700"):
        gate(loaded(workspace, second))


def test_which_gates_are_asked(lab: Lab, workspace: Workspace, second: str) -> None:
    examination = Examination(workspace, workspace, provenance)
    bundle = loaded(workspace, second)
    assert list(examination.gates(RegistryState(), bundle)) == ["audit"]
    refit = examination.gates(RegistryState(champion=lab.bundle), bundle)
    assert list(refit) == ["training", "health", "shadow", "audit", "refit"]
    manifest = bundle.files.manifest.model_copy(update={"recipe_digest": "sha256:" + "1" * 64})
    files = dataclasses.replace(bundle.files, manifest=manifest)
    other = dataclasses.replace(bundle, files=files)
    changed = examination.gates(RegistryState(champion=lab.bundle), other)
    assert list(changed) == ["training", "health", "shadow", "audit", "walk_forward"]
    gone = examination.gates(RegistryState(champion="gone"), bundle)
    with pytest.raises(GateRefused, match="cannot be compared"):
        gone["comparison"](bundle)


def test_a_bundle_trained_in_small_replaces_no_whole_one(lab: Lab, workspace: Workspace) -> None:
    """It skips the proof that the training finds nothing where there is nothing to find."""
    small = loaded(workspace, lab.bundle)
    assert small.files.manifest.gates["quick"] is True
    gates = {**small.files.manifest.gates, "quick": False}
    manifest = small.files.manifest.model_copy(update={"gates": gates})
    whole = dataclasses.replace(small, files=dataclasses.replace(small.files, manifest=manifest))
    refused = training_gate(manifest)(small)
    assert refused["passed"] is False and "trained in small" in refused["reason"]
    assert training_gate(manifest)(whole)["passed"] is True
    assert training_gate(small.files.manifest)(small)["passed"] is True, "trials may follow trials"


def recipe_of(members: dict[str, dict[str, Any]]) -> Recipe:
    recipe = small_recipe()
    target = recipe.target.model_copy(update={"candidates": ("T14_X8",)})
    return recipe.model_copy(update={"members": members, "target": target})


def with_recipe(bundle: OpenBundle, recipe: Recipe) -> OpenBundle:
    """The gate reads the recipe alone, and of the evaluation nothing."""
    changed = {"recipe": recipe, "recipe_digest": recipe.digest, "candidates": {}}
    manifest = bundle.files.manifest.model_copy(update=changed)
    return dataclasses.replace(bundle, files=dataclasses.replace(bundle.files, manifest=manifest))


def test_changed_recipes_are_walked_forward_beside_each_other(
    lab: Lab, workspace: Workspace
) -> None:
    analytic = recipe_of({"first_passage": {}})
    wild = recipe_of({"lightgbm": {"rounds": 300, "patience": 0, "learning_rate": 0.3, "l2": 0.0}})
    bundle = loaded(workspace, lab.bundle)
    worse = paired_gate(workspace, analytic, provenance, quick=True)(with_recipe(bundle, wild))
    assert worse["passed"] is False
    found = worse["log_loss_difference"]["T14_X8"]
    assert found["ci95"][1] > worse["margin"] == 0.005
    assert "may be worse" in worse["reason"]
    looks = read_trials(workspace.store)
    assert {(one.command, one.candidate) for one in looks} == {("promote", "T14_X8")}
    assert {one.recipe_digest for one in looks} == set(worse["recipes"].values())
    better = paired_gate(workspace, wild, provenance, quick=True)(with_recipe(bundle, analytic))
    assert better["passed"] is True
    back = better["log_loss_difference"]["T14_X8"]
    assert back["estimate"] == pytest.approx(-found["estimate"], abs=1e-6)
    assert len(read_trials(workspace.store)) == len(looks), "a repeat is the same look"


def test_recipes_share_folds_and_days_and_keep_what_they_learn_from() -> None:
    champion = small_recipe()
    later = champion.train.oof_from.replace(year=2020)
    train = {"oof_from": later, "refit_days": 7, "embargo": 3, "train_window": 400}
    challenger = champion.model_copy(
        update={"train": champion.train.model_copy(update=train), "name": "other"}
    )
    ours, theirs = on_common_folds(challenger, champion)
    for one in (ours.train, theirs.train):
        assert (one.oof_from, one.refit_days, one.embargo) == (later, 21, 3)
        assert one.score_from == champion.train.score_from
    assert (ours.train.train_window, theirs.train.train_window) == (400, "all")


def test_a_recipe_that_forecasts_less_is_no_successor() -> None:
    champion = small_recipe()
    with pytest.raises(GateRefused, match="T21_X8"):
        on_common_folds(recipe_of({"first_passage": {}}), champion)
    with pytest.raises(GateRefused, match="BTCUSDT 1d"):
        on_common_folds(champion.model_copy(update={"symbol": "ETHUSDT"}), champion)


def test_of_two_promoters_at_once_one_wins_and_the_other_is_told(
    lab: Lab, workspace: Workspace, second: str
) -> None:
    """The gates take minutes; meanwhile somebody else promotes, and trainings register."""
    promote(workspace, lab.bundle, why="first")

    def meanwhile(_: RegistryState, bundle: OpenBundle) -> dict[str, Any]:
        promote(workspace, second, why="quicker")
        return {}

    with pytest.raises(PreconditionFailed, match=f"{second} became the champion first"):
        promote(workspace, second, why="slower", gates=meanwhile)
    assert [one.why for one in workspace.registry.events()] == ["first", "quicker"]


def test_a_training_meanwhile_costs_nothing(lab: Lab, workspace: Workspace, second: str) -> None:
    def meanwhile(_: RegistryState, bundle: OpenBundle) -> dict[str, Any]:
        enter_shadow(workspace, second, why="trained")
        return {}

    promote(workspace, lab.bundle, why="first", gates=meanwhile)
    state = workspace.registry.state()
    assert (state.champion, state.challengers) == (lab.bundle, (second,))
