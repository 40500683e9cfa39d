"""Score a version of the signal over all symbols at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from forecastlab.contracts.candles import MarketView
from forecastlab.contracts.canonical import rounded
from forecastlab.contracts.config import Recipe, midnight
from forecastlab.contracts.errors import ConfigError, DataUnavailable
from forecastlab.contracts.intervals import DURATION
from forecastlab.contracts.ports import Progress
from forecastlab.contracts.records import Verdict
from forecastlab.contracts.verdicts import Estimate
from forecastlab.contracts.version_scores import (
    SeedNoise,
    SignalEvidence,
    TouchEntry,
    VersionScores,
)
from forecastlab.evaluation.breakdown import calibration_error
from forecastlab.evaluation.economics import ROUND_TRIP
from forecastlab.evaluation.joint_days import joint_auc, joint_mean
from forecastlab.evaluation.scores import Forecasts, auc, log_loss
from forecastlab.evaluation.uncertainty import Interval
from forecastlab.models.base import Learner
from forecastlab.models.base_rate import expanding_rate
from forecastlab.targets.touch import TouchTarget
from forecastlab.usecases.direction_findings import as_estimate
from forecastlab.usecases.joint_symbols import joint_out_of_fold
from forecastlab.usecases.training_materials import Materials

SEEDS: Final = 10
"""Fits under other random draws whose spread is shown; a trial takes two."""

STRONGEST: Final = 0.1
"""Share of the scores, those furthest from 50, that is looked at by itself."""

_DIGITS: Final = 6


def signal_evidence(
    view: MarketView,
    recipe: Recipe,
    materials: Materials,
    learners: Mapping[str, Learner],
    progress: Progress,
    *,
    seeds: int = SEEDS,
) -> SignalEvidence | None:
    """Return what a bundle of a version keeps; None for recipes that are no version.

    Raises:
        DataUnavailable: too few days have resolved.
    """
    if recipe.recipe is None:
        return None
    learner = only_learner(learners)
    first = recipe.train.seed
    said = joint_out_of_fold(materials, recipe, learner, range(first, first + seeds), progress)
    scored = score_version(said[first], view, recipe, materials)
    ranked = scored_rows(said, view, recipe, materials)
    known = ranked.loc[ranked["label"].notna()]
    areas = [
        float(auc(known[seed].to_numpy(), (known["label"] == 1).to_numpy())[0]) for seed in said
    ]
    mean, spread = float(np.mean(areas)), float(np.std(areas, ddof=1))
    return SignalEvidence(
        hyperparameters={name: one.describe() for name, one in learners.items()},
        scores=scored,
        seed_noise=SeedNoise(
            seeds=tuple(range(first, first + seeds)),
            auc=tuple(rounded(one, _DIGITS) for one in areas),
            mean=rounded(mean, _DIGITS),
            sd=rounded(spread, _DIGITS),
            cv=rounded(spread / mean, _DIGITS),
        ),
        labels=touch_entries(view, recipe),
    )


def score_version(
    up: pd.Series, view: MarketView, recipe: Recipe, materials: Materials
) -> VersionScores:
    """Score one version's forecasts from `score_from` on.

    Args:
        up: P(the upper edge first), index (`symbol`, `open_time`).

    Raises:
        DataUnavailable: no label that counts has resolved, or too few have.
    """
    rows = scored_rows(up.to_frame("up"), view, recipe, materials)
    days = _days(rows)
    known = rows["label"].notna().to_numpy()
    if not known.any():
        raise DataUnavailable(
            f"No forecast from {recipe.train.score_from} on has resolved.",
            remedy="Let `score_from` in the recipe lie earlier, or bring later candles.",
        )
    labelled, on = rows.loc[known], days[known]
    chance, hit = labelled["up"].to_numpy(), (labelled["label"] == 1).to_numpy()
    forecasts = Forecasts(
        np.column_stack([1 - chance, chance]), labelled["label"].to_numpy("int64"), (-1, 1)
    )
    base = labelled["base"].to_numpy()
    losses = log_loss(forecasts.probabilities, forecasts.positions())
    theirs = log_loss(np.column_stack([1 - base, base]), forecasts.positions())
    net = _net(rows)
    distance = (rows["up"] - 0.5).abs().to_numpy()
    strong = distance >= np.quantile(distance, 1 - STRONGEST)
    area, gain = joint_auc(chance, hit, on), joint_mean(theirs - losses, on)
    return VersionScores(
        version=recipe.recipe or "",
        recipe_digest=recipe.digest,
        features=len(materials.features[recipe.features.set].columns),
        first=str(rows.index.get_level_values("open_time").min().date()),
        last=str(rows.index.get_level_values("open_time").max().date()),
        rows=len(labelled),
        acted=len(rows),
        days=int(days.max() - days.min()) + 1,
        block_days=area.block,
        auc=as_estimate(area),
        auc_by_symbol=_by_symbol(labelled, on),
        accuracy=as_estimate(joint_mean(((chance > 0.5) == hit).astype("float64"), on)),
        majority=rounded(max(float(hit.mean()), 1 - float(hit.mean())), _DIGITS),
        log_loss=rounded(float(losses.mean()), _DIGITS),
        log_loss_gain=as_estimate(gain),
        calibration_error=rounded(calibration_error(forecasts, 1), _DIGITS),
        cost=ROUND_TRIP,
        net_return=as_estimate(joint_mean(net, days)),
        net_return_strongest=as_estimate(joint_mean(net[strong], days[strong])),
        ranks=_verdict(area, 0.5),
        verdict=_verdict(gain, 0.0),
    )


def scored_rows(
    said: pd.DataFrame, view: MarketView, recipe: Recipe, materials: Materials
) -> pd.DataFrame:
    """Return the forecasts that count, each with what came of it.

    Index as `said`, of which the as-ofs from `score_from` on with a whole window are kept; its
    columns, then `label` (missing where no edge was touched first), `base` (P(1) by the symbol's
    own frequencies up to the as-of), `long` and `short` (returns of either side, before cost).
    """
    target, interval = touch_target(recipe), recipe.interval
    first = pd.Timestamp(midnight(recipe.train.score_from))
    parts = []
    for symbol, mine in said.groupby(level="symbol"):
        own = mine.droplevel("symbol")
        own = own.loc[own.index >= first]
        exits = target.exits(view.candles(str(symbol), interval))
        own = own.loc[own.index.isin(exits.index)]
        whole = materials.labels[target.name]
        labels = whole.loc[whole.index.get_level_values("symbol") == symbol]
        as_of = pd.DatetimeIndex(own.index + DURATION[interval])
        base = expanding_rate(labels, as_of, target.classes)
        own_labels = labels["label"].droplevel("symbol")
        parts.append(_Part(str(symbol), own, own_labels, base, exits).table())
    return pd.concat(parts)


@dataclass(frozen=True, eq=False)
class _Part:
    """One symbol's forecasts and what came of them."""

    symbol: str
    own: pd.DataFrame
    labels: pd.Series
    base: pd.DataFrame
    exits: pd.DataFrame

    def table(self) -> pd.DataFrame:
        """Join them."""
        index = self.own.index
        joined = self.own.assign(
            label=self.labels.reindex(index).astype("float64"),
            base=self.base[1].to_numpy(),
            **{name: self.exits[name].reindex(index) for name in ("long", "short")},
        )
        return pd.concat({self.symbol: joined}, names=["symbol"])


