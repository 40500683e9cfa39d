"""Messages to whatever else apprise reaches: Telegram, Slack, Discord, Teams and some 180 more."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from forecastlab.adapters.notify.carrier import refused
from forecastlab.adapters.retry import TryAgain
from forecastlab.contracts.notifications import Kind, Message, Severity

_QUICK_S: Final = 3.0
"""apprise only says whether it succeeded. It waits at least 4 s for an answer, so that an earlier
failure is a refusal, and a later one may have been delivered."""

_TYPES: Final[dict[Severity, str]] = {"info": "info", "warning": "warning", "error": "failure"}


class Service:
    """Hands each message to apprise, by any address that it knows."""

    kind = "apprise"

    def __init__(self, address: str) -> None:
        try:
            # 0.6 s, and installed only by those who want it.
            import apprise  # noqa: PLC0415
            from apprise.attachment.memory import AttachMemory  # noqa: PLC0415
        except ModuleNotFoundError as error:
            raise refused(
                f"it needs {error.name}, which is not installed.",
                remedy="Install it with `pip install 'forecastlab[notify]'`.",
            ) from None
        self._service = apprise.Apprise()
        self._file: Callable[..., Any] = AttachMemory
        if not self._service.add(address):
            raise refused("it is no address that apprise knows.")

    def carry(self, message: Message) -> None:
        """Hand the message over once."""
        files: list[Any] = [
            self._file(content=one.data, name=one.name, mimetype=one.media_type)
            for one in message.attachments
        ]
        began = time.monotonic()
        delivered = self._service.notify(
            title=message.title,
            body=message.text,
            notify_type=_type(message.severity, message.kind),
            body_format="text",
            attach=files or None,
        )
        if delivered:
            return
        if sum(len(one) for one in self._service) > 1:
            raise refused("apprise could not deliver it to each of several receivers.")
        if time.monotonic() - began < _QUICK_S:
            raise TryAgain("apprise could not deliver it")
        raise refused("apprise could not tell in time whether it was delivered.")


def _type(severity: Severity, kind: Kind) -> str:
    return "success" if kind == "incident_closed" else _TYPES[severity]
