"""Incidents: opened, told, closed, and what becomes of them where the store or a sender fails."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from forecastlab.contracts import keys
from forecastlab.contracts.cloud_task import CloudTask
from forecastlab.contracts.errors import ConfigError, StoreUnavailable
from forecastlab.contracts.ports import ObjectStore
from forecastlab.contracts.records import Outcome, RunReport
from forecastlab.contracts.registry import RegistryState
from forecastlab.usecases import alerts as module
from forecastlab.usecases.alerts import alert_at_end, list_incidents, raise_alerts
from forecastlab.usecases.recent import observe
from forecastlab.usecases.runs import recorded
from forecastlab.usecases.workspace import Workspace
from tests.support.attempts import FIRST, record, run
from tests.support.dashboard_store import put
from tests.support.memory_store import Killed, MemoryStore
from tests.support.places import DEPLOYMENT, Listener, SetClock, place

FAILED = run(1, code=3, steps=(("bundle", "failed", 0.1),))


class Down(MemoryStore):
    """A store that can be switched off, for reading, or for writing alone."""

    def __init__(self) -> None:
        super().__init__()
        self.unreadable = self.unwritable = False

    def list(self, prefix: str) -> list[str]:
        if self.unreadable:
            raise StoreUnavailable("The bucket cannot be read.", remedy="Wait.")
        return super().list(prefix)

    def put(self, key: str, data: bytes, *, if_generation: str) -> str:
        if self.unreadable or self.unwritable:
            raise StoreUnavailable("The bucket cannot be written.", remedy="Wait.")
        return super().put(key, data, if_generation=if_generation)


def stored(workspace: Workspace, key: str) -> dict[str, Any]:
    found = workspace.store.get(key)
    assert found is not None, key
    document: dict[str, Any] = json.loads(found.data)
    return document


def keep(store: ObjectStore, reports: Sequence[RunReport]) -> None:
    for one in reports:
        put(store, keys.run(DEPLOYMENT, one.started_at, one.run_id), one.stored())


def test_a_failure_opens_one_incident_and_its_end_closes_it() -> None:
    ear, clock = Listener(), SetClock()
    workspace = place(notifier=ear, clock=clock)
    assert raise_alerts(workspace, FAILED) == "opened job_failed-daily"
    assert raise_alerts(workspace, FAILED) is None
    clock.instant += timedelta(hours=3)
    assert raise_alerts(workspace, run(2)) == "closed job_failed-daily"
    assert raise_alerts(workspace, run(3)) is None
    assert ear.titles == [
        "flow_T21X8_T14X8: job_failed-daily opened",
        "flow_T21X8_T14X8: job_failed-daily over",
    ]
    assert raise_alerts(workspace, FAILED) == "opened job_failed-daily", "and again, as another one"
    numbers = [(one.opened.number, one.is_open) for one in list_incidents(workspace)]
    assert numbers == [(2, True), (1, False)]


def test_what_a_run_that_ended_well_has_logged_is_told_at_once() -> None:
    """One symbol of many without a model to ask: the others' signals are there, and exit code 0."""
    ear = Listener()
    workspace = place(notifier=ear)
    for number, name in enumerate(("ml_enrichment_error", "v2_7_all_reference_symbols_missing")):
        counted = {"fields": {"events": {name: 1}}, "steps": ()}
        alert_at_end(workspace, run(number, command="signal", **counted))
    assert ear.titles == [
        "flow_T21X8_T14X8: ml_enrichment_error opened",
        "flow_T21X8_T14X8: all_references_missing opened",
        "flow_T21X8_T14X8: ml_enrichment_error over",
    ]
    alert_at_end(workspace, run(2, command="signal", steps=()))
    assert ear.titles[3:] == ["flow_T21X8_T14X8: all_references_missing over"]


