"""SIGTERM as an orderly end: what is under way is recorded before the process goes."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from forecastlab.contracts.errors import Terminated


@contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """Turn SIGTERM into `Terminated` while the context is open; only a main thread can.

    Platforms give some seconds between SIGTERM and the kill: Cloud Run ten, systemd ninety.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _end(number: int, frame: object) -> None:  # noqa: ARG001 - as signal calls it
    # A second one must not cut off the report that the first one causes.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Terminated
