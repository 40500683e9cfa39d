"""Count the log events that alerts are about, so that a run report holds them."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from forecastlab.evaluation.run_rules import COUNTED


class _Counting(logging.Handler):
    def __init__(self, counts: Counter[str]) -> None:
        super().__init__(logging.WARNING)
        self._counts = counts

    def emit(self, record: logging.LogRecord) -> None:
        event = getattr(record, "fields", {}).get("event")
        if event in COUNTED:
            self._counts[event] += 1


@contextmanager
def counted_events(counts: Counter[str]) -> Iterator[None]:
    """Count this package's warnings and errors that carry a counted event's name."""
    handler, ours = _Counting(counts), logging.getLogger("forecastlab")
    ours.addHandler(handler)
    try:
        yield
    finally:
        ours.removeHandler(handler)