def test_what_became_of_a_message_is_kept() -> None:
    ear = Listener(fails=True)
    workspace = place(notifier=ear)
    raise_alerts(workspace, FAILED)
    sent = stored(workspace, keys.incident(DEPLOYMENT, "job_failed-daily", 1, "opened-sent"))
    assert (sent["outcome"], sent["detail"][:16]) == ("failed", "flow_T21X8_T14X8")
    ear.fails = False
    raise_alerts(workspace, run(2))
    sent = stored(workspace, keys.incident(DEPLOYMENT, "job_failed-daily", 1, "closed-sent"))
    assert sent["outcome"] == "sent"
    assert len(ear.told) == 1, "what was not delivered is not sent later"


def test_a_message_that_its_sender_took_along_is_told_of_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store, clock = MemoryStore(), SetClock()

    def kill(key: str) -> None:
        if key.endswith("-opened.json"):
            raise Killed

    store.after_put = kill
    ear = Listener()
    with pytest.raises(Killed):
        raise_alerts(place(store=store, notifier=ear, clock=clock), FAILED)
    store.after_put = lambda _: None
    again = place(store=store, notifier=ear, clock=clock)
    raise_alerts(again, FAILED)
    assert (ear.told, caplog.text) == ([], ""), "a retry at once: its sender may still be at it"
    clock.instant += timedelta(minutes=11)
    for _ in range(2):
        raise_alerts(again, FAILED)
    assert ear.told == []
    assert caplog.text.count("may be lost") == 1
    assert "job_failed-daily was opened" in caplog.text


def test_while_a_promotion_is_watched_every_alert_names_the_way_back() -> None:
    clock = SetClock()
    state = RegistryState(champion="b", watch=clock.instant - timedelta(hours=47, minutes=59))
    ear = Listener()
    raise_alerts(place(notifier=ear, clock=clock, state=state), FAILED)
    assert f'forecastlab rollback --deployment {DEPLOYMENT} --why "…"' in ear.told[0].text
    clock.instant += timedelta(minutes=1)
    ear = Listener()
    raise_alerts(place(notifier=ear, clock=clock, state=state), FAILED)
    assert "rollback" not in ear.told[0].text


