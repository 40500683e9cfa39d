"""The verbs that every learner has: fit, predict_proba, dump, load.

A `Learner` is a frozen config; `fit` turns what was known at a refit into a `Model`, so an
unfitted prediction cannot be written. A model is bytes to the world outside (`dump`, `load`):
native formats and JSON, never pickle. To add a learner, write the pair and add one line to
`models.catalogue.LEARNERS`; the contract suite then tests it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Protocol, Self

import numpy as np
import pandas as pd

from forecastlab.contracts.errors import DataMalformed
from forecastlab.contracts.ports import Progress
from forecastlab.models.known_tables import find_rows
from forecastlab.targets.base import Target


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """Everything that a learner may see at a refit, cut at `until`.

    Attributes:
        symbol: the symbol that is forecast; learners may pool the others.
        target: the label rule.
        until: the refit's instant; nothing here was unknown then.
        features: feature set name -> rows, index (`symbol`, `open_time`), complete (no NaN).
        labels: index (`symbol`, `open_time`), columns `label`, `as_of`, `resolves_at`; only labels
            with `resolves_at < until` (minus the embargo).
        daily: index (`symbol`, `open_time`), columns of `features.realised.daily_variance`:
            `close` and `rv`, of candles available at `until`.
    """

    symbol: str
    target: Target
    until: datetime
    features: Mapping[str, pd.DataFrame]
    labels: pd.DataFrame
    daily: pd.DataFrame

    def rows(self, feature_set: str, symbols: tuple[str, ...]) -> tuple[pd.DataFrame, pd.Series]:
        """Return the feature rows of these symbols that have a resolved label, and the labels."""
        labels = self.labels["label"]
        labels = labels.loc[labels.index.get_level_values("symbol").isin(symbols)]
        # Looked up by place: an intersection of the two indexes turns every instant into an object.
        table, places = find_rows(self.features, feature_set, labels.index)
        order = np.argsort(places)[np.count_nonzero(places < 0) :]
        return table.iloc[places[order]], labels.iloc[order]


class Model(Protocol):
    """A fitted learner."""

    kind: ClassVar[str]

    @property
    def columns(self) -> tuple[str, ...]:
        """The feature columns that `predict_proba` demands, matched by name."""
        ...

    @property
    def classes(self) -> tuple[int, ...]:
        """The label's values, ascending."""
        ...

    def predict_proba(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return P(class | row): index of `rows`, columns `classes`; rows sum to 1.

        Column order is irrelevant. A model that reads sequences (`window` above 1) is given the
        consecutive rows of one symbol and returns those that end a whole window.

        Raises:
            DataMalformed: a column is missing or unknown, or a value is missing or infinite.
        """
        ...

    def dump(self) -> dict[str, bytes]:
        """Return the model as files: name -> bytes."""
        ...

    @classmethod
    def load(cls, files: Mapping[str, bytes]) -> Self:
        """Rebuild a model from what `dump` gave.

        Raises:
            BundleRefused: a file is missing or does not hold what it should.
        """
        ...


class Learner(Protocol):
    """A frozen config of one kind of model."""

    kind: ClassVar[str]

    @property
    def feature_set(self) -> str:
        """The feature set whose rows the model reads."""
        ...

    def fit(self, training: TrainingSet, *, seed: int) -> Model:
        """Fit on what was known at `training.until`; deterministic under `seed`.

        Raises:
            DataUnavailable: there are too few resolved rows to fit on.
        """
        ...

    def describe(self) -> dict[str, Any]:
        """Return the parameters, for the manifest and the trial ledger."""
        ...


class JointLearner(Learner, Protocol):
    """A learner that fits the models of many folds, candidates and seeds together."""

    @property
    def refit_every(self) -> int:
        """Folds from one refit to the next; a fold between them is forecast by the last model."""
        ...

    def fit_many(
        self, jobs: Sequence[Mapping[str, TrainingSet]], *, seed: int, progress: Progress
    ) -> list[dict[str, Model]]:
        """Fit one model per job and candidate.

        Args:
            jobs: one per fold: candidate -> training set.

        Raises:
            DataUnavailable: there are too few resolved rows to fit on.
        """
        ...


def window_of(model: Model) -> int:
    """Return how many consecutive rows a forecast reads; 1 where each row stands alone."""
    return int(getattr(model, "window", 1))


def complete_opens(model: Model, rows: pd.DataFrame) -> pd.DatetimeIndex:
    """Return the opens of the rows that a model can forecast: those that end a whole window."""
    opens = pd.DatetimeIndex(rows.index)
    if window_of(model) == 1:
        return opens
    complete: np.ndarray = model.complete(opens)  # type: ignore[attr-defined]
    return opens[complete]


def answers_of(model: Model, rows: pd.DataFrame, opens: pd.DatetimeIndex) -> pd.DataFrame | None:
    """Return a model's forecasts of the rows at `opens`, or None where it lacks rows for one.

    Args:
        rows: index `open_time`, ascending, complete.
    """
    places = rows.index.get_indexer(opens)
    if (places < 0).any():
        return None
    if window_of(model) == 1:
        return model.predict_proba(rows.iloc[places])
    said = pd.concat([_said_of(model, rows, *edges) for edges in _stretches(places)])
    return said.loc[opens] if opens.isin(said.index).all() else None


def _said_of(model: Model, rows: pd.DataFrame, first: int, last: int) -> pd.DataFrame:
    return model.predict_proba(rows.iloc[max(first - window_of(model) + 1, 0) : last + 1])


def _stretches(places: np.ndarray) -> list[tuple[int, int]]:
    """Return the first and last of each stretch of consecutive places: rows between are not asked.

    >>> _stretches(np.array([3, 4, 5, 9]))
    [(3, 5), (9, 9)]
    """
    ends = np.flatnonzero(np.diff(places) != 1)
    firsts, lasts = np.r_[0, ends + 1], np.r_[ends, len(places) - 1]
    return [(int(places[a]), int(places[b])) for a, b in zip(firsts, lasts, strict=True)]


def aligned(rows: pd.DataFrame, columns: tuple[str, ...]) -> np.ndarray:
    """Return the rows as a float64 matrix in the order of `columns`, shape (rows, columns).

    Raises:
        DataMalformed: a column is missing or unknown, or a value is missing or infinite.

    >>> aligned(pd.DataFrame({"b": [2.0], "a": [1.0]}), ("a", "b"))
    array([[1., 2.]])
    """
    missing = [name for name in columns if name not in rows.columns]
    unknown = [str(name) for name in rows.columns if name not in columns]
    if missing or unknown:
        raise DataMalformed(
            f"the feature rows do not fit the model (missing: {missing}, unknown: {unknown}).",
            remedy="Build them with the bundle's own feature set and variant.",
        )
    matrix = rows.loc[:, list(columns)].to_numpy(dtype="float64")
    if not np.isfinite(matrix).all():
        where = [columns[i] for i in np.flatnonzero(~np.isfinite(matrix).all(axis=0))]
        raise DataMalformed(
            f"the feature rows hold missing or infinite values in {', '.join(where)}.",
            remedy="The candles behind them have a gap; run `forecastlab update`.",
        )
    return matrix
