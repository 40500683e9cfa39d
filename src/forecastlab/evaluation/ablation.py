"""Which members the published forecast needs: what it loses without each of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from forecastlab.evaluation.uncertainty import block_length, mean_standard_error

_NEGLIGIBLE: Final = 1e-12
"""Nats: a removal that changes nothing costs rounding alone."""

Losses = Callable[[tuple[str, ...]], np.ndarray]
"""Members -> log loss per row of what would be published with them alone, shape (rows,)."""


@dataclass(frozen=True)
class Removal:
    """What the published forecast loses without one member.

    Attributes:
        beside: the members that were there with it.
        cost: mean log loss without it minus with it, in nats; positive = it is missed.
        standard_error: of that paired difference, by block bootstrap.
        dropped: the cost is less than one standard error.
    """

    member: str
    beside: tuple[str, ...]
    cost: float
    standard_error: float
    dropped: bool


@dataclass(frozen=True)
class Ablation:
    """Every member's removal, the least simple member's first."""

    removals: tuple[Removal, ...]

    @property
    def dropped(self) -> tuple[str, ...]:
        """Members whose removal costs less than one standard error, as they were dropped."""
        return tuple(one.member for one in self.removals if one.dropped)


def ablate(members: Sequence[str], losses: Losses, *, horizon: int) -> Ablation:
    """Take each member away, the least simple first, and keep away those that are not missed.

    One member goes at a time, and the next is judged beside those that are left: of two that say
    the same, the simpler one stays. The last member is never dropped.

    Args:
        members: simplest first.
        losses: asked once per set of members that is tried.
        horizon: rows that a label overlaps.

    Raises:
        DataUnavailable: there are too few rows for an error.

    >>> noise = np.random.default_rng(0).normal(1.0, 0.1, 600)
    >>> def losses(members): return noise - 0.2 * ("good" in members)
    >>> ablate(["good", "idle"], losses, horizon=5).dropped
    ('idle',)
    """
    left = tuple(members)
    now = losses(left)
    removals = []
    for member in reversed(members):
        beside = tuple(name for name in left if name != member)
        if not beside:
            break
        without = losses(beside)
        difference = without - now
        cost = float(difference.mean())
        error = float(mean_standard_error(difference, block_length(difference, horizon)))
        dropped = cost <= error + _NEGLIGIBLE
        removals.append(Removal(member, beside, cost, error, dropped))
        if dropped:
            left, now = beside, without
    return Ablation(tuple(removals))
