"""The newest signals: those that a service made, and the sealed records of the deployment."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from threading import Lock
from typing import Final

from forecastlab.contracts.errors import DataMalformed
from forecastlab.contracts.records import ForecastRecord
from forecastlab.contracts.signals import NoSignal, Signal
from forecastlab.usecases.publish import sealed, sealed_asofs
from forecastlab.usecases.workspace import Workspace

MOST_KEPT: Final = 1000
"""Signals that a service remembers: of five symbols, those of eight days."""


@dataclass(frozen=True)
class Unreadable:
    """A sealed record that cannot be read, and why; the recipe says whose it is, if it does."""

    symbol: str | None
    asof_date: str
    why: str


Listed = Signal | NoSignal | ForecastRecord | Unreadable


@dataclass(frozen=True)
class Page:
    """A part of the list, and how many there are of each kind in all."""

    entries: tuple[Listed, ...]
    generated: int
    sealed: int


class MadeSignals:
    """What was made last for each symbol and as-of, in memory; safe to use from many threads."""

    def __init__(self, most: int = MOST_KEPT) -> None:
        self._most = most
        self._lock = Lock()
        self._kept: OrderedDict[tuple[str, str], Signal | NoSignal] = OrderedDict()

    def keep(self, made: Iterable[Signal | NoSignal]) -> None:
        """Remember signals; what was kept first goes first where there are too many."""
        with self._lock:
            for one in made:
                key = (one.symbol, one.asof_date)
                self._kept.pop(key, None)
                self._kept[key] = one
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)

    def of(self, symbol: str | None) -> list[Signal | NoSignal]:
        """Return those of a symbol (None: all), oldest first."""
        with self._lock:
            kept = list(self._kept.values())
        return [one for one in kept if symbol in {None, one.symbol}]


def signal_page(
    workspace: Workspace, made: MadeSignals, symbol: str | None, *, limit: int, offset: int = 0
) -> Page:
    """Return signals by their as-of, newest first; at one as-of those that were made go first.

    Of the sealed records only those of the page are read.

    Args:
        symbol: only its signals; None for all. Records are of the recipe's own symbol.
    """
    recipe = workspace.recipe()
    own = recipe is None or symbol in {None, recipe.symbol}
    names = _sealed_hours(workspace) if own else ()
    generated = sorted(made.of(symbol), key=lambda one: one.created_at, reverse=True)
    # An hour's name sorts as its instant does; the sort is stable: what was made goes first.
    found: list[tuple[str, Signal | NoSignal | None]] = [
        *((one.asof_date, one) for one in generated),
        *((name, None) for name in names),
    ]
    found.sort(key=lambda one: one[0], reverse=True)
    entries = (one or _record(workspace, asof) for asof, one in found[offset : offset + limit])
    return Page(tuple(entries), len(generated), len(names))


def _sealed_hours(workspace: Workspace) -> tuple[str, ...]:
    """Return the as-of names of the sealed hourly records, oldest first."""
    names = sealed_asofs(workspace.store, workspace.deployment)
    return tuple(one for one in names if "T" in one)


def _record(workspace: Workspace, asof: str) -> Listed:
    recipe = workspace.recipe()
    symbol = None if recipe is None else recipe.symbol
    try:
        found = sealed(workspace.store, workspace.deployment, asof)
    except DataMalformed as error:
        return Unreadable(symbol, asof, error.facts)
    return found or Unreadable(symbol, asof, f"The record of {asof} is listed and not there.")
