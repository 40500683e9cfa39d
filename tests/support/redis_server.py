"""A real redis-server on loopback, ended by its own process id."""

from __future__ import annotations

import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.support.optional import demand, program

_READY_S: Final = 10.0


@dataclass(frozen=True)
class RunningRedis:
    """A server's address and process."""

    port: int
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        """Its address."""
        return f"redis://127.0.0.1:{self.port}/0"

    def kill(self) -> None:
        """End it at once, as a machine that goes down does."""
        self.process.kill()
        self.process.wait(timeout=10)


@contextmanager
def redis_server(*options: str, port: int | None = None) -> Iterator[RunningRedis]:
    """Run a server while the context is open; `options` are further ones of its command line."""
    demand("redis-server")
    chosen = port or free_port()
    with tempfile.TemporaryDirectory() as folder:
        command = [
            str(program("redis-server")),
            "--bind",
            "127.0.0.1",
            "--port",
            str(chosen),
            "--save",
            "",
        ]
        command += ["--save", "", "--appendonly", "no", "--dir", folder, *options]
        with (Path(folder) / "log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
            try:
                _wait_for(chosen, process)
                yield RunningRedis(chosen, process)
            finally:
                process.kill()
                process.wait(timeout=10)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    ends = time.monotonic() + _READY_S
    while time.monotonic() < ends:
        assert process.poll() is None, "redis-server ended"
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=0.2):
                return
        except OSError:
            time.sleep(0.02)
    raise TimeoutError("redis-server does not listen")
