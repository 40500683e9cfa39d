"""Work that may take only so long: done in a thread that nobody waits for beyond its time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import Thread
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Ended(Generic[T]):
    """How a piece of work ended: with a result, or with the error that it raised."""

    result: T | None
    error: BaseException | None = None


def within(seconds: float, work: Callable[[], T]) -> Ended[T] | None:
    """Do a piece of work, for at most so many seconds; return None if it is not done by then.

    Overdue work is left behind: its thread ends with the process, and its result is dropped.

    >>> within(5, lambda: 1)
    Ended(result=1, error=None)
    """
    ended: list[Ended[T]] = []

    def attempt() -> None:
        try:
            ended.append(Ended(work()))
        except BaseException as error:  # noqa: BLE001 - whatever it was, it is the work's result
            ended.append(Ended(None, error))

    thread = Thread(target=attempt, daemon=True)
    thread.start()
    thread.join(seconds)
    return ended[0] if ended else None
