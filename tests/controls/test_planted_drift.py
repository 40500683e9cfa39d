"""Positive control for direction: a planted `drift_signal` is found, and with its true size."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import numpy as np
import pytest

from forecastlab.adapters.clocks import FixedClock
from forecastlab.adapters.simulated import START, SimulatedMarket
from forecastlab.adapters.simulated_paths import ASSETS, FLOW_SHARE
from forecastlab.contracts.manifest import EvaluationEntry
from forecastlab.evaluation.uncertainty import (
    Interval,
    block_length,
    mean_standard_error,
    student_interval,
)
from tests.controls.worlds import allowed, coarse_recipe, evaluated, simulated

DRIFT: Final = 0.5
SYMBOL: Final = "BTCUSDT"

NOISE: Final = 0.0177
"""Variance of the pressure read off a day's share, about the pressure: the mean over 24 hours, by
volume, of (tanh z + u) / 2; drawn 400,000 times. It flattens a plain slope by 1.7 %."""

SEEDS: Final = 200
RECIPE: Final = coarse_recipe(
    "T5_X6",
    first=600,
    refit_days=120,
    members={"lightgbm": {}},
    symbols=(SYMBOL, "ETHUSDT", "ADAUSDT"),
)


@pytest.fixture(scope="module")
def drifting() -> list[EvaluationEntry]:
    """Return the evaluations of `lightgbm`, which sees the taker flow, over 700 days."""
    markets = (simulated(RECIPE, seed, 1300, drift_signal=DRIFT) for seed in range(3))
    return [evaluated(one, RECIPE)[0] for one in markets]


def test_a_planted_direction_is_found(drifting: list[EvaluationEntry]) -> None:
    """In every seed the direction AUC's interval is above .5, and the forecast is `better`."""
    for entry in drifting:
        assert entry.direction_ci95 is not None
        assert entry.direction_ci95[0] > 0.5
        assert (entry.direction_verdict, entry.verdict) == ("better", "better")


def measured_drift(seed: int, drift_signal: float, days: int = 1500) -> Interval:
    """Measure the planted coefficient from daily candles, corrected for the noise in the share.

    The law says that E[r_d / S | past] = drift_signal · f_{d−1}; the share of day d−1 shows
    x = f_{d−1} + noise. So the coefficient is mean(x r / S) / (mean(x²) − NOISE).
    """
    end = START + timedelta(days=days)
    source = SimulatedMarket(seed, clock=FixedClock(end), drift_signal=drift_signal)
    daily = source.fetch(SYMBOL, "1d", None, end).frame
    returns = np.diff(np.log(daily["close"].to_numpy())) / ASSETS[SYMBOL].volatility
    share = (daily["taker_buy_base"] / daily["volume"]).to_numpy()[:-1]
    shown = (share - 0.5) / FLOW_SHARE
    product, square = shown * returns, shown**2 - NOISE
    estimate = float(product.mean() / square.mean())
    # The delta method on the ratio of the two means.
    influence = (product - estimate * square) / square.mean()
    block = block_length(influence, 1)
    error = float(mean_standard_error(influence, block))
    return student_interval(estimate, error, rows=len(influence), block=block)


@pytest.mark.parametrize("drift_signal", [0.0, DRIFT])
def test_the_measured_size_covers_the_true_one(drift_signal: float) -> None:
    """At most 18 of 200 intervals of 95 % miss (more has a probability of .58 % if 5 % is true).

    The mean of the estimates lies within four of its standard errors (about .007) of the truth,
    which a slope that is not corrected for the noise misses.
    """
    found = [measured_drift(seed, drift_signal) for seed in range(SEEDS)]
    missed = sum(not one.low <= drift_signal <= one.high for one in found)
    assert missed <= allowed(SEEDS)
    estimates = np.array([one.estimate for one in found])
    error = estimates.std(ddof=1) / np.sqrt(SEEDS)
    assert estimates.mean() == pytest.approx(drift_signal, abs=4 * error)
    if drift_signal:
        assert min(one.low for one in found) > 0
