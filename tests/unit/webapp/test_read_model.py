"""The read model: what is read, how often, and what becomes a problem."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from forecastlab.contracts import keys
from forecastlab.contracts.errors import StoreUnavailable
from forecastlab.contracts.keys import ROOT_DEPLOYMENT
from forecastlab.contracts.ports import StoredObject
from tests.support import dashboard_store as worlds
from tests.support.memory_store import MemoryStore
from tests.unit.webapp.conftest import NOW, Steady, library_of
from webapp.read_model.ledger import classes_in, resolved
from webapp.read_model.library import Library
from webapp.read_model.reader import FRESH_S

World = Callable[[MemoryStore, datetime], worlds.Series | None]


class Shaky(MemoryStore):
    """A store that can go away, and counts how often it was asked then."""

    away = False
    refused = 0

    def get(self, key: str) -> StoredObject | None:
        self._answer()
        return super().get(key)

    def list(self, prefix: str) -> list[str]:
        self._answer()
        return super().list(prefix)

    def _answer(self) -> None:
        if self.away:
            self.refused += 1
            raise StoreUnavailable("the bucket is out of reach.", remedy="Try again.")


def test_a_record_is_read_once(store: MemoryStore, library: Library, steady: Steady) -> None:
    worlds.full(store, NOW)
    deployment = library.deployment(ROOT_DEPLOYMENT)
    first = deployment.records()
    store.gets.clear()
    steady.seconds += 10 * FRESH_S
    assert [id(one) for one in deployment.records()] == [id(one) for one in first]
    assert len(first) == 60
    assert store.gets == []


def test_a_page_that_shows_the_newest_reads_one_record(
    store: MemoryStore, library: Library
) -> None:
    worlds.full(store, NOW)
    store.gets.clear()
    newest = library.deployment(ROOT_DEPLOYMENT).records(newest=1)
    assert [one.asof_date for one in newest] == ["2026-03-04"]
    assert store.gets == ["predictions/daily/2026-03-04.json"]


def test_a_new_record_shows_within_a_minute_and_no_listing_in_between(
    store: MemoryStore, library: Library, steady: Steady
) -> None:
    series = worlds.daily(NOW, count=3)
    deployment = library.deployment(ROOT_DEPLOYMENT)
    assert deployment.newest_asof() is None
    worlds.put_series(store, series)
    assert deployment.newest_asof() is None
    steady.seconds += 30
    assert deployment.newest_asof() == "2026-03-04"


def test_broken_records_are_listed_and_the_others_stay(
    store: MemoryStore, library: Library
) -> None:
    worlds.broken_record(store, NOW)
    deployment = library.deployment(ROOT_DEPLOYMENT)
    assert len(deployment.records()) == 60
    found = {one.key.rpartition("/")[2]: one.kind for one in deployment.problems}
    assert found == {
        "2026-01-03.json": "newer_schema",
        "2026-01-02.json": "invalid",
        "2026-01-01.json": "invalid",
        "2025-12-31.json": "invalid",
    }
    assert "2025-12-31.json holds the as-of 2026-03-04" in deployment.problems[0].facts


def test_a_restored_record_is_read_again_after_a_while(
    store: MemoryStore, library: Library, steady: Steady
) -> None:
    series = worlds.one_record(store, NOW)
    key = keys.record(ROOT_DEPLOYMENT, "2026-03-04")
    good = worlds.records_of(series)[0].stored()
    worlds.put(store, key, b"torn")
    deployment = library.deployment(ROOT_DEPLOYMENT)
    assert deployment.records() == ()
    worlds.put(store, key, good)
    assert deployment.records() == ()
    steady.seconds += FRESH_S
    assert len(deployment.records()) == 1
    assert deployment.problems == ()


def test_a_store_out_of_reach_is_one_problem_asked_once() -> None:
    store, steady = Shaky(), Steady()
    worlds.full(store, NOW)
    store.away = True
    deployment = library_of(store, steady).deployment(ROOT_DEPLOYMENT)
    assert deployment.records() == ()
    assert deployment.ledger().empty
    assert [one.kind for one in deployment.problems] == ["unreachable"]
    assert store.refused == 1


def test_what_was_known_stays_while_the_store_is_away() -> None:
    store, steady = Shaky(), Steady()
    worlds.full(store, NOW)
    deployment = library_of(store, steady).deployment(ROOT_DEPLOYMENT)
    assert len(deployment.records()) == 60
    store.away = True
    steady.seconds += 2 * FRESH_S
    assert len(deployment.records()) == 60
    assert [one.kind for one in deployment.problems] == ["unreachable"]
    store.away = False
    steady.seconds += 2 * FRESH_S
    assert len(deployment.records()) == 60
    assert deployment.problems == ()


def test_a_store_that_goes_away_halfway_is_not_asked_for_each_record() -> None:
    store, steady = Shaky(), Steady()
    worlds.put_series(store, worlds.daily(NOW, count=300), outcomes=False)
    deployment = library_of(store, steady).deployment(ROOT_DEPLOYMENT)
    assert deployment.newest_asof() is not None
    store.away = True
    assert deployment.records() == ()
    # Those under way when the first one failed may fail too.
    assert store.refused <= 32


@pytest.mark.parametrize("world", [worlds.empty, worlds.one_record, worlds.full_hourly])
def test_every_world_is_read_without_problems(
    store: MemoryStore, library: Library, world: World
) -> None:
    series = world(store, NOW)
    deployment = library.deployment(series.deployment if series else ROOT_DEPLOYMENT)
    rows = deployment.ledger()
    assert len(rows) == (series.count * len(series.horizons) if series else 0)
    assert (*deployment.runs(), *deployment.events()) is not None
    assert library.problems == ()


def test_the_ledger_keeps_kinds_of_evidence_apart(store: MemoryStore, library: Library) -> None:
    worlds.full(store, NOW)
    rows = library.deployment(ROOT_DEPLOYMENT).ledger()
    counts = rows.groupby("kind").size().to_dict()
    assert counts["live"] == 120
    assert counts["backfill"] == 20
    assert counts["oof"] > 1000
    assert not rows.duplicated(["asof", "candidate", "kind"]).any()
    live = rows[(rows["kind"] == "live") & (rows["candidate"] == "T21_X8")]
    assert len(resolved(live)) == 60 - 21
    assert classes_in(rows) == (-1, 0, 1)


def test_the_ledger_takes_up_an_outcome(
    store: MemoryStore, library: Library, steady: Steady
) -> None:
    series = worlds.daily(NOW, count=30)
    worlds.put_series(store, series, outcomes=False)
    deployment = library.deployment(ROOT_DEPLOYMENT)
    assert resolved(deployment.ledger()).empty
    for one in worlds.outcomes_of(series, worlds.records_of(series)):
        worlds.put(store, keys.outcome(ROOT_DEPLOYMENT, one.candidate, one.asof_date), one.stored())
    steady.seconds += FRESH_S
    assert len(resolved(deployment.ledger())) == 9 + 16


def test_hourly_records_have_two_classes(store: MemoryStore, library: Library) -> None:
    series = worlds.full_hourly(store, NOW)
    rows = library.deployment(series.deployment).ledger()
    assert classes_in(rows) == (0, 1)
    assert set(rows["candidate"]) == {"H5", "H12", "H24"}
    assert rows["asof"].iloc[-1] == "2026-03-05T07Z"


def test_deployments_are_those_with_a_registry_and_the_default(
    store: MemoryStore, library: Library
) -> None:
    worlds.full_hourly(store, NOW)
    assert library.deployments() == (ROOT_DEPLOYMENT, worlds.HOURLY)


def test_a_problem_of_one_deployment_is_not_shown_on_another(
    store: MemoryStore, library: Library
) -> None:
    series = worlds.full_hourly(store, NOW)
    worlds.full(store, NOW)
    worlds.put(store, keys.record(series.deployment, "2026-03-01T00Z"), b"torn")
    hourly = library.deployment(series.deployment)
    hourly.records()
    assert len(hourly.problems) == 1
    assert library.deployment(ROOT_DEPLOYMENT).problems == ()


def test_the_clock_of_a_simulated_store_stands_at_its_newest_run(
    store: MemoryStore, library: Library
) -> None:
    worlds.full(store, NOW - timedelta(days=400), source="simulated")
    deployment = library.deployment(ROOT_DEPLOYMENT)
    now = library.now(deployment)
    assert now - deployment.records(newest=1)[0].created_at < timedelta(minutes=1)


def test_the_clock_of_a_live_store_is_the_machines(store: MemoryStore, library: Library) -> None:
    worlds.stale(store, NOW)
    assert library.now(library.deployment(ROOT_DEPLOYMENT)) == NOW


def test_candles_come_from_the_store_and_damage_is_a_problem(
    store: MemoryStore, library: Library, steady: Steady
) -> None:
    series = worlds.full(store, NOW)
    span = timedelta(days=30)
    found = library.candles("BTCUSDT", "1d", last_open=series.last_open, span=span)
    assert found.last_open == series.last_open
    assert len(found) == 31
    worlds.put(store, keys.candle_partition("BTCUSDT", "1d", "2026"), b"torn")
    steady.seconds += FRESH_S
    assert len(library.candles("BTCUSDT", "1d", last_open=series.last_open, span=span)) == 0
    assert [one.kind for one in library.problems] == ["invalid"]


def test_registry_bundle_and_loose_documents(store: MemoryStore, library: Library) -> None:
    worlds.full(store, NOW)
    worlds.put(store, "notes/2026-03-04.json", b'{"text": "calm"}')
    worlds.put(store, "alerts/freshness/000001-opened.json", b"torn")
    deployment = library.deployment(ROOT_DEPLOYMENT)
    state = deployment.registry()
    assert state is not None
    assert state.champion == worlds.BUNDLE
    manifest, card = deployment.manifest(worlds.BUNDLE), deployment.card(worlds.BUNDLE)
    assert manifest is not None and manifest.name == worlds.BUNDLE
    assert card is not None and worlds.BUNDLE in card
    assert [one.fields for one in deployment.documents("notes")] == [{"text": "calm"}]
    assert deployment.incidents() == ()
    assert deployment.documents("health") == ()
    assert [one.key for one in deployment.problems] == ["alerts/freshness/000001-opened.json"]


def test_a_registry_with_a_hole_is_a_problem(store: MemoryStore, library: Library) -> None:
    series = worlds.daily(NOW, count=1)
    worlds.put_registry(store, series)
    deployment = library.deployment(ROOT_DEPLOYMENT)
    second = deployment.events()[1]
    event = second.model_copy(update={"sequence": 4, "previous": worlds.BUNDLE})
    worlds.put(store, keys.registry_event(ROOT_DEPLOYMENT, 4), event.stored())
    other = library_of(store, Steady()).deployment(ROOT_DEPLOYMENT)
    assert other.registry() is None
    assert [one.key for one in other.problems] == [f"registry/{ROOT_DEPLOYMENT}/"]


def test_only_the_newest_of_very_many_records_are_read(
    store: MemoryStore, library: Library
) -> None:
    series = replace(worlds.hourly(NOW, count=300), horizons={"H5": 5})
    worlds.put_series(store, series, outcomes=False)
    deployment = library.deployment(series.deployment)
    store.gets.clear()
    assert len(deployment.records(newest=100)) == 100
    assert len(store.gets) == 100
