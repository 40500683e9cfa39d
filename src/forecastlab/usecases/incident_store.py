"""Incidents in a store: opened once, closed once, and the message about each claimed by that."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final, Literal

from forecastlab.contracts import keys
from forecastlab.contracts.errors import DataMalformed, NotDelivered, PreconditionFailed
from forecastlab.contracts.incidents import (
    CLOSED,
    OPENED,
    SENT_OF,
    Delivery,
    Incident,
    IncidentClosed,
    IncidentKey,
    IncidentOpened,
    in_order,
    newest_numbers,
    open_numbers,
    parse_incident_key,
)
from forecastlab.contracts.notifications import Message, Notifier
from forecastlab.contracts.ports import ABSENT, ObjectStore
from forecastlab.contracts.records import Document
from forecastlab.evaluation.observed import Finding

log = logging.getLogger(__name__)

LOST_AFTER: Final = timedelta(minutes=10)
"""From when on a claimed message of which nothing is known is lost: no sender takes longer."""

LOST: Final = "its sender ended before it could say; it is not sent again"


class IncidentStore:
    """The incidents of one deployment; a listing is taken when it is opened."""

    def __init__(self, store: ObjectStore, deployment: str) -> None:
        self._store, self._deployment = store, deployment
        prefix = keys.alerts(deployment)
        found = (parse_incident_key(key.removeprefix(prefix)) for key in store.list(prefix))
        self._found = frozenset(one for one in found if one is not None)
        self.open = open_numbers(self._found)

    def claim_opening(
        self, finding: Finding, at: datetime, rollback: str | None
    ) -> IncidentOpened | None:
        """Open an incident; None where another process has just done it."""
        number = newest_numbers(self._found).get(finding.rule, 0) + 1
        opened = IncidentOpened(
            deployment=self._deployment,
            rule=finding.rule,
            number=number,
            severity=finding.severity,
            facts=finding.facts,
            at=at,
            rollback=rollback,
        )
        return opened if self._create(finding.rule, number, OPENED, opened) else None

    def claim_close(self, finding: Finding, at: datetime) -> Incident | None:
        """Close the open incident of a rule; None where another process has just done it."""
        number = self.open[finding.rule]
        closed = IncidentClosed(
            deployment=self._deployment,
            rule=finding.rule,
            number=number,
            facts=finding.facts,
            at=at,
        )
        if not self._create(finding.rule, number, CLOSED, closed):
            return None
        return Incident(self._opened(IncidentKey(finding.rule, number, OPENED)), closed)

    def settle(
        self,
        incident: Incident,
        outcome: Literal["sent", "failed", "lost"],
        at: datetime,
        detail: str = "",
    ) -> None:
        """Say what became of the message about the incident's last change."""
        part = OPENED if incident.is_open else CLOSED
        delivery = Delivery(at=at, outcome=outcome, detail=detail)
        self._create(incident.opened.rule, incident.opened.number, SENT_OF[part], delivery)

    def tell_lost(self, now: datetime) -> None:
        """Log each claimed message that nobody knows the end of, once."""
        for one in sorted(self._found):
            sent = SENT_OF.get(one.part)
            if sent is None or IncidentKey(one.rule, one.number, sent) in self._found:
                continue
            claimed = self._opened(one) if one.part == OPENED else self._closed(one)
            delivery = Delivery(at=now, outcome="lost", detail=LOST)
            is_old = now - claimed.at > LOST_AFTER
            if is_old and self._create(one.rule, one.number, sent, delivery):
                told = "the message that %s was %s (%s) may be lost: %s"
                log.warning(told, one.rule, one.part, claimed.facts, LOST)

    def incidents(self, newest: int) -> tuple[Incident, ...]:
        """Return the open incidents and the newest of the others, the open ones first."""
        openings = [one for one in self._found if one.part == OPENED]
        closes = {(one.rule, one.number): one for one in self._found if one.part == CLOSED}
        wanted = [one for one in openings if (one.rule, one.number) not in closes]
        past = [one for one in openings if (one.rule, one.number) in closes]
        # Numbers count per rule, so that the newest of each rule are looked at.
        past.sort(key=lambda one: one.number, reverse=True)
        for one in past:
            if sum(other.rule == one.rule for other in wanted) < newest:
                wanted.append(one)
        opened = [self._opened(one) for one in wanted]
        closed = {
            (one.rule, one.number): self._closed(closes[one.rule, one.number])
            for one in wanted
            if (one.rule, one.number) in closes
        }
        found = in_order(opened, closed)
        still = sum(one.is_open for one in found)
        return found[: max(newest, still)]

    def _create(self, rule: str, number: int, part: str, document: Document) -> bool:
        key = keys.incident(self._deployment, rule, number, part)
        with suppress(PreconditionFailed):
            self._store.put(key, document.stored(), if_generation=ABSENT)
            return True
        return False

    def _opened(self, one: IncidentKey) -> IncidentOpened:
        key = keys.incident(self._deployment, one.rule, one.number, one.part)
        return IncidentOpened.parse(self._bytes(key), what=key)

    def _closed(self, one: IncidentKey) -> IncidentClosed:
        key = keys.incident(self._deployment, one.rule, one.number, one.part)
        return IncidentClosed.parse(self._bytes(key), what=key)

    def _bytes(self, key: str) -> bytes:
        found = self._store.get(key)
        if found is None:
            raise DataMalformed(f"{key} is listed and cannot be read.", remedy="Check the store.")
        return found.data


def deliver(notifier: Notifier, message: Message) -> tuple[Literal["sent", "failed"], str]:
    """Send a claimed message; a failure is logged and told, and fails nothing."""
    try:
        notifier.send(message)
    except NotDelivered as error:
        log.warning("%s", error)
        return "failed", error.facts
    return "sent", ""


def summary(opened: Sequence[str], closed: Sequence[str]) -> str | None:
    """Return what a step says of incidents; None where nothing changed.

    >>> summary(["latency"], []), summary([], [])
    ('opened latency', None)
    """
    said = {"opened": opened, "closed": closed}
    return "; ".join(f"{verb} {', '.join(some)}" for verb, some in said.items() if some) or None