def test_a_recipe_that_cannot_be_read_leaves_the_default_thresholds(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Spoiled(SimpleNamespace):
        @property
        def operations(self) -> object:
            raise ConfigError("config/reversal.toml is no TOML.", remedy="Mend it.")

    ports = {name: port for name, port in vars(place()).items() if name != "operations"}
    assert raise_alerts(cast("Workspace", Spoiled(**ports)), FAILED) == "opened job_failed-daily"
    assert "the default thresholds hold" in caplog.text


@pytest.mark.parametrize("way", ["unreadable", "unwritable"])
def test_a_store_that_is_down_is_told_of_once_by_this_machine(way: str) -> None:
    store, spare, ear = Down(), MemoryStore(), Listener()
    workspace = place(store=store, spare=spare, notifier=ear)
    setattr(store, way, True)
    for _ in range(3):
        with pytest.raises(StoreUnavailable):
            raise_alerts(workspace, FAILED)
    assert ear.titles == ["flow_T21X8_T14X8: store_unavailable opened"]
    assert "No way." in ear.told[0].text, "and what the run failed of"
    setattr(store, way, False)
    raise_alerts(workspace, run(2))
    raise_alerts(workspace, run(3))
    assert ear.titles[1:] == ["flow_T21X8_T14X8: store_unavailable over"]


def test_a_machine_that_can_keep_nothing_tells_all_the_same() -> None:
    spare, ear = Down(), Listener()
    store = Down()
    store.unreadable = spare.unwritable = True
    with pytest.raises(StoreUnavailable):
        raise_alerts(place(store=store, spare=spare, notifier=ear), FAILED)
    assert ear.titles == ["flow_T21X8_T14X8: store_unavailable opened"]


def test_in_a_cloud_job_the_first_attempt_tells_of_the_store() -> None:
    ear = Listener()
    store = Down()
    store.unreadable = True
    for attempt in (0, 1):
        task = CloudTask(execution="daily-x7k2p", attempt=attempt)
        with pytest.raises(StoreUnavailable):
            raise_alerts(place(store=store, notifier=ear, task=task, spare=MemoryStore()), FAILED)
    assert len(ear.told) == 1


def test_the_end_of_an_attempt_never_raises(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(module, "raise_alerts", broken)
    alert_at_end(place(), FAILED)
    assert "the alerts could not be judged: a bug" in caplog.text
    assert caplog.records[-1].exc_info is not None


def test_a_good_end_looks_only_where_an_incident_is_open() -> None:
    ear = Listener()
    workspace = place(notifier=ear)
    failed = run(1, code=3, command="predict", steps=())
    for one in (run(0, command="predict"), failed, run(2), run(3, command="predict")):
        alert_at_end(workspace, one)
    assert ear.titles == [
        "flow_T21X8_T14X8: job_failed-predict opened",
        "flow_T21X8_T14X8: job_failed-predict over",
    ]


def test_an_attempt_that_fails_alerts_after_its_report_is_kept() -> None:
    ear = Listener()
    workspace = place(notifier=ear)
    order: list[str] = []
    workspace.store.after_put = order.append  # type: ignore[attr-defined]
    with pytest.raises(ZeroDivisionError), recorded(workspace, "daily"):
        raise ZeroDivisionError("a bug")
    assert order[0].startswith("runs/")
    assert "exit code 70: a bug" in ear.told[0].text


def test_events_that_alerts_are_about_are_counted_into_the_report() -> None:
    ear = Listener()
    workspace = place(notifier=ear)
    log = logging.getLogger("forecastlab.usecases.signal_events")
    with recorded(workspace, "predict"):
        for event in ("ml_enrichment_error", "ml_enrichment_error", "ml_enrichment_success"):
            log.error("told", extra={"fields": {"event": event}})
    log.error("told", extra={"fields": {"event": "ml_enrichment_error"}})
    [key] = workspace.store.list("runs/")
    report = stored(workspace, key)
    assert report["fields"]["events"] == {"ml_enrichment_error": 2}
    assert "ml_enrichment_error (2 times)" in ear.told[0].text


def test_the_last_records_and_runs_are_read_and_damaged_ones_left_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = MemoryStore()
    keep(store, [run(place) for place in range(70)])
    for day in range(70):
        made = record(day)
        put(store, keys.record(DEPLOYMENT, made.asof_date), made.stored())
    newest = keys.record(DEPLOYMENT, record(69).asof_date)
    put(store, keys.record(DEPLOYMENT, record(68).asof_date), b"{")
    clock = SetClock(FIRST + timedelta(days=69, minutes=9))
    seen = observe(place(store=store, clock=clock, bundles=Nowhere()), run(70), last=50)
    assert [one.run_id for one in seen.runs] == [f"{day:08x}" for day in range(20, 71)]
    assert (len(seen.records), seen.records[-1]) == (49, record(69)), newest
    assert "left out of what the alerts look at" in caplog.text
    assert seen.evidence == {}


class Nowhere:
    """Bundles, of which there are none."""

    def find(self, name: str) -> object:
        from forecastlab.contracts.errors import BundleRefused

        raise BundleRefused(f"There is no bundle {name!r}.", remedy="Train one.")


def test_outcomes_are_joined_with_live_records_only() -> None:
    store = MemoryStore()
    for day in range(30):
        made = record(day, mode="late" if day == 3 else "live")
        put(store, keys.record(DEPLOYMENT, made.asof_date), made.stored())
        if day < 9:
            outcome = Outcome(
                candidate="T21_X8",
                asof_date=made.asof_date,
                as_of=made.as_of,
                resolves_at=made.as_of + timedelta(days=21),
                label=1 if day % 2 else 0,
                close=1.0,
            )
            key = keys.outcome(DEPLOYMENT, "T21_X8", made.asof_date)
            put(store, key, outcome.stored())
    clock = SetClock(FIRST + timedelta(days=29, minutes=9))
    seen = observe(place(store=store, clock=clock, bundles=Nowhere()), None, last=5)
    rows = seen.resolved["T21_X8"]
    assert [one.label for one in rows] == [0, 1, 0, 0, 1, 0, 1, 0]
    assert {one.level for one in rows} == {0.8}
