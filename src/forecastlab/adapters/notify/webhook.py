"""Messages as JSON to a web address."""

from __future__ import annotations

from base64 import b64encode
from typing import Any, Final
from urllib.parse import urlsplit

from forecastlab.adapters.notify.carrier import refused
from forecastlab.adapters.notify.loopback import is_loopback
from forecastlab.adapters.retry import TryAgain
from forecastlab.contracts.notifications import Message

PREFIX: Final = "webhook+"

_TIMEOUT_S: Final = (5.0, 10.0)
"""Seconds until a connection, and until each part of the answer."""


class Webhook:
    """POSTs each message to `webhook+https://…`; `webhook+http://…` only to this machine.

    Redirects are refused: the message would go where nobody has said.
    """

    kind = "webhook"

    def __init__(self, address: str) -> None:
        url = address[len(PREFIX) :]
        parts = urlsplit(url)
        if not parts.hostname or parts.scheme not in ("http", "https"):
            raise refused("it is no web address.")
        if parts.scheme == "http" and not is_loopback(parts.hostname):
            raise refused("it is not encrypted.", remedy="Write webhook+https://.")
        self._url, self._is_here = url, is_loopback(parts.hostname)

    def carry(self, message: Message) -> None:
        """POST the message once."""
        # Imported only where a message is sent: no forecast needs it.
        import requests  # noqa: PLC0415

        with requests.Session() as session:
            # A proxy is for the world outside; this machine needs none.
            session.trust_env = not self._is_here
            try:
                # The body of the answer says nothing that is needed, and could be endless.
                with session.post(
                    self._url,
                    json=_document(message),
                    headers={"Idempotency-Key": message.key.encode("ascii", "replace").decode()},
                    timeout=_TIMEOUT_S,
                    allow_redirects=False,
                    stream=True,
                ) as answer:
                    status = answer.status_code
            except requests.ReadTimeout:
                raise refused("it took the message and did not answer in time.") from None
            except (requests.ConnectTimeout, requests.exceptions.SSLError) as error:
                raise TryAgain(type(error).__name__) from None
            except requests.ConnectionError as error:
                if _never_connected(error):
                    raise TryAgain("it cannot be reached") from None
                raise refused("it hung up instead of answering.") from None
            except requests.RequestException as error:
                raise refused(f"{type(error).__name__}.") from None
        if 300 <= status < 400:
            raise refused(f"it answers with a redirect ({status}), which is not followed.")
        if not 200 <= status < 300:
            raise TryAgain(f"it answers {status}")


def _document(message: Message) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "key": message.key,
        "kind": message.kind,
        "severity": message.severity,
        "title": message.title,
        "text": message.text,
        "html": message.html,
        "files": [
            {
                "name": one.name,
                "media_type": one.media_type,
                "base64": b64encode(one.data).decode(),
            }
            for one in message.attachments
        ],
    }


def _never_connected(error: Exception) -> bool:
    """Say whether no connection came about, so that nothing can have been delivered."""
    from urllib3.exceptions import MaxRetryError, NewConnectionError  # noqa: PLC0415 - as requests

    cause = error.args[0] if error.args else None
    reason = cause.reason if isinstance(cause, MaxRetryError) else cause
    return isinstance(reason, NewConnectionError)
