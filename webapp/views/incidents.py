"""Incidents: what is wrong now, and what was wrong lately."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo

import pandas as pd

from forecastlab.contracts.incidents import Incident, IncidentOpened
from webapp.views.banners import Banner
from webapp.views.wording import Words, instant, literal


def incident_banners(found: Sequence[Incident], words: Words, zone: tzinfo) -> tuple[Banner, ...]:
    """Return what must be said of each incident that is open."""
    return tuple(
        Banner(one.opened.rule, one.opened.severity, _line(one.opened, words, zone))
        for one in found
        if one.is_open
    )


def incident_table(found: Sequence[Incident], words: Words) -> pd.DataFrame:
    """Return a line per incident, what is open first."""
    rows = [
        {
            words("operations.rule"): one.opened.rule,
            words("operations.status"): words(
                "operations.incident_open" if one.is_open else "operations.incident_over"
            ),
            words("operations.since"): f"{one.opened.at:%Y-%m-%d %H:%M}",
            words("operations.until"): f"{one.closed.at:%Y-%m-%d %H:%M}" if one.closed else "–",
            words("operations.detail"): one.opened.facts,
        }
        for one in found
    ]
    return pd.DataFrame(rows)


def _line(opened: IncidentOpened, words: Words, zone: tzinfo) -> str:
    said = words(
        "operations.open_incident",
        rule=literal(opened.rule),
        since=instant(opened.at, zone),
        facts=literal(opened.facts),
    )
    return f"{said} `{_code(opened.rollback)}`" if opened.rollback else said


def _code(command: str) -> str:
    """Return a command as it may stand between markdown's backticks."""
    return " ".join(command.replace("`", "'").split())
