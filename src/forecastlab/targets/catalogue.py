"""Targets by their candidates' names."""

from __future__ import annotations

from forecastlab.contracts.errors import UsageError
from forecastlab.targets.base import Target
from forecastlab.targets.direction import DirectionTarget
from forecastlab.targets.reversal import ReversalTarget
from forecastlab.targets.touch import TouchTarget


def target_from_name(name: str) -> Target:
    """Return the target of a candidate's name.

    Raises:
        UsageError: no target is written like this.

    >>> target_from_name("T21_X8").horizon, target_from_name("H5").classes
    (21, (0, 1))
    """
    if name.startswith("T"):
        return ReversalTarget.from_name(name)
    if name.startswith("H"):
        return DirectionTarget.from_name(name)
    if name.startswith("L"):
        return TouchTarget.from_name(name)
    raise UsageError(
        f"{name!r} names no candidate.",
        remedy="Write a reversal as T21_X8, a direction as H5 or H5_R30bp, a touch as L1_H24.",
    )
