r"""A server on loopback that sends what it is told, byte for byte, to whoever connects.

    with RawServer(drip(b"HTTP/1.1 200 OK\r\n", every_s=0.05)) as server:
        ...

It reads a request's head and body first. Leaving the context ends what still hangs.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final

_LONGEST_S: Final = 20.0

Script = Callable[[socket.socket, threading.Event], None]
"""Given the connection and an event that ends every wait, sends something or nothing."""


def says(*parts: bytes) -> Script:
    """Send the parts, then close the connection."""

    def script(connection: socket.socket, closing: threading.Event) -> None:
        for part in parts:
            connection.sendall(part)

    return script


def hangs(first: bytes = b"") -> Script:
    """Send the first bytes, then nothing, with the connection open."""

    def script(connection: socket.socket, closing: threading.Event) -> None:
        connection.sendall(first)
        closing.wait(_LONGEST_S)

    return script


def drips(every_s: float, first: bytes = b"", drop: bytes = b"x") -> Script:
    """Send the first bytes, then one drop after another without end."""

    def script(connection: socket.socket, closing: threading.Event) -> None:
        connection.sendall(first)
        while not closing.wait(every_s):
            connection.sendall(drop)

    return script


class RawServer:
    """Runs while its context is open; `connections` counts who came."""

    def __init__(self, *scripts: Script) -> None:
        self._scripts = scripts
        self._closing = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._threads: list[threading.Thread] = []
        self._accepting = threading.Thread(target=self._accept)
        self.connections = 0

    @property
    def url(self) -> str:
        """The base URL."""
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def _accept(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            if self._closing.is_set():
                connection.close()
                return
            script = self._scripts[min(self.connections, len(self._scripts) - 1)]
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(connection, script))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket, script: Script) -> None:
        with connection, suppress(OSError):  # the client may hang up at any time
            connection.settimeout(_LONGEST_S)
            _read_request(connection)
            script(connection, self._closing)

    def __enter__(self) -> RawServer:
        self._accepting.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._closing.set()
        # accept() is not woken by closing the socket; a last visitor wakes it.
        socket.create_connection(self._socket.getsockname(), timeout=_LONGEST_S).close()
        for thread in (self._accepting, *self._threads):
            thread.join()
        self._socket.close()


def _read_request(connection: socket.socket) -> None:
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [
        int(line.partition(b":")[2])
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"content-length:")
    ]
    missing = sum(lengths) - len(body)
    while missing > 0:
        more = connection.recv(min(65536, missing))
        if not more:
            return
        missing -= len(more)
