"""How much of a full position the forecasts speak for: half of Kelly's share, or nothing.

It is information on the record and acts on nothing. It is before cost, and no edge after the cost
of a round trip has been shown.

Source: Kelly (1956), "A new interpretation of information rate": at the odds b = win / loss, the
share p − (1 − p) / b of the stake grows fastest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

_PROBES: Final = 400
"""Equally likely outcomes that stand for a quantile forecast: .25 % of the chance each."""


def half_kelly(probability: float, win: float, loss: float) -> float:
    """Return half of Kelly's share, in [0, 0.5]; 0 where the edge is negative or a side is empty.

    Args:
        probability: calibrated P(win), in [0, 1].
        win, loss: average gain and average loss of one trade, fractions; neither is negative.

    >>> round(half_kelly(0.6, 0.01, 0.01), 3), half_kelly(0.4, 0.01, 0.01)
    (0.1, 0.0)
    """
    if win <= 0:
        return 0.0
    return max(0.0, (probability - (1 - probability) * loss / win) / 2)


def position_scale(up: float, levels: Sequence[float], quantiles: Sequence[float]) -> float:
    """Return half of Kelly's share on the likelier side, in [0, 0.5].

    The average gain and loss are read off the quantile forecast as a whole; its outermost quantiles
    are no average of anything.

    Args:
        up: calibrated P(return > 0); below one half the position is a short one.
        levels: of the quantiles, ascending, in (0, 1).
        quantiles: of the log return, ascending.

    >>> levels = (0.05, 0.25, 0.5, 0.75, 0.95)
    >>> even = (-0.02, -0.007, 0.0, 0.007, 0.02)
    >>> [round(position_scale(up, levels, even), 3) for up in (0.4, 0.5, 0.6)]
    [0.1, 0.0, 0.1]
    """
    rise, fall = average_moves(levels, quantiles)
    return half_kelly(up, rise, fall) if up >= 0.5 else half_kelly(1 - up, fall, rise)


def rise_probability(levels: Sequence[float], quantiles: Sequence[float]) -> float:
    """Return the P(return > 0) that a quantile forecast gives.

    >>> rise_probability((0.25, 0.5, 0.75), (-0.01, 0.01, 0.02))
    0.625
    """
    return float((_outcomes(levels, quantiles) > 0).mean())


def average_moves(levels: Sequence[float], quantiles: Sequence[float]) -> tuple[float, float]:
    """Return the average gain among rises and the average loss among falls, as fractions.

    A side that the quantiles leave out is 0.

    >>> rise, fall = average_moves((0.25, 0.5, 0.75), (-0.02, 0.0, 0.01))
    >>> round(rise, 4), round(fall, 4)
    (0.0075, 0.0148)
    """
    moves = np.expm1(_outcomes(levels, quantiles))
    rises, falls = moves[moves > 0], -moves[moves < 0]
    return (
        float(rises.mean()) if len(rises) else 0.0,
        float(falls.mean()) if len(falls) else 0.0,
    )


def _outcomes(levels: Sequence[float], quantiles: Sequence[float]) -> np.ndarray:
    """Return equally likely log returns that a quantile forecast stands for, shape (probes,).

    Between two quantiles they are evenly spread; beyond the outermost they stand there, so that
    average moves are a little too small.
    """
    return np.interp((np.arange(_PROBES) + 0.5) / _PROBES, levels, quantiles)
