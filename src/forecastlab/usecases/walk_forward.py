"""Out-of-fold forecasts: each member refitted at each fold, on what was known there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import joblib
import pandas as pd

from forecastlab.contracts.config import Recipe, midnight
from forecastlab.contracts.ports import Progress
from forecastlab.evaluation.splits import Fold, walk_forward
from forecastlab.models.base import Learner
from forecastlab.models.base_rate import expanding_rate, trailing_rate
from forecastlab.targets.catalogue import target_from_name
from forecastlab.usecases.training_materials import Materials

_FOLDS_PER_TASK = 4
"""Folds that one task fits: few enough to share the work, many enough that the tables' pickling
does not show."""


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """One candidate's out-of-fold forecasts.

    Attributes:
        rows: index `open_time`; columns `as_of`, `resolves_at` (instants), `label` (float, missing
            where not resolved by the cut-off) and `fold`.
        members: member -> probabilities, index as `rows`, columns the classes.
        base_rates: `expanding` and `trailing_year`, updated daily, in the same shape.
    """

    candidate: str
    folds: tuple[Fold, ...]
    rows: pd.DataFrame
    members: Mapping[str, pd.DataFrame]
    base_rates: Mapping[str, pd.DataFrame]


def make_folds(recipe: Recipe, last_open: datetime) -> tuple[Fold, ...]:
    """Return the folds of a recipe up to the day that opens at `last_open`."""
    window = recipe.train.window
    return walk_forward(
        midnight(recipe.train.oof_from),
        last_open,
        step=recipe.train.refit_days,
        interval=recipe.interval,
        embargo=recipe.train.embargo,
        train_window=None if window == "all" else timedelta(days=window),
    )


def out_of_fold(
    materials: Materials, recipe: Recipe, learners: Mapping[str, Learner], progress: Progress
) -> dict[str, OutOfFold]:
    """Fit every member of every candidate at every fold; joblib spreads the folds over workers."""
    folds = make_folds(recipe, materials.until - timedelta(days=1))
    chunks = [folds[i : i + _FOLDS_PER_TASK] for i in range(0, len(folds), _FOLDS_PER_TASK)]
    tasks = [(candidate, chunk) for candidate in recipe.target.candidates for chunk in chunks]
    calls = (
        joblib.delayed(_fit_folds)(materials, candidate, chunk, learners, recipe.train.seed)
        for candidate, chunk in tasks
    )
    found: dict[str, list[dict[str, pd.DataFrame]]] = {name: [] for name in recipe.target.candidates}
    with progress.track("walk-forward", len(tasks)) as bar:
        results = joblib.Parallel(return_as="generator", n_jobs=-1)(calls)
        for (candidate, _), forecasts in zip(tasks, results, strict=True):
            found[candidate].append(forecasts)
            bar.advance()
    return {name: _collected(materials, name, folds, parts) for name, parts in found.items()}


def _fit_folds(
    materials: Materials,
    candidate: str,
    folds: tuple[Fold, ...],
    learners: Mapping[str, Learner],
    seed: int,
) -> dict[str, pd.DataFrame]:
    """Return member -> forecasts of these folds' test rows."""
    forecasts: dict[str, list[pd.DataFrame]] = {name: [] for name in learners}
    for fold in folds:
        training = materials.training_set(candidate, fold)
        for name, learner in learners.items():
            rows = fold.test(materials.own(materials.features[learner.feature_set]))
            if len(rows):
                model = learner.fit(training, seed=seed)
                forecasts[name].append(model.predict_proba(rows))
    return {name: pd.concat(parts) if parts else pd.DataFrame() for name, parts in forecasts.items()}


def _collected(
    materials: Materials, candidate: str, folds: tuple[Fold, ...], parts: list[dict[str, pd.DataFrame]]
) -> OutOfFold:
    """Join the parts on the as-ofs that every member forecast."""
    members = {
        name: pd.concat([part[name] for part in parts if len(part[name])]) for name in parts[0]
    }
    shared = None
    for table in members.values():
        shared = table.index if shared is None else shared.intersection(table.index)
    index = pd.DatetimeIndex(shared).sort_values()
    target, labels = target_from_name(candidate), materials.own(materials.labels[candidate])
    as_of = pd.DatetimeIndex(index + timedelta(days=1))
    rows = pd.DataFrame(
        {
            "as_of": as_of,
            "resolves_at": as_of + timedelta(days=target.horizon),
            "label": labels["label"].reindex(index).astype("float64"),
            "fold": _fold_numbers(index, folds),
        },
        index=index,
    )
    rates = {
        "expanding": expanding_rate(labels, as_of, target.classes),
        "trailing_year": trailing_rate(labels, as_of, target.classes),
    }
    return OutOfFold(
        candidate,
        folds,
        rows,
        {name: table.loc[index] for name, table in members.items()},
        {name: table.set_axis(index) for name, table in rates.items()},
    )


def _fold_numbers(index: pd.DatetimeIndex, folds: tuple[Fold, ...]) -> list[int]:
    starts = pd.DatetimeIndex([fold.first_open for fold in folds])
    return [int(number) for number in starts.searchsorted(index, side="right") - 1]
