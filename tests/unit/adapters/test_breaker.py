"""A breaker in a store: it outlives the process, and a store that fails lets calls through."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from forecastlab.adapters.breaker import StoredBreaker
from forecastlab.adapters.clocks import FixedClock
from forecastlab.adapters.local_store import LocalStore
from forecastlab.contracts import keys
from forecastlab.contracts.breaker import BreakerPolicy, BreakerState
from forecastlab.contracts.errors import StoreUnavailable
from forecastlab.contracts.ports import ABSENT, Generation, ObjectStore
from tests.support.memory_store import MemoryStore

NOW = datetime(2025, 10, 1, 0, 5, tzinfo=UTC)
POLICY = BreakerPolicy({"timeout": 2})
KEY = keys.breaker("inference")


def breaker(store: ObjectStore, now: datetime = NOW) -> StoredBreaker:
    return StoredBreaker(store, "inference", POLICY, FixedClock(now))


def fail(store: ObjectStore, times: int = 1, now: datetime = NOW) -> None:
    for _ in range(times):
        one = breaker(store, now)
        one.settle(one.admit(), "timeout")


def test_the_next_process_knows_what_this_one_met() -> None:
    store = MemoryStore()
    fail(store, times=2)
    later = NOW + timedelta(minutes=9)
    assert breaker(store, later).admit().why_not.startswith("open(timeout")
    assert breaker(store, NOW + timedelta(minutes=10)).admit().probe


def test_a_healthy_machine_costs_no_write() -> None:
    store = MemoryStore()
    one = breaker(store)
    for _ in range(3):
        one.settle(one.admit(), None)
    assert store.written == []


def test_a_success_is_written_once_after_failures() -> None:
    store = MemoryStore()
    fail(store)
    for _ in range(2):
        one = breaker(store)
        one.settle(one.admit(), None)
    assert store.written == [KEY, KEY]
    found = store.get(KEY)
    assert found is not None
    assert BreakerState.parse(found.data, what=KEY) == BreakerState()


def test_a_writer_in_between_loses_no_failure() -> None:
    store = MemoryStore()
    meanwhile: list[str] = []

    def another(key: str) -> None:
        if not meanwhile:
            meanwhile.append(key)
            fail(store)

    store.before_put = another
    fail(store)
    assert breaker(store).admit().why_not.startswith("open(timeout")


class Broken(MemoryStore):
    """A store that cannot be read, or not be written."""

    def __init__(self, *, readable: bool) -> None:
        super().__init__()
        self._readable = readable

    def get(self, key: str) -> None:
        if not self._readable:
            raise StoreUnavailable("it is down.", remedy="Wait.")

    def put(self, key: str, data: bytes, *, if_generation: Generation) -> Generation:
        raise StoreUnavailable("it is full.", remedy="Make room.")


@pytest.mark.parametrize("readable", [True, False])
def test_a_store_that_fails_lets_every_call_through(
    readable: bool, caplog: pytest.LogCaptureFixture
) -> None:
    one = breaker(Broken(readable=readable))
    for _ in range(5):
        admission = one.admit()
        assert admission.allowed
        one.settle(admission, "timeout")
    assert "cannot be kept" in caplog.text


@pytest.mark.parametrize("data", [b"", b"[]", b'{"opened": "often"}', b'{"schema_version": 9}'])
def test_a_spoiled_state_starts_anew(data: bytes) -> None:
    store = MemoryStore()
    store.put(KEY, data, if_generation=ABSENT)
    assert breaker(store).admit().allowed
    fail(store, times=2)
    assert not breaker(store).admit().allowed


def _probe(folder: str, begin: object, out: object) -> None:
    one = breaker(LocalStore(Path(folder)), NOW + timedelta(minutes=10))
    begin.wait(20)  # type: ignore[attr-defined]
    out.put(one.admit())  # type: ignore[attr-defined]


@pytest.fixture
def processes() -> Iterator[list[multiprocessing.process.BaseProcess]]:
    started: list[multiprocessing.process.BaseProcess] = []
    yield started
    for one in started:
        one.join(20)
        assert one.exitcode == 0


def test_of_two_processes_one_probes(
    tmp_path: Path, processes: list[multiprocessing.process.BaseProcess]
) -> None:
    fail(LocalStore(tmp_path), times=2)
    fork = multiprocessing.get_context("spawn")
    begin, out = fork.Barrier(2), fork.Queue()
    for _ in range(2):
        processes.append(fork.Process(target=_probe, args=(str(tmp_path), begin, out)))
        processes[-1].start()
    found = [out.get(timeout=20) for _ in range(2)]
    assert sorted(one.probe for one in found) == [False, True]
    assert sorted(one.allowed for one in found) == [False, True]
