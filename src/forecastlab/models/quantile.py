"""Quantiles of the forward return: boosted, one model each, scaled by volatility, in order.

What is learnt is the return in units of today's volatility, so that one set of trees serves calm
years and wild ones. A row's quantiles are put in ascending order at the end, which can only bring
each closer to the truth.

There is no conformal step on a newest block. Small trees on tens of thousands of rows need no
correction of their own fit, and the block teaches its own months: on four symbols, refitted for
2019 and for 2020, the share of outcomes inside the 5–95 % band was off by 0.8 points (5 candles
ahead) and 1.4 (12), root mean square, after a conformal step by 1.9 and 3.2; inside the 25–75 %
band by 1.8 and 2.7, after it by 1.3 and 2.3; the pinball loss rose by 0.1 and 0.2 %. Moving each
quantile by itself took the block's drift for a law: on BTC and ETH the median was then off by 8 and
12 points, instead of 3 and 5. That much is left: the drift of a year is not in its features.

Source: Chernozhukov, Fernández-Val & Galichon (2010), "Quantile and probability curves without
crossing".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
import pandas as pd

from forecastlab.contracts.canonical import canonical_bytes, parse_document
from forecastlab.contracts.errors import BundleRefused, DataMalformed, DataUnavailable
from forecastlab.models.base import aligned
from forecastlab.models.text_booster import booster_text, fit_booster, grown_trees, read_booster

if TYPE_CHECKING:
    import lightgbm

HORIZONS: Final = (5, 12)
"""Candles ahead of the forward returns."""

LEVELS: Final = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Quantile levels, ascending."""

SIGMA: Final = "atr_pct"
"""The column that returns are scaled by: the mean true range of recent candles over the close."""

FILE: Final = "quantile.json"

MIN_ROWS: Final = 500
"""Fewest rows to fit on: 25 of them lie beyond an outer quantile."""

MIN_TREES: Final = 10
"""Fewest trees that split; below, a quantile is nearly a constant."""

_SIGMA_FLOOR: Final = 1e-5
"""A tenth of a basis point, where a halted market stood still."""

_ROUNDS: Final = 100

_TREES: Final[Mapping[str, Any]] = {
    "objective": "quantile",
    "learning_rate": 0.03,
    "num_leaves": 4,
    "min_data_in_leaf": 200,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.5,
    "bagging_freq": 1,
    "lambda_l2": 10.0,
    "max_bin": 63,
}

Cell = tuple[int, float]
"""A horizon and a level."""


@dataclass(frozen=True, eq=False)
class QuantileModel:
    """Boosters by horizon and level.

    Attributes:
        columns: the feature columns, matched by name; `SIGMA` is one of them.
    """

    columns: tuple[str, ...]
    boosters: Mapping[Cell, lightgbm.Booster] = field(repr=False)

    def predict(self, rows: pd.DataFrame) -> dict[int, pd.DataFrame]:
        """Return per horizon the quantiles of the log return: index of `rows`, columns `LEVELS`.

        Raises:
            DataMalformed: a column is missing or unknown, or a value is missing or infinite.
        """
        matrix = aligned(rows, self.columns)
        found = {}
        for horizon in HORIZONS:
            scaled = np.empty((len(matrix), len(LEVELS)))
            for place, level in enumerate(LEVELS if len(matrix) else ()):
                raw = self.boosters[horizon, level].predict(matrix, num_threads=1)
                scaled[:, place] = np.asarray(raw)
            values = np.sort(scaled, axis=1) * _scale(rows, horizon)[:, None]
            found[horizon] = pd.DataFrame(values, index=rows.index, columns=list(LEVELS))
        return found

    def faults(self) -> tuple[str, ...]:
        """Say what makes a quantile no forecast: too few trees that split."""
        grown = {cell: grown_trees(booster) for cell, booster in self.boosters.items()}
        return tuple(
            f"the {level:g} quantile at {horizon} candles has {trees} trees that split;"
            f" it needs {MIN_TREES}"
            for (horizon, level), trees in grown.items()
            if trees < MIN_TREES
        )

    def dump(self) -> dict[str, bytes]:
        """Return each booster as text, and the columns as JSON."""
        document = canonical_bytes({"columns": list(self.columns)})
        texts = {_file(cell): booster_text(booster) for cell, booster in self.boosters.items()}
        return {FILE: document, **texts}

    @classmethod
    def load(cls, files: Mapping[str, bytes]) -> Self:
        """Rebuild the model from what `dump` gave.

        Raises:
            BundleRefused: a file is missing or does not hold what it should.
        """
        try:
            document: dict[str, Any] = parse_document(files[FILE], what=FILE)
            columns = tuple(str(name) for name in document["columns"])
        except (KeyError, TypeError, ValueError, DataMalformed) as error:
            raise BundleRefused(
                f"{FILE} holds no quantile model ({error}).", remedy="Restore the bundle."
            ) from error
        boosters = {cell: read_booster(files, _file(cell), columns) for cell in _cells()}
        return cls(columns, boosters)


def fit_quantiles(
    rows: pd.DataFrame, returns: Mapping[int, pd.DataFrame], *, seed: int
) -> QuantileModel:
    """Fit every quantile of every horizon.

    Args:
        rows: complete feature rows, index `open_time`; `SIGMA` among the columns.
        returns: horizon -> `value`, `as_of`, `resolves_at` (see `ForwardReturn.values`).

    Raises:
        DataUnavailable: too few rows have a resolved return.
        DataMalformed: a row is not complete.
    """
    columns = tuple(str(name) for name in rows.columns)
    boosters: dict[Cell, lightgbm.Booster] = {}
    for horizon in HORIZONS:
        known = rows.loc[rows.index.isin(returns[horizon].index)]
        if len(known) < MIN_ROWS:
            raise DataUnavailable(
                f"{len(known)} resolved rows are too few for quantiles at {horizon} candles"
                f" (they need {MIN_ROWS}).",
                remedy="Bring more history, or begin the walk-forward later.",
            )
        value = returns[horizon]["value"].loc[known.index].to_numpy(dtype="float64")
        scaled, matrix = value / _scale(known, horizon), aligned(known, columns)
        for level in LEVELS:
            parameters = {**_TREES, "alpha": level}
            boosters[horizon, level] = fit_booster(
                matrix, scaled, columns, parameters, rounds=_ROUNDS, seed=seed
            )
    return QuantileModel(columns, boosters)


def _scale(rows: pd.DataFrame, horizon: int) -> np.ndarray:
    """Return what a return of so many candles is counted in, shape (rows,)."""
    if SIGMA not in rows.columns:
        raise DataMalformed(
            f"the feature rows lack {SIGMA}, which returns are scaled by.",
            remedy="Build them with the feature set quantile.",
        )
    sigma = np.maximum(rows[SIGMA].to_numpy(dtype="float64"), _SIGMA_FLOOR)
    return np.asarray(sigma * np.sqrt(horizon))


def _cells() -> list[Cell]:
    return [(horizon, level) for horizon in HORIZONS for level in LEVELS]


def _file(cell: Cell) -> str:
    """Return the file of one booster.

    >>> _file((5, 0.05))
    'quantile_h5_q05.txt'
    """
    return f"quantile_h{cell[0]}_q{round(cell[1] * 100):02d}.txt"
