"""What a forecaster must show before it may have a view; each gate judges evidence, not claims.

A gate returns what it found beside what it demands. That a gate fails does not unmake a bundle: its
forecasts are published for research, without a view.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from forecastlab.evaluation.breakdown import subset
from forecastlab.evaluation.scores import AucScore, Forecasts, scores_for, value
from forecastlab.evaluation.uncertainty import block_length, mean_standard_error

LEAST_OOF: Final = 10_000
"""Out-of-fold rows that a direction must show. An AUC of .53 stands two errors above one half only
from some 2,000 independent rows on, and five overlapping hours are worth about one."""

LEAST_ROUNDS: Final = 5
"""Distinct trees per class that a boosted member must have. Boosters that were stopped on a block
too small to tell have one to three trees and forecast next to a constant."""

LEAST_SPREAD: Final = 0.001
"""Smallest standard deviation of a member's probabilities within folds: below, it forecasts a
constant, even if each refit has its own."""

MOST_SPREAD: Final = 0.3
"""Largest one: above, its probabilities are mostly near 0 and 1, which no forecast of a market
deserves (a network trained without stopping had .37)."""

MOST_GAP: Final = 0.05
"""By how much the newest rows' AUC may fall short of the others': a model that was fitted on what
it is scored on shows .83 there and .55 later."""

NEWEST_SHARE: Final = 0.2
"""Newest share of the out-of-fold rows, against which the others are held."""

MOST_OFF: Final = 0.1
"""How far a member's mean probability may lie from how often the class happened: a member of
another label ("more than 0.5 % in 5 h") has that label's frequency."""

_ERRORS: Final = 2.0
"""Standard errors by which a bound on a noisy number must be passed to fail: at daily horizons the
AUC of a fifth of the rows varies by .07 from luck alone, and a gate is no lottery."""


@dataclass(frozen=True)
class GateResult:
    """One gate: what was found, what is demanded, and why it failed (None if it passed).

    `found` is None where nothing could be judged, and then the gate passes and `reason` says why.
    """

    name: str
    passed: bool
    found: float | None
    demanded: str
    reason: str | None = None


def enough_oof(rows: int, *, kind: str) -> GateResult:
    """Demand `LEAST_OOF` rows of a direction; a reversal has one label a day and is not asked.

    >>> enough_oof(2_451, kind="reversal").passed, enough_oof(2_451, kind="direction").reason
    (True, '2451 out-of-fold rows, 10000 are demanded')
    """
    demanded = f"at least {LEAST_OOF}" if kind == "direction" else "any number"
    passed = kind != "direction" or rows >= LEAST_OOF
    reason = None if passed else f"{rows} out-of-fold rows, {LEAST_OOF} are demanded"
    return GateResult("n_oof", passed, float(rows), demanded, reason)


def enough_trees(member: str, trees: Sequence[str], *, classes: int) -> GateResult:
    """Demand `LEAST_ROUNDS` distinct trees per class that a round fits.

    Args:
        trees: those that split, as text.
        classes: of two classes a round fits one tree, of more one each.

    >>> enough_trees("gbm", ["a", "a", "b"], classes=2).found
    2.0
    """
    least = LEAST_ROUNDS * (1 if classes == 2 else classes)
    found = len(set(trees))
    reason = f"{member} has {found} distinct trees, {least} are demanded"
    passed = found >= least
    return GateResult(
        f"trees:{member}", passed, float(found), f"at least {least}", None if passed else reason
    )


def sound_spread(member: str, probabilities: np.ndarray, fold: np.ndarray) -> GateResult:
    """Demand that a member's probabilities vary within folds, and are not all near 0 or 1.

    Args:
        probabilities: out-of-fold, shape (rows, classes).
        fold: number of each row's fold, shape (rows,).

    >>> constant = np.repeat([[0.4, 0.6], [0.5, 0.5]], 50, axis=0)
    >>> sound_spread("gbm", constant, np.repeat([0, 1], 50)).passed
    False
    """
    demanded = f"{LEAST_SPREAD} to {MOST_SPREAD}"
    if not len(probabilities):
        return GateResult(f"spread:{member}", False, None, demanded, f"{member} has no forecast")
    variances = [probabilities[fold == number].var(axis=0) for number in np.unique(fold)]
    counts = [int((fold == number).sum()) for number in np.unique(fold)]
    found = math.sqrt(float(np.average(variances, axis=0, weights=counts).max()))
    reason = None
    if found < LEAST_SPREAD:
        reason = f"{member} forecasts next to a constant (spread {found:.2g} within folds)"
    elif found > MOST_SPREAD:
        reason = f"{member} is certain nearly always (spread {found:.2g} within folds)"
    return GateResult(f"spread:{member}", reason is None, found, demanded, reason)


@dataclass(frozen=True)
class OwnLabel:
    """What a fitted model itself is made for: its classes, and the candidate where it knows it."""

    classes: tuple[int, ...]
    candidate: str | None = None


