"""Bytes and listings of a store, asked for again only after a while."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final

from forecastlab.contracts.errors import ForecastLabError, StoreUnavailable
from forecastlab.contracts.ports import ObjectStore
from webapp.read_model.problems import Problem, problem_of

FRESH_S: Final = 25.0
"""How long a listing or a changing object is taken as it was: with pages that look twice a minute,
a forecast shows within a minute of its publication."""

_CHUNK: Final = 32

_THREADS: Final = 16
"""A bucket answers one object in some 40 ms; three years of records are read 16 at a time."""


class StoreReader:
    """Reads a store for many sessions at once; what fails is listed, and what was known stays.

    Attributes:
        lock: held while a cache over this reader is filled, so that two sessions that open
            together read the store once.
    """

    def __init__(
        self, store: ObjectStore, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.lock = threading.RLock()
        self._store = store
        self._monotonic = monotonic
        self._listings: dict[str, tuple[float, tuple[str, ...]]] = {}
        self._problems: dict[str, Problem] = {}
        self._silent_until = float("-inf")

    @property
    def location(self) -> str:
        """The store's address."""
        return self._store.location

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What could not be read lately, by key."""
        return tuple(self._problems[key] for key in sorted(self._problems.copy()))

    def elapsed(self) -> float:
        """Return a steady clock's seconds, to tell what is old."""
        return self._monotonic()

    def keys(self, prefix: str) -> tuple[str, ...]:
        """Return the keys under a prefix, ascending; those known last where the store is silent."""
        with self.lock:
            asked, known = self._listings.get(prefix, (float("-inf"), ()))
            if self.elapsed() - asked < FRESH_S or self._is_silent():
                return known
            with self.listed(prefix):
                known = tuple(self._store.list(prefix))
            self._listings[prefix] = (self.elapsed(), known)
            return known

    def content(self, key: str) -> bytes | None:
        """Return an object's bytes as they are now; None if it is absent or cannot be read."""
        if self._is_silent():
            return None
        found = None
        with self.listed(key):
            found = self._store.get(key)
        return None if found is None else found.data

    def contents(self, keys: Sequence[str]) -> Iterator[tuple[str, bytes | None]]:
        """Yield keys with their bytes; many are read at once."""
        if len(keys) <= _THREADS:
            yield from ((key, self.content(key)) for key in keys)
            return
        # Several keys a task: handing over each by itself costs as much as reading a local file.
        size = min(_CHUNK, -(-len(keys) // _THREADS))
        chunks = [keys[start : start + size] for start in range(0, len(keys), size)]
        with ThreadPoolExecutor(_THREADS) as pool:
            for chunk, found in zip(chunks, pool.map(self._contents_of, chunks), strict=True):
                yield from zip(chunk, found, strict=True)

    def _contents_of(self, keys: Sequence[str]) -> list[bytes | None]:
        return [self.content(key) for key in keys]

    @contextmanager
    def listed(self, key: str, data: bytes = b"") -> Iterator[None]:
        """List what fails inside as a problem of `key`; forget the earlier one where none does."""
        try:
            yield
        except ForecastLabError as error:
            if isinstance(error, StoreUnavailable):
                # One wait for a store that is away, not one for each of a thousand objects.
                self._silent_until = self.elapsed() + FRESH_S
            self._problems[key] = problem_of(error, key, data)
        else:
            self._problems.pop(key, None)

    def _is_silent(self) -> bool:
        return self.elapsed() < self._silent_until
