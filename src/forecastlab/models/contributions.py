"""A member's raw score at one as-of, taken apart into what each column adds to it.

Trees: SHAP values by the library's own exact algorithm, along the paths of the trees. First
passage: the barrier's log odds depend on the columns through one weighted sum, the log variance;
along the straight line from "every column as on average" to the row, each column takes its share of
the sum's move (the Aumann–Shapley value, which for a function of one sum is the slope of the secant
times the column's term). Both sum to the raw score by construction.

Sources: Lundberg, Erion & Lee (2018), "Consistent individualized feature attribution for tree
ensembles"; Aumann & Shapley (1974), Values of Non-Atomic Games, chapter 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from forecastlab.features.variance import LEVEL
from forecastlab.models.barrier import expected_event_probability
from forecastlab.models.base import Model, aligned
from forecastlab.models.event_logit import clipped, logit
from forecastlab.models.first_passage import FirstPassageModel

EVENT: Final = "event"
"""The output of a first-passage forecast: some close leaves the band."""

_NEAR: Final = 1e-6
"""Below this move of the log variance the slope of the secant is that of the tangent."""


@dataclass(frozen=True)
class Contributions:
    """One row's raw scores, taken apart.

    Attributes:
        unit: what the numbers count.
        base_is: what the base is.
        base: output -> the score before any column has a say.
        columns: output -> column -> what it adds.
    """

    unit: str
    base_is: str
    base: Mapping[str, float]
    columns: Mapping[str, Mapping[str, float]]

    @property
    def raw(self) -> dict[str, float]:
        """Output -> the raw score: base and all contributions."""
        return {output: self.base[output] + sum(of.values()) for output, of in self.columns.items()}


def contributions(model: Model, row: pd.DataFrame) -> Contributions | None:
    """Take a model's raw score of one row apart; None of a model that is not explained.

    Args:
        row: one complete row of the model's feature set, columns in any order.

    Raises:
        DataMalformed: a column is missing or unknown, or a value is missing or infinite.
    """
    if isinstance(model, FirstPassageModel):
        return _first_passage(model, row)
    booster: Any = getattr(model, "booster", None)
    if booster is None:
        return None
    matrix, classes = aligned(row, model.columns), model.classes
    values = _shap_values(booster, matrix, model.columns)
    start = np.asarray(getattr(model, "start"))  # noqa: B009 - boosted models alone have one
    if len(classes) == 2:
        # Two classes have one tree a round, whose score is the second one's log odds.
        outputs, offsets, unit = [str(classes[1])], [start[1] - start[0]], "log odds"
    else:
        outputs, offsets = [str(label) for label in classes], list(start)
        unit = "log weight of the class, before all are normalised"
    return Contributions(
        unit=unit,
        base_is="the frequency in training, and the trees' mean",
        base={
            output: float(offset + of[-1])
            for output, offset, of in zip(outputs, offsets, values, strict=True)
        },
        columns={
            output: dict(zip(model.columns, of[:-1].tolist(), strict=True))
            for output, of in zip(outputs, values, strict=True)
        },
    )


def _shap_values(booster: Any, matrix: np.ndarray, columns: tuple[str, ...]) -> np.ndarray:
    """Return the SHAP values of one row, the expected value last, shape (outputs, columns + 1)."""
    if hasattr(booster, "get_dump"):
        import xgboost  # noqa: PLC0415 - loaded already, as the booster is one of its own

        asked = xgboost.DMatrix(matrix, feature_names=list(columns), nthread=1)
        shares = booster.predict(asked, pred_contribs=True)
        found = np.asarray(shares, dtype="float64").reshape(-1, len(columns) + 1)
        # XGBoost adds in 32 bits and is off by up to 5e-7; the base takes that up.
        margin = booster.inplace_predict(matrix, predict_type="margin", validate_features=False)
        found[:, -1] += np.asarray(margin, dtype="float64").ravel() - found.sum(axis=1)
        return found
    shares = booster.predict(matrix, pred_contrib=True, num_threads=1)
    return np.asarray(shares, dtype="float64").reshape(-1, len(columns) + 1)


def _first_passage(model: FirstPassageModel, row: pd.DataFrame) -> Contributions:
    inputs = tuple(name for name in model.columns if name != LEVEL)
    matrix = aligned(row, (*inputs, LEVEL))
    x, level = matrix[:, :-1], matrix[:, -1]
    variance, event = model.variance, model.event
    average = variance.scaling.mean[None, :]
    expected = variance.log_variance(x, level, model.horizon)
    usual = variance.log_variance(average, level, model.horizon)
    terms = (variance.scaling.standardised(x) * variance.weights)[0]
    here, there = _barrier(model, expected), _barrier(model, usual)
    move = float(expected[0] - usual[0])
    if abs(move) > _NEAR:
        slope = (here - there) / move
    else:
        step = np.array([1e-3])
        slope = (_barrier(model, usual + step) - _barrier(model, usual - step)) / 2e-3
    own = (clipped(event.scaling, x) * event.weights)[0]
    parts = event.slope * slope * terms + own
    return Contributions(
        unit="log odds that a close leaves the band",
        base_is="at the present level of variance, with all else as on average",
        base={EVENT: event.intercept + event.slope * there},
        columns={EVENT: dict(zip(inputs, parts.tolist(), strict=True))},
    )


def _barrier(model: FirstPassageModel, log_variance: np.ndarray) -> float:
    """Return the log odds that the barrier formula gives for a log variance, shape (1,)."""
    spread = model.variance.residual_sd
    chance = expected_event_probability(log_variance, spread, model.horizon, model.level)
    return float(logit(chance)[0])
