"""Everything above the members, as it could have been done at the time.

At each block of the walk-forward the choice of method, its calibration and the prediction set use
only out-of-fold forecasts of earlier blocks whose labels had resolved by the block's first as-of.
What results is the `published` column: it is what is scored, and the rule that is shipped is the
same rule at the end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np
import pandas as pd

from forecastlab.contracts.errors import DataMalformed
from forecastlab.evaluation.scores import log_loss
from forecastlab.evaluation.uncertainty import (
    BLOCKS_PER_HORIZON,
    block_length,
    mean_standard_error,
)
from forecastlab.models.conformal import PredictionSets, fit_prediction_sets
from forecastlab.models.methods import (
    POOL,
    Calibrated,
    Combiner,
    Members,
    Method,
    Resolved,
    methods_for,
)
from forecastlab.models.rule import Rule, checked_probabilities

_NEGLIGIBLE: Final = 1e-12
"""Nats: methods that differ by rounding alone count as equal, and then the simpler one is taken."""


@dataclass(frozen=True, eq=False)
class Prequential:
    """The published forecasts of a walk-forward, and the rule at its end.

    Attributes:
        published: index `open_time`; the rows' own columns, then `p_<class>` (probabilities),
            `method` (of the block), `set_<class>` (whether it is in the prediction set) and
            `covered` (whether the set held the label; missing where the label is).
        rule: the same rule at the end, for the bundle.
    """

    published: pd.DataFrame
    rule: Rule

    @property
    def probabilities(self) -> pd.DataFrame:
        """The published probabilities, columns the classes."""
        columns = {f"p_{label}": label for label in self.rule.classes}
        return self.published.loc[:, list(columns)].rename(columns=columns)


@dataclass(frozen=True, eq=False)
class _History:
    """Out-of-fold forecasts as arrays, oldest first; `happened` is −1 where not resolved."""

    members: Members
    happened: np.ndarray
    resolves_ms: np.ndarray
    horizon: int

    def known(self, instant_ms: int) -> np.ndarray:
        """Return the rows whose label resolved strictly before an instant."""
        return np.flatnonzero((self.resolves_ms < instant_ms) & (self.happened >= 0))

    def resolved(self, rows: np.ndarray) -> Resolved:
        """Return what a method may be fitted on."""
        members = {name: table[rows] for name, table in self.members.items()}
        return Resolved(members, self.happened[rows], self.horizon)


@dataclass(frozen=True, eq=False)
class _Published:
    """What is published, filled block by block; `method` is the position in the methods."""

    probabilities: np.ndarray
    inside: np.ndarray
    method: np.ndarray

    @classmethod
    def empty(cls, rows: int, classes: int) -> _Published:
        shape = (rows, classes)
        return cls(np.empty(shape), np.zeros(shape, dtype=bool), np.zeros(rows, dtype="int64"))

    def prediction_sets(
        self, happened: np.ndarray, past: np.ndarray, *, level: float, last: int
    ) -> PredictionSets:
        return fit_prediction_sets(self.probabilities[past], happened[past], level=level, last=last)


def run_prequential(
    rows: pd.DataFrame,
    members: Mapping[str, pd.DataFrame],
    *,
    horizon: int,
    until: datetime,
    level: float = 0.8,
    scores: int = 500,
) -> Prequential:
    """Choose, calibrate and publish block by block, then once more at `until`.

    Before 6 · `horizon` resolved rows (two bootstrap blocks) there is no choice: the equal-weight
    pool is published.

    Args:
        rows: index `open_time`, ascending; columns `as_of`, `resolves_at`, `label` (missing where
            not resolved) and `fold` (the block, ascending).
        members: member -> out-of-fold probabilities of the same rows, columns the classes; the
            order is that of simplicity.
        horizon: rows that a label overlaps.
        until: the bundle's cut-off; labels that resolve in (−∞, until) shape its rule.
        level: nominal coverage of the prediction set.
        scores: newest resolved forecasts behind the prediction set.

    Raises:
        DataMalformed: rows and members do not fit, or a member's values are no probabilities.
    """
    classes = tuple(int(label) for label in next(iter(members.values())).columns)
    history = _history(rows, members, classes, horizon)
    methods = methods_for(tuple(members))
    pool = [method.name for method in methods].index(POOL)
    blocks = _blocks(rows)
    known = [history.known(start) for start, _ in blocks]
    tried = _try_methods(history, methods, [block for _, block in blocks], known)
    losses = _losses(tried, history.happened)

    table = _Published.empty(len(rows), len(classes))
    for (_, block), past in zip(blocks, known, strict=True):
        number = choose(losses[past], horizon=horizon, default=pool)
        table.method[block] = number
        table.probabilities[block] = tried[number, block]
        sets = table.prediction_sets(history.happened, past, level=level, last=scores)
        table.inside[block] = sets.contains(tried[number, block])

    at_end = history.known(_epoch_ms(pd.DatetimeIndex([until]))[0])
    last = methods[choose(losses[at_end], horizon=horizon, default=pool)]
    rule = Rule(
        method=last.name,
        members=tuple(members),
        classes=classes,
        combiner=last.fit(history.resolved(at_end)),
        sets=table.prediction_sets(history.happened, at_end, level=level, last=scores),
    )
    names = np.array([method.name for method in methods])[table.method]
    return Prequential(_joined(rows, table, history.happened, classes, names), rule)


def published_before(
    rows: pd.DataFrame, published: pd.DataFrame, rule: Rule, *, level: float, scores: int
) -> Prequential:
    """Return what was published once, with its prediction sets; nothing is chosen or calibrated.

    A choice that is made again on rounded numbers may fall on another method.

    Args:
        rows: as in `run_prequential`, and the column `method`.
        published: the probabilities of the same rows, columns the classes.
        rule: the rule at the end.

    Raises:
        DataMalformed: rows and probabilities do not fit, or are none.
    """
    history = _history(rows, {"published": published}, rule.classes, horizon=1)
    table = _Published.empty(len(rows), len(rule.classes))
    table.probabilities[:] = history.members["published"]
    for start, block in _blocks(rows):
        past = history.known(start)
        sets = table.prediction_sets(history.happened, past, level=level, last=scores)
        table.inside[block] = sets.contains(table.probabilities[block])
    names = rows["method"].to_numpy()
    return Prequential(_joined(rows, table, history.happened, rule.classes, names), rule)


def choose(losses: np.ndarray, *, horizon: int, default: int) -> int:
    """Return the simplest method within one standard error of the best.

    The error is the block-bootstrap standard error of the *paired* loss difference to the best.

    Args:
        losses: log loss per resolved row and method, simplest first, shape (rows, methods).
        horizon: rows that a label overlaps.
        default: the method that is taken before 6 · `horizon` rows.

    >>> even = np.tile([[1.0, 0.9], [0.9, 1.0]], (100, 1))
    >>> choose(even, horizon=14, default=1), choose(even[:80], horizon=14, default=1)
    (0, 1)
    """
    if len(losses) < 2 * BLOCKS_PER_HORIZON * horizon:
        return default
    best = int(losses.mean(axis=0).argmin())
    for number in range(best):
        behind = losses[:, number] - losses[:, best]
        error = float(mean_standard_error(behind, block_length(behind, horizon)))
        if behind.mean() <= error + _NEGLIGIBLE:
            return number
    return best


def _history(
    rows: pd.DataFrame, members: Mapping[str, pd.DataFrame], classes: tuple[int, ...], horizon: int
) -> _History:
    if not rows.index.is_monotonic_increasing or not rows["fold"].is_monotonic_increasing:
        raise DataMalformed(
            "out-of-fold rows are not in time order.", remedy="Sort them by open_time."
        )
    tables = {
        name: checked_probabilities(name, table, rows.index, classes)
        for name, table in members.items()
    }
    label = rows["label"].to_numpy(dtype="float64", na_value=np.nan)
    known = np.isfinite(label)
    if not np.isin(label[known], classes).all():
        raise DataMalformed(
            f"a label is none of the classes {classes}.", remedy="Check the target's labels."
        )
    happened = np.where(known, np.searchsorted(classes, np.where(known, label, classes[0])), -1)
    resolves_ms = _epoch_ms(pd.DatetimeIndex(rows["resolves_at"]))
    return _History(tables, happened, resolves_ms, horizon)


def _blocks(rows: pd.DataFrame) -> list[tuple[int, np.ndarray]]:
    """Return per block its first as-of (epoch ms) and the positions of its rows."""
    as_of_ms = _epoch_ms(pd.DatetimeIndex(rows["as_of"]))
    begins = np.flatnonzero(np.r_[True, np.diff(rows["fold"].to_numpy()) != 0])
    positions = np.split(np.arange(len(rows)), begins[1:])
    return [(int(as_of_ms[block[0]]), block) for block in positions]


def _try_methods(
    history: _History,
    methods: Sequence[Method],
    blocks: Sequence[np.ndarray],
    known: Sequence[np.ndarray],
) -> np.ndarray:
    """Return what each method would have published, shape (methods, rows, classes)."""
    rows, classes = next(iter(history.members.values())).shape
    tried = np.empty((len(methods), rows, classes))
    for block, past in zip(blocks, known, strict=True):
        resolved = history.resolved(past)
        ahead = {name: table[block] for name, table in history.members.items()}
        for number, combiner in enumerate(_fitted(methods, resolved)):
            tried[number, block] = combiner.combine(ahead)
    return tried


def _fitted(methods: Sequence[Method], resolved: Resolved) -> list[Combiner]:
    """Fit every method; a calibrated one takes its inner method as fitted before."""
    fitted: dict[str, Combiner] = {}
    for method in methods:
        if isinstance(method, Calibrated):
            fitted[method.name] = method.upon(fitted[method.inner.name], resolved)
        else:
            fitted[method.name] = method.fit(resolved)
    return list(fitted.values())


def _losses(tried: np.ndarray, happened: np.ndarray) -> np.ndarray:
    """Return the log loss per row and method, shape (rows, methods); NaN where not resolved."""
    losses = np.stack([log_loss(table, np.maximum(happened, 0)) for table in tried], axis=1)
    losses[happened < 0] = np.nan
    return losses


def _joined(
    rows: pd.DataFrame,
    table: _Published,
    happened: np.ndarray,
    classes: tuple[int, ...],
    names: np.ndarray,
) -> pd.DataFrame:
    joined = rows.copy()
    for number, label in enumerate(classes):
        joined[f"p_{label}"] = table.probabilities[:, number]
    joined["method"] = names
    for number, label in enumerate(classes):
        joined[f"set_{label}"] = table.inside[:, number]
    hit = np.take_along_axis(table.inside, np.maximum(happened, 0)[:, None], axis=1)[:, 0]
    joined["covered"] = pd.arrays.BooleanArray(hit, happened < 0)
    return joined


def _epoch_ms(instants: pd.DatetimeIndex) -> np.ndarray:
    return np.asarray(instants.as_unit("ms").asi8)
