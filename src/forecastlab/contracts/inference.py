"""What the client asks of an inference server, and of which sorts its failures are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol

from forecastlab.contracts.breaker import Breaker, BreakerPolicy
from forecastlab.contracts.canonical import Json

TIMEOUT: Final = "timeout"
"""No whole answer before the deadline."""

TRANSPORT: Final = "transport"
"""No connection, or one that broke."""

STATUS: Final = "status"
"""An answer that says that the server cannot, 5xx or 429."""

MALFORMED: Final = "malformed"
"""An answer that is not what the wire's contract says."""

DISAGREES: Final = "disagrees"
"""Probabilities that are not those of the bundle."""

REFUSED: Final = "refused"
"""The server is up and refuses what was asked: a wrong key, an unknown schema."""

ANOTHER_BUNDLE: Final = "another_bundle"
"""The server is up and speaks for another bundle, or reads other columns."""

NOT_ASKED: Final = "not_asked"
"""The question is not one that the server can be asked."""

POLICY: Final = BreakerPolicy(
    dict.fromkeys((TIMEOUT, TRANSPORT, STATUS, MALFORMED, DISAGREES), 3),
    cool_down=timedelta(minutes=10),
    longest=timedelta(hours=6),
)
"""A server that is down costs an hourly deployment its deadline three times, then ever more rarely.
What is refused is a matter of settings and of bundles: the server is asked again the next time."""


class InferenceServer(Protocol):
    """An inference server, asked over the wire."""

    @property
    def address(self) -> str:
        """Where it is, without secrets."""
        ...

    def ask(self, question: bytes) -> dict[str, Json]:
        """Return the JSON object that answers a JSON question, within the deadline.

        Raises:
            RemoteFailed: there is no answer, or none that is a JSON object.
        """
        ...


@dataclass(frozen=True)
class InferenceAccess:
    """A server that may be asked, and the breaker that says when to leave it alone."""

    server: InferenceServer
    breaker: Breaker
