"""A change of the registry is decided on the newest state, and never dated before the last."""

from __future__ import annotations

from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from forecastlab.adapters.event_registry import EventRegistry
from forecastlab.contracts.errors import BundleRefused, PreconditionFailed, UsageError
from forecastlab.contracts.registry import EventKind
from forecastlab.usecases.registry_change import Change, append_change, still_over
from forecastlab.usecases.workspace import Workspace
from tests.support.memory_store import MemoryStore
from tests.unit.contracts.test_registry import DIGEST, START


class Lab:
    """A deployment in memory, with a clock that tests set."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.registry = EventRegistry(self.store, "d")
        self.now = START

    @property
    def workspace(self) -> Workspace:
        wall = SimpleNamespace(now=lambda: self.now)
        found = SimpleNamespace(registry=self.registry, deployment="d", wall=wall, by="tester")
        return cast(Workspace, found)

    def change(self, kind: EventKind, bundle: str, **more: Any) -> datetime:
        fits = more.pop("fits", lambda _: None)
        change = Change(kind, bundle, DIGEST, "a test", **more)
        return append_change(self.workspace, change, fits=fits).at


def test_a_clock_that_jumps_back_does_not_date_an_event_before_the_last() -> None:
    lab = Lab()
    lab.change("promoted", "a")
    lab.now = START - timedelta(days=3)
    assert lab.change("promoted", "b") == START
    lab.now = START + timedelta(hours=1)
    assert lab.change("promoted", "c") == lab.now
    state = lab.registry.state
    assert state(at=START - timedelta(seconds=1)).champion is None
    assert state(at=START).champion == "b"
    assert state(at=lab.now).champion == "c"


def test_a_registration_meanwhile_does_not_cost_a_promotion() -> None:
    lab = Lab()
    lab.change("promoted", "a")
    rivals = ["x", "y"]

    def meanwhile(_: str) -> None:
        if rivals:
            name = rivals.pop()
            lab.change("registered", name)

    lab.store.before_put = meanwhile
    lab.change("promoted", "b", fits=still_over("a"))
    state = lab.registry.state()
    assert state.champion == "b"
    assert set(state.registered) == {"a", "b", "x", "y"}


def test_of_two_promoters_one_wins_and_the_other_is_told() -> None:
    lab = Lab()
    lab.change("promoted", "a")
    rivals = ["b"]

    def meanwhile(_: str) -> None:
        if rivals:
            lab.change("promoted", rivals.pop(), fits=still_over("a"))

    lab.store.before_put = meanwhile
    with pytest.raises(PreconditionFailed, match="b became the champion first") as told:
        lab.change("promoted", "c", fits=still_over("a"))
    assert told.value.exit_code == 3
    assert [one.bundle for one in lab.registry.events()] == ["a", "b"]


def test_another_bundle_of_the_same_name_is_refused_and_the_registry_stays_whole() -> None:
    """Two machines train up to the same day, each into its own folder."""
    lab = Lab()
    lab.change("promoted", "a")
    lab.change("registered", "b")
    other = Change("registered", "b", "sha256:" + "1" * 64, "a test")
    with pytest.raises(BundleRefused, match="another bundle as b"):
        append_change(lab.workspace, other, fits=lambda _: None)
    assert lab.registry.readable()[1] is None
    assert lab.registry.state().challengers == ("b",)


def test_a_change_that_does_not_follow_is_never_written() -> None:
    lab = Lab()
    lab.change("promoted", "a")
    lab.change("registered", "b")
    with pytest.raises(UsageError, match="was no champion"):
        lab.change("rolled_back", "b")
    with pytest.raises(UsageError, match="retires the champion"):
        lab.change("retired", "a")
    assert lab.registry.state().challengers == ("b",)


def test_what_was_forced_and_said_is_on_the_event() -> None:
    lab = Lab()
    gates = {"shadow": {"passed": False, "reason": "2 bars."}}
    lab.change("promoted", "a", gates=gates, forced=True)
    [event] = lab.registry.events()
    assert event.forced and event.gates == gates
