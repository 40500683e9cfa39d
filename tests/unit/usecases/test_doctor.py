"""The checks of `doctor`, one by one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from forecastlab.contracts import keys
from forecastlab.contracts.device import Device
from forecastlab.contracts.errors import (
    BundleRefused,
    DataUnavailable,
    PreconditionFailed,
    StoreUnavailable,
    UsageError,
)
from forecastlab.contracts.incidents import IncidentOpened
from forecastlab.contracts.ports import Generation
from forecastlab.usecases import doctor as module
from forecastlab.usecases.check import Check
from forecastlab.usecases.doctor import Examination, doctor, parse_age
from forecastlab.usecases.host_checks import check_hosts
from forecastlab.usecases.store_probe import try_preconditions
from forecastlab.usecases.surroundings import Surroundings
from tests.support.memory_store import MemoryStore

NOW = datetime(2025, 10, 1, 0, 5, tzinfo=UTC)
HERE = Surroundings(hosts={}, free_bytes={}, secrets={})


class Clock:
    """A clock that a request moves on."""

    def __init__(self) -> None:
        self.instant = NOW

    def now(self) -> datetime:
        return self.instant


def host(clock: Clock, *, ahead_s: float, took_s: float = 0.2) -> Callable[[], datetime]:
    """A host whose clock is ahead of ours, and which answers from the middle of the request."""

    def server_time() -> datetime:
        sent = clock.instant
        clock.instant += timedelta(seconds=took_s)
        return sent + timedelta(seconds=took_s / 2 + ahead_s)

    return server_time


def silent() -> datetime:
    raise DataUnavailable("the exchange's time: no answer.", remedy="Run it from another region.")


def test_every_host_is_told_apart_and_the_clock_compared() -> None:
    clock = Clock()
    hosts = {"https://a": silent, "https://b": host(clock, ahead_s=-3)}
    first, second, skew = check_hosts(hosts, clock)
    assert (first.name, first.status, first.exit_code) == ("exchange https://a", "note", 0)
    assert "another region" in first.remedy
    assert second.status == "ok" and "0.20 s" in second.facts
    assert skew.status == "ok" and "3.0 s ahead of" in skew.facts


def test_without_any_host_there_is_no_forecast() -> None:
    checks = check_hosts({"https://a": silent, "https://b": silent}, Clock())
    assert [(one.status, one.exit_code) for one in checks] == [("failed", 3)] * 2


@pytest.mark.parametrize(
    ("ahead_s", "took_s", "status"),
    [(9, 0.2, "ok"), (30, 0.2, "failed"), (-30, 0.2, "failed"), (12, 8, "ok")],
)
def test_a_skewed_clock_fails(ahead_s: float, took_s: float, status: str) -> None:
    clock = Clock()
    *_, skew = check_hosts({"https://a": host(clock, ahead_s=ahead_s, took_s=took_s)}, clock)
    assert skew.status == status
    assert ("behind" in skew.facts) == (ahead_s > 0)


class Careless(MemoryStore):
    """A store that ignores one precondition, as some emulators and gateways do."""

    def __init__(self, *, create_only: bool) -> None:
        super().__init__()
        self._create_only = create_only

    def put(self, key: str, data: bytes, *, if_generation: Generation) -> Generation:
        found = self._objects.get(key)
        if found is not None and (if_generation == "") == self._create_only:
            if_generation = found.generation
        return super().put(key, data, if_generation=if_generation)


@pytest.mark.parametrize("rounds", [1, 3])
def test_a_store_that_keeps_preconditions_passes(rounds: int) -> None:
    store = MemoryStore()
    for _ in range(rounds):
        assert try_preconditions(store) == "create-only and compare-and-swap hold"
    assert list(store.contents()) == [keys.DOCTOR_PROBE]


@pytest.mark.parametrize("create_only", [True, False])
def test_a_store_that_ignores_one_is_found(create_only: bool) -> None:
    store = Careless(create_only=create_only)
    MemoryStore.put(store, keys.DOCTOR_PROBE, b"earlier", if_generation="")
    with pytest.raises(StoreUnavailable, match="create-only" if create_only else "outdated"):
        try_preconditions(store)


def test_another_doctor_at_the_same_moment_is_no_failure() -> None:
    store, met = MemoryStore(), []

    def another(key: str) -> None:
        if not met:
            met.append(key)
            MemoryStore.put(store, key, b"theirs", if_generation="")

    store.before_put = another
    assert try_preconditions(store)


class Place(SimpleNamespace):
    """A workspace with nothing wrong."""

    def __init__(self, **changes: Any) -> None:
        store = MemoryStore()
        store.put("predictions/daily/2025-09-30.json", b"{}", if_generation="")
        super().__init__(
            deployment="flow_T21X8_T14X8",
            store=store,
            wall=Clock(),
            check_pin=lambda: None,
            production_dir=None,
            device=lambda: Device("cpu", "there is no NVIDIA driver"),
            registry=SimpleNamespace(state=lambda: SimpleNamespace(champion="b2")),
            bundles=SimpleNamespace(first_champion=lambda _: SimpleNamespace(name="b1")),
            inference=None,
        )
        vars(self).update(changes)


@pytest.fixture(autouse=True)
def verified(monkeypatch: pytest.MonkeyPatch) -> None:
    """Say that every bundle is healthy."""
    monkeypatch.setattr(module, "health", lambda *_: examined())
    monkeypatch.setattr(module, "sealed", lambda *_: record_by(None))


def examined(**changes: Any) -> Any:
    found = {"passed": True, "bundle": "b2", "summary": "18 passed", "not_judged": (), **changes}
    return SimpleNamespace(**found)


def record_by(override: str | None) -> Any:
    return SimpleNamespace(bundle=SimpleNamespace(name="b3", override=override))


def found(place: Place, name: str, around: Surroundings = HERE, **how: Any) -> Check:
    [check] = [one for one in doctor([place], around, **how).checks if one.name.startswith(name)]  # type: ignore[list-item]
    return check


def test_a_healthy_place_has_nothing_but_notes() -> None:
    examination = doctor([Place()], HERE, fresh=parse_age("26h"))  # type: ignore[list-item]
    assert (examination.exit_code, examination.failed) == (0, ())


@pytest.mark.parametrize(("fresh", "code"), [("6m", 0), ("4m", 3), (None, 0)])
def test_freshness_is_the_age_of_the_asof(fresh: str | None, code: int) -> None:
    age = parse_age(fresh) if fresh else None
    assert found(Place(), "freshness", fresh=age).exit_code == code


def test_an_open_incident_is_noted_and_fails_nothing() -> None:
    place = Place()
    assert found(place, "incidents").status == "ok"
    opened = IncidentOpened(
        deployment=place.deployment,
        rule="latency",
        number=1,
        severity="warning",
        facts="slow",
        at=NOW,
    )
    key = keys.incident(place.deployment, "latency", 1, "opened")
    place.store.put(key, opened.stored(), if_generation="")
    note = found(place, "incidents")
    assert (note.status, note.exit_code) == ("note", 0)
    assert "latency" in note.facts and "forecastlab alerts" in note.remedy


def test_without_a_record_only_a_demand_for_freshness_fails() -> None:
    place = Place(store=MemoryStore())
    assert found(place, "freshness").status == "ok"
    assert found(place, "freshness", fresh=parse_age("26h")).exit_code == 3


def test_an_hourly_record_ages_by_its_hour() -> None:
    place, asof = Place(deployment="direction_1h_BTCUSDT"), "2025-09-30T22Z"
    key = keys.record(place.deployment, asof)
    place.store.put(key, b"{}", if_generation="")
    assert "1.1 h old" in found(place, "freshness").facts


def test_notes_on_what_speaks() -> None:
    note = found(Place(), "registry")
    assert note.status == "note" and "champions.toml names b1 and is ignored" in note.facts
    override = found(Place(production_dir="models/production/b3"), "registry")
    assert override.status == "note" and "PRODUCTION_DIR=models/production/b3" in override.facts
    new = SimpleNamespace(state=lambda: SimpleNamespace(champion=None))
    assert "the first publish seats b1" in found(Place(registry=new), "registry").facts


def test_a_pin_that_is_set_on_the_deployed_job_alone_is_noted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The doctor runs in a job of its own, which does not have the other one's variables."""
    assert found(Place(), "override").status == "ok"
    monkeypatch.setattr(module, "sealed", lambda *_: record_by("PRODUCTION_DIR"))
    note = found(Place(), "override")
    assert note.status == "note" and note.exit_code == 0
    assert "made by b3, past the registry (PRODUCTION_DIR)" in note.facts
    assert "cloud unpin" in note.remedy


