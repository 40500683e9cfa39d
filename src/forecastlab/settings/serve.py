"""Settings of the HTTP service."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from forecastlab.settings.variable import Values, Variable, listed

VARIABLES: Final = (
    Variable(
        "FORECASTLAB_API_KEYS", "", "Keys that the service accepts, comma-separated. Empty: none."
    ),
)


@dataclass(frozen=True)
class ServeSettings:
    """How the service admits its callers."""

    api_keys: tuple[str, ...] = field(default=(), repr=False)


def read_serve(values: Values) -> ServeSettings:
    """Read the group."""
    return ServeSettings(listed(values["FORECASTLAB_API_KEYS"]))
