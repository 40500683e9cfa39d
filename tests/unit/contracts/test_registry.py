"""The registry's fold: any sequence of events tells what was live at any instant."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecastlab.contracts.errors import DataMalformed
from forecastlab.contracts.registry import EventKind, RegistryEvent, fold, sound_part

START = datetime(2025, 1, 1, tzinfo=UTC)
DIGEST = "sha256:" + "0" * 64


def event(
    sequence: int, kind: EventKind, bundle: str, previous: str | None = None, day: int | None = None
) -> RegistryEvent:
    return RegistryEvent(
        sequence=sequence,
        kind=kind,
        deployment="d",
        bundle=bundle,
        bundle_digest=DIGEST,
        previous=previous,
        at=START + timedelta(days=sequence if day is None else day),
        by="tester",
        why="a test",
    )


@given(st.lists(st.sampled_from(["a", "b", "c"]), max_size=30))
def test_fold_at_an_instant_is_the_last_champion_before_it(names: list[str]) -> None:
    events: list[RegistryEvent] = []
    expected: list[str] = []
    for name in names:
        state = fold(events)
        if name == state.champion:
            continue
        kind: EventKind = "rolled_back" if name in state.champions else "promoted"
        events.append(event(len(events) + 1, kind, name, state.champion))
        expected.append(name)
    for day in range(len(events) + 2):
        at = START + timedelta(days=day, hours=1)
        live = expected[min(day, len(expected)) - 1] if day and expected else None
        assert fold(events, at=at).champion == live


def test_registered_and_retired_do_not_change_the_champion() -> None:
    events = [event(1, "registered", "a"), event(2, "promoted", "a"), event(3, "retired", "b")]
    state = fold(events)
    assert (state.champion, state.retired, set(state.registered)) == ("a", {"b"}, {"a", "b"})


def test_a_clock_that_stepped_back_does_not_break_the_past() -> None:
    events = [
        event(1, "promoted", "a", day=1),
        event(2, "promoted", "b", "a", day=9),
        event(3, "promoted", "c", "b", day=5),
    ]
    assert fold(events, at=START + timedelta(days=6)).champion == "a"
    assert fold(events, at=START + timedelta(days=10)).champion == "c"
    assert fold(events).since == fold(events).watch == START + timedelta(days=9)


def test_rollback_without_a_name_goes_to_the_champion_before() -> None:
    events = [
        event(1, "promoted", "a"),
        event(2, "promoted", "b", "a"),
        event(3, "promoted", "c", "b"),
        event(4, "rolled_back", "b", "c"),
    ]
    assert fold(events[:3]).previous_champion == "b"
    assert fold(events).previous_champion == "a", "what was rolled back is not returned to"
    again = [*events, event(5, "promoted", "c", "b")]
    assert fold(again).previous_champion == "b"
    retired = [*again, event(6, "retired", "b")]
    assert fold(retired).previous_champion == "a"


@pytest.mark.parametrize(
    "events",
    [
        [event(2, "promoted", "a")],
        [event(1, "promoted", "a"), event(3, "promoted", "b", "a")],
        [event(1, "promoted", "a"), event(2, "promoted", "b", None)],
        [event(1, "promoted", "a"), event(2, "promoted", "b", "c")],
    ],
    ids=["starts late", "hole", "forgets the champion", "replaces another"],
)
def test_impossible_histories_are_refused(events: list[RegistryEvent]) -> None:
    with pytest.raises(DataMalformed):
        fold(events)


def test_roles_and_challengers() -> None:
    events = [
        event(1, "registered", "a"),
        event(2, "promoted", "a"),
        event(3, "registered", "b"),
        event(4, "registered", "c"),
        event(5, "registered", "d"),
        event(6, "promoted", "b", "a"),
        event(7, "rolled_back", "a", "b"),
        event(8, "retired", "d"),
        event(9, "promoted", "e", "a"),
    ]
    state = fold(events)
    roles = {name: state.role(name) for name in "abcdex"}
    assert roles == {
        "a": "former",
        "b": "rolled back from",
        "c": "challenger",
        "d": "retired",
        "e": "champion",
        "x": "unregistered",
    }
    assert state.challengers == ("c",)


@pytest.mark.parametrize(
    "last",
    [
        event(3, "retired", "b"),
        event(3, "rolled_back", "c", "b"),
        event(3, "promoted", "a", "b").model_copy(update={"bundle_digest": "sha256:" + "1" * 64}),
        event(3, "retired", "a").model_copy(update={"sequence": 2}),
    ],
    ids=["retires the champion", "returns to a stranger", "another digest", "a number twice"],
)
def test_events_that_do_not_follow_end_the_sound_part(last: RegistryEvent) -> None:
    before = (event(1, "promoted", "a"), event(2, "promoted", "b", "a"))
    with pytest.raises(DataMalformed):
        fold([*before, last])
    sound, fault = sound_part([*before, last])
    assert sound == before and fault


def test_a_retired_bundle_does_not_come_back() -> None:
    events = [
        event(1, "promoted", "a"),
        event(2, "promoted", "b", "a"),
        event(3, "retired", "a"),
        event(4, "rolled_back", "a", "b"),
    ]
    with pytest.raises(DataMalformed, match="retired"):
        fold(events)
