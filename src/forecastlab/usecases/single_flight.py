"""One call under way per key: who asks the same meanwhile waits for its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from concurrent.futures import Future
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """Single-flight among threads.

    >>> SingleFlight().do("the answer", lambda: 42)
    42
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._under_way: dict[Hashable, Future[T]] = {}

    def do(self, key: Hashable, call: Callable[[], T]) -> T:
        """Return what `call` returns, or what a call under way for the same key does.

        Its error is everybody's. The next call after it has ended is made anew: nothing is kept.
        """
        with self._lock:
            found = self._under_way.get(key)
            flight = self._under_way[key] = found or Future()
        if found is not None:
            return found.result()
        try:
            flight.set_result(call())
        except BaseException as error:
            flight.set_exception(error)
            raise
        finally:
            with self._lock:
                del self._under_way[key]
        return flight.result()


class AsyncSingleFlight(Generic[T]):
    """Single-flight among the tasks of one event loop.

    The call runs as a task of its own: a waiter that is cancelled leaves it to the others.

    >>> async def answer() -> int:
    ...     return 42
    >>> asyncio.run(AsyncSingleFlight().do("the answer", answer))
    42
    """

    def __init__(self) -> None:
        self._under_way: dict[Hashable, asyncio.Task[T]] = {}

    def __contains__(self, key: Hashable) -> bool:
        return key in self._under_way

    async def do(self, key: Hashable, call: Callable[[], Awaitable[T]]) -> T:
        """Return what `call` returns, or what a call under way for the same key does."""
        task = self._under_way.get(key)
        if task is None:
            task = asyncio.ensure_future(_awaited(call))
            self._under_way[key] = task
            task.add_done_callback(lambda ended: self._ended(key, ended))
        # Shielded: cancelling a waiter would cancel the call of all.
        return await asyncio.shield(task)

    def _ended(self, key: Hashable, task: asyncio.Task[T]) -> None:
        del self._under_way[key]
        if not task.cancelled():
            task.exception()  # looked at, for the case that every waiter has gone


async def _awaited(call: Callable[[], Awaitable[T]]) -> T:
    return await call()