def touch_entries(view: MarketView, recipe: Recipe) -> dict[str, TouchEntry]:
    """Return what every symbol's windows ended in, over all of its history."""
    target = touch_target(recipe)
    found = {}
    for symbol in recipe.train.symbols:
        one = target.shares(view.candles(symbol, recipe.interval))
        found[symbol] = TouchEntry(
            windows=one.windows,
            up=rounded(one.up, _DIGITS),
            down=rounded(one.down, _DIGITS),
            untouched=rounded(one.untouched, _DIGITS),
            ambiguous=rounded(one.ambiguous, _DIGITS),
        )
    return found


def touch_target(recipe: Recipe) -> TouchTarget:
    """Return the one touch that a recipe's versions forecast.

    Raises:
        ConfigError: it forecasts something else, or several.
    """
    if recipe.target.kind != "touch" or len(recipe.target.candidates) != 1:
        raise ConfigError(
            f"{recipe.name} has versions, and no single touch as its target.",
            remedy='Write kind = "touch" with one candidate, as L1_H24.',
        )
    return TouchTarget.from_name(recipe.target.candidates[0])


def only_learner(learners: Mapping[str, Learner]) -> Learner:
    """Return the one member of a version.

    Raises:
        ConfigError: it has none, or several.
    """
    if len(learners) != 1:
        raise ConfigError(
            f"A version has one member, not {', '.join(learners) or 'none'}.",
            remedy="Leave one table under [members].",
        )
    return next(iter(learners.values()))


def _net(rows: pd.DataFrame) -> np.ndarray:
    """Return what taking the score's side earned, after cost."""
    side = np.where(rows["up"] > 0.5, rows["long"], rows["short"])
    return np.asarray(side - ROUND_TRIP, dtype="float64")


def _by_symbol(labelled: pd.DataFrame, days: np.ndarray) -> dict[str, Estimate]:
    symbols = labelled.index.get_level_values("symbol")
    found = {}
    for symbol in dict.fromkeys(symbols):
        own = np.asarray(symbols == symbol)
        hit = (labelled["label"] == 1).to_numpy()[own]
        found[str(symbol)] = as_estimate(joint_auc(labelled["up"].to_numpy()[own], hit, days[own]))
    return found


def _days(rows: pd.DataFrame) -> np.ndarray:
    opens = pd.DatetimeIndex(rows.index.get_level_values("open_time"))
    return np.asarray(opens.as_unit("ms").asi8 // 86_400_000)


def _verdict(found: Interval, nothing: float) -> Verdict:
    if found.low > nothing:
        return "better"
    return "worse" if found.high < nothing else "not_distinguishable"
