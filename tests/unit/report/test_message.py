"""What people are told: complete, in the words of the reports, and harmless whatever data says."""

from __future__ import annotations

import json
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecastlab.contracts.incidents import Incident, IncidentClosed, IncidentOpened
from forecastlab.contracts.notifications import Message
from forecastlab.contracts.records import Call
from forecastlab.report.message import forecast_message, incident_message, trial_message
from forecastlab.report.record_excerpt import reading
from forecastlab.report.wording import CALLS
from tests.support.attempts import FIRST, record

HOSTILE = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        [
            "<script>alert(1)</script>",
            '"><img src=x onerror=alert(1)>',
            "'; DROP--",
            "a\r\nBcc: everyone@example.com",
            "line\u2028separator\x00\x1b[31m",
            "&lt;b&gt;",
            "javascript:alert(1)",
        ]
    ),
)
TAGS = {
    *("html", "head", "meta", "title", "body", "h2", "h3", "p", "a", "table", "tr", "td"),
}


class Seen(HTMLParser):
    """The tags, attributes and text of a page, as a browser would take them."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def page(message: Message) -> Seen:
    seen = Seen()
    seen.feed(message.html)
    seen.close()
    return seen


def test_the_shortest_horizon_comes_first() -> None:
    sealed = record()
    [one, *_] = sealed.forecasts.values()
    several = sealed.model_copy(update={"forecasts": dict.fromkeys(("H12", "H24", "H5"), one)})
    told = forecast_message(several, stored_at="store")
    for text in (told.title, told.text, told.html, reading(several)):
        places = [text.index(name) for name in ("H5", "H12", "H24")]
        assert places == sorted(places), text


def harmless(message: Message) -> None:
    seen = page(message)
    assert {tag for tag, _ in seen.tags} <= TAGS
    allowed: list[dict[str, Any]] = [{}, {"charset": "utf-8"}]
    for tag, attributes in seen.tags:
        assert attributes in allowed or (tag == "a" and attributes.keys() == {"href"})
        assert (attributes.get("href") or "http").startswith("http")
    assert "\n" not in message.title and "\r" not in message.title
    assert message.title.isprintable() or not any(ord(one) < 32 for one in message.title)
    message.html.encode()
    message.text.encode()


def storable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


@given(HOSTILE, HOSTILE, HOSTILE, HOSTILE)
def test_no_text_of_a_record_lives(symbol: str, reason: str, place: str, link: str) -> None:
    made = record(
        0,
        symbol=storable(symbol),
        degraded=[storable(reason)],
        bundle={**record().bundle.model_dump(), "override": storable(reason)},
    )
    message = forecast_message(made, stored_at=storable(place), dashboard=storable(link))
    harmless(message)
    [file] = message.attachments
    assert "/" not in file.name
    assert json.loads(file.data)["symbol"] == made.symbol


@given(HOSTILE, HOSTILE)
def test_no_text_of_an_incident_lives(facts: str, rollback: str) -> None:
    opened = incident(facts=storable(facts), rollback=storable(rollback))
    harmless(incident_message(Incident(opened)))
    harmless(incident_message(Incident(opened, over(storable(facts)))))


def incident(**changes: Any) -> IncidentOpened:
    document = {
        "deployment": "flow_T21X8_T14X8",
        "rule": "freshness",
        "number": 3,
        "severity": "error",
        "facts": "the newest record is 27.0 h old.",
        "at": FIRST,
    }
    return IncidentOpened.model_validate({**document, **changes})


def over(facts: str) -> IncidentClosed:
    return IncidentClosed(
        deployment="flow_T21X8_T14X8",
        rule="freshness",
        number=3,
        facts=facts,
        at=FIRST + timedelta(hours=5),
    )


def test_a_morning_says_what_a_reader_needs() -> None:
    made = record(
        0,
        degraded=["gpu_unavailable"],
        regime={"name": "ranging", "vol_prob": 0.3, "trend_prob": 0.4, "confidence": 0.35},
    )
    message = forecast_message(
        made,
        stored_at="gs://bucket/predictions/daily/2025-09-30.json",
        dashboard="https://d.example/",
    )
    assert message.title == "BTCUSDT 2025-09-30: T21_X8: no view"
    for text in (message.text, " ".join(page(message).text)):
        for part in (
            *("falls first", "30.0 %", "base rate 31.0 %", "rises first", "2025-10-21"),
            *("not distinguishable from chance", "+2.3 %", "first_passage", "ranging"),
            *("flow_T21X8_T14X8_20250930", "gpu_unavailable", "2025-10-01 00:00 UTC", "live"),
            *("gs://bucket/predictions/daily/2025-09-30.json", "Dashboard"),
        ):
            assert part in text, part
    assert ("a", {"href": "https://d.example/"}) in page(message).tags
    [file] = message.attachments
    assert (file.name, file.data) == ("flow_T21X8_T14X8_2025-09-30.json", made.stored())


def test_a_simulated_morning_says_so() -> None:
    made = record(0, source={**record().source.model_dump(), "name": "simulated"})
    assert "live, simulated" in forecast_message(made, stored_at="x").text


def test_the_key_of_a_morning_is_that_of_its_as_of() -> None:
    first, again = (forecast_message(record(), stored_at=place) for place in ("a", "b"))
    assert first.key == again.key == "flow_T21X8_T14X8/forecast/2025-09-30"
    assert forecast_message(record(1), stored_at="a").key != first.key


def test_every_call_has_words() -> None:
    assert set(CALLS) == set(get_args(Call))


def test_an_incident_says_what_since_when_and_what_to_do() -> None:
    command = 'forecastlab rollback --deployment flow_T21X8_T14X8 --why "…"'
    told = incident_message(Incident(incident(rollback=command)))
    assert (told.kind, told.severity) == ("incident_opened", "error")
    assert told.title == "flow_T21X8_T14X8: freshness opened"
    for part in ("27.0 h old", "2025-10-01 00:00 UTC", command, "forecastlab alerts"):
        assert part in told.text


def test_a_recovery_says_what_was_and_until_when() -> None:
    told = incident_message(Incident(incident(rollback="x"), over("0.1 h old.")))
    assert (told.kind, told.severity) == ("incident_closed", "info")
    assert told.title == "flow_T21X8_T14X8: freshness over"
    assert "27.0 h old" in told.text and "0.1 h old" in told.text
    assert "2025-10-01 05:00 UTC" in told.text
    assert told.key != incident_message(Incident(incident())).key


@pytest.mark.parametrize("name", ["flow_T21X8_T14X8", "<b>"])
def test_a_trial_names_its_deployment(name: str) -> None:
    told = trial_message(name)
    harmless(told)
    assert name in told.text
