"""First passage: a variance forecast, the analytic barrier probability of it, a small correction.

Volatility clusters and can be forecast; the barrier formula turns it into the chance that a close
leaves the band, with almost no free parameter. Direction is not forecast: given that a band is
left, the sides are those of a driftless price.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final, Self

import numpy as np
import pandas as pd

from forecastlab.contracts.canonical import Json, canonical_bytes, number, parse_document, whole
from forecastlab.contracts.errors import BundleRefused, DataMalformed, DataUnavailable, UsageError
from forecastlab.features.variance import LEVEL, VARIANCE
from forecastlab.models.barrier import (
    expected_event_probability,
    interpolated_event_probability,
    up_probability,
)
from forecastlab.models.base import TrainingSet, aligned
from forecastlab.models.event_logit import EventLogit, fit_event_logit, logit
from forecastlab.models.forward_window import ForwardWindow, daily_paths, pooled_windows
from forecastlab.models.variance_forecast import (
    Scaling,
    VarianceForecast,
    close_ratio,
    fit_variance_forecast,
)
from forecastlab.targets.reversal import BOTTOM, NEITHER, TOP, ReversalTarget

FILE: Final = "first_passage.json"
CLASSES: Final = (TOP, NEITHER, BOTTOM)

LEVEL_WEIGHTS: Final = {0.04: 0.3, 0.05: 0.6, 0.06: 0.9, 0.08: 1.0, 0.10: 0.9, 0.12: 0.6, 0.16: 0.3}
"""Levels whose events the correction learns from, and what an observation of each counts."""

OTHER_SYMBOL_WEIGHT: Final = 0.5
"""What an observation of a symbol counts that is not the one forecast."""

PENALTY_HORIZON: Final = 14
"""Days at which the penalties hold; they grow with the horizon, as labels overlap more."""

MIN_ROWS: Final = 50
"""Resolved rows, over all symbols, without which nothing is fitted."""

_INPUTS: Final = tuple(name for name in VARIANCE.columns if name != LEVEL)


@dataclass(frozen=True)
class FirstPassage:
    """The config of the first-passage learner.

    Attributes:
        symbols: symbols whose history is pooled.
        variance_penalty: of the ridge on the variance features, at a horizon of 14 days.
        barrier_penalty: of the correction's intercept and slope, around 0 and 1, likewise.
        feature_penalty: of the features in the correction, around 0, likewise.
    """

    kind: ClassVar[str] = "first_passage"
    symbols: tuple[str, ...]
    variance_penalty: float = 200.0
    barrier_penalty: float = 20.0
    feature_penalty: float = 1000.0

    @property
    def feature_set(self) -> str:
        """The feature set whose rows the model reads."""
        return VARIANCE.name

    def fit(self, training: TrainingSet, *, seed: int) -> FirstPassageModel:  # noqa: ARG002 - the port's
        """Fit on the rows that have a label, whose window closed before `training.until`.

        The candle that closes at `until` is forecast from, never learnt from. One fit serves every
        level (`FirstPassageModel.for_level`). `seed` plays no part.

        Raises:
            UsageError: the target is no reversal.
            DataUnavailable: fewer than `MIN_ROWS` rows have a whole window.
        """
        target = training.target
        if not isinstance(target, ReversalTarget):
            raise UsageError(
                f"first_passage cannot forecast {target.name}; it knows reversals alone.",
                remedy="Take the member out of this config.",
            )
        horizon = target.horizon
        rows, _ = training.rows(self.feature_set, self.symbols)
        paths = daily_paths(_closed_before(training.daily, training.until), self.symbols)
        window = pooled_windows(paths, rows.index, horizon)
        measured = window.mean_rv > 0
        if measured.sum() < MIN_ROWS:
            raise DataUnavailable(
                f"first_passage needs {MIN_ROWS} resolved rows, and there are {measured.sum()}.",
                remedy="Bring more history, or begin the walk-forward later.",
            )
        x, level = _inputs(rows)
        variance = fit_variance_forecast(
            x[measured],
            np.log(window.mean_rv[measured]) - level[measured],
            penalty=self.variance_penalty * horizon / PENALTY_HORIZON,
            close_ratio=close_ratio(paths.values()),
        )
        expected = variance.log_variance(x, level, horizon)
        own = np.asarray(rows.index.get_level_values("symbol") == training.symbol)
        event = self._correction(x, expected, variance.residual_sd, own, window, horizon)
        return FirstPassageModel(horizon, target.level, variance, event)

    def describe(self) -> dict[str, Any]:
        """Return the parameters."""
        return {**asdict(self), "symbols": list(self.symbols)}

    def _correction(
        self,
        x: np.ndarray,
        log_variance: np.ndarray,
        spread: float,
        own: np.ndarray,
        window: ForwardWindow,
        horizon: int,
    ) -> EventLogit:
        """Fit the event logit on all levels at once, on the rows whose closes are all there."""
        whole = np.isfinite(window.lowest)
        barrier = [
            logit(interpolated_event_probability(log_variance[whole], spread, horizon, level))
            for level in LEVEL_WEIGHTS
        ]
        weight = np.where(own[whole], 1.0, OTHER_SYMBOL_WEIGHT)
        return fit_event_logit(
            x[whole],
            np.column_stack(barrier),
            np.column_stack([window.event(level)[whole] for level in LEVEL_WEIGHTS]),
            np.outer(weight, list(LEVEL_WEIGHTS.values())),
            penalty=self.barrier_penalty * horizon / PENALTY_HORIZON,
            feature_penalty=self.feature_penalty * horizon / PENALTY_HORIZON,
        )


@dataclass(frozen=True, eq=False)
class FirstPassageModel:
    """A fitted first-passage forecast of one horizon, asked for one level."""

    kind: ClassVar[str] = "first_passage"
    horizon: int
    level: float
    variance: VarianceForecast
    event: EventLogit

    @property
    def columns(self) -> tuple[str, ...]:
        """The feature columns that a row must have, in any order."""
        return VARIANCE.columns

    @property
    def classes(self) -> tuple[int, ...]:
        """The label's values, ascending."""
        return CLASSES

    def for_level(self, level: float) -> FirstPassageModel:
        """Return the same fit, asked for another level (a fraction)."""
        return replace(self, level=level)

    def predict_event(self, rows: pd.DataFrame) -> np.ndarray:
        """Return P(some close of the window leaves the band), shape (rows,).

        Raises:
            DataMalformed: a column is missing or unknown, or a value is missing or infinite.
        """
        x, level = _inputs(rows)
        expected = self.variance.log_variance(x, level, self.horizon)
        spread = self.variance.residual_sd
        barrier = expected_event_probability(expected, spread, self.horizon, self.level)
        return self.event.probability(x, logit(barrier))

    def predict_proba(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return P(class | row), index of `rows`, columns -1, 0, 1.

        Raises:
            DataMalformed: a column is missing or unknown, or a value is missing or infinite.
        """
        event, up = self.predict_event(rows), up_probability(self.level)
        table = np.column_stack([event * (1 - up), 1 - event, event * up])
        return pd.DataFrame(table, index=rows.index, columns=list(CLASSES))

    def dump(self) -> dict[str, bytes]:
        """Return the fit as JSON; its floats read back equal."""
        columns: list[Json] = list(self.columns)
        document: dict[str, Json] = {
            "columns": columns,
            "horizon": self.horizon,
            "level": self.level,
            "variance": _written(self.variance),
            "event": _written(self.event),
        }
        return {FILE: canonical_bytes(document)}

    @classmethod
    def load(cls, files: Mapping[str, bytes]) -> Self:
        """Rebuild the model from what `dump` gave.

        Raises:
            BundleRefused: the file is missing, is no such fit, or was fitted on other columns.
        """
        try:
            document: dict[str, Any] = parse_document(files[FILE], what=FILE)
            columns = tuple(document["columns"])
            model = cls(
                whole(document["horizon"]),
                number(document["level"]),
                VarianceForecast(**_read(document["variance"])),
                EventLogit(**_read(document["event"])),
            )
        except (KeyError, TypeError, ValueError, DataMalformed) as error:
            raise BundleRefused(
                f"{FILE} holds no first-passage fit ({error}).", remedy="Restore the bundle."
            ) from error
        if columns != model.columns:
            raise BundleRefused(
                f"{FILE} was fitted on {', '.join(map(str, columns))}; the features differ now.",
                remedy="Use the version that the bundle names, or train again.",
            )
        return model


def _inputs(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return the scale-free features, shape (rows, 10), and the level, shape (rows,)."""
    matrix = aligned(rows, (*_INPUTS, LEVEL))
    return matrix[:, :-1], matrix[:, -1]


def _closed_before(daily: pd.DataFrame, until: datetime) -> pd.DataFrame:
    opens = pd.DatetimeIndex(daily.index.get_level_values("open_time"))
    return daily.loc[opens + timedelta(days=1) < pd.Timestamp(until)]


def _written(part: VarianceForecast | EventLogit) -> dict[str, Json]:
    values = {one.name: getattr(part, one.name) for one in fields(part) if one.name != "scaling"}
    values |= {"mean": part.scaling.mean, "deviation": part.scaling.deviation}
    return {
        name: value.tolist() if isinstance(value, np.ndarray) else value
        for name, value in values.items()
    }


def _read(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a part's fields.

    Raises:
        ValueError: there are not as many weights as features.
    """
    vectors = {
        name: np.array([number(value) for value in document[name]])
        for name in ("mean", "deviation", "weights")
    }
    if any(vector.shape != (len(_INPUTS),) for vector in vectors.values()):
        raise ValueError(f"a fit has {len(_INPUTS)} weights")
    scalars = {name: number(value) for name, value in document.items() if name not in vectors}
    scaling = Scaling(vectors["mean"], vectors["deviation"])
    return {**scalars, "scaling": scaling, "weights": vectors["weights"]}
