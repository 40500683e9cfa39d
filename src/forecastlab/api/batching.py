"""Requests that wait are taken together, by threads that each take all that has come."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Final

WORKERS: Final = 2
"""Threads: while one computes without the interpreter's lock, the other parses."""

MOST: Final = 16
"""Requests that a thread takes at once. Nobody waits for more to come: what has come is taken. With
50 callers a request of 96 x 101 values costs 1.9 ms of processor time so, and 3.1 ms one by one."""


@dataclass(eq=False)
class Job:
    """One request's body, and who waits for what is made of it."""

    body: bytes
    kind: str
    loop: asyncio.AbstractEventLoop
    answer: asyncio.Future[bytes]
    began: float = field(default_factory=time.perf_counter)


Outcome = bytes | Exception
"""An answer's body, or the error that the request's own task is to raise."""


class Batches:
    """Hands jobs to threads, as many at once as have come.

    Args:
        work: returns the outcome of each job, in their order; an error of its own fails all.
    """

    def __init__(
        self,
        work: Callable[[Sequence[Job]], Sequence[Outcome]],
        *,
        workers: int = WORKERS,
        most: int = MOST,
    ) -> None:
        self._work = work
        self._most = most
        self._waiting: SimpleQueue[Job | None] = SimpleQueue()
        self._threads = [
            Thread(target=self._run, name=f"predict-{number}", daemon=True)
            for number in range(workers)
        ]

    def start(self) -> None:
        """Start the threads."""
        for one in self._threads:
            one.start()

    def stop(self) -> None:
        """End the threads; what was asked before is answered."""
        for one in self._threads:
            if one.is_alive():
                self._waiting.put(None)
        for one in self._threads:
            if one.is_alive():
                one.join(timeout=5)

    async def ask(self, body: bytes, kind: str) -> bytes:
        """Return what is made of a body.

        Raises:
            Exception: what the work gave for it.
        """
        loop = asyncio.get_running_loop()
        job = Job(body, kind, loop, loop.create_future())
        self._waiting.put(job)
        return await job.answer

    def _run(self) -> None:
        while (job := self._waiting.get()) is not None:
            taken, ended = self._with_waiting(job)
            # Nobody waits for what was cancelled: under overload it would hold up those who do.
            jobs = [one for one in taken if not one.answer.cancelled()]
            try:
                outcomes = self._work(jobs) if jobs else []
            except Exception as error:  # noqa: BLE001 - a thread's shell: the requests raise it
                outcomes = [error] * len(jobs)
            # One wake-up of the loop for all of them.
            job.loop.call_soon_threadsafe(_settle, jobs, outcomes)
            if ended:
                return

    def _with_waiting(self, first: Job) -> tuple[list[Job], bool]:
        jobs = [first]
        while len(jobs) < self._most:
            try:
                job = self._waiting.get_nowait()
            except Empty:
                break
            if job is None:
                return jobs, True
            jobs.append(job)
        return jobs, False


def _settle(jobs: Sequence[Job], outcomes: Sequence[Outcome]) -> None:
    for job, outcome in zip(jobs, outcomes, strict=True):
        if job.answer.done():  # its caller has gone
            continue
        if isinstance(outcome, Exception):
            job.answer.set_exception(outcome)
        else:
            job.answer.set_result(outcome)
