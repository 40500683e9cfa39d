"""The order of the scene rules, at their edges."""

from __future__ import annotations

import pytest

from forecastlab.analyst.examples import readings
from forecastlab.analyst.scenes import Scene, classify, routed
from forecastlab.contracts.errors import UsageError

DOWN = {"macd": -0.02, "macd_signal": -0.01}
UP = {"macd": 0.02, "macd_signal": 0.01}


@pytest.mark.parametrize(
    ("given", "name", "reason"),
    [
        ({"rsi": 80.1, "volume_ratio": 2.1, "atr_percent": 9.0}, "simple", "extreme_rsi_on_volume"),
        ({"rsi": 19.9, "volume_ratio": 2.1}, "simple", "extreme_rsi_on_volume"),
        ({"rsi": 80.1, "volume_ratio": 2.0}, "simple", "standard"),
        ({"rsi": 66.0, "atr_percent": 0.9}, "simple", "calm_with_clear_rsi"),
        ({"rsi": 34.0, "atr_percent": 0.9, **DOWN}, "simple", "calm_with_clear_rsi"),
        ({"rsi": 66.0, "atr_percent": 1.0}, "simple", "standard"),
        ({"rsi": 50.0, "atr_percent": 3.1}, "complex", "volatile"),
        ({"rsi": 50.0}, "complex", "neutral_rsi"),
        ({"rsi": 45.0}, "simple", "standard"),
        ({"rsi": 39.0, **DOWN}, "complex", "rsi_against_macd"),
        ({"rsi": 61.0, **UP}, "complex", "rsi_against_macd"),
        ({"rsi": 61.0, **DOWN}, "simple", "standard"),
    ],
)
def test_the_first_rule_that_fits(given: dict[str, float], name: str, reason: str) -> None:
    found = classify(readings(**given))
    assert (found.name, found.reason) == (name, reason)


@pytest.mark.parametrize("name", ["rsi", "macd", "macd_signal", "atr_percent", "volume_ratio"])
def test_a_missing_reading_is_no_simple_scene(name: str) -> None:
    with pytest.raises(UsageError):
        classify(readings(**{name: float("nan")}))


def test_the_caller_may_choose() -> None:
    standard = Scene("simple", "standard")
    assert routed(standard, "claude").name == "complex"
    assert routed(Scene("complex", "volatile"), "local").name == "simple"
    assert routed(standard, "lstm") is standard
