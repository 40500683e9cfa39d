"""Out-of-fold forecasts: each member refitted at each fold, on what was known there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd

from forecastlab.contracts.config import Recipe, midnight
from forecastlab.contracts.intervals import DURATION
from forecastlab.contracts.ports import Progress
from forecastlab.evaluation.splits import Fold, walk_forward
from forecastlab.models.base import Learner, Model, TrainingSet
from forecastlab.models.base_rate import expanding_rate, trailing_rate
from forecastlab.models.first_passage import FirstPassage
from forecastlab.targets.catalogue import target_from_name
from forecastlab.usecases.joint_walk_forward import is_joint, joint_out_of_fold
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
    window = recipe.train.train_window
    return walk_forward(
        midnight(recipe.train.oof_from),
        last_open,
        step=recipe.refit_candles,
        interval=recipe.interval,
        embargo=recipe.train.embargo,
        train_window=None if window == "all" else timedelta(days=window),
    )


def out_of_fold(
    materials: Materials,
    recipe: Recipe,
    learners: Mapping[str, Learner],
    progress: Progress,
    *,
    folds: tuple[Fold, ...] | None = None,
) -> dict[str, OutOfFold]:
    """Fit every member of every candidate at every fold; joblib spreads the folds over workers.

    Args:
        folds: only these; None for all of the recipe up to the materials' end.
    """
    found = dict(each_out_of_fold(materials, recipe, learners, progress, folds=folds))
    return {candidate: found[candidate] for candidate in recipe.target.candidates}


def each_out_of_fold(
    materials: Materials,
    recipe: Recipe,
    learners: Mapping[str, Learner],
    progress: Progress,
    *,
    folds: tuple[Fold, ...] | None = None,
) -> Iterator[tuple[str, OutOfFold]]:
    """Yield each candidate's forecasts as soon as its folds are done, one horizon after the other.

    Candidates that share a horizon share the fits that do not depend on the level; learners that
    fit jointly train all folds and candidates at once.
    """
    folds = folds or make_folds(recipe, materials.last_open)
    joint = {name: one for name, one in learners.items() if is_joint(one)}
    alone = {name: one for name, one in learners.items() if name not in joint}
    seed = recipe.train.seed
    together = {
        name: joint_out_of_fold(materials, recipe.target.candidates, folds, one, seed, progress)
        for name, one in joint.items()
    }
    for candidate, parts in _each_alone(materials, recipe, alone, folds, progress):
        own = [*parts, {name: tables[candidate] for name, tables in together.items()}]
        yield candidate, _collected(materials, candidate, folds, own, tuple(learners))


def _each_alone(
    materials: Materials,
    recipe: Recipe,
    learners: Mapping[str, Learner],
    folds: tuple[Fold, ...],
    progress: Progress,
) -> Iterator[tuple[str, list[dict[str, pd.DataFrame]]]]:
    """Yield each candidate's forecasts by the learners that fit one model at a time, in parts."""
    import joblib  # noqa: PLC0415 - 0.1 s that only commands which fit should pay

    chunks = [folds[i : i + _FOLDS_PER_TASK] for i in range(0, len(folds), _FOLDS_PER_TASK)]
    groups = _by_horizon(recipe.target.candidates)
    if not learners:
        yield from ((candidate, []) for group in groups for candidate in group)
        return
    calls = (
        joblib.delayed(_fit_folds)(part, group, chunk, learners, recipe.train.seed)
        for group, part in ((group, materials.for_candidates(group)) for group in groups)
        for chunk in chunks
    )
    with progress.track("walk-forward", len(groups) * len(chunks)) as bar:
        results = joblib.Parallel(return_as="generator", n_jobs=-1)(calls)
        for group in groups:
            parts = []
            for _ in chunks:
                parts.append(next(results))
                bar.advance()
            for candidate in group:
                yield candidate, [part[candidate] for part in parts]


def _by_horizon(candidates: Iterable[str]) -> list[tuple[str, ...]]:
    """Group candidates by their horizon, each group and its candidates in the order given."""
    groups: dict[int, list[str]] = {}
    for name in candidates:
        groups.setdefault(target_from_name(name).horizon, []).append(name)
    return [tuple(group) for group in groups.values()]


def _fit_folds(
    materials: Materials,
    candidates: tuple[str, ...],
    folds: tuple[Fold, ...],
    learners: Mapping[str, Learner],
    seed: int,
) -> dict[str, dict[str, pd.DataFrame]]:
    """Return candidate -> member -> forecasts of these folds' test rows; all of one horizon."""
    found: dict[str, dict[str, list[pd.DataFrame]]] = {
        candidate: {name: [] for name in learners} for candidate in candidates
    }
    for fold in folds:
        sets = dict.fromkeys(one.feature_set for one in learners.values())
        training = materials.training_sets(candidates, fold, sets)
        for name, learner in learners.items():
            rows = fold.test(materials.own(materials.features[learner.feature_set]))
            if len(rows):
                for candidate, model in _fitted(learner, training, seed):
                    found[candidate][name].append(model.predict_proba(rows))
    return {
        candidate: {
            name: pd.concat(parts) if parts else pd.DataFrame() for name, parts in tables.items()
        }
        for candidate, tables in found.items()
    }


def _fitted(
    learner: Learner, training: Mapping[str, TrainingSet], seed: int
) -> Iterator[tuple[str, Model]]:
    """Yield each candidate's model; one fit of first_passage serves every level of a horizon."""
    if not isinstance(learner, FirstPassage):
        for candidate, one in training.items():
            yield candidate, learner.fit(one, seed=seed)
        return
    shared = learner.fit(next(iter(training.values())), seed=seed)
    for candidate in training:
        level = target_from_name(candidate).level
        if level is not None:
            yield candidate, shared.for_level(level)


def _collected(
    materials: Materials,
    candidate: str,
    folds: tuple[Fold, ...],
    parts: list[dict[str, pd.DataFrame]],
    names: tuple[str, ...],
) -> OutOfFold:
    """Join the parts on the as-ofs that every member forecast; members in the recipe's order."""
    members = {
        name: pd.concat([part[name] for part in parts if name in part and len(part[name])])
        for name in names
    }
    index = shared_opens(table.index for table in members.values())
    target, labels = target_from_name(candidate), materials.own(materials.labels[candidate])
    candle = DURATION[materials.interval]
    as_of = pd.DatetimeIndex(index + candle)
    rows = pd.DataFrame(
        {
            "as_of": as_of,
            "resolves_at": as_of + target.horizon * candle,
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


def shared_opens(indexes: Iterable[pd.Index]) -> pd.DatetimeIndex:
    """Return the opens that all indexes have, ascending.

    >>> days = pd.date_range("2025-01-01", periods=3, tz="UTC")
    >>> len(shared_opens([days, days[1:]]))
    2
    """
    first, *others = (pd.DatetimeIndex(index) for index in indexes)
    for other in others:
        first = first.intersection(other)
    return first.sort_values()


def _fold_numbers(index: pd.DatetimeIndex, folds: tuple[Fold, ...]) -> list[int]:
    starts = pd.DatetimeIndex([fold.first_open for fold in folds])
    return [int(number) for number in starts.searchsorted(index, side="right") - 1]
