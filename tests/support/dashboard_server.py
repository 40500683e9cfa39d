"""The dashboard's own server in a process on loopback, ended by its own process id."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from tests.support.imports import ROOT

START_S: Final = 60.0
"""How long a server may take to answer; alone it takes 1.5 s."""


@contextmanager
def dashboard(store: Path, log: Path, **settings: str) -> Iterator[str]:
    """Serve a store's pages; give the address, and end the server afterwards."""
    port = _free_port()
    app = ROOT / "webapp" / "app.py"
    command = [sys.executable, "-m", "streamlit", "run", str(app), f"--server.port={port}"]
    environment = {**os.environ, "FORECASTLAB_STORE": str(store), **settings}
    with log.open("wb") as written:
        server = subprocess.Popen(
            command, env=environment, stdout=written, stderr=subprocess.STDOUT, cwd=log.parent
        )
        try:
            address = f"http://127.0.0.1:{port}"
            _wait_until_healthy(address, server, log)
            yield address
        finally:
            server.terminate()
            try:
                server.wait(timeout=10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait(timeout=10)


def _wait_until_healthy(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_S
    # No proxy, whatever the environment names.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while time.monotonic() < deadline and server.poll() is None:
        with suppress(urllib.error.URLError, ConnectionError, TimeoutError):
            if opener.open(f"{address}/_stcore/health", timeout=2).status == 200:
                return
        time.sleep(0.05)
    raise RuntimeError(f"the dashboard did not start:\n{log.read_text(errors='replace')}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
