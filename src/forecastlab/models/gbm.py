"""LightGBM on the flow features, strongly regularised.

Overlapping labels make n rows worth n/T; an unregularised booster learns the overlap and is far
worse than the base rate (log loss 1.8 to 2.1 against 1.1). So trees are tiny, leaves are large, and
the number of rounds is stopped on the newest block of training rows, which nothing is scored on.

Boosting starts from each symbol's own class frequencies: what is pooled over symbols is how the
features move the odds, not how often a symbol moves. Without that, the wilder symbols' frequencies
cost BTC .07 (T14) and .04 (T21) nats on 2019–2020.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self

import lightgbm
import numpy as np
import pandas as pd
from lightgbm.basic import LightGBMError

from forecastlab.contracts.canonical import Json, canonical_bytes, parse_document
from forecastlab.contracts.errors import BundleRefused, DataMalformed, DataUnavailable
from forecastlab.models.base import TrainingSet, aligned
from forecastlab.models.softmax import softmax

BOOSTER_FILE: Final = "lightgbm.txt"
DOCUMENT_FILE: Final = "lightgbm.json"

MIN_ROWS: Final = 100
"""Fewest rows to fit on, and as the stopping block a fifth of it: below, trees cannot split."""

_STOP_ROWS: Final = MIN_ROWS // 5


@dataclass(frozen=True)
class LightGbm:
    """Learner of multiclass boosted trees on pooled symbols.

    Attributes:
        symbols: symbols whose rows are pooled; the features must be free of scale.
        stop_share: newest share of the training as-ofs that only stops the boosting, in (0, 1).
            Rows whose label windows reach into it are left out of fitting. The booster is then
            fitted once more, on all rows, with the number of rounds that was found.
        rounds: most rounds; `patience` rounds without gain on the stopping block end the search.
        leaves, min_rows_in_leaf, column_share, row_share, l2, bins: LightGBM's num_leaves,
            min_data_in_leaf, feature_fraction, bagging_fraction, lambda_l2, max_bin.
    """

    kind: ClassVar[str] = "lightgbm"
    symbols: tuple[str, ...]
    feature_set: str = "flow"
    stop_share: float = 0.2
    rounds: int = 300
    patience: int = 30
    learning_rate: float = 0.02
    leaves: int = 4
    min_rows_in_leaf: int = 200
    column_share: float = 0.3
    row_share: float = 0.5
    l2: float = 50.0
    bins: int = 31

    def fit(self, training: TrainingSet, *, seed: int) -> LightGbmModel:
        """Find the number of rounds on the stopping block, then fit on all resolved rows.

        Raises:
            DataUnavailable: there are too few resolved rows.
        """
        rows, columns = _pooled(training, self.feature_set, self.symbols)
        classes = len(training.target.classes)
        parameters = self._parameters(classes, seed)
        rounds = self._rounds(rows, parameters)
        booster = lightgbm.train(
            parameters, rows.dataset(rows, classes, columns), num_boost_round=rounds
        )
        offset = rows.log_rates(np.array([training.symbol]), classes)[0]
        start = tuple(float(value) for value in offset)
        return LightGbmModel(columns, training.target.classes, start, booster)

    def describe(self) -> dict[str, Any]:
        """Return the parameters."""
        return {**dataclasses.asdict(self), "symbols": list(self.symbols)}

    def _parameters(self, classes: int, seed: int) -> dict[str, Any]:
        return {
            "objective": "multiclass",
            "num_class": classes,
            "learning_rate": self.learning_rate,
            "num_leaves": self.leaves,
            "min_data_in_leaf": self.min_rows_in_leaf,
            "feature_fraction": self.column_share,
            "bagging_fraction": self.row_share,
            "bagging_freq": 1,
            "lambda_l2": self.l2,
            "max_bin": self.bins,
            "seed": seed,
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": 1,
            "verbosity": -1,
        }

    def _rounds(self, rows: _Rows, parameters: dict[str, Any]) -> int:
        """Return the number of rounds that is best on the stopping block, at least 1."""
        fit_on, stop_on = split_for_stopping(rows.as_of, rows.resolves_at, share=self.stop_share)
        early, late = rows.take(fit_on), rows.take(stop_on)
        if len(early.as_of) < MIN_ROWS or len(late.as_of) < _STOP_ROWS:
            raise DataUnavailable(
                f"{len(early.as_of)} + {len(late.as_of)} resolved rows are too few for lightgbm"
                f" (it needs {MIN_ROWS} to fit on and {_STOP_ROWS} to stop on).",
                remedy="Bring more history, or begin the walk-forward later.",
            )
        fitted = early.dataset(early, parameters["num_class"])
        stop = late.dataset(early, parameters["num_class"], reference=fitted)
        booster = lightgbm.train(
            parameters,
            fitted,
            num_boost_round=self.rounds,
            valid_sets=[stop],
            callbacks=[lightgbm.early_stopping(self.patience, verbose=False)],
        )
        return max(booster.best_iteration, 1)


@dataclass(frozen=True, eq=False)
class LightGbmModel:
    """Fitted boosted trees; on disk LightGBM's own text, and the rest as JSON.

    `start` is the log of the forecast symbol's class frequencies, which the trees' scores add to.
    A class that training never saw starts from 1 / (rows + classes), so its P is above 0.
    """

    kind: ClassVar[str] = "lightgbm"
    columns: tuple[str, ...]
    classes: tuple[int, ...]
    start: tuple[float, ...]
    booster: lightgbm.Booster = dataclasses.field(repr=False)

    def predict_proba(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return P(class | row).

        Raises:
            DataMalformed: a column is missing or unknown, or a value is missing or infinite.
        """
        matrix = aligned(rows, self.columns)
        scores = np.tile(self.start, (len(matrix), 1))
        if len(matrix):
            scores += np.asarray(self.booster.predict(matrix, raw_score=True, num_threads=1))
        return pd.DataFrame(softmax(scores), index=rows.index, columns=list(self.classes))

    def dump(self) -> dict[str, bytes]:
        """Return the booster's text, and columns, classes and start as JSON."""
        document: dict[str, Json] = {
            "columns": list(self.columns),
            "classes": list(self.classes),
            "start": list(self.start),
        }
        return {
            BOOSTER_FILE: self.booster.model_to_string().encode(),
            DOCUMENT_FILE: canonical_bytes(document),
        }

    @classmethod
    def load(cls, files: Mapping[str, bytes]) -> Self:
        """Rebuild the model from what `dump` gave.

        Raises:
            BundleRefused: a file is missing or broken, or the booster was fitted on other columns.
        """
        try:
            document: dict[str, Any] = parse_document(files[DOCUMENT_FILE], what=DOCUMENT_FILE)
            columns = tuple(str(name) for name in document["columns"])
            classes = tuple(int(label) for label in document["classes"])
            start = tuple(float(value) for value in document["start"])
            booster = lightgbm.Booster(model_str=files[BOOSTER_FILE].decode())
        except (
            KeyError,
            TypeError,
            ValueError,
            DataMalformed,
            LightGBMError,
        ) as error:
            raise BundleRefused(
                f"{BOOSTER_FILE} or {DOCUMENT_FILE} holds no model ({error}).",
                remedy="Restore the bundle.",
            ) from error
        fitted_on = tuple(booster.feature_name())
        sizes = {booster.num_model_per_iteration(), len(classes), len(start)}
        if fitted_on != columns or len(sizes) > 1:
            raise BundleRefused(
                f"{BOOSTER_FILE} was fitted on {', '.join(fitted_on)}, not on what"
                f" {DOCUMENT_FILE} lists.",
                remedy="Restore the bundle.",
            )
        return cls(columns, classes, start, booster)


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


