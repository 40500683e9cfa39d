"""Keep every analysis in the store without making anybody wait for it; ask a rival beside it."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Final
from uuid import uuid4

from forecastlab.contracts import keys
from forecastlab.contracts.analysis_log import AnalysisBatch, AnalysisEntry, RivalEntry
from forecastlab.contracts.errors import ForecastLabError
from forecastlab.contracts.ports import ABSENT, Clock, ObjectStore
from forecastlab.usecases.analysis.asking import LlmDesk, NotAsked

log = logging.getLogger(__name__)

MOST_WAITING: Final = 5_000
"""Analyses that wait to be written; beyond it the oldest are dropped and counted."""

CLOSE_S: Final = 5.0
"""How long rivals are waited for at the end; a service that ends has ten seconds."""

EVERY_S: Final = 2.0
"""Time between two writes; a process that is killed loses at most this much."""


class AnalysisLog:
    """Analyses on their way to the store, as batches; one task writes them.

    Attributes:
        rival: a second model that is asked the same in the shadow; nobody waits for it.
        share: the share of requests that it is asked on, chosen by their keys.
        dropped: analyses that were not kept.
    """

    def __init__(
        self,
        store: ObjectStore,
        deployment: str,
        clock: Clock,
        *,
        rival: LlmDesk | None = None,
        share: float = 0.0,
        every_s: float = EVERY_S,
    ) -> None:
        self.rival = rival
        self.share = share
        self.dropped = 0
        self._store = store
        self._deployment = deployment
        self._clock = clock
        self._every_s = every_s
        self._waiting: deque[AnalysisEntry] = deque()
        self._rivals: set[asyncio.Task[None]] = set()
        self._writer: asyncio.Task[None] | None = None

    def keep(self, key: str, entry: AnalysisEntry) -> None:
        """Take an analysis; returns at once."""
        if self.rival is not None and entry.scene == "complex" and chosen(key, self.share):
            task = asyncio.ensure_future(self._compared(entry, self.rival))
            self._rivals.add(task)
            task.add_done_callback(self._rivals.discard)
        else:
            self._take(entry)

    async def close(self) -> None:
        """Wait a little for rivals under way, and write what waits, theirs too."""
        if self._rivals:
            _, slow = await asyncio.wait(self._rivals, timeout=CLOSE_S)
            for one in slow:
                one.cancel()
            await asyncio.gather(*slow, return_exceptions=True)
        if self._writer is not None:
            self._writer.cancel()
            await asyncio.gather(self._writer, return_exceptions=True)
        await self._write()

    async def _compared(self, entry: AnalysisEntry, rival: LlmDesk) -> None:
        provider = rival.provider
        said: RivalEntry | None = None
        try:
            told = await rival.view(entry.values)
        except (NotAsked, ForecastLabError) as error:
            said = RivalEntry(
                provider=provider.name,
                model=provider.model,
                prompt_version=rival.prompt,
                signal=None,
                confidence=None,
                failure=str(error),
                usage=error.usage if isinstance(error, NotAsked) else None,
            )
        else:
            said = RivalEntry(
                provider=provider.name,
                model=told.model,
                prompt_version=rival.prompt,
                signal=told.answer.signal,
                confidence=told.answer.confidence,
                usage=told.usage,
            )
        finally:  # of a rival that was cut short nothing is known; the analysis is kept
            self._take(entry.model_copy(update={"rival": said}))

    def _take(self, entry: AnalysisEntry) -> None:
        if len(self._waiting) >= MOST_WAITING:
            self._waiting.popleft()
            self.dropped += 1
        self._waiting.append(entry)
        if self._writer is None or self._writer.done():
            self._writer = asyncio.ensure_future(self._later())

    async def _later(self) -> None:
        while self._waiting:  # more may have come while the store was writing
            await asyncio.sleep(self._every_s)
            await self._write()

    async def _write(self) -> None:
        entries = tuple(self._waiting)
        self._waiting.clear()
        if not entries:
            return
        key = keys.analysis_batch(self._deployment, self._clock.now(), uuid4().hex[:8])
        data = AnalysisBatch(entries=entries).stored()
        try:
            await asyncio.to_thread(self._store.put, key, data, if_generation=ABSENT)
        except ForecastLabError as error:
            self.dropped += len(entries)
            log.warning("%d analyses are not kept: %s", len(entries), error)


def chosen(key: str, share: float) -> bool:
    """Say whether a request is among the share; the same request always gets the same answer.

    >>> chosen("sha256:00000000ff", 0.5), chosen("sha256:ffffffff00", 0.5)
    (True, False)
    """
    return int(key.removeprefix("sha256:")[:8], 16) < share * 0x1_0000_0000
