"""Targets by their kind and by their candidates' names; a further one adds a line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from forecastlab.contracts.config import TargetTable
from forecastlab.contracts.errors import ConfigError, UsageError
from forecastlab.targets.base import Target
from forecastlab.targets.direction import DirectionTarget
from forecastlab.targets.reversal import ReversalTarget
from forecastlab.targets.touch import TouchTarget


@dataclass(frozen=True)
class Family:
    """The candidates of one kind of target.

    Attributes:
        letter: what their names begin with, no other kind's.
        examples: names as a person would write them.
        from_name: reads a name; UsageError where it is none.
    """

    letter: str
    examples: str
    from_name: Callable[[str], Target]


TARGETS: Final[Mapping[str, Family]] = {
    "reversal": Family("T", "T21_X8", ReversalTarget.from_name),
    "direction": Family("H", "H5 or H5_R30bp", DirectionTarget.from_name),
    "touch": Family("L", "L1_H24", TouchTarget.from_name),
}
"""Kind, as a recipe's `target.kind` names it -> its candidates."""


def target_from_name(name: str) -> Target:
    """Return the target of a candidate's name.

    Raises:
        UsageError: no target is written like this.

    >>> target_from_name("T21_X8").horizon, target_from_name("H5").classes
    (21, (0, 1))
    """
    for family in TARGETS.values():
        if name.startswith(family.letter):
            return family.from_name(name)
    written = ", ".join(f"a {kind} as {one.examples}" for kind, one in TARGETS.items())
    raise UsageError(f"{name!r} names no candidate.", remedy=f"Write {written}.")


def check_target(target: TargetTable, *, what: str) -> None:
    """Demand that a recipe's kind of target exists and that its candidates are of that kind.

    Args:
        what: names the recipe in messages.

    Raises:
        ConfigError: there is no such kind, or a candidate is none of it.

    >>> check_target(TargetTable(kind="direction", candidates=("H5", "H12")), what="a recipe")
    """
    family = TARGETS.get(target.kind)
    if family is None:
        raise ConfigError(
            f"{what}: there is no target.kind {target.kind!r}.",
            remedy=f"Choose one of {', '.join(TARGETS)}.",
        )
    for name in target.candidates:
        try:
            family.from_name(name)
        except UsageError as error:
            raise ConfigError(f"{what}: {error.facts}", remedy=error.remedy) from error
