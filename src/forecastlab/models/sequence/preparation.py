"""From a fold's training sets to the task of one network: one head for each candidate."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
import pandas as pd

from forecastlab.contracts.errors import ConfigError, DataMalformed, DataUnavailable
from forecastlab.models.base import TrainingSet, aligned
from forecastlab.models.sequence.scaling import Scaling
from forecastlab.models.sequence.tasks import Task, Windows
from forecastlab.models.sequence.windows import complete_windows, epoch_ms

MIN_WINDOWS: Final = 100
"""Fewest labelled windows of a head to fit on, and as the stopping block a fifth of it."""

_STOP_WINDOWS: Final = MIN_WINDOWS // 5

_Shared = TypeVar("_Shared")


@dataclass(frozen=True)
class Preparing:
    """What the learners' configs say about windows; see there."""

    kind: str
    symbols: tuple[str, ...]
    feature_set: str
    length: int
    max_gap: int
    stop_share: float


@dataclass(frozen=True, eq=False)
class Prepared:
    """A task, and what its network needs beside its weights to forecast.

    Attributes:
        offsets: log class frequencies of the forecast symbol over all resolved labels, (heads,
            classes); the task's own base rates know the fitting part only.
    """

    task: Task
    scaling: Scaling
    heads: tuple[str, ...]
    classes: tuple[int, ...]
    candle_ms: int
    offsets: np.ndarray


def prepare(job: Mapping[str, TrainingSet], how: Preparing) -> Prepared:
    """Cut the windows, split them into a fitting and a later stopping part, and scale them.

    The stopping block is the newest `stop_share` of the as-ofs, from the first instant at which it
    begins for some head; a label is fitted on only if it resolved strictly before.

    Args:
        job: candidate -> training set; all of one fold, which share their features.

    Raises:
        ConfigError: the forecast symbol is not among the pooled ones.
        DataUnavailable: a head has too few resolved windows.
        DataMalformed: the candidates' classes or candles differ, or a feature is not finite.
    """
    first = next(iter(job.values()))
    if first.symbol not in how.symbols:
        raise ConfigError(
            f"{how.kind} forecasts {first.symbol}, but pools {', '.join(how.symbols)}.",
            remedy="Add the forecast symbol to the member's symbols.",
        )
    rows = first.features[how.feature_set]
    rows = rows.loc[rows.index.get_level_values("symbol").isin(how.symbols)]
    heads = [_Head.of(one, rows.index) for one in job.values()]
    candle_ms = _shared({head.candle_ms for head in heads}, "candles")
    classes = _shared({one.target.classes for one in job.values()}, "classes")
    symbol = np.array([how.symbols.index(one) for one in rows.index.get_level_values("symbol")])
    complete = _complete(rows.index, symbol, how, candle_ms)
    begin = min(head.stops_at(how.stop_share) for head in heads)
    fit = _windows([head.happened(head.resolves_at < begin) for head in heads], complete, symbol)
    stop = _windows([head.happened(head.as_of >= begin) for head in heads], complete, symbol)
    _check_enough(fit, stop, tuple(job), how.kind)
    columns = tuple(str(name) for name in rows.columns)
    matrix = aligned(rows, columns)
    scaling = Scaling.of(matrix[_covered(fit.last, len(rows), how.length)], columns)
    known = [head.happened(np.ones(len(head.as_of), dtype=bool)) for head in heads]
    shape = (len(how.symbols), len(classes))
    base = _log_rates([fit.happened[:, i] for i in range(len(heads))], fit.symbol, shape)
    own = _log_rates(known, symbol, shape)[how.symbols.index(first.symbol)]
    task = Task(scaling.apply(matrix), fit, stop, base.astype("float32"))
    return Prepared(task, scaling, tuple(job), classes, candle_ms, own)


