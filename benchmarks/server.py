"""A server on loopback, in a process of its own, for as long as a benchmark asks it."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from forecastlab.contracts.errors import RemoteFailed
from tests.support.imports import ROOT

PATIENCE_S: Final = 120.0
PORT: Final = "{port}"
"""Stands in a command for the port that was found free."""


@dataclass(frozen=True)
class Running:
    """A server that is ready; `ready_s` says how long that took from the process's start."""

    port: int
    ready_s: float
    process: subprocess.Popen[bytes]

    @property
    def address(self) -> str:
        """Return its URL."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def cpu_s(self) -> float:
        """Return the processor time that it has spent, all its threads together; Linux only."""
        stat = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii")
        user, system = stat.rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    @property
    def resident_mb(self) -> float:
        """Return the memory that it holds; Linux only."""
        pages = Path(f"/proc/{self.process.pid}/statm").read_text(encoding="ascii").split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE") / 1e6


@contextmanager
def server(
    *command: str, ready: str = "/readyz", environment: Mapping[str, str] | None = None
) -> Iterator[Running]:
    """Run `python COMMAND` until the context ends; give it once `ready` answers 200.

    Raises:
        RemoteFailed: it ended, or did not get ready.
    """
    port, began = _free_port(), time.perf_counter()
    given = [one.replace(PORT, str(port)) for one in command]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [sys.executable, *given],
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
            stdout=log,
            stderr=log,
        )
        try:
            while not _answers(port, ready):
                if process.poll() is not None or time.perf_counter() - began > PATIENCE_S:
                    raise _unready(given, log)
                time.sleep(0.01)
            yield Running(port, time.perf_counter() - began, process)
        finally:
            process.terminate()
            process.wait(timeout=20)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _answers(port: int, path: str) -> bool:
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        line.request("GET", path)
        return line.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        line.close()


def _unready(command: list[str], log: IO[bytes]) -> RemoteFailed:
    log.seek(0)
    said = log.read().decode(errors="replace").strip().splitlines() or ["it said nothing"]
    return RemoteFailed(
        f"`python {' '.join(command)}` did not get ready: {said[-1]}.",
        remedy="Run it by hand to see why.",
    )
