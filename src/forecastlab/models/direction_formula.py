"""What a chance of rising does to a pair of scores: the original's formula, pure.

`sell_score` and `buy_score` are another system's, 0 to 100; this project gives none itself. Where
the chance is clear, the score of its side grows and the other shrinks, by at most `BOOST`:

    bullish (P ≥ upper):  buy · (1 + BOOST · s),  sell · (1 − BOOST · s)
    bearish (P ≤ lower):  sell · (1 + BOOST · s), buy · (1 − BOOST · s)
    neutral (between):    both as they are

The thresholds are inclusive, and s in [0, 1] is the strength: how far P lies from the centre,
against how far it could. It makes no difference where P was computed.

Two sets of thresholds:

- *relative* (the default): centre = the label's calibrated base rate, thresholds `MARGIN` above
  and below. A calibrated model that knows nothing says the base rate, and is neutral.
- *original*: centre .5, thresholds .58 and .42, s = 2 · |P − .5|. For a label whose base rate is
  .38 (a return above .3 % in five hours) a model that knows nothing is bearish there for ever.

At a base rate of one half the two are the same.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal, Self

from forecastlab.contracts.errors import UsageError

BOOST: Final = 0.15
"""By how much the strongest chance moves a score, a fraction."""

MARGIN: Final = 0.08
"""How far from the centre a chance must lie to be no longer neutral."""

_DIGITS: Final = 12
"""Thresholds are inclusive as they are written: .55 − .08 is .47 and not an ulp more."""

Side = Literal["bullish", "bearish", "neutral"]


@dataclass(frozen=True)
class Thresholds:
    """From where a chance of rising is bullish (`upper`) or bearish (`lower`).

    Raises:
        UsageError: the centre is no base rate.
    """

    centre: float

    def __post_init__(self) -> None:
        if not 0 < self.centre < 1:
            raise UsageError(
                f"the base rate {self.centre} cannot be meant.",
                remedy="Give the share of rises in calibration, between 0 and 1.",
            )

    @classmethod
    def relative(cls, base_rate: float) -> Self:
        """Return the thresholds about a calibrated base rate.

        >>> Thresholds.relative(0.38).upper, Thresholds.relative(0.38).lower
        (0.46, 0.3)
        """
        return cls(base_rate)

    @classmethod
    def original(cls) -> Self:
        """Return the original's thresholds, whatever the base rate.

        >>> Thresholds.original().upper, Thresholds.original().lower
        (0.58, 0.42)
        """
        return cls(0.5)

    @property
    def upper(self) -> float:
        """The lowest chance that is bullish."""
        return round(self.centre + MARGIN, _DIGITS)

    @property
    def lower(self) -> float:
        """The highest chance that is bearish."""
        return round(self.centre - MARGIN, _DIGITS)

    def side(self, up: float) -> Side:
        """Say which side a chance of rising speaks for."""
        shown = round(up, _DIGITS)
        if shown >= self.upper:
            return "bullish"
        return "bearish" if shown <= self.lower else "neutral"

    def strength(self, up: float) -> float:
        """Return how far a chance lies from the centre, against how far it could; in [0, 1].

        >>> round(Thresholds.original().strength(0.58), 6)
        0.16
        """
        reach = 1 - self.centre if up >= self.centre else self.centre
        return abs(up - self.centre) / reach


@dataclass(frozen=True)
class AdjustedScores:
    """The scores after the formula.

    Attributes:
        action: side and factors in the original's words, as `bullish(BS*1.02,SS*0.98)`.
        strength: 0 where the side is neutral.
    """

    sell_score: float
    buy_score: float
    side: Side
    strength: float
    action: str


def adjust_scores(
    sell_score: float, buy_score: float, *, up: float, thresholds: Thresholds
) -> AdjustedScores:
    """Apply the formula to a pair of scores.

    Args:
        up: P(rise), in [0, 1], from wherever it comes.

    Raises:
        UsageError: a score is not finite or below 0, or `up` is no probability.

    >>> found = adjust_scores(45, 38, up=0.6, thresholds=Thresholds.original())
    >>> round(found.sell_score, 4), round(found.buy_score, 4), found.action
    (43.65, 39.14, 'bullish(BS*1.03,SS*0.97)')
    >>> adjust_scores(45, 38, up=0.6, thresholds=Thresholds.relative(0.55)).action
    'neutral'
    """
    _refuse_odd(sell_score, buy_score, up)
    side = thresholds.side(up)
    strength = 0.0 if side == "neutral" else thresholds.strength(up)
    more, less = 1 + BOOST * strength, 1 - BOOST * strength
    if side == "bullish":
        action = f"bullish(BS*{more:.2f},SS*{less:.2f})"
        return AdjustedScores(sell_score * less, buy_score * more, side, strength, action)
    if side == "bearish":
        action = f"bearish(SS*{more:.2f},BS*{less:.2f})"
        return AdjustedScores(sell_score * more, buy_score * less, side, strength, action)
    return AdjustedScores(sell_score, buy_score, side, strength, side)


def _refuse_odd(sell_score: float, buy_score: float, up: float) -> None:
    for name, score in (("sell", sell_score), ("buy", buy_score)):
        if not (math.isfinite(score) and score >= 0):
            raise UsageError(
                f"the {name} score {score} cannot be meant.", remedy="Give a number from 0 on."
            )
    if not 0 <= up <= 1:
        raise UsageError(f"{up} is no probability.", remedy="Give P(rise) between 0 and 1.")
