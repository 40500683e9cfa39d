"""Training rows of pooled symbols as arrays, for the boosted trees."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from forecastlab.contracts.errors import DataUnavailable
from forecastlab.models.base import TrainingSet, aligned

MIN_ROWS: Final = 100
"""Fewest rows to fit on, and as the stopping block a fifth of it: below, trees cannot split."""

_STOP_ROWS: Final = MIN_ROWS // 5


@dataclass(frozen=True, eq=False)
class PooledRows:
    """Rows of all symbols that have a resolved label; instants in epoch ms.

    Attributes:
        matrix: shape (rows, columns).
        happened: position of the label among the target's classes, shape (rows,).
        symbol, as_of, resolves_at: shape (rows,).
    """

    matrix: np.ndarray
    happened: np.ndarray
    symbol: np.ndarray
    as_of: np.ndarray
    resolves_at: np.ndarray

    def __len__(self) -> int:
        return len(self.as_of)

    def take(self, mask: np.ndarray) -> PooledRows:
        """Return the rows where `mask` is true."""
        columns = (getattr(self, field.name)[mask] for field in dataclasses.fields(self))
        return PooledRows(*columns)

    def log_rates(self, symbols: np.ndarray, classes: int) -> np.ndarray:
        """Return the log class frequencies (add one) of each of these symbols' rows.

        Shape (symbols, classes).
        """
        names, codes = np.unique(symbols, return_inverse=True)
        counts = np.array(
            [np.bincount(self.happened[self.symbol == name], minlength=classes) for name in names]
        )
        rates = (counts + 1) / (counts + 1).sum(axis=1, keepdims=True)
        return np.asarray(np.log(rates)[codes])

    def start_scores(self, symbols: np.ndarray, classes: int) -> np.ndarray:
        """Return the scores that boosting starts from: log odds of two classes, else log rates.

        Shape (symbols,) for two classes, else (symbols, classes).
        """
        rates = self.log_rates(symbols, classes)
        return rates[:, 1] - rates[:, 0] if classes == 2 else rates


def pooled_rows(
    training: TrainingSet, feature_set: str, symbols: tuple[str, ...], *, kind: str
) -> tuple[PooledRows, tuple[str, ...]]:
    """Return the rows of these symbols that have a resolved label, and the columns' names.

    Raises:
        DataUnavailable: there are fewer than `MIN_ROWS`; `kind` names the learner.
    """
    rows, labels = training.rows(feature_set, symbols)
    if len(rows) < MIN_ROWS:
        raise _too_few(kind, f"{len(rows)} resolved rows are", f"{MIN_ROWS} to fit on")
    columns = tuple(str(name) for name in rows.columns)
    known = training.labels.loc[rows.index]
    return PooledRows(
        matrix=aligned(rows, columns),
        happened=np.searchsorted(training.target.classes, labels.to_numpy()),
        symbol=np.asarray(rows.index.get_level_values("symbol")),
        as_of=pd.DatetimeIndex(known["as_of"]).as_unit("ms").asi8,
        resolves_at=pd.DatetimeIndex(known["resolves_at"]).as_unit("ms").asi8,
    ), columns


def stopping_blocks(rows: PooledRows, *, share: float, kind: str) -> tuple[PooledRows, PooledRows]:
    """Return the rows to fit on and those that stop the boosting; see `split_for_stopping`.

    Raises:
        DataUnavailable: one of the two is too small.
    """
    fit_on, stop_on = split_for_stopping(rows.as_of, rows.resolves_at, share=share)
    early, late = rows.take(fit_on), rows.take(stop_on)
    if len(early) < MIN_ROWS or len(late) < _STOP_ROWS:
        found = f"{len(early)} + {len(late)} resolved rows are"
        raise _too_few(kind, found, f"{MIN_ROWS} to fit on and {_STOP_ROWS} to stop on")
    return early, late


def split_for_stopping(
    as_of: np.ndarray, resolves_at: np.ndarray, *, share: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows to fit on and those that stop the boosting, truth values of shape (rows,).

    The stopping block is the newest `share` of the as-ofs; what is fitted on has resolved strictly
    before it begins, so that rows between the two are in neither.

    >>> as_of = np.arange(10)
    >>> early, late = split_for_stopping(as_of, as_of + 2, share=0.3)
    >>> as_of[early].tolist(), as_of[late].tolist()
    ([0, 1, 2, 3, 4], [7, 8, 9])
    """
    known = np.unique(as_of)
    if not len(known):
        return as_of > 0, as_of > 0
    begin = known[len(known) - math.ceil(len(known) * share)]
    return resolves_at < begin, as_of >= begin


def _too_few(kind: str, found: str, needed: str) -> DataUnavailable:
    return DataUnavailable(
        f"{found} too few for {kind} (it needs {needed}).",
        remedy="Bring more history, or begin the walk-forward later.",
    )
