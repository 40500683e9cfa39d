"""Ask a language model for a view: budget, breaker, deadline, strict answer, exact account."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from forecastlab.analyst.answers import parse_answer
from forecastlab.analyst.cost import cost
from forecastlab.analyst.prompt import Prompt, signal_prompt
from forecastlab.contracts.analysis import Answer, Usage
from forecastlab.contracts.breaker import Breaker
from forecastlab.contracts.degradations import BREAKER, BUDGET_SPENT, MODEL, MODEL_MALFORMED
from forecastlab.contracts.errors import DataMalformed
from forecastlab.contracts.llm import Llm, LlmFailed, Provider, Reply, Tokens
from forecastlab.contracts.ports import Clock
from forecastlab.usecases.analysis.counts import LlmCounts
from forecastlab.usecases.analysis.spending import SpendingBook, usage_of


@dataclass(frozen=True)
class Told:
    """A model's view, its own name, and what it cost."""

    answer: Answer
    model: str
    usage: Usage


class NotAsked(Exception):
    """The model was not asked, or gave nothing to use; `reason` is a word for the record."""

    def __init__(self, reason: str, usage: Usage | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.usage = usage


@dataclass(frozen=True, eq=False)
class LlmDesk:
    """One language model with its account and its breaker.

    Attributes:
        budget: what may be spent in a UTC day, in the currency of its prices.
        prompt: the version of the words in which it is asked for a view.
    """

    llm: Llm
    breaker: Breaker
    book: SpendingBook
    budget: Decimal
    deadline_s: float
    clock: Clock
    counts: LlmCounts
    prompt: str = "signal-1"

    @property
    def provider(self) -> Provider:
        """Who is asked."""
        return self.llm.provider

    async def close(self) -> None:
        """Let go of the model's connections."""
        await self.llm.close()

    async def view(self, values: Mapping[str, float | str]) -> Told:
        """Ask for a view of a market.

        Raises:
            NotAsked: the budget is spent, the breaker is open, or there is no usable answer.
            PrivacyRefused: the values hold what may not leave.
        """
        reply, usage = await self.reply(signal_prompt(values, version=self.prompt))
        try:
            answer = parse_answer(reply.text)
        except DataMalformed as error:
            self.counts.failed()
            raise NotAsked(MODEL_MALFORMED.says(why=error.facts), usage) from error
        self.counts.succeeded()
        return Told(answer, reply.model, usage)

    async def reply(self, prompt: Prompt) -> tuple[Reply, Usage]:
        """Return a model's words and what they cost; who reads them counts the success.

        Raises:
            NotAsked: as in `view`.
        """
        now, prices = self.clock.now(), self.provider.prices
        spent = await asyncio.to_thread(self.book.spent, now, prices.currency)
        most = cost(Tokens(0, prompt.size, self.provider.max_tokens), prices, now)
        if not self.book.hold(most, now, spent=spent, budget=self.budget):
            raise NotAsked(BUDGET_SPENT.says(spent=spent, currency=prices.currency))
        try:
            return await self._asked(prompt, now)
        finally:
            self.book.release(most)

    async def _asked(self, prompt: Prompt, at: datetime) -> tuple[Reply, Usage]:
        admission = await asyncio.to_thread(self.breaker.admit)
        self.counts.resting = admission.why_not
        if not admission.allowed:
            raise NotAsked(BREAKER.says(why_not=admission.why_not))
        self.counts.asked()
        # A call that is cancelled says nothing of the other side, and its probe is given back.
        kind: str | None = "cancelled"
        try:
            reply = await self.llm.ask(prompt.messages(), deadline_s=self.deadline_s)
            kind = None
        except LlmFailed as error:
            kind = error.kind
            self.counts.failed()
            paid = await self._paid(error.tokens, at) if error.tokens.total else None
            raise NotAsked(MODEL[error.kind].says(why=error.facts), paid) from error
        finally:
            await asyncio.to_thread(self.breaker.settle, admission, kind)
        return reply, await self._paid(reply.tokens, at)

    async def _paid(self, tokens: Tokens, at: datetime) -> Usage:
        """Put an answer on the account of the day that it was asked on, usable or not."""
        usage = usage_of(tokens, self.provider, at)
        self.counts.paid(usage)
        await asyncio.to_thread(self.book.note, usage, at)
        return usage


def limits(max_failures: int) -> Mapping[str, int]:
    """Return what opens the breaker: outages in a row; a refusal at once, for it will not pass.

    Answers that are malformed and values that may not leave are no outage.

    >>> limits(3)
    {'outage': 3, 'refused': 1}
    """
    return {"outage": max_failures, "refused": 1}
