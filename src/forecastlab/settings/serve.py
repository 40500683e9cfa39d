"""Settings of the HTTP service."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from forecastlab.settings.variable import Values, Variable, count, listed, number

VARIABLES: Final = (
    Variable(
        "FORECASTLAB_API_KEYS", "", "Keys that the service accepts, comma-separated. Empty: none."
    ),
    Variable(
        "FORECASTLAB_API_KEYS_FILE",
        "",
        "File of more such keys, one a line; read again whenever it changes, as .env is.",
    ),
    Variable("FORECASTLAB_API_BODY_MB", "4", "Largest body of a request, in MiB."),
    Variable("FORECASTLAB_API_ROWS", "2000", "Most rows of one payload of features."),
    Variable("FORECASTLAB_API_BODY_S", "10", "Seconds for a request to arrive whole."),
    Variable("FORECASTLAB_API_REQUEST_S", "30", "Seconds for its answer."),
    Variable(
        "FORECASTLAB_API_RATE",
        "100",
        "Requests a second of one caller, twice as many at once; 0 is no limit.",
    ),
    Variable("FORECASTLAB_API_IN_FLIGHT", "256", "Requests under way at once; more are refused."),
    Variable("FORECASTLAB_API_CONNECTIONS", "1024", "Open connections; more are refused."),
    Variable(
        "FORECASTLAB_API_LINGER_S",
        "0",
        "Seconds that a stopped service still answers, for a balancer to notice that it ends.",
    ),
    Variable(
        "FORECASTLAB_API_DRAIN_S", "8", "Seconds after which a stopped service ends in any case."
    ),
    Variable(
        "FORECASTLAB_API_FOLLOW_S", "15", "Seconds from one look at the registry to the next."
    ),
    Variable(
        "FORECASTLAB_API_FORWARDED_BY",
        "",
        "Addresses of proxies whose X-Forwarded headers count, comma-separated. Empty: none's.",
    ),
)


@dataclass(frozen=True)
class Limits:
    """What the service lets its callers use.

    Attributes:
        body_bytes: of one request.
        rows: of one payload of features.
        body_s: for a request to arrive whole, its head and its body each.
        request_s: for its answer.
        rate: requests a second of one caller; 0 is no limit.
        in_flight: requests under way at once.
        connections: open at once.
        linger_s: how long a stopped service still answers, at least.
        drain_s: how long at most.
    """

    body_bytes: int = 4 << 20
    rows: int = 2000
    body_s: float = 10.0
    request_s: float = 30.0
    rate: int = 100
    in_flight: int = 256
    connections: int = 1024
    linger_s: float = 0.0
    drain_s: float = 8.0


@dataclass(frozen=True)
class ServeSettings:
    """How the service admits its callers, and what they may use."""

    api_keys: tuple[str, ...] = field(default=(), repr=False)
    keys_file: Path | None = None
    limits: Limits = Limits()
    forwarded_by: tuple[str, ...] = ()
    follow_s: float = 15.0


def read_serve(values: Values) -> ServeSettings:
    """Read the group.

    Raises:
        ConfigError: a value cannot be read.
    """
    file = values["FORECASTLAB_API_KEYS_FILE"]
    limits = Limits(
        body_bytes=int(number(values, "FORECASTLAB_API_BODY_MB") * (1 << 20)),
        rows=count(values, "FORECASTLAB_API_ROWS"),
        body_s=number(values, "FORECASTLAB_API_BODY_S"),
        request_s=number(values, "FORECASTLAB_API_REQUEST_S"),
        rate=count(values, "FORECASTLAB_API_RATE"),
        in_flight=count(values, "FORECASTLAB_API_IN_FLIGHT"),
        connections=count(values, "FORECASTLAB_API_CONNECTIONS"),
        linger_s=count(values, "FORECASTLAB_API_LINGER_S"),
        drain_s=number(values, "FORECASTLAB_API_DRAIN_S"),
    )
    return ServeSettings(
        api_keys=listed(values["FORECASTLAB_API_KEYS"]),
        keys_file=Path(file) if file else None,
        limits=limits,
        forwarded_by=listed(values["FORECASTLAB_API_FORWARDED_BY"]),
        follow_s=number(values, "FORECASTLAB_API_FOLLOW_S"),
    )
