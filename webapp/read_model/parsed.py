"""Documents of a store, parsed once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from webapp.read_model.reader import FRESH_S, StoreReader

T = TypeVar("T")

Parse = Callable[[bytes, str], T]
"""Reads the bytes of the object at a key; raises a ForecastLabError if they are not valid."""


class CreatedOnce(Generic[T]):
    """Documents that are never rewritten: each is read and parsed once, and kept.

    One that is not valid is left out, listed as a problem, and tried again after a while: it may
    have been restored from a copy. So is one that is absent.
    """

    def __init__(self, reader: StoreReader, parse: Parse[T]) -> None:
        self._reader = reader
        self._parse = parse
        self._kept: dict[str, T] = {}
        self._refused: dict[str, float] = {}

    def read(self, keys: Sequence[str]) -> dict[str, T]:
        """Return the documents at these keys, in this order, as far as they can be read."""
        with self._reader.lock:
            now = self._reader.elapsed()
            missing = [
                key
                for key in keys
                if key not in self._kept and now - self._refused.get(key, -FRESH_S) >= FRESH_S
            ]
            for key, data in self._reader.contents(missing):
                self._refused[key] = now
                if data is None:
                    continue
                with self._reader.listed(key, data):
                    self._kept[key] = self._parse(data, key)
                    del self._refused[key]
            return {key: self._kept[key] for key in keys if key in self._kept}


class Changing(Generic[T]):
    """Documents that are rewritten: read again after a while, parsed again where they changed."""

    def __init__(self, reader: StoreReader, parse: Parse[T]) -> None:
        self._reader = reader
        self._parse = parse
        self._kept: dict[str, tuple[float, bytes | None, T | None]] = {}

    def read(self, key: str) -> T | None:
        """Return the document as it was lately; None if it is absent or cannot be read."""
        with self._reader.lock:
            now = self._reader.elapsed()
            read_at, before, document = self._kept.get(key, (float("-inf"), None, None))
            if now - read_at < FRESH_S:
                return document
            data = self._reader.content(key)
            if data is not None and data != before:
                document = None
                with self._reader.listed(key, data):
                    document = self._parse(data, key)
            self._kept[key] = (now, data if data is not None else before, document)
            return document
