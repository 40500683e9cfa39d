"""Out-of-fold forecasts of every symbol that a recipe learns from, by the same fits."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from forecastlab.contracts.config import Recipe
from forecastlab.contracts.ports import Progress
from forecastlab.models.base import Learner, TrainingSet
from forecastlab.usecases.training_materials import Materials
from forecastlab.usecases.walk_forward import make_folds


def joint_out_of_fold(
    materials: Materials,
    recipe: Recipe,
    learner: Learner,
    seeds: Sequence[int],
    progress: Progress,
) -> pd.DataFrame:
    """Fit at every fold, once per seed, and forecast the test block of all symbols.

    The split is one of time: at a fold nothing of any symbol is learnt that had not resolved.

    Returns:
        Index (`symbol`, `open_time`), a column per seed: P(the last class).
    """
    import joblib  # noqa: PLC0415 - 0.1 s that only commands which fit should pay

    [candidate] = recipe.target.candidates
    rows = materials.features[learner.feature_set]
    folds = make_folds(recipe, materials.last_open)
    calls = (
        joblib.delayed(_fold)(
            materials.training_set(candidate, fold, (learner.feature_set,)),
            fold.test(rows),
            learner,
            tuple(seeds),
        )
        for fold in folds
    )
    parts = []
    with progress.track("walk-forward of all symbols", len(folds)) as bar:
        for part in joblib.Parallel(return_as="generator", n_jobs=-1)(calls):
            parts.append(part)
            bar.advance()
    joined: pd.DataFrame = pd.concat(parts)
    return joined


def _fold(
    training: TrainingSet, rows: pd.DataFrame, learner: Learner, seeds: tuple[int, ...]
) -> pd.DataFrame:
    last = training.target.classes[-1]
    said = {seed: learner.fit(training, seed=seed).predict_proba(rows)[last] for seed in seeds}
    return pd.DataFrame(said)
