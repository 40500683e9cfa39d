"""Out-of-fold forecasts of a learner that trains all its models together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeGuard

import numpy as np
import pandas as pd

from forecastlab.contracts.ports import Progress
from forecastlab.evaluation.splits import Fold
from forecastlab.models.base import JointLearner, Learner, Model, window_of
from forecastlab.usecases.training_materials import Materials


def is_joint(learner: Learner) -> TypeGuard[JointLearner]:
    """Say whether a learner fits many folds and candidates at once."""
    return hasattr(learner, "fit_many")


def joint_out_of_fold(
    materials: Materials,
    candidates: Sequence[str],
    folds: Sequence[Fold],
    learner: JointLearner,
    seed: int,
    progress: Progress,
) -> dict[str, pd.DataFrame]:
    """Return candidate -> forecasts of every fold's test rows that end a whole window.

    The learner refits at the first fold and then at every `refit_every`-th; the folds between are
    forecast by the model before them, which has seen less, never more.
    """
    rows = materials.own(materials.features[learner.feature_set])
    refits = [fold for i, fold in enumerate(folds) if i % learner.refit_every == 0]
    jobs = [materials.training_sets(candidates, fold, (learner.feature_set,)) for fold in refits]
    fitted = learner.fit_many(jobs, seed=seed, progress=progress)
    parts: dict[str, list[pd.DataFrame]] = {candidate: [] for candidate in candidates}
    for i, fold in enumerate(folds):
        models = fitted[i // learner.refit_every]
        for candidate in candidates:
            parts[candidate].append(_forecasts(models, candidate, rows, fold))
    return {candidate: pd.concat(tables) for candidate, tables in parts.items()}


def _forecasts(
    models: Mapping[str, Model], candidate: str, rows: pd.DataFrame, fold: Fold
) -> pd.DataFrame:
    """Forecast a fold's test rows; the rows before it complete the first windows."""
    model = models[candidate]
    places = np.flatnonzero(rows.index.isin(fold.test(rows).index))
    if not len(places):
        return pd.DataFrame(columns=list(model.classes), index=rows.index[:0])
    first = max(int(places[0]) - window_of(model) + 1, 0)
    return fold.test(model.predict_proba(rows.iloc[first : int(places[-1]) + 1]))
