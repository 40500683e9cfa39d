"""LightGBM on pooled symbols, strongly regularised.

Overlapping labels make n rows worth n/T; an unregularised booster learns the overlap and is far
worse than the base rate (log loss 1.8 to 2.1 against 1.1). So trees are tiny, leaves are large, and
the number of rounds is fixed, or stopped on the newest block of training rows, which nothing is
scored on.

Boosting starts from each symbol's own class frequencies: what is pooled over symbols is how the
features move the odds, not how often a symbol moves. Without that, the wilder symbols' frequencies
cost BTC .07 (T14) and .04 (T21) nats on 2019–2020.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self

import lightgbm
import numpy as np
import pandas as pd
from lightgbm.basic import LightGBMError

from forecastlab.contracts.canonical import Json, canonical_bytes, number, parse_document, whole
from forecastlab.contracts.errors import BundleRefused, DataMalformed
from forecastlab.models.base import TrainingSet, aligned
from forecastlab.models.lightgbm_text import checked_text
from forecastlab.models.pooled_rows import PooledRows, pooled_rows, stopping_blocks
from forecastlab.models.softmax import softmax

_RANGES: Final = "feature_infos="
"""The line of LightGBM's text that states each column's range, as `[low:high]` or `none`."""


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
        said = self.probabilities(aligned(rows, self.columns))
        return pd.DataFrame(said, index=rows.index, columns=list(self.classes))

    def probabilities(self, matrix: np.ndarray) -> np.ndarray:
        """Return P(class | row), shape (rows, classes), of finite rows in the order of `columns`.

        A table around one row costs 20 times what its forecast does (325 against 16 µs).
        """
        scores = np.tile(self.start, (len(matrix), 1))
        if len(matrix):
            raw = np.asarray(self.booster.predict(matrix, raw_score=True, num_threads=1))
            # Two classes have one tree a round, whose score is the second one's log odds.
            scores[:, -1 if raw.ndim == 1 else slice(None)] += raw
        return softmax(scores)

    def ranges(self) -> dict[str, tuple[float, float] | None]:
        """Return the smallest and largest value of each column in training; None: it was constant.

        LightGBM keeps them in its file, as they bound its bins.
        """
        text = self.booster.model_to_string(num_iteration=1)
        line = next(one for one in text.splitlines() if one.startswith(_RANGES))
        found = line.removeprefix(_RANGES).split(" ")
        return {
            name: None if one == "none" else _range(one)
            for name, one in zip(self.columns, found, strict=True)
        }

    def dump(self) -> dict[str, bytes]:
        """Return the booster's text, and columns, classes and start as JSON."""
        document: dict[str, Json] = {
            "columns": list(self.columns),
            "classes": list(self.classes),
            "start": list(self.start),
        }
        return {
            f"{self.kind}.txt": self.booster.model_to_string().encode(),
            f"{self.kind}.json": canonical_bytes(document),
        }

    @classmethod
    def load(cls, files: Mapping[str, bytes]) -> Self:
        """Rebuild the model from what `dump` gave.

        Raises:
            BundleRefused: a file is missing or broken, or the booster was fitted on other columns.
        """
        text, parameters = f"{cls.kind}.txt", f"{cls.kind}.json"
        try:
            document: dict[str, Any] = parse_document(files[parameters], what=parameters)
            columns = tuple(str(name) for name in document["columns"])
            classes = tuple(whole(label) for label in document["classes"])
            start = tuple(number(value) for value in document["start"])
            booster = lightgbm.Booster(model_str=checked_text(files[text]))
        except (
            KeyError,
            TypeError,
            ValueError,
            DataMalformed,
            LightGBMError,
        ) as error:
            raise BundleRefused(
                f"{text} or {parameters} holds no model ({error}).", remedy="Restore the bundle."
            ) from error
        fitted_on = tuple(booster.feature_name())
        trees = {booster.num_model_per_iteration(), 1 if len(classes) == 2 else len(classes)}
        if fitted_on != columns or len(trees) > 1 or len(start) != len(classes):
            raise BundleRefused(
                f"{text} was fitted on {', '.join(fitted_on)}, not on what {parameters} lists.",
                remedy="Restore the bundle.",
            )
        return cls(columns, classes, start, booster)


