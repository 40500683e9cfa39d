"""Instants on the axis of a figure: in the reader's zone, which the axis names."""

from __future__ import annotations

from datetime import tzinfo
from typing import Any, Final

import pandas as pd

from webapp.views.wording import Words

_DAY_MS: Final = 86_400_000

_TICKS: Final = (
    {"dtickrange": [None, _DAY_MS - 1], "value": "%H:%M\n%m-%d"},
    {"dtickrange": [_DAY_MS, "M1"], "value": "%m-%d\n%Y"},
    {"dtickrange": ["M1", "M12"], "value": "%Y-%m"},
    {"dtickrange": ["M12", None], "value": "%Y"},
)
"""Dates in figures, for plotly names months in English whatever the page's language."""


def local(instants: pd.DatetimeIndex, zone: tzinfo) -> pd.DatetimeIndex:
    """Return aware instants as the wall clock of a zone shows them, for an axis.

    >>> from zoneinfo import ZoneInfo
    >>> moment = pd.DatetimeIndex(["2025-10-01T00:00Z"])
    >>> str(local(moment, ZoneInfo("Asia/Shanghai"))[0])
    '2025-10-01 08:00:00'
    """
    aware = instants if instants.tz is not None else instants.tz_localize("UTC")
    return aware.tz_convert(zone).tz_localize(None)


def zone_title(words: Words, zone: tzinfo) -> str:
    """Return the title of a time axis: the zone that its instants are in.

    >>> from datetime import UTC
    >>> zone_title(Words("en", {"app.axis_zone": "time in {zone}"}), UTC)
    'time in UTC'
    """
    return words("app.axis_zone", zone=zone)


def time_axis(words: Words, zone: tzinfo) -> dict[str, Any]:
    """Return an axis of instants: its title names the zone, its ticks need no language.

    >>> from datetime import UTC
    >>> time_axis(Words("en", {"app.axis_zone": "time in {zone}"}), UTC)["title"]
    'time in UTC'
    """
    return {"title": zone_title(words, zone), "tickformatstops": list(_TICKS)}
