"""Negative controls: where there is nothing to find, `better` is as rare as chance allows.

A rate of 5 % is allowed. A test fails if more seeds are `better` than would be, if 5 % were true,
in 99 % of the cases: more than 7 of 60 (probability .98 %), more than 31 of 400 (.67 %). If 20 %
were true, they would fail with a probability of 93 % and above 99.9 %.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import joblib
import numpy as np
import pandas as pd
import pytest

from forecastlab.contracts.records import Verdict
from forecastlab.evaluation.scores import Forecasts
from forecastlab.evaluation.skill import measure_skill
from forecastlab.models.base_rate import expanding_rate, trailing_rate
from forecastlab.models.catalogue import make_learners
from forecastlab.usecases.training_proof import shuffled_verdicts
from tests.controls.worlds import allowed, coarse_recipe, evaluated, simulated
from tests.support.out_of_fold import CLASSES, random_labels

SEEDS: Final = 60
CHEAP_SEEDS: Final = 400
HORIZON: Final = 14

EAGER: Final = {"learning_rate": 0.1, "min_rows_in_leaf": 30, "l2": 1.0}
"""Trees that learn a leak from 600 rows: the shipped ones, with leaves of 200 rows, are too shy to
show that labels look back."""

RECIPE: Final = coarse_recipe(
    "T5_X4", first=600, refit_days=100, members={"first_passage": {}, "lightgbm": EAGER}
)
DAYS: Final = 900


@pytest.fixture(scope="module")
def empty_markets() -> list[tuple[Verdict, Verdict]]:
    """Return per seed the verdicts on skill and on direction, both knobs of the market at 0."""
    found = [evaluated(simulated(RECIPE, seed, DAYS), RECIPE)[0] for seed in range(SEEDS)]
    return [(one.verdict, one.direction_verdict) for one in found]


def test_an_empty_market_shows_no_skill(empty_markets: list[tuple[Verdict, Verdict]]) -> None:
    """At most 7 of 60 seeds."""
    assert sum(skill == "better" for skill, _ in empty_markets) <= allowed(SEEDS)


def test_an_empty_market_shows_no_direction(empty_markets: list[tuple[Verdict, Verdict]]) -> None:
    """At most 7 of 60 seeds."""
    assert sum(direction == "better" for _, direction in empty_markets) <= allowed(SEEDS)


def test_shuffled_labels_show_no_skill() -> None:
    """At most 7 of 60 seeds, where events can be forecast and a direction is planted."""
    better = 0
    for seed in range(SEEDS):
        materials = simulated(RECIPE, seed, DAYS, drift_signal=0.3, vol_of_vol=0.5)
        with joblib.parallel_config(backend="sequential"):
            verdicts = shuffled_verdicts(materials, RECIPE, make_learners(RECIPE), seed=seed)
        better += verdicts["T5_X4"] == "better"
    assert better <= allowed(SEEDS)


Contest = Callable[[int], tuple[Forecasts, Mapping[str, Forecasts]]]


def climatology(seed: int) -> tuple[Forecasts, Mapping[str, Forecasts]]:
    """Forecast a random walk by the base rate of another one of the same law and length.

    It knows as much as the expanding rate does, so that the expected gain over that is 0.
    """
    own, other = (random_labels(1500, HORIZON, seed=2 * seed + k) for k in range(2))
    as_ofs = pd.DatetimeIndex(own["as_of"].iloc[400:])
    happened = own.set_index("as_of")["label"].loc[as_ofs]
    references = {
        "expanding": Forecasts.of(expanding_rate(own, as_ofs, CLASSES), happened),
        "trailing_year": Forecasts.of(trailing_rate(own, as_ofs, CLASSES), happened),
    }
    return Forecasts.of(expanding_rate(other, as_ofs, CLASSES), happened), references


def mirrored(seed: int) -> tuple[Forecasts, Mapping[str, Forecasts]]:
    """Lean for weeks to one side, against references that lean as far to the other.

    The leaning knows nothing of the labels, so that the expected gain is exactly 0.
    """
    labels = random_labels(1100, HORIZON, seed=seed)["label"].to_numpy()
    random, pull = np.random.default_rng([seed, 1]), 0.5 ** (1 / 30)
    steps = 0.3 * np.sqrt(1 - pull**2) * random.standard_normal(len(labels))
    lean = np.empty(len(labels))
    level = 0.3 * random.standard_normal()
    for day, step in enumerate(steps):
        lean[day] = level = pull * level + step

    def leaning(side: int) -> Forecasts:
        odds = np.array([0.3, 0.4, 0.3]) * np.exp(side * np.outer(lean, CLASSES))
        return Forecasts(odds / odds.sum(axis=1, keepdims=True), labels, CLASSES)

    return leaning(1), {"expanding": leaning(-1), "trailing_year": leaning(-1)}


@pytest.mark.parametrize("contest", [climatology, mirrored])
def test_the_verdict_alone_is_as_rare_as_chance(contest: Contest) -> None:
    """At most 31 of 400 seeds, without a walk-forward: overlapping labels, no expected gain."""
    better = 0
    for seed in range(CHEAP_SEEDS):
        forecasts, references = contest(seed)
        better += measure_skill(forecasts, references, horizon=HORIZON).verdict == "better"
    assert better <= allowed(CHEAP_SEEDS)
