"""What language models cost each day, kept where every process sees it."""

from __future__ import annotations

import logging
from datetime import datetime
from decimal import Decimal
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
    """The account of each day; it blocks for as long as the store does.

    A store that fails is remembered here: what this process has spent still counts.
    """

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._here: dict[str, Spending] = {}

    def spent(self, at: datetime, currency: str) -> Decimal:
        """Return what has been spent on the day of an instant (UTC), as far as is known."""
        day = f"{at:%Y-%m-%d}"
        here = self._here.get(day)
        try:
            stored, _ = self._read(day, currency)
        except StoreUnavailable as error:
            log.warning("the day's spending cannot be read: %s", error)
            return Decimal(0) if here is None else here.cost
        return stored.cost if here is None else max(stored.cost, here.cost)

    def note(self, usage: Usage, at: datetime) -> None:
        """Add a paid answer to its day."""
        day = f"{at:%Y-%m-%d}"
        mine = self._here.get(day, Spending(day=day, currency=usage.currency))
        self._here = {day: _added(mine, usage)}
        try:
            self._write(day, usage)
        except StoreUnavailable as error:
            log.warning("the day's spending cannot be kept: %s", error)

    def _write(self, day: str, usage: Usage) -> None:
        for _ in range(_ATTEMPTS):
            spending, generation = self._read(day, usage.currency)
            try:
                data = _added(spending, usage).stored()
                self._store.put(keys.spending(day), data, if_generation=generation)
            except PreconditionFailed:
                continue
            return
        log.warning("the day's spending changes faster than it can be written")

    def _read(self, day: str, currency: str) -> tuple[Spending, Generation]:
        key = keys.spending(day)
        found = self._store.get(key)
        if found is None:
            return Spending(day=day, currency=currency), ABSENT
        try:
            return Spending.parse(found.data, what=key), found.generation
        except DataMalformed as error:
            log.warning("%s is counted anew: %s", key, error)
            return Spending(day=day, currency=currency), found.generation


def _added(spending: Spending, usage: Usage) -> Spending:
    return spending.model_copy(
        update={
            "cost": spending.cost + Decimal(usage.cost),
            "answers": spending.answers + 1,
            "cached_tokens": spending.cached_tokens + usage.cached_tokens,
            "input_tokens": spending.input_tokens + usage.input_tokens,
            "output_tokens": spending.output_tokens + usage.output_tokens,
        }
    )
