"""Down to which version a signal must step, by what is at hand. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pandas as pd

from forecastlab.contracts import degradations
from forecastlab.contracts.candles import MarketView
from forecastlab.contracts.intervals import Interval, last_closed_open
from forecastlab.features.holes import stretches
from forecastlab.features.signal_cross import BITCOIN, ETHER
from forecastlab.features.wilder import WINDOW

LEAST_REFERENCES: Final = 3
"""Other symbols that must have the as-of candle for the version that compares with them."""

REFERENCE_MISSING: Final = degradations.REFERENCE_MISSING.word
"""What `degraded` says, with the symbol, of a reference that has no candle at the as-of."""

ALL_REFERENCES_MISSING: Final = degradations.NO_REFERENCE.form
"""What it says where none has."""


@dataclass(frozen=True)
class Inputs:
    """What is at hand for one symbol at one as-of.

    Attributes:
        hours, four_hours: closed candles up to the as-of that windows may span; 0 where the newest
            one is not there.
        references: the other symbols of the market -> whether each has the as-of candle.
    """

    symbol: str
    hours: int
    four_hours: int
    references: Mapping[str, bool]

    @property
    def missing_references(self) -> tuple[str, ...]:
        """The other symbols that have no candle at the as-of: absent, or stale."""
        return tuple(name for name, there in self.references.items() if not there)


@dataclass(frozen=True)
class Rung:
    """The version to ask, None for no signal, and why it is not a better one.

    `reasons` also names the other symbols that are missing, whichever version answers.
    """

    version: str | None
    reasons: tuple[str, ...] = ()
    missing_references: tuple[str, ...] = ()


def inputs_at(view: MarketView, symbol: str, market: Sequence[str]) -> Inputs:
    """Count what a view holds for a symbol at the view's as-of.

    Args:
        market: the symbols that the signal looks at, its own included.
    """
    return Inputs(
        symbol=symbol,
        hours=_in_a_row(view, symbol, "1h"),
        four_hours=_in_a_row(view, symbol, "4h"),
        references={one: _in_a_row(view, one, "1h") > 0 for one in market if one != symbol},
    )


def step_down(inputs: Inputs, versions: Sequence[str], without: Collection[str] = ()) -> Rung:
    """Return the first version, best first, that what is at hand allows.

    Args:
        without: those of the versions that have no bundle which can be asked.

    No version without 100 hours; `v2_6` and `v2_7` need 100 closed four-hour candles; `v2_7` needs
    the as-of candle of three other symbols, and of Bitcoin or Ether.

    >>> whole = Inputs("SOLUSDT", 100, 100, dict.fromkeys(("BTCUSDT", "ETHUSDT", "BNBUSDT"), True))
    >>> step_down(whole, ("v2_7", "v2_6", "v1"))
    Rung(version='v2_7', reasons=(), missing_references=())
    >>> step_down(Inputs("SOLUSDT", 100, 100, {}), ("v2_7", "v2_6", "v1")).version
    'v2_6'
    """
    if inputs.hours < WINDOW:
        too_few = degradations.TOO_FEW_HOURS.says(
            symbol=inputs.symbol, there=inputs.hours, needed=WINDOW
        )
        return Rung(None, (too_few,))
    missing = inputs.missing_references if "v2_7" in versions else ()
    reasons = [degradations.REFERENCE_MISSING.says(symbol=one) for one in missing]
    for version in versions:
        there = version not in without
        obstacle = _obstacle(version, inputs) if there else degradations.NO_BUNDLE.form
        if obstacle is None:
            return Rung(version, tuple(reasons), missing)
        reasons.append(f"{version}: {obstacle}")
    nothing = (degradations.NO_VERSION.says(symbol=inputs.symbol),)
    return Rung(None, tuple(reasons) or nothing, missing)


def _obstacle(version: str, inputs: Inputs) -> str | None:
    """Say why a version cannot answer, or None."""
    if version != "v1" and inputs.four_hours < WINDOW:
        return degradations.TOO_FEW_FOUR_HOURS.says(there=inputs.four_hours, needed=WINDOW)
    if version != "v2_7":
        return None
    there = [name for name, known in inputs.references.items() if known]
    if not there:
        return ALL_REFERENCES_MISSING
    if len(there) < LEAST_REFERENCES:
        return degradations.TOO_FEW_REFERENCES.says(there=len(there), needed=LEAST_REFERENCES)
    if not {BITCOIN, ETHER} & {inputs.symbol, *there}:
        return degradations.NO_LEADER.says(bitcoin=BITCOIN, ether=ETHER)
    return None


def _in_a_row(view: MarketView, symbol: str, interval: Interval) -> int:
    """Count the candles of the newest stretch, if it reaches the one that closed last."""
    if not view.has(symbol, interval):
        return 0
    opens = pd.DatetimeIndex(view.candles(symbol, interval).frame.index)
    if not len(opens) or opens[-1] != pd.Timestamp(last_closed_open(view.as_of, interval)):
        return 0
    newest = stretches(opens, interval)[-1]
    return int(newest.stop - newest.start)
