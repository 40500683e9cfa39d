"""An alert is added as docs/architecture.md says: a rule, and its place in the list."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from forecastlab.contracts.notifications import Message
from forecastlab.contracts.operations import AlertTable
from forecastlab.evaluation import incidents
from forecastlab.evaluation.observed import Finding, Observed
from tests.extension.conftest import Desk

PROMISED = 0.8
"""The level of prediction sets below which the rule fires."""

# What `evaluation/record_rules.py` holds.


def promise(seen: Observed, _: AlertTable) -> Iterator[Finding]:
    """The level of the newest record's prediction sets."""
    if seen.records:
        said = seen.records[-1].forecasts.values()
        lowest = min(one.prediction_set.level for one in said if one.prediction_set)
        facts = f"the newest prediction sets promise {lowest:.0%}."
        yield Finding("promise", lowest <= PROMISED, "warning", facts)


class Heard:
    """A notifier that keeps what it was told."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def send(self, message: Message) -> None:
        self.messages.append(message)

    def of(self, rule: str) -> list[str]:
        return [one.kind for one in self.messages if rule in one.title]


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture(autouse=True)
def added(desk: Desk, heard: Heard, monkeypatch: pytest.MonkeyPatch) -> None:
    """Add the rule to the list."""
    monkeypatch.setattr(incidents, "RULES", (*incidents.RULES, promise))
    desk.notifier = heard


def test_it_fires_in_a_morning_and_is_told_once(desk: Desk, heard: Heard) -> None:
    alerts = next(step for step in desk.wake(2).steps if step.name == "alerts")
    assert (alerts.status, "promise" in (alerts.detail or "")) == ("done", True)
    desk.wake(3)
    assert heard.of("promise") == ["incident_opened"]
    assert any("the newest prediction sets promise 80%" in one.text for one in heard.messages)
    assert any("promise/" in key for key in desk.workspace.store.list("alerts/"))


def test_it_is_told_when_it_is_over(
    desk: Desk, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.wake(2)
    monkeypatch.setattr(f"{__name__}.PROMISED", 0.5)
    desk.wake(3)
    assert heard.of("promise") == ["incident_opened", "incident_closed"]
