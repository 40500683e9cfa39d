"""A bullish, a neutral and a bearish case: real as-ofs of a bundle, and the scores pinned to them.

The cases are the as-ofs of the known answers with the greatest, the median and the smallest
published P(up). Their rows are closed candles' features under the features' names; they are asked
one by one, with the columns in another order, on the way that serving takes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import pandas as pd

from forecastlab.contracts.errors import BundleRefused
from forecastlab.models.ensemble import Forecaster
from forecastlab.usecases.known_answers import tolerances
from forecastlab.usecases.stored_answers import StoredAnswers

Side = Literal["bullish", "neutral", "bearish"]

SIDES: Final[tuple[Side, ...]] = ("bullish", "neutral", "bearish")

UP: Final = 1
"""The class of every target that means "up": a rise, the upper level, a bottom that price leaves
upwards."""


@dataclass(frozen=True)
class RegressionCase:
    """One as-of with the P(up) that was pinned to it, and the one that is said now."""

    candidate: str
    side: Side
    open_time: pd.Timestamp
    golden: float
    again: float
    tolerance: float

    @property
    def holds(self) -> bool:
        """Whether the score is the pinned one, within the tolerance of known answers."""
        return abs(self.again - self.golden) <= self.tolerance

    def __str__(self) -> str:
        """Tell the case in a line."""
        when = f"{self.open_time:%Y-%m-%dT%HZ}".removesuffix("T00Z")
        return f"{self.candidate} {when} P(up) {self.again:.4f}, pinned {self.golden:.4f}"


def regression_cases(
    forecasters: Mapping[str, Forecaster], stored: StoredAnswers
) -> dict[Side, tuple[RegressionCase, ...]]:
    """Choose the cases of every candidate and ask for them again.

    Raises:
        BundleRefused: the known answers lack a candidate, or are not in order.
        DataMalformed: a row does not fit a model.
        DataUnavailable: no member can answer a case.
    """
    turned = {name: table.iloc[:, ::-1] for name, table in stored.features.items()}
    cases = [
        case
        for candidate, forecaster in forecasters.items()
        for case in _of(candidate, forecaster, stored, turned)
    ]
    return {side: tuple(case for case in cases if case.side == side) for side in SIDES}


def _of(
    candidate: str,
    forecaster: Forecaster,
    stored: StoredAnswers,
    rows: Mapping[str, pd.DataFrame],
) -> Iterator[RegressionCase]:
    published = np.asarray(stored.answers.get(candidate, {}).get("published", []), dtype="float64")
    classes = forecaster.rule.classes
    if published.shape != (len(stored.opens), len(classes)) or UP not in classes:
        raise BundleRefused(
            f"The known answers of {candidate} are not one row of {len(classes)} probabilities per"
            " as-of.",
            remedy="Restore the bundle.",
        )
    golden = published[:, classes.index(UP)]
    order = np.argsort(golden, kind="stable")
    places = {"bullish": order[-1], "neutral": order[len(order) // 2], "bearish": order[0]}
    for side in SIDES:
        place = int(places[side])
        alone = stored.opens[place : place + 1]
        again = float(forecaster.forecast(rows, alone).published[UP].iloc[0])
        tolerance = tolerances(forecaster)["published"]
        yield RegressionCase(
            candidate, side, stored.opens[place], float(golden[place]), again, tolerance
        )


def broken_order(cases: Mapping[Side, tuple[RegressionCase, ...]]) -> tuple[str, ...]:
    """Return the candidates whose scores, said now, do not ascend from bearish to bullish."""
    triples = zip(cases["bearish"], cases["neutral"], cases["bullish"], strict=True)
    return tuple(
        bear.candidate for bear, mid, bull in triples if not bear.again <= mid.again <= bull.again
    )


def without_spread(cases: Mapping[Side, tuple[RegressionCase, ...]]) -> tuple[str, ...]:
    """Return the candidates that say the same of all as-ofs, so that no order can be seen."""
    pairs = zip(cases["bearish"], cases["bullish"], strict=True)
    return tuple(
        bear.candidate for bear, bull in pairs if bull.golden - bear.golden <= bear.tolerance
    )
