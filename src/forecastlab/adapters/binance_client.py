"""python-binance behind a typed seam: the only file that knows the library and its exceptions.

The library is imported when the first client opens, so that a process that needs no exchange does
not pay for it (0.2 s). It retries nothing by itself; see `binance_hosts` for what does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final, Protocol

_SHOWN: Final = 160
"""Characters of a foreign text that a message repeats."""


_NO_JSON: Final = "Invalid JSON"
"""How the library's own message begins where an error body is no JSON."""


class NoReply(Exception):
    """No whole, readable reply came: a timeout, a reset, a cut body, a page that is no JSON."""


class Refused(Exception):
    """The server replied with a status that is not success.

    Attributes:
        status: HTTP status.
        code: Binance's own error code, negative; 0 where the body states none.
        headers: the reply's headers, in the spelling that the server chose.
    """

    def __init__(self, status: int, code: int, message: str, headers: Mapping[str, str]) -> None:
        super().__init__(
            f"{status} {message}" if code == 0 else f"{status} {message} (code {code})"
        )
        self.status = status
        self.code = code
        self.headers = headers


class _Reply(Protocol):
    ok: bool
    status_code: int
    reason: str
    headers: Mapping[str, str]


class _Loop(Protocol):
    def close(self) -> None: ...


class _Library(Protocol):
    """What is used of `binance.client.Client`."""

    API_URL: str
    REQUEST_TIMEOUT: float
    response: _Reply | None
    loop: _Loop

    def get_server_time(self) -> object: ...

    def get_klines(self, **parameters: object) -> object: ...

    def close_connection(self) -> None: ...


class BinanceClient:
    """The public market data of one host at a time; replies are parsed JSON, not yet judged."""

    def __init__(self, library: _Library) -> None:
        self._library = library

    def point_at(self, base_url: str, *, timeout_s: float) -> None:
        """Send the next requests to `base_url`; each may be silent for `timeout_s` at most."""
        self._library.API_URL = f"{base_url}/api"
        self._library.REQUEST_TIMEOUT = timeout_s

    def server_time(self) -> object:
        """Ask for the server's time.

        Raises:
            NoReply: nothing readable came.
            Refused: the server replied with an error status.
        """
        with self._reported():
            return self._library.get_server_time()

    def klines(self, symbol: str, interval: str, start_ms: int, end_ms: int, limit: int) -> object:
        """Ask for candles that open in [start_ms, end_ms], oldest first, `limit` at most.

        Raises:
            NoReply: nothing readable came.
            Refused: the server replied with an error status.
        """
        with self._reported():
            return self._library.get_klines(
                symbol=symbol, interval=interval, startTime=start_ms, endTime=end_ms, limit=limit
            )

    @contextmanager
    def _reported(self) -> Iterator[None]:
        from binance.exceptions import (  # noqa: PLC0415
            BinanceAPIException,
            BinanceRequestException,
        )
        from requests.exceptions import RequestException  # noqa: PLC0415

        self._library.response = None
        try:
            yield
        except RequestException as error:
            raise NoReply(_reason(error)) from error
        except BinanceRequestException as error:
            body = _short(error.message.removeprefix("Invalid Response: "))
            raise NoReply(f"the reply is no JSON: {body}") from error
        except (BinanceAPIException, AttributeError) as error:
            reply = self._last_reply()
            if reply is None or reply.ok:
                raise
            # The library takes each error body for a JSON object and fails with AttributeError on
            # any other JSON; the reply itself still tells the status.
            raise _refused(reply, error) from error

    def _last_reply(self) -> _Reply | None:
        return self._library.response


@contextmanager
def open_client() -> Iterator[BinanceClient]:
    """Open a client that needs no key and asks nothing on its own; leaving closes its sockets."""
    from binance.client import Client  # noqa: PLC0415

    # The library takes the thread's event loop for web sockets that are never opened here, and
    # makes one where there is none. In a thread of its own it meets no one else's.
    with ThreadPoolExecutor(1) as thread:
        library: _Library = thread.submit(Client, ping=False).result()
    library.loop.close()
    try:
        yield BinanceClient(library)
    finally:
        library.close_connection()


def _refused(reply: _Reply, error: Exception) -> Refused:
    code, message = getattr(error, "code", 0), getattr(error, "message", None)
    if not isinstance(message, str) or message.startswith(_NO_JSON):
        message = reply.reason
    return Refused(
        reply.status_code,
        code if isinstance(code, int) else 0,
        _short(message),
        dict(reply.headers),
    )


def _reason(error: Exception) -> str:
    cause = error.args[0] if error.args else error
    # The prefix names the host, which the message names anyway.
    text = re.sub(r"^HTTPS?Connection(Pool)?\(.*?\): ", "", str(getattr(cause, "reason", cause)))
    return f"{type(error).__name__}: {_short(text)}"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}…"
