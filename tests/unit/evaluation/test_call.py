from __future__ import annotations

import pytest

from forecastlab.contracts.records import Verdict
from forecastlab.evaluation.call import read_call

RATE = {-1: 0.3, 0: 0.4, 1: 0.3}
CHANCE: Verdict = "not_distinguishable"


@pytest.mark.parametrize("verdict", ["not_distinguishable", "worse"])
def test_without_shown_skill_there_is_no_view(verdict: Verdict) -> None:
    sure = {-1: 0.01, 0: 0.01, 1: 0.98}
    assert read_call(sure, RATE, verdict=verdict, direction_verdict="better") == "no_view"


@pytest.mark.parametrize(
    ("down", "neither", "up", "direction", "call"),
    [
        (0.30, 0.40, 0.30, CHANCE, "neutral"),
        (0.345, 0.301, 0.354, CHANCE, "neutral"),
        (0.35, 0.30, 0.35, CHANCE, "move_likely"),
        (0.25, 0.50, 0.25, CHANCE, "quiet_likely"),
        (0.255, 0.499, 0.246, CHANCE, "neutral"),
        # A side is named only if direction is itself shown.
        (0.10, 0.30, 0.60, CHANCE, "move_likely"),
        (0.10, 0.30, 0.60, "worse", "move_likely"),
        (0.10, 0.30, 0.60, "better", "bottom_likely"),
        (0.60, 0.30, 0.10, "better", "top_likely"),
        (0.24, 0.40, 0.36, "better", "bottom_likely"),
        (0.25, 0.40, 0.35, "better", "neutral"),
        (0.31, 0.30, 0.39, "better", "move_likely"),
        # In a quiet market the side of an event that is not expected is not named.
        (0.05, 0.60, 0.35, "better", "quiet_likely"),
        (0.00, 1.00, 0.00, "better", "quiet_likely"),
    ],
)
def test_the_call_reads_the_forecast(
    down: float, neither: float, up: float, direction: Verdict, call: str
) -> None:
    table = {-1: down, 0: neither, 1: up}
    assert read_call(table, RATE, verdict="better", direction_verdict=direction) == call


@pytest.mark.parametrize("base", [0.6, 0.7, 0.8])
def test_a_margin_of_exactly_a_tenth_counts_in_floats_too(base: float) -> None:
    rate = {-1: (1 - base) / 2, 0: base, 1: (1 - base) / 2}
    move = {-1: (1.1 - base) / 2, 0: base - 0.1, 1: (1.1 - base) / 2}
    assert read_call(move, rate, verdict="better", direction_verdict=CHANCE) == "move_likely"


@pytest.mark.parametrize(
    ("up", "base", "call"),
    [
        (0.58, 0.50, "up_likely"),
        (0.579, 0.50, "neutral"),
        (0.50, 0.50, "neutral"),
        (0.421, 0.50, "neutral"),
        (0.42, 0.50, "down_likely"),
        # Against the label's own frequency, not against one half.
        (0.46, 0.38, "up_likely"),
        (0.42, 0.38, "neutral"),
        (0.30, 0.38, "down_likely"),
    ],
)
@pytest.mark.parametrize("direction", ["better", "not_distinguishable"])
def test_of_two_classes_the_rise_is_read_against_its_base_rate(
    up: float, base: float, call: str, direction: Verdict
) -> None:
    table, rate = {0: 1 - up, 1: up}, {0: 1 - base, 1: base}
    assert read_call(table, rate, verdict="better", direction_verdict=direction) == call
    assert read_call(table, rate, verdict=CHANCE, direction_verdict=direction) == "no_view"


@pytest.mark.parametrize(
    ("up", "call"), [(0.58, "up_likely"), (0.42, "down_likely"), (0.55, "neutral")]
)
def test_a_touch_is_read_as_a_direction(up: float, call: str) -> None:
    even = {-1: 0.5, 1: 0.5}
    said = {-1: 1 - up, 1: up}
    assert read_call(said, even, verdict="better", direction_verdict="better") == call
    silent = read_call(said, even, verdict="not_distinguishable", direction_verdict="better")
    assert silent == "no_view"
