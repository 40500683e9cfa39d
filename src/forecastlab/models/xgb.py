"""XGBoost on pooled symbols, strongly regularised, in the same manner as LightGBM.

Boosting starts from each symbol's own class frequencies (as base margin), the number of rounds is
fixed or stopped on the newest block, and the booster lies on disk in XGBoost's own UBJSON.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self

import numpy as np
import pandas as pd
import xgboost

from forecastlab.contracts.canonical import (
    Json,
    canonical_bytes,
    digest,
    number,
    parse_document,
    whole,
)
from forecastlab.contracts.errors import BundleRefused, DataMalformed
from forecastlab.models.base import TrainingSet, aligned
from forecastlab.models.pooled_rows import PooledRows, pooled_rows, stopping_blocks
from forecastlab.models.softmax import softmax

BOOSTER_FILE: Final = "xgboost.ubj"
DOCUMENT_FILE: Final = "xgboost.json"


@dataclass(frozen=True, eq=False)
class XgBoostModel:
    """Fitted boosted trees; on disk XGBoost's UBJSON, and the rest as JSON.

    `start` is the log of the forecast symbol's class frequencies, which the trees' scores add to.
    """

    kind: ClassVar[str] = "xgboost"
    columns: tuple[str, ...]
    classes: tuple[int, ...]
    start: tuple[float, ...]
    booster: xgboost.Booster = dataclasses.field(repr=False)

    def predict_proba(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return P(class | row).

        Raises:
            DataMalformed: a column is missing or unknown, or a value is missing or infinite.
        """
        said = self.probabilities(aligned(rows, self.columns))
        return pd.DataFrame(said, index=rows.index, columns=list(self.classes))

    def probabilities(self, matrix: np.ndarray) -> np.ndarray:
        """Return P(class | row), shape (rows, classes), of finite rows in order of `columns`."""
        scores = np.tile(self.start, (len(matrix), 1))
        if len(matrix):
            raw = np.asarray(
                self.booster.inplace_predict(matrix, predict_type="margin", validate_features=False)
            )
            # Two classes have one tree a round, whose score is the second one's log odds.
            scores[:, -1 if raw.ndim == 1 else slice(None)] += raw
        return softmax(scores)

    def dump(self) -> dict[str, bytes]:
        """Return the booster's UBJSON, and columns, classes and start as JSON."""
        booster = bytes(self.booster.save_raw("ubj"))
        document: dict[str, Json] = {
            "booster": digest(booster),
            "columns": list(self.columns),
            "classes": list(self.classes),
            "start": list(self.start),
        }
        return {BOOSTER_FILE: booster, DOCUMENT_FILE: canonical_bytes(document)}

    @classmethod
    def load(cls, files: Mapping[str, bytes]) -> Self:
        """Rebuild the model from what `dump` gave.

        Raises:
            BundleRefused: a file is missing or broken, or the booster was fitted on other columns.
        """
        try:
            document: dict[str, Any] = parse_document(files[DOCUMENT_FILE], what=DOCUMENT_FILE)
            columns = tuple(str(name) for name in document["columns"])
            classes = tuple(whole(label) for label in document["classes"])
            start = tuple(number(value) for value in document["start"])
            booster = _loaded(files[BOOSTER_FILE], str(document["booster"]))
        except (
            KeyError,
            TypeError,
            ValueError,
            DataMalformed,
            xgboost.core.XGBoostError,
        ) as error:
            raise BundleRefused(
                f"{BOOSTER_FILE} or {DOCUMENT_FILE} holds no model ({error}).",
                remedy="Restore the bundle.",
            ) from error
        fitted_on = tuple(booster.feature_names or ())
        trees = {_trees_a_round(booster), 1 if len(classes) == 2 else len(classes)}
        if fitted_on != columns or len(trees) > 1 or len(start) != len(classes):
            raise BundleRefused(
                f"{BOOSTER_FILE} was fitted on {', '.join(fitted_on)}, not on what"
                f" {DOCUMENT_FILE} lists.",
                remedy="Restore the bundle.",
            )
        return cls(columns, classes, start, booster)


