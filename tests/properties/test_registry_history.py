"""Any sequence of events tells what was live at any instant, whatever the clock does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from forecastlab.contracts.registry import (
    EventKind,
    RegistryEvent,
    events_until,
    fold,
    sound_part,
    watched_until,
)

START = datetime(2025, 1, 1, tzinfo=UTC)
NAMES = ("a", "b", "c", "d")
Step = tuple[EventKind, str, int]

steps = st.lists(
    st.tuples(
        st.sampled_from(["registered", "promoted", "rolled_back", "retired"]),
        st.sampled_from(NAMES),
        st.integers(-30, 90),  # minutes by which the clock moved: back, too
    ),
    max_size=40,
)


class Naive:
    """What a person would write down: a list of who spoke, and lines drawn through names."""

    def __init__(self) -> None:
        self.stack: list[str] = []
        self.retired: set[str] = set()
        self.seen: list[str] = []
        self.spoke: set[str] = set()

    @property
    def champion(self) -> str | None:
        return self.stack[-1] if self.stack else None

    def allows(self, kind: str, name: str) -> bool:
        if kind == "registered":
            return True
        if kind == "retired":
            return name != self.champion
        if name == self.champion or name in self.retired:
            return False
        return kind == "promoted" or name in self.stack

    def apply(self, kind: str, name: str) -> None:
        if name not in self.seen:
            self.seen.append(name)
        if kind == "retired":
            self.retired.add(name)
        if kind == "promoted":
            self.stack = [one for one in self.stack if one != name] + [name]
            self.spoke.add(name)
        if kind == "rolled_back":
            while self.stack[-1] != name:
                self.stack.pop()

    def challengers(self) -> tuple[str, ...]:
        out = self.spoke | self.retired
        return tuple(name for name in self.seen if name not in out)


def told(
    number: int, kind: EventKind, name: str, previous: str | None, at: datetime
) -> RegistryEvent:
    changes = kind in {"promoted", "rolled_back"}
    return RegistryEvent(
        sequence=number,
        kind=kind,
        deployment="d",
        bundle=name,
        bundle_digest="sha256:" + f"{NAMES.index(name)}" * 64,
        previous=previous if changes else None,
        at=at,
        by="tester",
        why="a test",
    )


@given(steps, st.integers(-60, 60 * 24 * 3))
def test_what_was_live_at_an_instant(steps: list[Step], minute: int) -> None:
    naive, clock, events = Naive(), START, list[RegistryEvent]()
    live: list[tuple[datetime, str | None, tuple[str, ...]]] = []
    latest = START - timedelta(days=1)
    for kind, name, moved in steps:
        clock += timedelta(minutes=moved)
        if not naive.allows(kind, name):
            continue
        events.append(told(len(events) + 1, kind, name, naive.champion, clock))
        naive.apply(kind, name)
        latest = max(latest, clock)  # an event is in force once all before it are
        live.append((latest, naive.champion, naive.challengers()))
    asked = START + timedelta(minutes=minute)
    known = [one for one in live if one[0] <= asked]
    champion, challengers = known[-1][1:] if known else (None, ())
    state = fold(events, at=asked)
    assert (state.champion, state.challengers) == (champion, challengers)
    assert fold(events_until(events, asked)) == state
    assert sound_part(events) == (tuple(events), None)


@given(steps, st.data())
def test_a_sequence_that_nobody_could_write_is_cut_where_it_goes_wrong(
    steps: list[Step], data: st.DataObject
) -> None:
    naive, events = Naive(), list[RegistryEvent]()
    for place, (kind, name, _) in enumerate(steps):
        if naive.allows(kind, name):
            at = START + timedelta(minutes=place)
            events.append(told(len(events) + 1, kind, name, naive.champion, at))
            naive.apply(kind, name)
    if len(events) < 2:
        return
    gone = data.draw(st.integers(0, len(events) - 2))
    sound, fault = sound_part([*events[:gone], *events[gone + 1 :]])
    assert sound == tuple(events[:gone])
    assert fault is not None and "missing or out of order" in fault


def test_a_watch_follows_a_promotion_that_replaced_someone() -> None:
    first = told(1, "promoted", "a", None, START)
    second = told(2, "promoted", "b", "a", START + timedelta(hours=1))
    back = told(3, "rolled_back", "a", "b", START + timedelta(hours=2))
    assert watched_until(fold([first]), 48) is None
    assert watched_until(fold([first, second]), 48) == START + timedelta(hours=49)
    assert watched_until(fold([first, second, back]), 48) is None
    retired = told(3, "retired", "c", None, START + timedelta(hours=3))
    assert watched_until(fold([first, second, retired]), 48) == START + timedelta(hours=49)
