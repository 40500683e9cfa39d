"""What training proves of itself: purge L5, label windows L6, start-up L7, null controls L8."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import numpy as np
import pandas as pd

from forecastlab.contracts.candles import MarketView, as_datetime
from forecastlab.contracts.config import Recipe
from forecastlab.contracts.errors import DataUnavailable
from forecastlab.contracts.intervals import DURATION
from forecastlab.contracts.ports import Progress
from forecastlab.contracts.records import Verdict
from forecastlab.evaluation.leakage.findings import CheckReport, joined
from forecastlab.evaluation.leakage.label_window import label_window
from forecastlab.evaluation.leakage.null_controls import null_controls, shuffled_labels
from forecastlab.evaluation.leakage.poison import poison
from forecastlab.evaluation.leakage.purge import labels_out_of_reach, purged
from forecastlab.evaluation.leakage.start_up import StartUp, start_up
from forecastlab.evaluation.splits import Fold
from forecastlab.evaluation.uncertainty import BLOCKS_PER_HORIZON
from forecastlab.models.base import Learner
from forecastlab.models.ensemble import Forecaster
from forecastlab.targets.catalogue import target_from_name
from forecastlab.usecases.audit_subjects import (
    Quiet,
    fold_forecasts,
    forecast_subject,
    newest_row,
    refit_subject,
    serving_view,
    side_by_side,
)
from forecastlab.usecases.joint_walk_forward import is_joint
from forecastlab.usecases.measure import measure, publish_out_of_fold
from forecastlab.usecases.quick_recipe import small
from forecastlab.usecases.training_materials import Materials, serving_series
from forecastlab.usecases.walk_forward import OutOfFold, out_of_fold

SEEDS: Final = 20
"""Shuffles of L8; at most 3 of them may be `better`."""


@dataclass(frozen=True)
class Refits:
    """Folds that are refitted with poisoned labels, and with poisoned later candles."""

    labels: int
    closes: int


THOROUGH: Final = Refits(4, 2)
QUICK: Final = Refits(2, 1)

_BLOCKS: Final = 16
"""Blocks whose published forecasts are made again with poisoned labels."""

_DATES: Final = 8
_START_UP_DAYS: Final = 730
"""As-ofs at which the start-up is measured, and the last days that they are spread over."""


@dataclass(frozen=True, eq=False)
class WalkForward:
    """A finished walk-forward: what was known, what was learnt with, what was forecast."""

    view: MarketView
    materials: Materials
    recipe: Recipe
    learners: Mapping[str, Learner]
    found: Mapping[str, OutOfFold]

    @property
    def folds(self) -> tuple[Fold, ...]:
        """The folds that forecast something."""
        one = next(iter(self.found.values()))
        numbers = set(one.rows["fold"])
        return tuple(fold for fold in one.folds if fold.number in numbers)


def prove_purge(walked: WalkForward, progress: Progress, refits: Refits = THOROUGH) -> CheckReport:
    """L5: labels are purged at every fold, and reach neither members nor the published forecast.

    Sampled folds are fitted again with every label that they must not know turned into another
    class, and on a market whose later candles are nonsense; what is scored must stay, bit for bit.
    """
    reports = []
    folds = walked.folds
    learners = {name: small(one) for name, one in walked.learners.items()}
    with progress.track("L5 purge", 3 + refits.closes) as bar:
        reports += [_purged(walked, candidate) for candidate in walked.found]
        bar.advance()
        reports.append(_members_out_of_reach(walked, _spread(folds, refits.labels)))
        bar.advance()
        reports += [_published_out_of_reach(walked, candidate) for candidate in walked.found]
        bar.advance()
        for fold in _spread(folds, refits.closes):
            subject = refit_subject(walked.recipe, learners, fold)
            seed, refit = walked.recipe.train.seed, [fold.refit]
            reports.append(
                poison(subject, walked.view, refit, seed=seed, check="L5", kinds=("scaled",))
            )
            bar.advance()
    return joined("L5", reports)


def prove_labels(view: MarketView, recipe: Recipe) -> CheckReport:
    """L6: every candidate's labels look at t+1 … t+T, all of it, and at nothing else."""
    candles = view.candles(recipe.symbol, recipe.interval)
    targets = [target_from_name(candidate) for candidate in recipe.target.candidates]
    return joined(
        "L6",
        [
            label_window(
                one.name,
                one.labels,
                candles,
                horizon=one.horizon,
                seed=recipe.train.seed,
                looks_at=one.looks_at,
                reads=one.reads,
            )
            for one in targets
        ],
    )


def prove_start_up(
    view: MarketView,
    recipe: Recipe,
    forecasters: Mapping[str, Forecaster],
    progress: Progress,
    *,
    window: int | None = None,
) -> StartUp:
    """L7: derive the shortest serving window that leaves every candidate's forecasts as they are.

    On a market without an as-of of longer history nothing can be compared: the report says so.

    Args:
        window: days that serving reads at the least; by default what the recipe says.
    """
    days, day = window or recipe.serving.daily_candles, DURATION["1d"]
    newest = view.as_of
    as_ofs = [newest - day * int(back) for back in np.linspace(0, _START_UP_DAYS, _DATES)]
    subject = forecast_subject(recipe, forecasters, asked=newest_row)
    shown = partial(serving_view, series=serving_series(recipe))
    with progress.track("L7 start-up", 1) as bar:
        try:
            found = start_up(subject, view, as_ofs, window=days, shown=shown)
        except DataUnavailable as error:
            return StartUp(CheckReport("L7", 0, not_shown=error.facts), None)
        bar.advance()
    return found