def test_a_gpu_that_should_be_there_is_noted() -> None:
    note = found(Place(device=lambda: Device("cpu", "no driver", ("gpu_unavailable",))), "device")
    assert note.status == "note" and "quota" in note.remedy


@pytest.mark.parametrize(
    ("value", "status"), [("", "ok"), ("sk-1", "ok"), ("sk-1\n", "failed"), ("'sk-1'", "failed")]
)
def test_secrets_are_never_shown(value: str, status: str) -> None:
    around = Surroundings({}, {}, {"DEEPSEEK_API_KEY": value})
    check = found(Place(), "secrets", around)
    assert check.status == status and "DEEPSEEK_API_KEY" in check.facts
    assert "sk-1" not in check.facts + check.remedy


@pytest.mark.parametrize(("free", "status"), [(10**9, "ok"), (10**6, "failed")])
def test_free_space(free: int, status: str) -> None:
    assert found(Place(), "disk", Surroundings({}, {"here": lambda: free}, {})).status == status


def test_the_first_failure_gives_the_code_unless_a_record_is_stale(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> None:
        raise BundleRefused("changed.", remedy="Restore it.")

    monkeypatch.setattr(module, "health", refuse)
    place = Place()
    assert doctor([place], HERE).exit_code == 4  # type: ignore[list-item]
    assert doctor([place], HERE, fresh=parse_age("1m")).exit_code == 3  # type: ignore[list-item]
    assert Examination(()).exit_code == 0


def test_a_bundle_that_is_not_healthy_fails_and_an_unclear_one_is_noted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refusal = BundleRefused("order: turned round.", remedy="Restore it.")
    sick = examined(passed=False, refusal=lambda: refusal)
    monkeypatch.setattr(module, "health", lambda *_: sick)
    failed = found(Place(), "bundle")
    assert (failed.status, failed.exit_code, failed.facts) == ("failed", 4, "order: turned round.")
    unclear = SimpleNamespace(name="pipeline", facts="no candles")
    monkeypatch.setattr(module, "health", lambda *_: examined(not_judged=(unclear,)))
    note = found(Place(), "bundle")
    assert note.status == "note" and "pipeline (no candles)" in note.remedy


def test_one_that_fails_does_not_hide_the_others() -> None:
    def wrong_kind() -> None:
        raise UsageError("The store holds simulated candles.", remedy="Name another.")

    store = MemoryStore()
    store.before_put = lambda key: (_ for _ in ()).throw(PreconditionFailed("x.", remedy="y."))
    checks = {
        one.name: one for one in doctor([Place(check_pin=wrong_kind, store=store)], HERE).checks
    }  # type: ignore[list-item]
    assert (checks["store"].exit_code, checks["preconditions"].exit_code) == (2, 3)
    assert checks["bundle"].status == "ok"


def test_several_deployments_are_told_apart() -> None:
    places = [Place(), Place(deployment="direction_1h_BTCUSDT")]
    examination = doctor(places, HERE, fresh=parse_age("26h"))  # type: ignore[arg-type]
    [stale] = examination.failed
    assert stale.name == "freshness direction_1h_BTCUSDT"


@pytest.mark.parametrize("text", ["", "26", "h", "0h", "-1h", "26 h", "1.5h"])
def test_an_age_that_is_none(text: str) -> None:
    with pytest.raises(UsageError, match="--fresh"):
        parse_age(text)
