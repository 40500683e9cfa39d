"""Live through a plan, day by day, and tell what was seen and what did not hold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from forecastlab.contracts.canonical import digest
from tests.soak import holds
from tests.soak.desk import Attempt, Desk
from tests.soak.faults import FAULTS, struck
from tests.soak.footprint import Footprint, footprint
from tests.soak.plan import QUIET, Day
from tests.soak.signs import Left, Sign

RULES: Final = ("update_failed", "job_failed-daily", "step_failed")
"""Alerts that the injected faults open, and that a good morning closes."""


@dataclass(frozen=True)
class Lived:
    """What became of one day.

    Attributes:
        record: the first signs of the digest of the day's record; None where there is none.
        seen: fault -> the signs of it that were there.
        problems: signs that were missing, and what did not hold.
    """

    day: Day
    asof: str
    record: str | None
    codes: tuple[int, ...]
    seen: dict[str, tuple[str, ...]]
    problems: tuple[str, ...]
    held: Footprint


@dataclass
class Soak:
    """A plan under way.

    Attributes:
        records: days of which a record is expected so far.
    """

    desk: Desk
    store: dict[str, bytes] = field(default_factory=dict)
    records: list[int] = field(default_factory=list)
    lived: list[Lived] = field(default_factory=list)

    def live(self, plan: Sequence[Day], told: Callable[[Lived], None] = lambda _: None) -> None:
        """Live through all days, and one more morning when all outcomes are due."""
        self.store = self.desk.documents()
        for day in (*plan, Day(plan[-1].number + QUIET)):
            self.lived.append(self._live(day))
            told(self.lived[-1])

    @property
    def problems(self) -> list[str]:
        """Everything that was wrong, with its day."""
        found = [f"{one.asof}: {problem}" for one in self.lived for problem in one.problems]
        held = [one.held for one in self.lived]
        return [*found, *holds.bounded(held, self.desk.killed), *self._unresolved()]

    def _unresolved(self) -> list[str]:
        scored = self.desk.run("score", "--json")
        store = self.desk.documents()
        return [
            *holds.resolved(store, self.desk.day, scored.document),
            *holds.closed(store, *RULES),
        ]

    def _live(self, day: Day) -> Lived:
        self.desk.wake(day.number)
        one = _DayUnderWay(self, day)
        for name in one.those("all day"):
            one.judge(one.under((name,), FAULTS[name].attempts), (name,))
        for name in one.those("before"):
            one.judge(one.under((name,), FAULTS[name].attempts), (name,))
            self.desk.later()
        if not day.is_lost:
            self.records.append(day.number)
            one.publish()
        for name in one.those("after"):
            self.desk.later()
            one.judge(one.under((name,), FAULTS[name].attempts), (name,))
        one.problems += holds.every(self.desk, self.store, self.records)
        told = {problem for earlier in self.lived for problem in earlier.problems}
        record = self.store.get(f"{holds.DAILY}{self.desk.asof}.json")
        return Lived(
            day=day,
            asof=self.desk.asof,
            record=None if record is None else digest(record)[7:15],
            codes=tuple(one.codes),
            seen=one.seen,
            problems=tuple(new for new in one.problems if new not in told),
            held=footprint(self.desk.store),
        )


class _DayUnderWay:
    """The attempts of one day, and what is found of its faults."""

    def __init__(self, soak: Soak, day: Day) -> None:
        self._soak, self._day = soak, day
        self.codes: list[int] = []
        self.seen: dict[str, tuple[str, ...]] = {}
        self.problems: list[str] = []

    def those(self, when: str) -> list[str]:
        """Return the day's faults of one moment."""
        return [name for name in self._day.faults if FAULTS[name].when == when]

    def publish(self) -> None:
        """Run the morning that seals the record, under what strikes while it runs."""
        under = tuple(self.those("while"))
        instead = self.those("instead")
        attempts = [FAULTS[name].attempts for name in (*instead, *under)]
        # One of them may run the morning in its own way, or look at more than it.
        own = [one for one in attempts if one is not Desk.morning]
        left = self.under(under, own[0] if own else Desk.morning)
        if left.attempts[0].code != 0:
            self.problems.append(f"the morning failed: {left.attempts[0].err.strip()[-300:]}")
        self.judge(left, (*under, *instead))

    def under(self, names: tuple[str, ...], attempts: Callable[[Desk], list[Attempt]]) -> Left:
        """Make attempts under some faults, and return what they left."""
        desk = self._soak.desk
        with struck(names, desk):
            made = attempts(desk)
        desk.heal()
        before, after = self._soak.store, desk.documents()
        self.codes += [one.code for one in made]
        self.problems += holds.rewritten(before, after)
        self._soak.store = after
        written = {key: data for key, data in after.items() if before.get(key) != data}
        return Left(desk.asof, tuple(made), written, tuple(desk.posts()))

    def judge(self, left: Left, names: tuple[str, ...]) -> None:
        """Look for the signs of faults in what was left."""
        for name in names:
            self._look(name, FAULTS[name].seen, left)

    def _look(self, name: str, signs: Sequence[Sign], left: Left) -> None:
        there = [one for one in signs if one.look(left)]
        self.seen[name] = tuple(one.told for one in there)
        lacking = [one.told for one in signs if one not in there]
        if lacking:
            said = " | ".join(one.err.strip()[-300:] for one in left.attempts)
            codes = [one.code for one in left.attempts]
            self.problems.append(f"{name}: not seen: {'; '.join(lacking)} (exit {codes}: {said})")
