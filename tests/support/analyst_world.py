"""An analyst with a real SDK, a real server for its model, a real cache file, and a set clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np

from forecastlab.adapters.breaker import StoredBreaker
from forecastlab.adapters.clocks import FixedClock
from forecastlab.adapters.openai_llm import OpenAiLlm
from forecastlab.adapters.retry import RetryPolicy
from forecastlab.adapters.sqlite_cache import SqliteCache
from forecastlab.contracts.analysis import InferenceRequest
from forecastlab.contracts.analysis_log import AnalysisEntry
from forecastlab.contracts.breaker import BreakerPolicy
from forecastlab.contracts.llm import Provider
from forecastlab.usecases.analysis.analyse import Analyst, AnalystPolicy
from forecastlab.usecases.analysis.asking import LlmDesk, limits
from forecastlab.usecases.analysis.counts import AnalystCounts, LlmCounts
from forecastlab.usecases.analysis.spending import SpendingBook
from tests.support.faulty_http import FaultyServer
from tests.support.memory_store import MemoryStore

T = TypeVar("T")

NOW: Final = datetime(2026, 11, 20, 0, 5, tzinfo=UTC)
QUICK: Final = RetryPolicy(first_delay_s=0.01, max_delay_s=0.02, attempts=2)
PRICES: Final = {
    "stated": "2026-10-31",
    "currency": "USD",
    "cached_input": "0.003",
    "input": "0.15",
    "output": "0.60",
}


def request(*, model_type: str = "gpt4", seed: int = 1, **changed: Any) -> InferenceRequest:
    """Return a question about a random walk; `gpt4` asks for the model whatever the scene."""
    steps = np.random.default_rng(seed).normal(0, 0.001, 288)
    closes = [float(price) for price in 64_000 * np.exp(np.cumsum(steps))]
    market = {
        "symbol": "BTCUSDT",
        "current_price": closes[-1],
        "prices_1h": closes[-12:],
        "prices_24h": closes,
        "volumes_24h": [1.0] * 288,
        "bid_ask_spread": 5.0,
    }
    asked = {"model_type": model_type, "market_data": market, **changed}
    return InferenceRequest.model_validate(asked)


@dataclass
class AnalystWorld:
    """What an analyst needs, before it is made.

    Attributes:
        server: its model's; None for an analyst without a key.
        kept: the analyses that it handed over.
    """

    folder: Path
    server: FaultyServer | None
    store: MemoryStore = field(default_factory=MemoryStore)
    clock: FixedClock = field(default_factory=lambda: FixedClock(NOW))
    budget: Decimal = Decimal(1)
    policy: AnalystPolicy = field(default_factory=AnalystPolicy)
    deadline_s: float = 5.0
    max_failures: int = 3
    kept: list[AnalysisEntry] = field(default_factory=list)

    def provider(self, name: str = "deepseek") -> Provider:
        """Return the model's provider."""
        assert self.server is not None
        given = {"name": name, "base_url": f"{self.server.url}/v1", "model": "m"}
        return Provider.model_validate({**given, "key": "DEEPSEEK_API_KEY", "prices": PRICES})

    def desk(self, counts: LlmCounts | None = None, *, name: str = "deepseek") -> LlmDesk:
        """Return the model's desk."""
        policy = BreakerPolicy(limits(self.max_failures), cool_down=timedelta(minutes=1))
        return LlmDesk(
            llm=OpenAiLlm(self.provider(name), "k-123", policy=QUICK),
            breaker=StoredBreaker(self.store, f"llm_{name}", policy, self.clock),
            book=SpendingBook(self.store),
            budget=self.budget,
            deadline_s=self.deadline_s,
            clock=self.clock,
            counts=counts or LlmCounts(),
        )

    @asynccontextmanager
    async def opened(self, **policy: Any) -> AsyncIterator[Analyst]:
        """Open an analyst of this world; `policy` changes its policy."""
        counts = AnalystCounts()
        desk = None if self.server is None else self.desk(counts.llm)
        cache = SqliteCache(self.folder / "answers.sqlite")
        analyst = Analyst(
            desk=desk,
            cache=cache,
            policy=replace(self.policy, **policy),
            clock=self.clock,
            counts=counts,
            keep=lambda key, entry: self.kept.append(entry),
        )
        try:
            yield analyst
        finally:
            await cache.close()
            if desk is not None:
                await desk.close()

    def run(self, work: Callable[[Analyst], Awaitable[T]], **policy: Any) -> T:
        """Run some work with one analyst."""

        async def main() -> T:
            async with self.opened(**policy) as analyst:
                return await work(analyst)

        return asyncio.run(main())
