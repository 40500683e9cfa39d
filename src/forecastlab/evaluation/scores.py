"""Scores of probability forecasts: a statistic per row, then an aggregation.

Every score takes row counts as well, so that a bootstrap draw is a reweighting and 2,000 draws are
one matrix product (means) or one running sum (AUC). A score that the rows do not determine (no
event, one class only) is NaN, never a silent zero.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import pandas as pd

from forecastlab.contracts.errors import DataMalformed

CLIP: Final = 1e-9
"""Probabilities enter logarithms as max(p, CLIP): a certain miss costs 20.7 nats."""

REVERSAL_CLASSES: Final = (-1, 0, 1)
"""Classes with an event (`label != 0`) and a direction among events (`label == 1`). Two classes
have no event: there the direction is `label == 1` of all rows."""

RANK_DIGITS: Final = 12
"""AUC ranks are of rounded scores: a constant P(up | event) differs by 1e-16 from row to row, and
ranking that noise would give an AUC where there is none."""


@dataclass(frozen=True, eq=False)
class Forecasts:
    """Probability forecasts and what happened.

    Attributes:
        probabilities: shape (rows, classes), rows sum to 1.
        labels: shape (rows,), values of `classes`.
        classes: the label's values, ascending.
    """

    probabilities: np.ndarray
    labels: np.ndarray
    classes: tuple[int, ...]

    @classmethod
    def of(cls, probabilities: pd.DataFrame, labels: pd.Series) -> Forecasts:
        """Join a probability table (columns = classes) with the labels of the same rows.

        Raises:
            DataMalformed: the rows differ, a label is none of the classes, or a value is no
                probability.

        >>> table = pd.DataFrame({-1: [0.25], 1: [0.75]})
        >>> Forecasts.of(table, pd.Series([1])).positions().tolist()
        [1]
        """
        classes = tuple(int(label) for label in probabilities.columns)
        values, happened = probabilities.to_numpy(dtype="float64"), labels.to_numpy()
        fault = None
        if not probabilities.index.equals(labels.index):
            fault = "forecasts and labels are of different rows"
        elif not np.isin(happened, classes).all():
            fault = f"a label is none of the classes {classes}"
        elif not (np.isfinite(values).all() and (values >= 0).all()):
            fault = "a probability is missing or negative"
        elif len(values) and np.abs(values.sum(axis=1) - 1).max() > 1e-6:
            fault = "probabilities do not sum to 1"
        if fault:
            raise DataMalformed(f"{fault}.", remedy="Check the model that gave these forecasts.")
        return cls(values, happened.astype("int64"), classes)

    def __len__(self) -> int:
        return len(self.labels)

    def column(self, label: int) -> np.ndarray:
        """Return P(label) per row, shape (rows,)."""
        return np.asarray(self.probabilities[:, self.classes.index(label)])

    def positions(self) -> np.ndarray:
        """Return per row the column of `probabilities` that happened, shape (rows,)."""
        return np.asarray(np.searchsorted(self.classes, self.labels))


_Problem = tuple[np.ndarray, np.ndarray, np.ndarray]
"""An AUC to compute: scores, which rows are positive, and which rows count; each (rows,)."""


class Score(Protocol):
    """One number for many forecasts."""

    @property
    def name(self) -> str:
        """The score's name in reports."""
        ...

    @property
    def greater_is_better(self) -> bool:
        """Whether a greater value is a better forecast."""
        ...

    def draws(self, forecasts: Forecasts, counts: np.ndarray) -> np.ndarray:
        """Return the score per draw; `counts` (draws, rows) says how often a draw holds a row."""
        ...


@dataclass(frozen=True)
class MeanScore:
    """The mean of a statistic per row."""

    name: str
    statistic: Callable[[np.ndarray, np.ndarray], np.ndarray]
    greater_is_better: bool

    def rows(self, forecasts: Forecasts) -> np.ndarray:
        """Return the statistic per row, shape (rows,)."""
        return self.statistic(forecasts.probabilities, forecasts.positions())

    def draws(self, forecasts: Forecasts, counts: np.ndarray) -> np.ndarray:
        """Return the weighted mean per draw."""
        with np.errstate(invalid="ignore"):
            return np.asarray((counts @ self.rows(forecasts)) / counts.sum(axis=1))


