"""The first champion is seated once, whoever else seats it at the same time."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from forecastlab.contracts.errors import PreconditionFailed
from forecastlab.contracts.registry import RegistryEvent, fold
from forecastlab.usecases.champion import seat_first_champion
from tests.unit.contracts.test_registry import DIGEST, START, event


class Contested:
    """A registry into which another process writes right after the first look."""

    def __init__(self) -> None:
        self.written: list[RegistryEvent] = []

    def events(self) -> tuple[RegistryEvent, ...]:
        seen = tuple(self.written)
        if not self.written:
            self.written.append(event(1, "promoted", "a"))
        return seen

    def state(self) -> Any:
        return fold(self.events())

    def append(self, new: RegistryEvent) -> None:
        if new.sequence <= len(self.written):
            raise PreconditionFailed("taken.", remedy="Read again.")
        self.written.append(new)


def test_a_lost_race_for_the_first_seat_adds_no_event() -> None:
    registry = Contested()
    workspace = SimpleNamespace(
        registry=registry, deployment="d", wall=SimpleNamespace(now=lambda: START), by="tester"
    )
    files = SimpleNamespace(name="a", digest=DIGEST)
    chosen = SimpleNamespace(first=True, bundle=SimpleNamespace(files=files))
    seat_first_champion(cast(Any, workspace), cast(Any, chosen))
    assert [one.sequence for one in registry.written] == [1]
    assert fold(registry.written).champion == "a"