@dataclass(frozen=True)
class XgBoost:
    """Learner of boosted trees on pooled symbols: binary for two classes, else multiclass.

    Attributes:
        symbols: symbols whose rows are pooled; the features must be free of scale.
        stop_share, rounds, patience: as in `LightGbm`; with a `patience` of 0, `rounds` are fixed.
        common_start: boosting starts from the frequencies of all rows together, so that the model
            answers for each of the symbols alike.
        depth, min_weight, column_share, row_share, l1, l2, bins: XGBoost's max_depth,
            min_child_weight (a row of even odds weighs 1/4), colsample_bytree, subsample, alpha,
            lambda, max_bin.
    """

    kind: ClassVar[str] = "xgboost"
    symbols: tuple[str, ...]
    feature_set: str = "flow"
    stop_share: float = 0.2
    rounds: int = 300
    patience: int = 30
    learning_rate: float = 0.02
    depth: int = 2
    min_weight: float = 50.0
    column_share: float = 0.3
    row_share: float = 0.5
    l1: float = 0.0
    l2: float = 50.0
    bins: int = 31
    common_start: bool = False

    def fit(self, training: TrainingSet, *, seed: int) -> XgBoostModel:
        """Settle the number of rounds, then fit on all resolved rows.

        Raises:
            DataUnavailable: there are too few resolved rows.
        """
        rows, columns = pooled_rows(training, self.feature_set, self.symbols, kind=self.kind)
        if self.common_start:
            rows = dataclasses.replace(rows, symbol=np.full(len(rows), training.symbol))
        classes = len(training.target.classes)
        parameters = self._parameters(classes, seed)
        rounds = self._rounds(rows, parameters, classes) if self.patience else self.rounds
        booster = xgboost.train(parameters, _matrix(rows, rows, classes), num_boost_round=rounds)
        # Given with the rows, XGBoost would compare all names in every round: a tenth of a fit.
        booster.feature_names = list(columns)
        offset = rows.log_rates(np.array([training.symbol]), classes)[0]
        start = tuple(float(value) for value in offset)
        return XgBoostModel(columns, training.target.classes, start, booster)

    def describe(self) -> dict[str, Any]:
        """Return the parameters."""
        return {**dataclasses.asdict(self), "symbols": list(self.symbols)}

    def _parameters(self, classes: int, seed: int) -> dict[str, Any]:
        return {
            **_objective(classes),
            "learning_rate": self.learning_rate,
            "max_depth": self.depth,
            "min_child_weight": self.min_weight,
            "colsample_bytree": self.column_share,
            "subsample": self.row_share,
            "alpha": self.l1,
            "lambda": self.l2,
            "max_bin": self.bins,
            "tree_method": "hist",
            "base_score": 0.5,
            "seed": seed,
            "nthread": 1,
            "verbosity": 0,
        }

    def _rounds(self, rows: PooledRows, parameters: dict[str, Any], classes: int) -> int:
        """Return the number of rounds that is best on the stopping block, at least 1."""
        early, late = stopping_blocks(rows, share=self.stop_share, kind=self.kind)
        booster = xgboost.train(
            parameters,
            _matrix(early, early, classes),
            num_boost_round=self.rounds,
            evals=[(_matrix(late, early, classes), "stop")],
            early_stopping_rounds=self.patience,
            verbose_eval=False,
        )
        return int(booster.best_iteration) + 1


def _objective(classes: int) -> dict[str, Any]:
    if classes == 2:
        return {"objective": "binary:logistic"}
    return {"objective": "multi:softprob", "num_class": classes}


def _loaded(data: bytes, expected: str) -> xgboost.Booster:
    """Read a booster whose bytes have the digest expected; raises ValueError for other bytes."""
    # XGBoost 3.2 ends the whole process on a file that was cut short or is empty.
    if digest(data) != expected:
        raise ValueError(f"{BOOSTER_FILE} has another digest")
    booster = xgboost.Booster()
    booster.load_model(bytearray(data))
    booster.set_param({"nthread": 1})
    return booster


def _trees_a_round(booster: xgboost.Booster) -> int:
    learner = json.loads(booster.save_config())["learner"]
    return max(int(learner["learner_model_param"]["num_class"]), 1)


def _matrix(rows: PooledRows, known: PooledRows, classes: int) -> xgboost.DMatrix:
    """Return the rows for XGBoost; boosting starts from the frequencies of `known` rows."""
    return xgboost.DMatrix(
        rows.matrix,
        rows.happened,
        base_margin=known.start_scores(rows.symbol, classes),
        nthread=1,
    )
