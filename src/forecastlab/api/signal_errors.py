"""Which symbols' signals fail again and again though their inputs are there."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock
from typing import Final

from forecastlab.api.failure import without_folders
from forecastlab.contracts.signals import NoSignal, Signal

REPEATED: Final = 2
"""Errors of a symbol in a row that are no accident."""


class SignalErrors:
    """Counts a symbol's errors in a row; safe to use from many threads.

    A score ends the row. A signal that is missing for want of candles says nothing of the model,
    and leaves it as it is.

    >>> errors = SignalErrors()
    >>> errors.trouble() is None
    True
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._rows: dict[str, tuple[int, str]] = {}

    def note(self, made: Sequence[Signal | NoSignal]) -> None:
        """Note what was made, or could not be."""
        with self._lock:
            for one in made:
                if isinstance(one, Signal):
                    self._rows.pop(one.symbol, None)
                elif one.model_error:
                    count, _ = self._rows.get(one.symbol, (0, ""))
                    self._rows[one.symbol] = count + 1, one.reason

    def trouble(self) -> str | None:
        """Say which symbols have failed repeatedly, and why they did last; None where none has."""
        with self._lock:
            told = [
                f"{symbol}: {count} errors in a row, the last: {without_folders(reason)}"
                for symbol, (count, reason) in sorted(self._rows.items())
                if count >= REPEATED
            ]
        return "; ".join(told) or None
