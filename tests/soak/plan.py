"""Which fault strikes on which day: seven mornings written down, or any number drawn."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

from tests.soak.desk import Desk
from tests.soak.exchange import LONGEST
from tests.soak.faults import FAULTS, SEALED


@dataclass(frozen=True)
class Day:
    """One morning; its number counts days after the bundles' cut-off."""

    number: int
    faults: tuple[str, ...] = ()

    @property
    def is_lost(self) -> bool:
        """Whether no morning can succeed on it."""
        return any(FAULTS[name].when == "all day" for name in self.faults)


SHORT: Final = (
    Day(1, ("rate limit", "once more")),
    Day(2, ("late candle", "region", "challenger raises", "rollback")),
    Day(3, ("machine off",)),
    Day(4, ("full disk", "revised candle", "challenger lies", "inference server down")),
    Day(5, ("damaged bundle", "killed at pointer", "provider down", "challenger hangs")),
    Day(6, ("outage",)),
    Day(7, ("killed at record", "no GPU", "clock skew", "Redis down")),
    Day(8, ("killed at candles", "killed at message", "two at once")),
    Day(9),
)
"""Seven mornings and two lost days, with every kind of fault once; the last morning is quiet."""

QUIET: Final = 22
"""Days after the plan until one more morning, which finds every outcome of the plan resolved."""

HALVES: Final = 2
"""Every kind of fault strikes once in each half of a plan that is drawn."""

MOST: Final = 3
"""Faults of one drawn day."""


def drawn(mornings: int, seed: int) -> tuple[Day, ...]:
    """Place every kind of fault on one day of each half; the first day and the last are quiet.

    Raises:
        ValueError: the mornings are too few for all faults, or more than the exchange has days for.

    >>> drawn(60, seed=1) == drawn(60, seed=1) != drawn(60, seed=2)
    True
    """
    if mornings + QUIET > LONGEST:
        raise ValueError(f"{mornings} mornings are more than {LONGEST - QUIET}")
    rng = random.Random(seed)
    days: dict[int, list[str]] = {number: [] for number in range(1, mornings + 1)}
    # Those that need a day alone choose first.
    wanted = sorted(FAULTS, key=lambda name: FAULTS[name].when != "all day")
    for half in range(HALVES):
        first, last = 1 + half * mornings // HALVES, (half + 1) * mornings // HALVES
        for name in wanted:
            span = range(max(first, 2), min(last, mornings - 1) + 1)
            fitting = [number for number in span if _fits(name, days[number])]
            if not fitting:
                raise ValueError(f"{mornings} mornings are too few for all faults")
            days[rng.choice(fitting)].append(name)
    return tuple(Day(number, tuple(names)) for number, names in days.items())


def _fits(name: str, there: list[str]) -> bool:
    """Say whether a fault may join those of a day and still be seen."""
    together = (name, *there)
    moments = {FAULTS[one].when for one in together}
    if "all day" in moments:
        return not there
    # Two bad challengers are one, and so are two kills, or two in whose way the morning is run.
    kinds = {one.partition(" ")[0] for one in together}
    if len(together) > MOST or len(kinds) < len(together) or sum(map(_own_way, together)) > 1:
        return False
    # A record that is sealed already bears no sign of what strikes later, nor do other processes.
    is_sealed = any(SEALED in FAULTS[one].seen for one in together)
    if "while" in moments and ("instead" in moments or is_sealed):
        return False
    # What a killed morning has fetched is not fetched again.
    return not ("killed" in kinds and {"rate limit", "revised candle"} & set(together))


def _own_way(name: str) -> bool:
    fault = FAULTS[name]
    return fault.when in ("while", "instead") and fault.attempts is not Desk.morning
