"""What is told to people: a message, and the port that carries it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, Protocol

Severity = Literal["info", "warning", "error"]

Kind = Literal["forecast", "incident_opened", "incident_closed", "test"]

JSON_MEDIA_TYPE: Final = "application/json"


@dataclass(frozen=True)
class Attachment:
    """A file that goes with a message; `name` has no folder in it."""

    name: str
    data: bytes
    media_type: str = JSON_MEDIA_TYPE


@dataclass(frozen=True)
class Message:
    """One message, in full as plain text and again as HTML in which all data is escaped.

    Attributes:
        key: names the message for good: it is the same whenever the same thing is told, so that
            receivers can tell a second copy (an e-mail's Message-ID, a webhook's Idempotency-Key).
        title: one line.
    """

    key: str
    kind: Kind
    severity: Severity
    title: str
    text: str
    html: str
    attachments: tuple[Attachment, ...] = ()


class Notifier(Protocol):
    """Carries messages to people; it keeps nothing, so the caller claims a message before."""

    def send(self, message: Message) -> None:
        """Deliver a message to everyone it is meant for; one who fails keeps no other from it.

        Raises:
            NotDelivered: somebody did not get it, or may not have. It is not to be sent again:
                what could be tried once more was.
        """
        ...


class _Unheard:
    def send(self, message: Message) -> None:
        pass


UNHEARD: Final[Notifier] = _Unheard()
"""A notifier without anybody to tell: where a workspace is wired by hand."""
