"""Targets by their candidates' names."""

from __future__ import annotations

from forecastlab.targets.reversal import ReversalTarget


def target_from_name(name: str) -> ReversalTarget:
    """Return the target of a candidate's name.

    Raises:
        UsageError: no target is written like this.

    >>> target_from_name("T21_X8").horizon
    21
    """
    return ReversalTarget.from_name(name)
