"""What language models cost each day, kept where every process sees it."""

from __future__ import annotations

import logging
from datetime import datetime
from decimal import Decimal
from threading import Lock
from typing import Final

from forecastlab.analyst.cost import cost
from forecastlab.contracts import keys
from forecastlab.contracts.analysis import Usage
from forecastlab.contracts.analysis_log import Spending
from forecastlab.contracts.errors import DataMalformed, PreconditionFailed, StoreUnavailable
from forecastlab.contracts.llm import Prices, Provider, Tokens
from forecastlab.contracts.ports import ABSENT, Generation, ObjectStore

log = logging.getLogger(__name__)

_ATTEMPTS: Final = 20
"""Bound on compare-and-swap rounds; ten writers at once need at most ten."""


def usage_of(tokens: Tokens, provider: Provider, at: datetime) -> Usage:
    """Return the tokens of an answer and what they cost at an instant (UTC)."""
    prices: Prices = provider.prices
    return Usage(
        cached_tokens=tokens.cached,
        input_tokens=tokens.input,
        output_tokens=tokens.output,
        cost=str(cost(tokens, prices, at)),
        currency=prices.currency,
    )


class SpendingBook:
    """The account of each day; safe to use from many threads, and blocks as long as the store does.

    What the store has not taken yet is remembered and written with the next answer, so that a store
    that fails for a while loses nothing, and many answers at once are few writes.
    """

    def __init__(self, store: ObjectStore) -> None:
        self.store = store
        self._lock, self._writing = Lock(), Lock()
        self._here: dict[str, Spending] = {}
        self._unwritten: dict[str, Spending] = {}
        self._held = Decimal(0)

    def spent(self, at: datetime, currency: str) -> Decimal:
        """Return what has been spent on the day of an instant (UTC), as far as is known."""
        day = f"{at:%Y-%m-%d}"
        with self._lock:  # before the store is read: what is being written counts twice, never not
            unwritten = _cost(self._unwritten.get(day))
        try:
            stored, _ = self._read(day, currency)
        except StoreUnavailable as error:
            log.warning("the day's spending cannot be read: %s", error)
            with self._lock:
                return _cost(self._here.get(day))
        return stored.cost + unwritten

    def hold(self, most: Decimal, at: datetime, *, spent: Decimal, budget: Decimal) -> bool:
        """Set aside what an answer may cost, unless the budget is spent or set aside already.

        Never waits. What other processes have set aside is not known here: they may exceed a
        budget by the answers that they have under way.

        Args:
            spent: of the day, as `spent` returned it; answers noted since then count all the same.
        """
        with self._lock:
            known = max(spent, _cost(self._here.get(f"{at:%Y-%m-%d}"))) + self._held
            if known >= budget:
                return False
            self._held += most
            return True

    def release(self, most: Decimal) -> None:
        """Give back what was set aside: the answer is noted, or there is none."""
        with self._lock:
            self._held -= most

    def note(self, usage: Usage, at: datetime) -> None:
        """Add a paid answer to the day on which it was asked for."""
        day = f"{at:%Y-%m-%d}"
        nothing = Spending(day=day, currency=usage.currency)
        with self._lock:
            days = {**self._here, day: _added(self._here.get(day, nothing), usage)}
            # Two days, for answers may still come for the one before.
            self._here = dict(sorted(days.items())[-2:])
            self._unwritten[day] = _added(self._unwritten.get(day, nothing), usage)
        with self._writing:
            with self._lock:
                waiting = tuple(self._unwritten.values())
            for one in waiting:
                self._write(one)

    def _write(self, waiting: Spending) -> None:
        """Write what the store has not taken of a day; one writer at a time."""
        day = waiting.day
        try:
            for _ in range(_ATTEMPTS):
                spending, generation = self._read(day, waiting.currency)
                try:
                    data = _sum(spending, waiting).stored()
                    self.store.put(keys.spending(day), data, if_generation=generation)
                except PreconditionFailed:
                    continue
                self._written(waiting)
                return
            log.warning("the day's spending changes faster than it can be written")
        except StoreUnavailable as error:
            log.warning("the day's spending cannot be kept: %s", error)

    def _written(self, written: Spending) -> None:
        with self._lock:
            left = _sum(self._unwritten.pop(written.day), written, sign=-1)
            if left.answers:
                self._unwritten[written.day] = left

    def _read(self, day: str, currency: str) -> tuple[Spending, Generation]:
        key = keys.spending(day)
        found = self.store.get(key)
        if found is None:
            return Spending(day=day, currency=currency), ABSENT
        try:
            return Spending.parse(found.data, what=key), found.generation
        except DataMalformed as error:
            log.warning("%s is counted anew: %s", key, error)
            return Spending(day=day, currency=currency), found.generation


def _added(spending: Spending, usage: Usage) -> Spending:
    one = Spending(
        day=spending.day,
        currency=usage.currency,
        cost=Decimal(usage.cost),
        answers=1,
        cached_tokens=usage.cached_tokens,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
    )
    return _sum(spending, one)


def _sum(spending: Spending, other: Spending, *, sign: int = 1) -> Spending:
    names = ("cost", "answers", "cached_tokens", "input_tokens", "output_tokens")
    summed = {name: getattr(spending, name) + sign * getattr(other, name) for name in names}
    return spending.model_copy(update=summed)


def _cost(spending: Spending | None) -> Decimal:
    return Decimal(0) if spending is None else spending.cost
