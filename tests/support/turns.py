"""Threads that take turns at a store, in an order that the test draws."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from forecastlab.contracts.ports import Generation, StoredObject
from tests.support.memory_store import Killed, MemoryStore

_PATIENCE_S: Final = 20.0


class Turns:
    """Runs works at the same time; each call of a store waits until the schedule says its worker.

    What a worker raises is raised by `run`, but for `Killed`, which only ends the worker.
    """

    def __init__(self, schedule: Sequence[int]) -> None:
        self._schedule = deque(schedule)
        self._alive: set[int] = set()
        self._changed = threading.Condition()
        self._me = threading.local()

    def run(self, works: Sequence[Callable[[], object]]) -> None:
        """Run all works to their ends."""
        errors: list[BaseException] = []
        self._alive = set(range(len(works)))

        def work(me: int) -> None:
            self._me.number = me
            try:
                works[me]()
            except Killed:
                pass
            except BaseException as error:  # noqa: BLE001 - raised again by the caller
                errors.append(error)
            finally:
                with self._changed:
                    self._alive.discard(me)
                    self._changed.notify_all()

        threads = [threading.Thread(target=work, args=(me,)) for me in range(len(works))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(_PATIENCE_S)
        if errors:
            raise errors[0]

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for this worker's turn, and keep everybody else waiting meanwhile."""
        me = self._me.number
        with self._changed:
            assert self._changed.wait_for(lambda: self._next() == me, _PATIENCE_S)
            if self._schedule:
                self._schedule.popleft()
            try:
                yield
            finally:
                self._changed.notify_all()

    def _next(self) -> int:
        while self._schedule and self._schedule[0] not in self._alive:
            self._schedule.popleft()
        return self._schedule[0] if self._schedule else min(self._alive)


class SharedStore(MemoryStore):
    """A store in memory whose calls take turns."""

    turns: Turns

    def get(self, key: str) -> StoredObject | None:
        """Return an object when it is this worker's turn."""
        with self.turns.turn():
            return super().get(key)

    def put(self, key: str, data: bytes, *, if_generation: Generation) -> Generation:
        """Write an object when it is this worker's turn."""
        with self.turns.turn():
            return super().put(key, data, if_generation=if_generation)

    def list(self, prefix: str) -> list[str]:
        """List keys when it is this worker's turn."""
        with self.turns.turn():
            return super().list(prefix)
