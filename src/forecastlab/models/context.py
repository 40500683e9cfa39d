"""What surrounds a direction forecast: the regime ahead, quantiles of the return, a scale.

It is fitted on the deployment's own symbol and answers in every record, beside the forecasters and
independent of them: whatever path a direction comes by, the context is computed where the record is
written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Self

import numpy as np
import pandas as pd

from forecastlab.contracts.candles import Candles
from forecastlab.contracts.errors import DataMalformed
from forecastlab.contracts.intervals import DURATION
from forecastlab.models.kelly import position_scale, rise_probability
from forecastlab.models.quantile import HORIZONS, LEVELS, QuantileModel, fit_quantiles
from forecastlab.models.regime import RULES, RegimeForecast, RegimeModel, fit_regime
from forecastlab.targets.quantile import ForwardReturn

FEATURE_SETS: Final = ("regime", "quantile")
"""The feature sets whose rows a context reads, of the same names in the catalogue."""

SCALE_HORIZON: Final = HORIZONS[0]
"""Candles ahead of the return that the position scale is about."""


@dataclass(frozen=True, eq=False)
class ContextTraining:
    """Everything that a context may see at a refit; labels are computed from the candles.

    Attributes:
        candles: the symbol's, of the deployment's interval, cut at the refit's instant: labels that
            had not resolved by then cannot be computed.
        rows: feature set -> complete rows, index `open_time`; rows after the cut have no label.
        every: of the labels, every so many-th candle's is learnt from.
    """

    candles: Candles
    rows: Mapping[str, pd.DataFrame]
    every: int = 1

    def learnt(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return the labels that are learnt from: overlapping ones say little that is new."""
        if self.every == 1:
            return table
        opens_ms = pd.DatetimeIndex(table.index).as_unit("ms").asi8
        number = opens_ms // (DURATION[self.candles.interval] // timedelta(milliseconds=1))
        return table.loc[np.asarray(number % self.every == 0)]


@dataclass(frozen=True)
class ContextForecast:
    """The context of one record.

    Attributes:
        quantiles: horizon in candles -> level -> quantile of the forward log return; ascending.
        position_scale: half of Kelly's share on the likelier side, in [0, 0.5]; information only.
    """

    regime: RegimeForecast
    quantiles: dict[str, dict[str, float]]
    position_scale: float


@dataclass(frozen=True, eq=False)
class Context:
    """Fitted regime and quantile models."""

    regime: RegimeModel
    quantiles: QuantileModel

    def forecast(
        self, rows: Mapping[str, pd.DataFrame], *, up: float | None = None
    ) -> ContextForecast:
        """Forecast the newest row of each set.

        Args:
            rows: feature set -> rows, of which the last is the as-of's.
            up: the calibrated P(return > 0) over `SCALE_HORIZON` candles that the position scale
                starts from; None for the one that the quantiles themselves give.

        Raises:
            DataMalformed: a set or a column is missing or unknown, or a value is missing.
        """
        newest = {name: _set(rows, name).iloc[-1:] for name in FEATURE_SETS}
        if not all(len(one) for one in newest.values()):
            raise DataMalformed(
                "there is no row at the as-of for the regime or the quantiles.",
                remedy="The candles behind it have a gap; run `forecastlab update`.",
            )
        vol_prob, trend_prob = self.regime.predict(newest["regime"]).to_numpy()[0].tolist()
        tables = self.quantiles.predict(newest["quantile"])
        found = {horizon: table.to_numpy()[0].tolist() for horizon, table in tables.items()}
        near = found[SCALE_HORIZON]
        chance = rise_probability(LEVELS, near) if up is None else up
        return ContextForecast(
            regime=self.regime.named(vol_prob, trend_prob),
            quantiles={
                str(horizon): {f"{level:g}": at for level, at in zip(LEVELS, one, strict=True)}
                for horizon, one in found.items()
            },
            position_scale=position_scale(chance, LEVELS, near),
        )

    def faults(self, rows: Mapping[str, pd.DataFrame]) -> tuple[str, ...]:
        """Say what makes a model of the context no forecast, recomputed from it and these rows."""
        return (*self.regime.faults(_set(rows, "regime")), *self.quantiles.faults())

    def dump(self) -> dict[str, bytes]:
        """Return both models as files: `regime*`, `quantile*`."""
        return {**self.regime.dump(), **self.quantiles.dump()}

    @classmethod
    def load(cls, files: Mapping[str, bytes]) -> Self:
        """Rebuild a context from what `dump` gave.

        Raises:
            BundleRefused: a file is missing or does not hold what it should.
        """
        return cls(RegimeModel.load(files), QuantileModel.load(files))


def fit_context(training: ContextTraining, *, seed: int) -> Context:
    """Fit both models on what was known at the cut; deterministic under `seed`.

    Raises:
        DataUnavailable: too few rows have a resolved label.
        DataMalformed: a feature set is missing, or a row is not complete.
    """
    labels = {part: training.learnt(rule.labels(training.candles)) for part, rule in RULES.items()}
    returns = {
        horizon: training.learnt(ForwardReturn(horizon).values(training.candles))
        for horizon in HORIZONS
    }
    return Context(
        regime=fit_regime(_set(training.rows, "regime"), labels, seed=seed),
        quantiles=fit_quantiles(_set(training.rows, "quantile"), returns, seed=seed),
    )


def _set(rows: Mapping[str, pd.DataFrame], name: str) -> pd.DataFrame:
    if name not in rows:
        raise DataMalformed(
            f"the context has no rows of the feature set {name}.", remedy="Build them as well."
        )
    return rows[name]