def prove_null(
    materials: Materials,
    recipe: Recipe,
    learners: Mapping[str, Learner],
    progress: Progress,
    *,
    seeds: int = SEEDS,
) -> CheckReport:
    """L8: with labels shuffled over days the whole walk-forward must not look skilled.

    Each seed permutes the days in blocks of three horizons, the same for all symbols, then fits,
    chooses, calibrates and scores as the recipe says.

    Args:
        recipe: the walk-forward to repeat; the quick one takes about ten seconds a seed.
    """
    verdicts = []
    with progress.track("L8 shuffled labels", seeds) as bar:
        for seed in range(seeds):
            verdicts.append(shuffled_verdicts(materials, recipe, learners, seed=seed))
            bar.advance()
    return null_controls("shuffled labels", verdicts)


def shuffled_verdicts(
    materials: Materials, recipe: Recipe, learners: Mapping[str, Learner], *, seed: int
) -> dict[str, Verdict]:
    """Return each candidate's verdict after its labels were shuffled over days."""
    labels = {
        candidate: shuffled_labels(
            table,
            materials.symbol,
            block=BLOCKS_PER_HORIZON * target_from_name(candidate).horizon,
            seed=seed,
        )
        for candidate, table in materials.labels.items()
    }
    shuffled = replace(materials, labels=labels)
    found = out_of_fold(shuffled, recipe, learners, Quiet())
    return {
        candidate: measure(
            one, publish_out_of_fold(one, recipe, until=materials.until), recipe
        ).verdict
        for candidate, one in found.items()
    }


def _purged(walked: WalkForward, candidate: str) -> CheckReport:
    learnt = (
        (fold, walked.materials.training_set(candidate, fold).labels)
        for fold in walked.found[candidate].folds
    )
    return purged(
        candidate,
        learnt,
        horizon=target_from_name(candidate).horizon,
        embargo=walked.recipe.train.embargo,
        interval=walked.recipe.interval,
    )


def _members_out_of_reach(walked: WalkForward, folds: Sequence[Fold]) -> CheckReport:
    """Refit folds with poisoned labels; networks in small, against themselves with clean labels.

    What was scored of a network came from one batch with all other folds' networks, whose sums
    round otherwise than a fold's alone.
    """
    alone = {name: one for name, one in walked.learners.items() if not is_joint(one)}
    joint = {name: small(one) for name, one in walked.learners.items() if is_joint(one)}
    reports = [_out_of_reach(walked, alone, folds, scored=True)] if alone else []
    if joint:
        reports.append(_out_of_reach(walked, joint, folds[-1:], scored=False))
    return joined("L5", reports)


def _out_of_reach(
    walked: WalkForward, learners: Mapping[str, Learner], folds: Sequence[Fold], *, scored: bool
) -> CheckReport:
    every = pd.concat(dict(walked.materials.labels), names=["candidate"])
    candidates = list(walked.found)

    def refitted(labels: pd.DataFrame, fold: Fold) -> pd.DataFrame:
        own = {name: labels.loc[[name]].droplevel("candidate") for name in candidates}
        materials = replace(walked.materials, labels=own)
        return fold_forecasts(materials, walked.recipe, learners, fold)

    def as_scored(fold: Fold) -> pd.DataFrame:
        tables = {
            name: {member: fold.test(one.members[member]) for member in learners}
            for name, one in walked.found.items()
        }
        return side_by_side(tables)

    return labels_out_of_reach(
        refitted,
        every,
        folds,
        classes=target_from_name(candidates[0]).classes,
        scored=as_scored if scored else None,
    )


def _published_out_of_reach(walked: WalkForward, candidate: str) -> CheckReport:
    one = walked.found[candidate]

    def again(rows: pd.DataFrame, fold: Fold) -> pd.DataFrame:
        found = replace(one, rows=rows)
        until = walked.materials.until
        table = publish_out_of_fold(found, walked.recipe, until=until).published
        kept = [name for name in table.columns if str(name).startswith(("p_", "set_"))]
        block = table.loc[table["fold"] == fold.number, kept].astype("float64")
        return block.add_prefix(f"{candidate} published ")

    blocks = list(_spread(tuple(_blocks(one)), _BLOCKS))
    classes = target_from_name(candidate).classes
    return labels_out_of_reach(again, one.rows, blocks, classes=classes)


def _blocks(one: OutOfFold) -> Iterator[Fold]:
    """Yield the folds as the published forecast knows them: without an embargo, from its rows."""
    starts = one.rows.groupby("fold")["as_of"].min()
    for fold in one.folds:
        if fold.number in starts.index:
            first = as_datetime(pd.Timestamp(starts.loc[fold.number]))
            yield replace(fold, refit=first, labels_before=first)


def _spread(folds: tuple[Fold, ...], count: int) -> list[Fold]:
    """Return up to `count` folds from the first to the last, evenly."""
    places = np.linspace(0, len(folds) - 1, min(count, len(folds)))
    return [folds[int(place)] for place in places]
