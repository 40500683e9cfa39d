"""What the service is made of: parts that start, say how they are, bring their routes, and stop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from fastapi import APIRouter


class Component(Protocol):
    """One part of the service; `health` and `ready` are asked from any thread and never block."""

    @property
    def name(self) -> str:
        """The part's name under `components` of `/health`."""
        ...

    @property
    def ready(self) -> bool:
        """Whether it can answer now: loaded, verified, warmed."""
        ...

    def start(self) -> None:
        """Load what it needs; may take seconds, and is called once, off the event loop.

        Raises:
            ForecastLabError: it cannot serve; the service then ends with the error's exit code.
        """
        ...

    def stop(self) -> None:
        """End its threads and connections."""
        ...

    def health(self) -> Mapping[str, object]:
        """Return `{"status": "ok" | "degraded" | "failed", …}` and what a person wants to see."""
        ...

    def info(self) -> Mapping[str, object]:
        """Return what `/info` says of it: versions, digests, limits."""
        ...

    def routers(self) -> Sequence[APIRouter]:
        """Return its routes."""
        ...