@dataclass(frozen=True)
class AucScore:
    """The mean of one or more areas under the ROC curve; undetermined ones are left out."""

    name: str
    problems: Callable[[Forecasts], list[_Problem]]
    greater_is_better: bool = True

    def draws(self, forecasts: Forecasts, counts: np.ndarray) -> np.ndarray:
        """Return the mean AUC per draw; NaN where no problem is determined."""
        problems = self.problems(forecasts)
        if not problems:
            return np.full(len(counts), np.nan)
        areas = np.stack(
            [auc(score[use], hit[use], counts[:, use]) for score, hit, use in problems]
        )
        known = np.isfinite(areas)
        total = np.where(known, areas, 0.0).sum(axis=0)
        with np.errstate(invalid="ignore"):
            return np.asarray(total / known.sum(axis=0))

    def influence(self, forecasts: Forecasts) -> np.ndarray:
        """Return each row's influence on the score, shape (rows,), mean 0; NaN if undetermined.

        The score of a resampled sample is this one plus the mean influence of its rows, to first
        order; so the block error of that mean is the score's.
        """
        parts = []
        for score, hit, use in self.problems(forecasts):
            part = np.zeros(len(forecasts))
            # Rows outside the problem add nothing; those inside stand for fewer than all.
            part[use] = auc_influence(score[use], hit[use]) * (len(use) / max(int(use.sum()), 1))
            if np.isfinite(part).all():
                parts.append(part)
        return np.mean(parts, axis=0) if parts else np.full(len(forecasts), np.nan)


def value(score: Score, forecasts: Forecasts) -> float:
    """Return a score of the forecasts as they are; NaN if they do not determine it.

    >>> constant = Forecasts(np.full((2, 3), 1 / 3), np.array([0, 1]), (-1, 0, 1))
    >>> round(value(LOG_LOSS, constant), 4), value(EVENT_AUC, constant)
    (1.0986, 0.5)
    """
    return float(score.draws(forecasts, np.ones((1, len(forecasts))))[0])


def log_loss(probabilities: np.ndarray, happened: np.ndarray) -> np.ndarray:
    """Return −log P(what happened) per row, in nats, in [0, −log CLIP].

    Args:
        probabilities: shape (rows, classes).
        happened: the column that happened, shape (rows,).

    >>> log_loss(np.array([[0.5, 0.5]]), np.array([1])).round(3).tolist()
    [0.693]
    """
    hit = np.take_along_axis(probabilities, happened[:, None], axis=1)[:, 0]
    return np.asarray(-np.log(np.clip(hit, CLIP, 1.0)))


def brier(probabilities: np.ndarray, happened: np.ndarray) -> np.ndarray:
    """Return Σ_classes (P − happened)² per row, in [0, 2]; args as in `log_loss`.

    Source: Brier (1950), "Verification of forecasts expressed in terms of probability".

    >>> brier(np.array([[0.5, 0.5]]), np.array([1])).tolist()
    [0.5]
    """
    truth = np.eye(probabilities.shape[1])[happened]
    return np.asarray(((probabilities - truth) ** 2).sum(axis=1))


def auc(scores: np.ndarray, positive: np.ndarray, counts: np.ndarray | None = None) -> np.ndarray:
    """Return P(score of a positive > that of a negative), ties counted half, per draw.

    Args:
        scores: shape (rows,).
        positive: shape (rows,), truth values.
        counts: shape (draws, rows); None for one draw that holds each row once.

    Returns:
        Shape (draws,), in [0, 1]; NaN where a draw lacks positives or negatives.

    >>> auc(np.array([0.1, 0.4, 0.4, 0.8]), np.array([False, True, False, True])).tolist()
    [0.875]
    """
    counts = np.ones((1, len(scores))) if counts is None else counts
    if not len(scores):
        return np.full(len(counts), np.nan)
    order = np.argsort(np.round(scores, RANK_DIGITS), kind="stable")
    ranked = np.round(scores, RANK_DIGITS)[order]
    weights, hit = counts[:, order], positive[order].astype(bool)
    negatives = np.zeros((len(weights), len(ranked) + 1), dtype=weights.dtype)
    np.cumsum(np.where(hit, 0, weights), axis=1, out=negatives[:, 1:])
    # A positive beats the negatives below its score and half of those that share it.
    positives, own = weights[:, hit], ranked[hit]
    below = negatives[:, np.searchsorted(ranked, own, side="left")]
    reached = negatives[:, np.searchsorted(ranked, own, side="right")]
    wins = np.einsum("dp,dp->d", positives, below + reached, dtype="float64") / 2
    pairs = positives.sum(axis=1, dtype="float64") * negatives[:, -1].astype("float64")
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(pairs > 0, wins / pairs, np.nan))


