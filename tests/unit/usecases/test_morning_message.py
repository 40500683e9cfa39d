"""The morning message: once for a deployment and day, claimed before it is sent."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from forecastlab.contracts import keys
from forecastlab.contracts.errors import NotDelivered, StoreUnavailable
from forecastlab.contracts.records import ForecastRecord
from forecastlab.usecases.morning_message import message_day, send_morning_message
from forecastlab.usecases.publish import Publication, Published
from tests.support.attempts import FIRST, record
from tests.support.memory_store import Killed, MemoryStore
from tests.support.places import DEPLOYMENT, Listener, SetClock, place


def published(made: ForecastRecord, how: Publication = "published") -> Published:
    return Published(made, keys.record(made.deployment, made.asof_date), how)


def test_a_record_is_told_of_once() -> None:
    ear = Listener()
    workspace = place(notifier=ear)
    assert send_morning_message(workspace, published(record())) == "told of 2025-09-30"
    again = published(record(), "already_published")
    assert send_morning_message(workspace, again) is None
    assert send_morning_message(workspace, published(record())) is None
    [message] = ear.told
    assert message.title == "BTCUSDT 2025-09-30: T21_X8: no view"
    assert "memory/predictions/daily/2025-09-30.json" in message.text
    assert set(workspace.store.list("messages/")) == {
        "messages/2025-09-30.json",
        "messages/2025-09-30-sent.json",
    }


@pytest.mark.parametrize(("hours", "told"), [(23.9, 1), (24.0, 0)])
def test_a_record_that_nobody_spoke_of_is_told_while_it_is_fresh(hours: float, told: int) -> None:
    """`predict` published it; the `daily` after it speaks."""
    ear = Listener()
    clock = SetClock(FIRST + timedelta(hours=hours))
    send_morning_message(place(notifier=ear, clock=clock), published(record(), "already_published"))
    assert len(ear.told) == told


def test_a_second_answer_is_not_told() -> None:
    ear = Listener()
    assert (
        send_morning_message(place(notifier=ear), published(record(), "kept_as_conflict")) is None
    )
    assert ear.told == []


def test_a_message_that_fails_is_a_failed_step_and_not_sent_later() -> None:
    ear = Listener(fails=True)
    workspace = place(notifier=ear)
    with pytest.raises(NotDelivered, match="alerts --try"):
        send_morning_message(workspace, published(record()))
    ear.fails = False
    assert send_morning_message(workspace, published(record(), "already_published")) is None
    assert ear.told == []
    sent = workspace.store.get("messages/2025-09-30-sent.json")
    assert sent is not None and json.loads(sent.data)["outcome"] == "failed"


def test_what_cannot_be_claimed_is_not_sent() -> None:
    class Full(MemoryStore):
        def put(self, *_: Any, **__: Any) -> str:
            raise StoreUnavailable("The disk is full.", remedy="Free some space.")

    ear = Listener()
    with pytest.raises(StoreUnavailable):
        send_morning_message(place(store=Full(), notifier=ear), published(record()))
    assert ear.told == []


@pytest.mark.parametrize("where", ["claimed", "sent"])
def test_a_kill_loses_at_most_that_message_and_the_next_morning_says_so(
    where: str, caplog: pytest.LogCaptureFixture
) -> None:
    store, ear, clock = MemoryStore(), Listener(), SetClock()

    def kill(key: str) -> None:
        if key == keys.message(DEPLOYMENT, "2025-09-30") and where == "claimed":
            raise Killed
        if key == keys.message_sent(DEPLOYMENT, "2025-09-30") and where == "sent":
            raise Killed

    store.after_put, store.before_put = (
        (kill, lambda _: None)
        if where == "claimed"
        else (
            lambda _: None,
            kill,
        )
    )
    workspace = place(store=store, notifier=ear, clock=clock)
    with pytest.raises(Killed):
        send_morning_message(workspace, published(record()))
    store.after_put = store.before_put = lambda _: None
    assert send_morning_message(workspace, published(record(), "already_published")) is None
    assert len(ear.told) == (where == "sent"), "never a second time"
    clock.instant += timedelta(days=1)
    for _ in range(2):
        send_morning_message(workspace, published(record(1)))
    assert caplog.text.count("the message of 2025-09-30 may be lost") == 1
    assert ear.titles[-1].startswith("BTCUSDT 2025-10-01")


def hourly(hour: int) -> ForecastRecord:
    as_of = FIRST + timedelta(hours=hour)
    opened = as_of - timedelta(hours=1)
    said = record().forecasts["T21_X8"].model_dump()
    return record(
        0,
        deployment="direction_1h_BTCUSDT",
        interval="1h",
        asof_date=f"{opened:%Y-%m-%dT%HZ}",
        as_of=as_of,
        forecasts={"H5": {**said, "resolves_at": as_of + timedelta(hours=5)}},
    )


def test_an_hourly_deployment_speaks_once_a_day() -> None:
    ear, clock = Listener(), SetClock()
    workspace = place(notifier=ear, clock=clock, deployment="direction_1h_BTCUSDT")
    for hour in (*range(-1, 3), 5, 23, 24, 25):
        clock.instant = FIRST + timedelta(hours=hour, minutes=5)
        send_morning_message(workspace, published(hourly(hour)))
    assert [title.split(":")[0] for title in ear.titles] == [
        "BTCUSDT 2025-09-30T22Z",  # the first that this store knows of
        "BTCUSDT 2025-09-30T23Z",  # at midnight
        "BTCUSDT 2025-10-01T23Z",
    ]


def test_the_day_of_a_daily_record_is_its_as_of() -> None:
    assert message_day(record()) == record().asof_date
    assert message_day(hourly(0)) == "2025-09-30" == message_day(hourly(23))