def same_label(
    member: str, forecasts: Forecasts, *, own: OwnLabel, candidate: str, horizon: int
) -> GateResult:
    """Demand that a member was trained for the candidate's label, as far as evidence tells.

    It was fitted for this candidate, where it knows; its classes are the label's; and its mean
    probabilities lie no further than `MOST_OFF`, by more than two standard errors, from how often
    each class happened.

    Args:
        forecasts: the member's, out-of-fold, with the candidate's labels.
        own: what the model is made for.
        horizon: rows that a label overlaps.

    >>> labels = np.tile([0, 1], 500)
    >>> other = Forecasts(np.tile([0.7, 0.3], (1000, 1)), labels, (0, 1))
    >>> same_label("gbm", other, own=OwnLabel((0, 1)), candidate="H5", horizon=5).passed
    False
    """
    name = f"label:{member}"
    demanded = f"within {MOST_OFF} and two standard errors of what happened"
    if own.classes != forecasts.classes:
        reason = f"{member} forecasts {own.classes}, not {forecasts.classes}"
        return GateResult(name, False, None, demanded, reason)
    if own.candidate not in {None, candidate}:
        reason = f"{member} was fitted for {own.candidate}, not for {candidate}"
        return GateResult(name, False, None, demanded, reason)
    if len(forecasts) < _enough_for_blocks(horizon):
        return GateResult(name, True, None, demanded, "too few rows to tell")
    classes = forecasts.classes
    miss = forecasts.probabilities - np.eye(len(classes))[forecasts.positions()]
    error = mean_standard_error(miss, block_length(miss, horizon))
    off = np.abs(miss.mean(axis=0))
    worst = int((off - _ERRORS * error).argmax())
    passed = bool(off[worst] - _ERRORS * error[worst] <= MOST_OFF)
    reason = (
        f"{member} gives class {classes[worst]} a probability that is off by {off[worst]:.2f} on"
        " average: it was trained for another label"
    )
    return GateResult(name, passed, float(off[worst]), demanded, None if passed else reason)


def small_gap(published: Forecasts, *, horizon: int) -> GateResult:
    """Demand that the newest fifth of the rows is not ranked much worse than the others.

    The AUC is the candidate's own (of two classes, class 1's; else one-vs-rest); the shortfall
    must pass `MOST_GAP` by two standard errors to fail.

    Args:
        published: the prequential forecasts, oldest first.
        horizon: rows that a label overlaps.

    >>> labels = np.tile([0, 1], 500)
    >>> even = Forecasts(np.full((1000, 2), 0.5), labels, (0, 1))
    >>> small_gap(even, horizon=5).passed
    True
    """
    demanded = f"at most {MOST_GAP} and two standard errors"
    [score, *_] = [one for one in scores_for(published.classes) if isinstance(one, AucScore)]
    begin = len(published) - int(len(published) * NEWEST_SHARE)
    early, late = (
        subset(published, np.arange(*ends)) for ends in ((0, begin), (begin, len(published)))
    )
    if len(late) < _enough_for_blocks(horizon):
        return GateResult("oof_gap", True, None, demanded, "too few rows to tell")
    gap = value(score, early) - value(score, late)
    if math.isnan(gap):
        return GateResult("oof_gap", True, None, demanded, "a class never happened: no AUC")
    error = math.hypot(*(_auc_error(score, one, horizon) for one in (early, late)))
    passed = gap - _ERRORS * error <= MOST_GAP
    reason = f"the newest forecasts' AUC is {gap:.3f} below that of the others"
    return GateResult("oof_gap", passed, float(gap), demanded, None if passed else reason)


def parity(member: str, difference: float, *, tolerance: float) -> GateResult:
    """Demand that a network's stored answers are given again, one at a time and all at once.

    Args:
        difference: the largest |Δp|.

    >>> parity("lstm", 3e-6, tolerance=1e-5).passed
    True
    """
    passed = difference <= tolerance
    reason = f"{member} gives answers that differ by {difference:.2g} from those stored"
    demanded = f"at most {tolerance:g}"
    return GateResult(f"parity:{member}", passed, difference, demanded, None if passed else reason)


def research_only(results: Sequence[GateResult]) -> str | None:
    """Return why a forecaster may have no view: every failed gate's reason; None if all passed.

    >>> research_only([enough_oof(992, kind="direction")])
    '992 out-of-fold rows, 10000 are demanded'
    """
    failed = [one.reason or one.name for one in results if not one.passed]
    return "; ".join(failed) or None


def _auc_error(score: AucScore, forecasts: Forecasts, horizon: int) -> float:
    influence = score.influence(forecasts)
    return float(mean_standard_error(influence, block_length(influence, horizon)))


def _enough_for_blocks(horizon: int) -> int:
    return 6 * horizon
