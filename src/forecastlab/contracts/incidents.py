"""Incidents and claims of messages, as they lie in a store: each document is created once.

Creating a document claims the message about it: who creates it sends, everybody else is silent. A
second document says what became of the message; where it is missing, nobody knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from pydantic import AwareDatetime

from forecastlab.contracts.notifications import Severity
from forecastlab.contracts.records import Document

OPENED: Final = "opened"
CLOSED: Final = "closed"
OPENED_SENT: Final = "opened-sent"
CLOSED_SENT: Final = "closed-sent"
"""The documents of an incident, by the end of their keys."""

SENT_OF: Final = {OPENED: OPENED_SENT, CLOSED: CLOSED_SENT}


class IncidentOpened(Document):
    """A rule began to fire; `rollback` is the command to consider while a promotion is watched."""

    schema_version: Literal[1] = 1
    deployment: str
    rule: str
    number: int
    severity: Severity
    facts: str
    at: AwareDatetime
    rollback: str | None = None


class IncidentClosed(Document):
    """The rule no longer fires; `facts` are those that show it."""

    schema_version: Literal[1] = 1
    deployment: str
    rule: str
    number: int
    facts: str
    at: AwareDatetime


class MessageClaim(Document):
    """A process has claimed a morning message and is the only one that sends it."""

    schema_version: Literal[1] = 1
    deployment: str
    asof_date: str
    at: AwareDatetime


class Delivery(Document):
    """What became of a claimed message; `lost`: its sender ended before it could say."""

    schema_version: Literal[1] = 1
    at: AwareDatetime
    outcome: Literal["sent", "failed", "lost"]
    detail: str = ""


@dataclass(frozen=True)
class Incident:
    """An incident from its opening to its close, if it is closed."""

    opened: IncidentOpened
    closed: IncidentClosed | None = None

    @property
    def is_open(self) -> bool:
        """Say whether the rule still fires, as far as is known."""
        return self.closed is None

    @property
    def changed_at(self) -> datetime:
        """When the incident was closed, or else opened."""
        return self.opened.at if self.closed is None else self.closed.at


@dataclass(frozen=True, order=True)
class IncidentKey:
    """One document of an incident, as its key names it."""

    rule: str
    number: int
    part: str


def parse_incident_key(name: str) -> IncidentKey | None:
    """Read a key below the prefix of the incidents; None for a foreign object.

    >>> parse_incident_key("freshness/000003-opened-sent.json")
    IncidentKey(rule='freshness', number=3, part='opened-sent')
    >>> parse_incident_key("notes.txt") is None
    True
    """
    rule, _, rest = name.rpartition("/")
    number, _, part = rest.removesuffix(".json").partition("-")
    known = {*SENT_OF, *SENT_OF.values()}
    if not (rule and rest.endswith(".json") and number.isdecimal() and part in known):
        return None
    return IncidentKey(rule, int(number), part)


def newest_numbers(found: Iterable[IncidentKey]) -> dict[str, int]:
    """Return rule -> the number of its newest incident.

    >>> newest_numbers([IncidentKey("drift", 1, "opened"), IncidentKey("drift", 2, "opened")])
    {'drift': 2}
    """
    numbers: dict[str, int] = {}
    for one in found:
        if one.part == OPENED:
            numbers[one.rule] = max(one.number, numbers.get(one.rule, 0))
    return numbers


def open_numbers(found: Iterable[IncidentKey]) -> dict[str, int]:
    """Return rule -> the number of its open incident, for the rules that have one.

    >>> open_numbers([IncidentKey("drift", 1, "opened"), IncidentKey("drift", 1, "closed")])
    {}
    """
    there = set(found)
    return {
        rule: number
        for rule, number in newest_numbers(there).items()
        if IncidentKey(rule, number, CLOSED) not in there
    }


def in_order(
    opened: Iterable[IncidentOpened], closed: Mapping[tuple[str, int], IncidentClosed]
) -> tuple[Incident, ...]:
    """Join openings and closes by rule and number: what is open first, then by the last change.

    >>> in_order([], {})
    ()
    """
    joined = [Incident(one, closed.get((one.rule, one.number))) for one in opened]
    newest_first = sorted(joined, key=lambda one: one.changed_at, reverse=True)
    return tuple(sorted(newest_first, key=lambda one: not one.is_open))
