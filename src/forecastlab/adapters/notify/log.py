"""Messages into the log, where they stand whatever else becomes of them."""

from __future__ import annotations

import logging
from typing import Final

from forecastlab.contracts.notifications import Message, Severity

log = logging.getLogger("forecastlab.messages")

_LEVELS: Final[dict[Severity, int]] = {
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


class LogNotifier:
    """Writes each message as one event, without its attachments."""

    def send(self, message: Message) -> None:
        """Log the message."""
        fields = {
            "event": "message",
            "key": message.key,
            "kind": message.kind,
            "title": message.title,
            "text": message.text,
        }
        lines = message.text.splitlines()
        said = "; ".join(one.strip() for one in lines[1:] if one.strip())
        told = message.title if message.kind == "forecast" else f"{message.title}: {said}"
        log.log(_LEVELS[message.severity], "%s", told, extra={"fields": fields})
