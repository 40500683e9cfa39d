"""The record's plain-language reading of a forecast."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from forecastlab.contracts.records import Call, Verdict

EVENT_MARGIN: Final = 0.10
"""How far P(event) must lie from its base rate to be worth a word."""

SIDE_SHARE: Final = 0.60
"""Smallest P(side | event) at which a side is named."""

RISE_MARGIN: Final = 0.08
"""How far P(1) must lie from its base rate to be worth a word, where there are but two classes."""

_DIGITS: Final = 9
"""Records carry ten digits: .70 − .60 must count as .10 though floats make it .0999…"""


def read_call(
    probabilities: Mapping[int, float],
    base_rate: Mapping[int, float],
    *,
    verdict: Verdict,
    direction_verdict: Verdict,
) -> Call:
    """Put a forecast of −1, 0, 1, of 0 and 1, or of −1 and 1, into one word.

    `no_view` unless `verdict` is `better`. Of two classes: `up_likely` if P(1) lies at least .08
    above its base rate, `down_likely` if at least .08 below, else `neutral`.

    Of −1, 0, 1 the first that holds: `quiet_likely` if P(event)
    lies at least .10 below its base rate; `bottom_likely` or `top_likely` if direction among events
    is itself `better` and P(side | event) ≥ .60; `move_likely` if P(event) lies at least .10 above
    its base rate; else `neutral`. A quiet market outranks a side: the side is conditional on an
    event that is then not expected.

    >>> rate = {-1: 0.3, 0: 0.4, 1: 0.3}
    >>> move = {-1: 0.36, 0: 0.26, 1: 0.38}
    >>> read_call(move, rate, verdict="better", direction_verdict="not_distinguishable")
    'move_likely'
    >>> read_call({0: 0.4, 1: 0.6}, {0: 0.5, 1: 0.5}, verdict="better", direction_verdict="better")
    'up_likely'
    >>> read_call(move, rate, verdict="not_distinguishable", direction_verdict="better")
    'no_view'
    """
    if verdict != "better":
        return "no_view"
    if len(probabilities) == 2:
        return _two_sided(round(probabilities[1] - base_rate[1], _DIGITS))
    event = 1 - probabilities[0]
    above = round(event - (1 - base_rate[0]), _DIGITS)
    if above <= -EVENT_MARGIN:
        return "quiet_likely"
    if direction_verdict == "better" and event > 0:
        if round(probabilities[1] / event, _DIGITS) >= SIDE_SHARE:
            return "bottom_likely"
        if round(probabilities[-1] / event, _DIGITS) >= SIDE_SHARE:
            return "top_likely"
    return "move_likely" if above >= EVENT_MARGIN else "neutral"


def _two_sided(rise: float) -> Call:
    if abs(rise) < RISE_MARGIN:
        return "neutral"
    return "up_likely" if rise > 0 else "down_likely"