@dataclass(frozen=True, eq=False)
class _Rows:
    """Training rows of all symbols as arrays; instants in epoch ms."""

    matrix: np.ndarray
    happened: np.ndarray
    symbol: np.ndarray
    as_of: np.ndarray
    resolves_at: np.ndarray

    def take(self, mask: np.ndarray) -> _Rows:
        columns = (getattr(self, field.name)[mask] for field in dataclasses.fields(self))
        return _Rows(*columns)

    def log_rates(self, symbols: np.ndarray, classes: int) -> np.ndarray:
        """Return the log class frequencies (add one) of each of these symbols' rows."""
        names, codes = np.unique(symbols, return_inverse=True)
        counts = np.array(
            [np.bincount(self.happened[self.symbol == name], minlength=classes) for name in names]
        )
        rates = (counts + 1) / (counts + 1).sum(axis=1, keepdims=True)
        return np.asarray(np.log(rates)[codes])

    def dataset(
        self,
        known: _Rows,
        classes: int,
        columns: tuple[str, ...] | None = None,
        reference: lightgbm.Dataset | None = None,
    ) -> lightgbm.Dataset:
        """Return the rows for LightGBM; boosting starts from the frequencies of `known` rows."""
        return lightgbm.Dataset(
            self.matrix,
            self.happened,
            init_score=known.log_rates(self.symbol, classes),
            feature_name="auto" if columns is None else list(columns),
            reference=reference,
        )


def _pooled(
    training: TrainingSet, feature_set: str, symbols: tuple[str, ...]
) -> tuple[_Rows, tuple[str, ...]]:
    rows, labels = training.rows(feature_set, symbols)
    columns = tuple(str(name) for name in rows.columns)
    known = training.labels.loc[rows.index]
    return _Rows(
        matrix=aligned(rows, columns),
        happened=np.searchsorted(training.target.classes, labels.to_numpy()),
        symbol=np.asarray(rows.index.get_level_values("symbol")),
        as_of=pd.DatetimeIndex(known["as_of"]).as_unit("ms").asi8,
        resolves_at=pd.DatetimeIndex(known["resolves_at"]).as_unit("ms").asi8,
    ), columns