def auc_influence(scores: np.ndarray, positive: np.ndarray) -> np.ndarray:
    """Return each row's influence on the AUC, shape (rows,), mean 0; NaN if undetermined.

    A positive counts by how many negatives lie below it, a negative by how many positives lie
    above, each against the AUC and divided by the share of its kind.

    Source: DeLong, DeLong & Clarke-Pearson (1988), "Comparing the areas under two or more
    correlated receiver operating characteristic curves".

    >>> auc_influence(np.array([0.1, 0.4, 0.4, 0.8]), np.array([False, True, False, True])).tolist()
    [0.25, -0.25, -0.25, 0.25]
    """
    rounded, hit = np.round(scores, RANK_DIGITS), positive.astype(bool)
    if hit.all() or not hit.any():
        return np.full(len(scores), np.nan)
    ups, downs = np.sort(rounded[hit]), np.sort(rounded[~hit])
    found = np.empty(len(scores))
    found[hit] = _share_below(downs, rounded[hit])
    area = found[hit].mean()
    found[~hit] = 1 - _share_below(ups, rounded[~hit])
    return np.asarray((found - area) / np.where(hit, hit.mean(), 1 - hit.mean()))


def _share_below(ranked: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return per value the share of `ranked` that lies below it, ties counted half."""
    left, right = (np.searchsorted(ranked, values, side=side) for side in ("left", "right"))
    return np.asarray((left + right) / (2 * len(ranked)))


def reliability(forecasts: Forecasts, label: int, *, bins: int = 10) -> pd.DataFrame:
    """Compare P(label) with how often it happened, in bins [0, 1/bins), …, [1 − 1/bins, 1].

    Returns:
        One row per bin that holds a forecast; columns `forecast` (mean P), `happened` (share),
        `rows`.

    >>> reliability(Forecasts(np.array([[0.4, 0.6]]), np.array([1]), (0, 1)), 1).iloc[0].tolist()
    [0.6, 1.0, 1.0]
    """
    forecast = forecasts.column(label)
    table = pd.DataFrame(
        {
            "bin": np.minimum((forecast * bins).astype("int64"), bins - 1),
            "forecast": forecast,
            "happened": (forecasts.labels == label).astype("float64"),
        }
    )
    return table.groupby("bin").agg(
        forecast=("forecast", "mean"), happened=("happened", "mean"), rows=("happened", "size")
    )


def _one_vs_rest(forecasts: Forecasts) -> list[_Problem]:
    everywhere = np.ones(len(forecasts), dtype=bool)
    # Of two classes the second problem is the mirror image of the first.
    shown = forecasts.classes if len(forecasts.classes) > 2 else forecasts.classes[1:]
    return [(forecasts.column(label), forecasts.labels == label, everywhere) for label in shown]


def _event(forecasts: Forecasts) -> list[_Problem]:
    if forecasts.classes != REVERSAL_CLASSES:
        return []
    everywhere = np.ones(len(forecasts), dtype=bool)
    return [(1 - forecasts.column(0), forecasts.labels != 0, everywhere)]


_SHARE_DIGITS: Final = 5


def _direction(forecasts: Forecasts) -> list[_Problem]:
    up = forecasts.column(1)
    if forecasts.classes != REVERSAL_CLASSES:
        return [(up, forecasts.labels == 1, np.ones(len(forecasts), dtype=bool))]
    # A forecast that names no side gives one constant share, which the rounding of its parts must
    # not rank: in 32 bits that alone moved an AUC of .500 to .518.
    share = np.round(up / np.maximum(up + forecasts.column(-1), CLIP), _SHARE_DIGITS)
    return [(share, forecasts.labels == 1, forecasts.labels != 0)]


LOG_LOSS: Final = MeanScore("log_loss", log_loss, greater_is_better=False)
BRIER: Final = MeanScore("brier", brier, greater_is_better=False)
AUC_ONE_VS_REST: Final = AucScore("auc_one_vs_rest", _one_vs_rest)
EVENT_AUC: Final = AucScore("event_auc", _event)
DIRECTION_AUC: Final = AucScore("direction_auc", _direction)


def scores_for(classes: Sequence[int]) -> tuple[Score, ...]:
    """Return the scores that these classes have; of two, the AUC of class 1 is the only one.

    >>> [score.name for score in scores_for((0, 1))]
    ['log_loss', 'brier', 'direction_auc']
    """
    if tuple(classes) == REVERSAL_CLASSES:
        return (LOG_LOSS, BRIER, AUC_ONE_VS_REST, EVENT_AUC, DIRECTION_AUC)
    return (LOG_LOSS, BRIER, DIRECTION_AUC)
