"""Numbers and names as reports write them."""

from __future__ import annotations

import re
from typing import Final

from forecastlab.contracts.intervals import Interval
from forecastlab.contracts.records import Call, Verdict
from forecastlab.contracts.verdicts import Estimate

VERDICTS: Final[dict[Verdict, str]] = {
    "better": "better than both base rates",
    "not_distinguishable": "not distinguishable from chance",
    "worse": "worse than the base rate",
}

CALLS: Final[dict[Call, str]] = {
    "no_view": "no view",
    "neutral": "neutral",
    "move_likely": "a move is likely",
    "quiet_likely": "quiet is likely",
    "bottom_likely": "a bottom is likely",
    "top_likely": "a top is likely",
    "up_likely": "a rise is likely",
    "down_likely": "a fall is likely",
}

SIDES: Final[dict[Verdict, str]] = {
    "better": "the side is forecast better than by chance",
    "not_distinguishable": "the side is not distinguishable from chance",
    "worse": "the side is forecast worse than by chance",
}

MARKS: Final[dict[Verdict, str]] = {"better": "▲", "not_distinguishable": "≈", "worse": "▼"}
"""Signs beside the colours, for readers who cannot tell those apart."""

FORECASTERS: Final = {
    "published": "published",
    "expanding": "base rate of all history",
    "trailing_year": "base rate of the last year",
    "hindsight_constant": "best constant in hindsight",
    "first_passage": "volatility only (first_passage)",
}

SCORES: Final = {
    "log_loss": "Log loss",
    "brier": "Brier score",
    "auc_one_vs_rest": "AUC, one against rest",
    "event_auc": "AUC of a move",
    "direction_auc": "AUC of the side, given a move",
    "kappa": "Kappa",
    "macro_f1": "Macro F1",
    "balanced_accuracy": "Balanced accuracy",
}

LOWER_IS_BETTER: Final = frozenset({"log_loss", "brier"})

LABELS: Final = {"event": "a move", "-1": "falls first", "0": "neither", "1": "rises first"}

NUMBERS: Final = {
    "volatility_24h": "volatility of the last 24 hours",
    "minus_3h_return": "minus the return of the last 3 hours",
    "minus_24h_return": "minus the return of the last 24 hours",
    "minus_market_24h_return": "minus the market's return of the last 24 hours",
}
"""What the simplest forecasts of a direction are called."""

CANDLES: Final[dict[Interval, str]] = {"1d": "days", "4h": "four-hour candles", "1h": "hours"}


def label(name: str, classes: tuple[int, ...]) -> str:
    """Return what a class is called; `event` is any but 0.

    >>> label("1", (-1, 0, 1)), label("1", (0, 1))
    ('rises first', 'up')
    """
    return {"0": "not up", "1": "up"}[name] if classes == (0, 1) else LABELS.get(name, name)


def by_horizon(name: str) -> tuple[int, ...]:
    """Sort candidates by the numbers in their names.

    >>> sorted(["H12", "H5"], key=by_horizon)
    ['H5', 'H12']
    """
    return tuple(int(one) for one in re.findall(r"\d+", name))


def single(interval: Interval) -> str:
    """Return the word for one candle of an interval.

    >>> single("1h")
    'hour'
    """
    return CANDLES[interval].removesuffix("s")


def forecaster(name: str) -> str:
    """Return a forecaster's name for readers; a member's own where there is none.

    >>> forecaster("trailing_year"), forecaster("lightgbm")
    ('base rate of the last year', 'lightgbm')
    """
    return FORECASTERS.get(name, NUMBERS.get(name, name))


def number(value: float | None, digits: int = 3, *, signed: bool = False) -> str:
    """Write a number with a true minus; a dash where there is none.

    >>> number(-0.0123), number(0.5, 2, signed=True), number(None)
    ('−0.012', '+0.50', '–')
    """
    if value is None:
        return "–"
    value = round(value, digits) + 0.0
    return f"{value:+.{digits}f}".replace("-", "−") if signed else minus(f"{value:.{digits}f}")


def minus(written: str) -> str:
    """Replace the hyphen of a written number by a minus.

    >>> minus("-1")
    '−1'
    """
    return written.replace("-", "−")


def percent(share: float, digits: int = 1, *, signed: bool = False) -> str:
    """Write a fraction as per cent.

    >>> percent(0.0705, signed=True)
    '+7.1 %'
    """
    return f"{number(100 * share, digits, signed=signed)} %"


def interval(ends: tuple[float, float] | None, digits: int = 3, *, signed: bool = False) -> str:
    """Write an interval.

    >>> interval((-0.1, 0.25), 2, signed=True), interval(None)
    ('[−0.10, +0.25]', '–')
    """
    if ends is None:
        return "–"
    low, high = (number(end, digits, signed=signed) for end in ends)
    return f"[{low}, {high}]"


def percent_interval(ends: tuple[float, float]) -> str:
    """Write an interval of fractions as per cent, signed.

    >>> percent_interval((0.02, 0.121))
    '[+2.0 %, +12.1 %]'
    """
    return f"[{percent(ends[0], signed=True)}, {percent(ends[1], signed=True)}]"


def p_value(value: float | None) -> str:
    """Write a p value.

    >>> p_value(0.0166), p_value(0.0001), p_value(None)
    ('.017', '< .001', '–')
    """
    if value is None:
        return "–"
    return "< .001" if value < 0.001 else number(value).lstrip("0")


def estimate(one: Estimate, digits: int = 3, *, signed: bool = False) -> str:
    """Write an estimate with its interval.

    >>> estimate(Estimate(value=0.7264, ci95=(0.6312, 0.8216)))
    '0.726 [0.631, 0.822]'
    """
    if one.value is None:
        return "–"
    ends = "" if one.ci95 is None else f" {interval(one.ci95, digits, signed=signed)}"
    return f"{number(one.value, digits, signed=signed)}{ends}"
