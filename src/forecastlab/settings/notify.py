"""Settings of where alerts and the morning message go."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from forecastlab.settings.variable import Values, Variable, listed

VARIABLES: Final = (
    Variable(
        "FORECASTLAB_NOTIFY_SECRET",
        "",
        "Where alerts and messages go, comma-separated (docs/operations.md); the log in any case.",
    ),
    Variable("FORECASTLAB_DASHBOARD_URL", "", "Address of the dashboard, which messages link to."),
)


@dataclass(frozen=True)
class NotifySettings:
    """Addresses of alerts and messages; they hold tokens, so they are never shown."""

    addresses: tuple[str, ...] = field(default=(), repr=False)
    dashboard_url: str = ""


def read_notify(values: Values) -> NotifySettings:
    """Read the group."""
    return NotifySettings(
        addresses=listed(values["FORECASTLAB_NOTIFY_SECRET"]),
        dashboard_url=values["FORECASTLAB_DASHBOARD_URL"],
    )
