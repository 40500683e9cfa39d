"""The stack: multinomial logistic on the members' log probabilities, shrunk to the pool.

One weight per member and one intercept per class. At weights 1/M and intercepts 0 it is the
equal-weight pool, and that is the centre of its prior: it leaves the pool only as far as resolved
out-of-fold forecasts push it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np

from forecastlab.contracts.canonical import Json, canonical_bytes, number, parse_document
from forecastlab.contracts.errors import BundleRefused, DataMalformed
from forecastlab.models.calibration import INTERCEPT_SD, SLOPE_SD
from forecastlab.models.log_linear import LogLinear, fit_log_linear

FILE: Final = "stack.json"

TOTAL_SD: Final = SLOPE_SD
"""Prior spread of the sum of the weights about 1. That sum is to the stack what the slope is to a
calibration; so each of M weights is believed to be 1/M within TOTAL_SD / √M. Of .1, .3, 1 and 3, on
BTC's days of July 2019 to 2020, where members are two and labels few, the stack loses .001 to .003
nats a day per step up to 1 (T14: 1.0572, 1.0579, 1.0645, 1.0824; the pool 1.0594); where labels are
many, the prior hardly counts."""


@dataclass(frozen=True)
class Stack:
    """P′(class) ∝ exp(intercept_class + Σ_member weight · log P_member(class)).

    Attributes:
        members: the members' names, in the order of `weights`.
        intercepts: one per class, classes ascending.

    >>> stack = Stack(("a", "b"), weights=(1.0, 0.0), intercepts=(0.0, 0.0))
    >>> tables = {"b": np.array([[0.5, 0.5]]), "a": np.array([[0.2, 0.8]])}
    >>> stack.combine(tables).round(9).tolist()
    [[0.2, 0.8]]
    """

    members: tuple[str, ...]
    weights: tuple[float, ...]
    intercepts: tuple[float, ...]

    def combine(self, members: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return the combined probabilities, shape (rows, classes); rows sum to 1."""
        tables = [members[name] for name in self.members]
        return LogLinear(self.intercepts, self.weights).apply(tables)

    def dump(self) -> dict[str, bytes]:
        """Return the coefficients as JSON."""
        weights: dict[str, Json] = dict(zip(self.members, self.weights, strict=True))
        intercepts: list[Json] = list(self.intercepts)
        members: list[Json] = list(self.members)
        document: dict[str, Json] = {
            "members": members,
            "weights": weights,
            "intercepts": intercepts,
        }
        return {FILE: canonical_bytes(document)}

    @classmethod
    def load(cls, files: Mapping[str, bytes]) -> Self:
        """Rebuild the stack from what `dump` gave.

        Raises:
            BundleRefused: the file is missing or holds no stack.
        """
        try:
            document: dict[str, Any] = parse_document(files[FILE], what=FILE)
            members = tuple(str(name) for name in document["members"])
            weights = tuple(number(document["weights"][name]) for name in members)
            intercepts = tuple(number(value) for value in document["intercepts"])
        except (KeyError, TypeError, ValueError, DataMalformed) as error:
            raise BundleRefused(
                f"{FILE} holds no stack ({error}).", remedy="Restore the bundle."
            ) from error
        if not members or not all(map(math.isfinite, (*weights, *intercepts))):
            raise BundleRefused(f"{FILE} holds no finite weights.", remedy="Restore the bundle.")
        return cls(members, weights, intercepts)


def fit_stack(members: Mapping[str, np.ndarray], happened: np.ndarray, *, overlap: int) -> Stack:
    """Fit weights and intercepts by penalised likelihood; without rows, return the pool.

    The penalty is that of normal priors, N(1/M, TOTAL_SD² / M) on each of M weights and
    N(0, INTERCEPT_SD²) on each intercept, times `overlap`.

    Args:
        members: member -> probabilities, each of shape (rows, classes).
        happened: the column that happened, shape (rows,).
        overlap: rows that a label overlaps.

    >>> right = np.tile([[0.8, 0.2], [0.2, 0.8]], (200, 1))
    >>> happened = np.tile([0, 1, 0, 1, 0, 1, 0, 1, 0, 0], 40)
    >>> found = fit_stack({"right": right, "wrong": right[:, ::-1]}, happened, overlap=1)
    >>> found.weights[0] > 1 / 2 > found.weights[1]
    True
    """
    tables = list(members.values())
    found = fit_log_linear(
        tables,
        happened,
        centre=_pool(len(tables), classes=tables[0].shape[1]),
        intercept_sd=INTERCEPT_SD,
        weight_sd=TOTAL_SD / math.sqrt(len(tables)),
        overlap=overlap,
    )
    return Stack(tuple(members), found.weights, found.intercepts)


def _pool(members: int, *, classes: int) -> LogLinear:
    return LogLinear((0.0,) * classes, (1 / members,) * members)
