"""Which regime comes next: the chance that the market moves widely, and that it trends."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, Self

import numpy as np
import pandas as pd

from forecastlab.contracts.canonical import canonical_bytes, number, parse_document
from forecastlab.contracts.errors import BundleRefused, DataMalformed, DataUnavailable
from forecastlab.models.base import aligned
from forecastlab.models.text_booster import booster_text, fit_booster, grown_trees, read_booster
from forecastlab.targets.regime import ForwardRange, ForwardTrend

if TYPE_CHECKING:
    import lightgbm

Name = Literal["trending", "volatile", "ranging"]

RULES: Final[Mapping[str, ForwardRange | ForwardTrend]] = {
    "vol": ForwardRange(),
    "trend": ForwardTrend(),
}
"""Part -> its label."""

PARTS: Final = tuple(RULES)

VOL_MARGIN: Final = 0.10
"""How far above its base rate the chance of a wide range must lie: the original asked for .55 of a
label whose base rate is .45 by construction."""

FILE: Final = "regime.json"

MIN_ROWS: Final = 500
MIN_TREES: Final = 10
"""Fewest trees that split; below, a chance is nearly a constant."""

MIN_SPREAD: Final = 0.01
"""Smallest standard deviation of a chance over rows that is a forecast and no constant."""

_ROUNDS: Final = 100

_TREES: Final[Mapping[str, Any]] = {
    "objective": "binary",
    "learning_rate": 0.03,
    "num_leaves": 8,
    "min_data_in_leaf": 200,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.5,
    "bagging_freq": 1,
    "lambda_l2": 10.0,
    "max_bin": 63,
}


@dataclass(frozen=True)
class RegimeForecast:
    """The regime that comes next.

    Attributes:
        name: `trending` where a wide range and a trend are likely, `volatile` where a wide range
            is and a trend is not, else `ranging`.
        vol_prob: P(the range of the next 12 candles is wide).
        trend_prob: P(the close moves by more than one average candle in 12 candles).
        confidence: √(vol_prob · trend_prob): how likely a wide move that goes somewhere is,
            whatever the name. It is no chance that the name is right.
    """

    name: Name
    vol_prob: float
    trend_prob: float
    confidence: float


@dataclass(frozen=True, eq=False)
class RegimeModel:
    """A booster per part, and the part's base rate in training.

    Thresholds are relative to the base rates: `trends` is true more often than not (.54 on BTCUSDT
    1h), so that a chance of one half says less than nothing.
    """

    columns: tuple[str, ...]
    base_rates: Mapping[str, float]
    boosters: Mapping[str, lightgbm.Booster] = field(repr=False)

    def predict(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return the chances: index of `rows`, columns `PARTS`.

        Raises:
            DataMalformed: a column is missing or unknown, or a value is missing or infinite.
        """
        matrix = aligned(rows, self.columns)
        chances = {
            part: np.asarray(self.boosters[part].predict(matrix, num_threads=1))
            if len(matrix)
            else np.empty(0)
            for part in PARTS
        }
        return pd.DataFrame(chances, index=rows.index)

    def named(self, vol_prob: float, trend_prob: float) -> RegimeForecast:
        """Name the regime that two chances make; thresholds are inclusive."""
        wide = vol_prob >= self.base_rates["vol"] + VOL_MARGIN
        trends = trend_prob >= self.base_rates["trend"]
        name: Name = ("trending" if trends else "volatile") if wide else "ranging"
        return RegimeForecast(name, vol_prob, trend_prob, math.sqrt(vol_prob * trend_prob))

    def faults(self, rows: pd.DataFrame) -> tuple[str, ...]:
        """Say what makes a chance no forecast: too few trees that split, or hardly any spread."""
        spread = self.predict(rows).std()
        grown = {part: grown_trees(booster) for part, booster in self.boosters.items()}
        few = [
            f"the {part} regime has {trees} trees that split; it needs {MIN_TREES}"
            for part, trees in grown.items()
            if trees < MIN_TREES
        ]
        flat = [
            f"the {part} regime's chances spread by {spread[part]:.4f}; they need {MIN_SPREAD}"
            for part in PARTS
            if not spread[part] >= MIN_SPREAD
        ]
        return (*few, *flat)

    def dump(self) -> dict[str, bytes]:
        """Return each booster as text, and columns and base rates as JSON."""
        document = canonical_bytes(
            {"columns": list(self.columns), "base_rates": dict(self.base_rates)}
        )
        return {
            FILE: document,
            **{_file(part): booster_text(booster) for part, booster in self.boosters.items()},
        }

    @classmethod
    def load(cls, files: Mapping[str, bytes]) -> Self:
        """Rebuild the model from what `dump` gave.

        Raises:
            BundleRefused: a file is missing or does not hold what it should.
        """
        try:
            document: dict[str, Any] = parse_document(files[FILE], what=FILE)
            columns = tuple(str(name) for name in document["columns"])
            base_rates = {part: number(document["base_rates"][part]) for part in PARTS}
        except (KeyError, TypeError, ValueError, DataMalformed) as error:
            raise BundleRefused(
                f"{FILE} holds no regime model ({error}).", remedy="Restore the bundle."
            ) from error
        boosters = {part: read_booster(files, _file(part), columns) for part in PARTS}
        return cls(columns, base_rates, boosters)


def fit_regime(rows: pd.DataFrame, labels: Mapping[str, pd.DataFrame], *, seed: int) -> RegimeModel:
    """Fit both parts on a fixed number of rounds: there is no block that could stop them at once.

    Args:
        rows: complete feature rows, index `open_time`.
        labels: part -> `label`, index `open_time`; resolved ones only.

    Raises:
        DataUnavailable: too few rows have a resolved label, or a label never differs.
        DataMalformed: a row is not complete.
    """
    columns = tuple(str(name) for name in rows.columns)
    base_rates: dict[str, float] = {}
    boosters: dict[str, lightgbm.Booster] = {}
    for part in PARTS:
        known = rows.loc[rows.index.isin(labels[part].index)]
        label = labels[part]["label"].loc[known.index].to_numpy()
        if len(known) < MIN_ROWS or label.min() == label.max():
            raise DataUnavailable(
                f"{len(known)} resolved rows are too few for the {part} regime"
                f" (it needs {MIN_ROWS}, with and without the event).",
                remedy="Bring more history, or begin the walk-forward later.",
            )
        base_rates[part] = float(label.mean())
        matrix = aligned(known, columns)
        boosters[part] = fit_booster(matrix, label, columns, _TREES, rounds=_ROUNDS, seed=seed)
    return RegimeModel(columns, base_rates, boosters)


def _file(part: str) -> str:
    return f"regime_{part}.txt"
