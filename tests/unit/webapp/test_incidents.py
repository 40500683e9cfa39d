"""Incidents on the page: what is open first and said aloud, nothing of the data alive."""

from __future__ import annotations

from datetime import UTC, timedelta

from forecastlab.contracts import keys
from forecastlab.contracts.incidents import Incident, IncidentClosed, IncidentOpened
from tests.support.dashboard_documents import put_incidents
from tests.support.dashboard_store import daily, put
from tests.support.memory_store import MemoryStore
from tests.unit.webapp.conftest import NOW
from webapp.read_model.library import Library
from webapp.views.incidents import incident_banners, incident_table
from webapp.views.wording import Words


def incident(rule: str, *, hours: int, over: bool = False, rollback: str | None = None) -> Incident:
    at = NOW - timedelta(hours=hours)
    opened = IncidentOpened(
        deployment="d",
        rule=rule,
        number=1,
        severity="error",
        facts="[a](http://b) <b>",
        at=at,
        rollback=rollback,
    )
    closed = IncidentClosed(deployment="d", rule=rule, number=1, facts="fine", at=NOW)
    return Incident(opened, closed if over else None)


def test_only_what_is_open_is_said_aloud(words: Words) -> None:
    found = [incident("latency", hours=2), incident("drift", hours=9, over=True)]
    [said] = incident_banners(found, words, UTC)
    assert (said.name, said.severity) == ("latency", "error")
    assert said.text.startswith("**latency** since 2026-03-05 06:07 UTC:")
    assert "[a](" not in said.text
    table = incident_table(found, words)
    assert list(table["Rule"]) == ["latency", "drift"]
    assert list(table["Status"]) == ["open", "over"]
    assert list(table["Until (UTC)"]) == ["–", "2026-03-05 08:07"]


def test_a_watched_promotion_shows_the_way_back(words: Words) -> None:
    found = [incident("latency", hours=1, rollback="roll`back\n--now")]
    [said] = incident_banners(found, words, UTC)
    assert said.text.endswith(" `roll'back --now`")


def test_a_store_is_read_and_foreign_objects_are_passed_over(
    store: MemoryStore, library: Library
) -> None:
    series = daily(NOW, count=1)
    put_incidents(store, series)
    put(store, f"{keys.alerts(series.deployment)}notes.json", b"{}")
    found = library.deployment(series.deployment).incidents()
    assert [(one.opened.rule, one.is_open) for one in found] == [
        ("freshness", True),
        ("latency", False),
    ]