@dataclass(frozen=True, eq=False)
class _Head:
    """Labels of one candidate; instants in epoch ms.

    `place` is the feature row of each, `rows` the number of feature rows.
    """

    place: np.ndarray
    label: np.ndarray
    as_of: np.ndarray
    resolves_at: np.ndarray
    candle_ms: int
    rows: int

    @classmethod
    def of(cls, training: TrainingSet, index: pd.Index) -> _Head:
        place = index.get_indexer(training.labels.index)
        labels = training.labels.loc[place >= 0]
        opens = epoch_ms(labels.index.get_level_values("open_time"))
        as_of, resolves_at = (epoch_ms(pd.Index(labels[name])) for name in ("as_of", "resolves_at"))
        label = np.searchsorted(training.target.classes, labels["label"].to_numpy())
        candle_ms = _shared(set((as_of - opens).tolist()), "candles") if len(opens) else 0
        return cls(place[place >= 0], label, as_of, resolves_at, candle_ms, len(index))

    def stops_at(self, share: float) -> int:
        known = np.unique(self.as_of)
        if not len(known):
            return 0
        return int(known[len(known) - math.ceil(len(known) * share)])

    def happened(self, wanted: np.ndarray) -> np.ndarray:
        """Return the class of every feature row, −1 where it is not known or not wanted."""
        happened = np.full(self.rows, -1, dtype="int64")
        happened[self.place[wanted]] = self.label[wanted]
        return happened


def _complete(index: pd.Index, symbol: np.ndarray, how: Preparing, candle_ms: int) -> np.ndarray:
    opens_ms = epoch_ms(index.get_level_values("open_time"))
    complete = np.zeros(len(index), dtype=bool)
    for number in np.unique(symbol):
        own = np.flatnonzero(symbol == number)
        if (np.diff(own) != 1).any() or (np.diff(opens_ms[own]) <= 0).any():
            raise DataMalformed(
                f"the feature rows of {how.symbols[number]} are not one ascending block.",
                remedy="Build them with `build_panel`.",
            )
        complete[own] = complete_windows(
            opens_ms[own], length=how.length, candle_ms=candle_ms, max_gap=how.max_gap
        )
    return complete


def _windows(happened: list[np.ndarray], complete: np.ndarray, symbol: np.ndarray) -> Windows:
    table = np.stack(happened, axis=1)
    last = np.flatnonzero(complete & (table >= 0).any(axis=1))
    return Windows(last, symbol[last], table[last])


def _check_enough(fit: Windows, stop: Windows, heads: tuple[str, ...], kind: str) -> None:
    for place, head in enumerate(heads):
        found = [int((part.happened[:, place] >= 0).sum()) for part in (fit, stop)]
        if found[0] < MIN_WINDOWS or found[1] < _STOP_WINDOWS:
            raise DataUnavailable(
                f"{found[0]} + {found[1]} resolved windows of {head} are too few for {kind}"
                f" (it needs {MIN_WINDOWS} to fit on and {_STOP_WINDOWS} to stop on).",
                remedy="Bring more history, or begin the walk-forward later.",
            )


def _covered(last: np.ndarray, rows: int, length: int) -> np.ndarray:
    """Return the rows that some window reads, truth values of shape (rows,)."""
    edges = np.zeros(rows + 1, dtype="int64")
    np.add.at(edges, last - length + 1, 1)
    np.add.at(edges, last + 1, -1)
    return np.asarray(np.cumsum(edges)[:-1] > 0)


def _log_rates(
    happened: list[np.ndarray], symbol: np.ndarray, shape: tuple[int, int]
) -> np.ndarray:
    """Return log class frequencies (add one), (symbols, heads, classes)."""
    symbols, classes = shape
    counts = [
        np.bincount(
            symbol[known >= 0] * classes + known[known >= 0], minlength=symbols * classes
        ).reshape(shape)
        for known in happened
    ]
    table = np.stack(counts, axis=1) + 1.0
    return np.asarray(np.log(table / table.sum(axis=-1, keepdims=True)))


def _shared(found: set[_Shared], what: str) -> _Shared:
    if len(found) != 1:
        raise DataMalformed(
            f"the candidates of one network have different {what}: {sorted(map(str, found))}.",
            remedy="Train them as members of different recipes.",
        )
    return found.pop()
