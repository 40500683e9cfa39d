"""A load of HTTP requests on loopback: so many clients at once, each with one connection."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np


@dataclass
class Load:
    """What a load of requests saw: the times of what was answered well, and the errors."""

    seconds: float = 0.0
    times_ms: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        """Return the answers a second."""
        return len(self.times_ms) / self.seconds

    def quantile(self, share: float) -> float:
        """Return a quantile of the times, in milliseconds."""
        return float(np.quantile(self.times_ms, share)) if self.times_ms else float("nan")


def framed(method: str, path: str, body: bytes = b"") -> bytes:
    """Return a request as it is sent."""
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def load(
    port: int, sent: Sequence[bytes], clients: int, *, seconds: float = 3600.0, requests: int = 0
) -> Load:
    """Ask with so many clients at once, for some seconds or until so many were answered."""
    return asyncio.run(_load(port, sent, clients, seconds=seconds, requests=requests))


async def _load(
    port: int, sent: Sequence[bytes], clients: int, *, seconds: float, requests: int
) -> Load:
    found, began = Load(), time.perf_counter()

    def goes_on() -> bool:
        done = requests and len(found.times_ms) + len(found.errors) >= requests
        return time.perf_counter() < began + seconds and not done

    await asyncio.gather(*(_client(port, sent, first, found, goes_on) for first in range(clients)))
    found.seconds = time.perf_counter() - began
    return found


async def _client(
    port: int, sent: Sequence[bytes], first: int, found: Load, goes_on: Callable[[], bool]
) -> None:
    """Ask one request after another; a connection is kept where the server keeps it."""
    line: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
    place = first
    while goes_on():
        begin = time.perf_counter()
        kept = False
        try:
            if line is None:
                line = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
            line[1].write(sent[place % len(sent)])
            status, kept = await asyncio.wait_for(_answer(line[0]), 60)
        except (OSError, asyncio.IncompleteReadError, TimeoutError, ValueError) as error:
            found.errors.append(repr(error))
        else:
            # A refusal takes no time, and must not pass for a fast answer.
            if status == 200:
                found.times_ms.append((time.perf_counter() - begin) * 1000)
            else:
                found.errors.append(str(status))
        if not kept and line is not None:
            line[1].close()
            line = None
        place += 1
    if line is not None:
        line[1].close()


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bool]:
    """Read one answer; return its status, and whether the connection is kept."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    version, status = head.split(b" ", 2)[:2]
    size = int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
    await reader.readexactly(size)
    kept = version == b"http/1.1" and b"connection: close" not in head
    return int(status), kept
