"""The fit that is served: every member on all that had resolved before the cut-off's close."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from forecastlab.contracts.config import Recipe
from forecastlab.contracts.intervals import DURATION
from forecastlab.contracts.ports import Progress
from forecastlab.evaluation.splits import Fold
from forecastlab.models.base import Learner, Model
from forecastlab.models.base_rate import RateCounts
from forecastlab.models.ensemble import Forecaster, MemberKey
from forecastlab.models.rule import Rule
from forecastlab.targets.catalogue import target_from_name
from forecastlab.usecases.joint_walk_forward import is_joint
from forecastlab.usecases.training_materials import Materials
from forecastlab.usecases.walk_forward import make_folds


def final_fit(
    materials: Materials,
    recipe: Recipe,
    learners: Mapping[str, Learner],
    rules: Mapping[str, Rule],
    progress: Progress,
) -> dict[str, Forecaster]:
    """Fit every member of every candidate, and join them by the candidates' rules."""
    fold = _closing_fold(materials, recipe)
    candidates = tuple(rules)
    models: dict[str, Mapping[str, Model]] = {}
    with progress.track("final fit", len(learners)) as bar:
        for name, learner in learners.items():
            training = materials.training_sets(candidates, fold, (learner.feature_set,))
            if is_joint(learner):
                models[name] = learner.fit_many(
                    [training], seed=recipe.train.seed, progress=progress
                )[0]
            else:
                models[name] = {
                    candidate: learner.fit(one, seed=recipe.train.seed)
                    for candidate, one in training.items()
                }
            bar.advance()
    keys = {name: MemberKey(one.kind, one.feature_set) for name, one in learners.items()}
    return {
        candidate: Forecaster(
            members={name: models[name][candidate] for name in learners},
            keys=keys,
            rule=rule,
            rates=RateCounts.of(
                materials.own(materials.labels[candidate]),
                target_from_name(candidate).classes,
                until=materials.until,
            ),
        )
        for candidate, rule in rules.items()
    }


def _closing_fold(materials: Materials, recipe: Recipe) -> Fold:
    """Return the last fold, moved on to the cut-off's close."""
    closing = make_folds(recipe, materials.last_open)[-1]
    return replace(
        closing,
        refit=materials.until,
        labels_before=materials.until - recipe.train.embargo * DURATION[recipe.interval],
        train_from=None
        if closing.train_from is None
        else materials.until - (closing.refit - closing.train_from),
    )