@dataclass(frozen=True, eq=False)
class LightGbmCrossModel(LightGbmModel):
    """The model of `LightGbmCross`, in files of its own."""

    kind: ClassVar[str] = "lightgbm_cross"


@dataclass(frozen=True)
class LightGbm:
    """Learner of boosted trees on pooled symbols: binary for two classes, else multiclass.

    Attributes:
        symbols: symbols whose rows are pooled; the features must be free of scale.
        stop_share: newest share of the training as-ofs that only stops the boosting, in (0, 1).
            Rows whose label windows reach into it are left out of fitting. The booster is then
            fitted once more, on all rows, with the number of rounds that was found.
        rounds: most rounds; `patience` rounds without gain on the stopping block end the search.
            With a `patience` of 0 nothing is searched: `rounds` are fitted on all rows.
        leaves, min_rows_in_leaf, column_share, row_share, l2, bins: LightGBM's num_leaves,
            min_data_in_leaf, feature_fraction, bagging_fraction, lambda_l2, max_bin.
    """

    kind: ClassVar[str] = "lightgbm"
    model: ClassVar[type[LightGbmModel]] = LightGbmModel
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
        """Settle the number of rounds, then fit on all resolved rows.

        Raises:
            DataUnavailable: there are too few resolved rows.
        """
        rows, columns = pooled_rows(training, self.feature_set, self.symbols, kind=self.kind)
        classes = len(training.target.classes)
        parameters = self._parameters(classes, seed)
        rounds = self._rounds(rows, parameters, classes) if self.patience else self.rounds
        booster = lightgbm.train(
            parameters, _dataset(rows, rows, classes, columns), num_boost_round=rounds
        )
        offset = rows.log_rates(np.array([training.symbol]), classes)[0]
        start = tuple(float(value) for value in offset)
        return self.model(columns, training.target.classes, start, booster)

    def describe(self) -> dict[str, Any]:
        """Return the parameters."""
        return {**dataclasses.asdict(self), "symbols": list(self.symbols)}

    def _parameters(self, classes: int, seed: int) -> dict[str, Any]:
        return {
            **_objective(classes),
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

    def _rounds(self, rows: PooledRows, parameters: dict[str, Any], classes: int) -> int:
        """Return the number of rounds that is best on the stopping block, at least 1."""
        early, late = stopping_blocks(rows, share=self.stop_share, kind=self.kind)
        fitted = _dataset(early, early, classes)
        stop = _dataset(late, early, classes, reference=fitted)
        booster = lightgbm.train(
            parameters,
            fitted,
            num_boost_round=self.rounds,
            valid_sets=[stop],
            callbacks=[lightgbm.early_stopping(self.patience, verbose=False)],
        )
        return max(booster.best_iteration, 1)


@dataclass(frozen=True)
class LightGbmCross(LightGbm):
    """The same learner beside it in one bundle, reading other symbols' features as well."""

    kind: ClassVar[str] = "lightgbm_cross"
    model: ClassVar[type[LightGbmModel]] = LightGbmCrossModel
    feature_set: str = "direction_cross"


def _range(text: str) -> tuple[float, float]:
    low, high = text.strip("[]").split(":")
    return float(low), float(high)


def _objective(classes: int) -> dict[str, Any]:
    if classes == 2:
        return {"objective": "binary"}
    return {"objective": "multiclass", "num_class": classes}


def _dataset(
    rows: PooledRows,
    known: PooledRows,
    classes: int,
    columns: tuple[str, ...] | None = None,
    reference: lightgbm.Dataset | None = None,
) -> lightgbm.Dataset:
    """Return the rows for LightGBM; boosting starts from the frequencies of `known` rows."""
    return lightgbm.Dataset(
        rows.matrix,
        rows.happened,
        init_score=known.start_scores(rows.symbol, classes),
        feature_name="auto" if columns is None else list(columns),
        reference=reference,
    )
