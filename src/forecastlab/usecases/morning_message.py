"""The morning message: one for a deployment and day, claimed before it is sent."""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import datetime
from typing import Literal

from forecastlab.contracts import keys
from forecastlab.contracts.errors import NotDelivered, PreconditionFailed
from forecastlab.contracts.incidents import Delivery, MessageClaim
from forecastlab.contracts.intervals import DURATION, asof_name, last_closed_open, parse_asof
from forecastlab.contracts.ports import ABSENT, ObjectStore
from forecastlab.contracts.records import ForecastRecord
from forecastlab.report.message import forecast_message
from forecastlab.usecases.incident_store import LOST, LOST_AFTER, deliver
from forecastlab.usecases.publish import Published
from forecastlab.usecases.workspace import Workspace

log = logging.getLogger(__name__)


def send_morning_message(workspace: Workspace, published: Published) -> str | None:
    """Send the message of a record that was published now, or is fresh and of which nobody spoke.

    The claim lies at the day's as-of, so that an hourly deployment speaks once a day too: of the
    first record after midnight UTC that is published.

    Returns:
        What was sent; None where nothing was due.

    Raises:
        NotDelivered: it was claimed and could not be sent; it is not sent again.
        StoreUnavailable: it cannot be claimed, and so is not sent.
    """
    record, now = published.record, workspace.wall.now()
    if not _is_due(published, now):
        return None
    day = message_day(record)
    _tell_lost(workspace, day, now)
    claim = MessageClaim(deployment=record.deployment, asof_date=record.asof_date, at=now)
    try:
        key = keys.message(record.deployment, day)
        workspace.store.put(key, claim.stored(), if_generation=ABSENT)
    except PreconditionFailed:
        return None
    message = forecast_message(
        record,
        stored_at=f"{workspace.store.location}/{published.key}",
        dashboard=workspace.dashboard_url,
    )
    outcome, detail = deliver(workspace.notifier, message)
    _settle(workspace.store, record.deployment, day, outcome, workspace.wall.now(), detail)
    if outcome == "failed":
        raise NotDelivered(detail, remedy="Try the addresses: `forecastlab alerts --try`.")
    return f"told of {record.asof_date}"


def message_day(record: ForecastRecord) -> str:
    """Return the day that claims a record's message: the newest that had closed at its as-of."""
    return asof_name(last_closed_open(record.as_of, "1d"), "1d")


def _is_due(published: Published, now: datetime) -> bool:
    record = published.record
    if published.publication == "published":
        return True
    is_fresh = now < record.as_of + DURATION[record.interval]
    return published.publication == "already_published" and is_fresh


def _settle(
    store: ObjectStore,
    deployment: str,
    day: str,
    outcome: Literal["sent", "failed", "lost"],
    at: datetime,
    detail: str,
) -> bool:
    delivery = Delivery(at=at, outcome=outcome, detail=detail)
    with suppress(PreconditionFailed):
        key = keys.message_sent(deployment, day)
        store.put(key, delivery.stored(), if_generation=ABSENT)
        return True
    return False


def _tell_lost(workspace: Workspace, day: str, now: datetime) -> None:
    """Log a claimed message of this day or the one before that nobody knows the end of, once."""
    store, deployment = workspace.store, workspace.deployment
    before = asof_name(parse_asof(day, "1d") - DURATION["1d"], "1d")
    for one in (before, day):
        key = keys.message(deployment, one)
        found = store.get(key)
        if found is None or store.get(keys.message_sent(deployment, one)) is not None:
            continue
        claim = MessageClaim.parse(found.data, what=key)
        is_old = now - claim.at > LOST_AFTER
        if is_old and _settle(store, deployment, one, "lost", now, LOST):
            log.warning("the message of %s may be lost: %s", claim.asof_date, LOST)
