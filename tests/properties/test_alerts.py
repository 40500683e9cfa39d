"""Alerts under any interleaving of jobs, retries and kills: each message at most once."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from forecastlab.contracts import keys
from forecastlab.contracts.incidents import IncidentKey, open_numbers, parse_incident_key
from forecastlab.contracts.notifications import Message
from forecastlab.evaluation.observed import Finding, Observed
from forecastlab.usecases import alerts
from tests.support.attempts import FIRST
from tests.support.memory_store import Killed
from tests.support.places import DEPLOYMENT, Listener, SetClock, place
from tests.support.turns import SharedStore, Turns

RULES = ("freshness", "latency")


@dataclass(frozen=True)
class Job:
    """One look at the rules: which fire, and whether the process dies with a message in hand."""

    fires: tuple[bool, ...]
    killed: bool


class Dying(Listener):
    """A notifier whose process dies before, or after, it has passed its first message on."""

    def __init__(self, told: list[Message], *, passes_on: bool) -> None:
        super().__init__(told=told)
        self._passes_on = passes_on

    def send(self, message: Message) -> None:
        if self._passes_on:
            super().send(message)
        raise Killed


JOBS = st.builds(Job, st.tuples(*[st.booleans()] * len(RULES)), st.booleans())
ROUNDS = st.lists(
    st.tuples(
        st.lists(JOBS, min_size=1, max_size=3),
        st.lists(st.integers(0, 2), max_size=30),
        st.booleans(),
    ),
    min_size=1,
    max_size=6,
)


def look(store: SharedStore, job: Job, told: list[Message], *, passes_on: bool) -> None:
    notifier = Dying(told, passes_on=passes_on) if job.killed else Listener(told=told)
    found = tuple(
        Finding(rule, fires, "warning", f"{rule} says so")
        for rule, fires in zip(RULES, job.fires, strict=True)
    )
    workspace = place(store=store, notifier=notifier, clock=SetClock(FIRST))
    object.__setattr__(workspace, "found", found)
    alerts.raise_alerts(workspace)


def observed(workspace: Any, run: object, *, last: int) -> Observed:
    return Observed(datetime.now(FIRST.tzinfo), "1d", evidence={"found": workspace.found})


def documents(store: SharedStore) -> list[IncidentKey]:
    prefix = keys.alerts(DEPLOYMENT)
    found = [parse_incident_key(key.removeprefix(prefix)) for key in store.contents()]
    return [one for one in found if one is not None]


@given(ROUNDS)
def test_no_message_is_sent_twice_and_none_without_its_document(
    rounds: list[tuple[list[Job], list[int], bool]],
) -> None:
    store, told = SharedStore(), []
    with (
        patch.object(alerts, "observe", observed),
        patch.object(alerts, "findings", lambda seen, _: seen.evidence["found"]),
    ):
        for jobs, schedule, passes_on in rounds:
            store.turns = Turns(schedule)
            store.turns.run([partial(look, store, job, told, passes_on=passes_on) for job in jobs])
    sent = Counter(message.key for message in told)
    assert set(sent.values()) <= {1}
    found = documents(store)
    claimed = {
        f"{DEPLOYMENT}/{one.rule}/{one.number}/{'opened' if one.part == 'opened' else 'over'}"
        for one in found
        if one.part in ("opened", "closed")
    }
    assert set(sent) <= claimed
    if not any(job.killed for jobs, _, _ in rounds for job in jobs):
        assert set(sent) == claimed, "and without a kill none is lost"
    for rule in RULES:
        numbers = sorted(one.number for one in found if (one.rule, one.part) == (rule, "opened"))
        assert numbers == list(range(1, len(numbers) + 1))
        still_open = open_numbers(found).get(rule)
        assert still_open in (None, len(numbers)), "only the newest may be open"
        closed = {one.number for one in found if (one.rule, one.part) == (rule, "closed")}
        assert closed == set(numbers) - ({still_open} if still_open else set())


@given(st.lists(st.booleans(), min_size=1, max_size=12))
def test_one_after_the_other_the_incidents_follow_the_rule(fires: list[bool]) -> None:
    store, told = SharedStore(), []
    with (
        patch.object(alerts, "observe", observed),
        patch.object(alerts, "findings", lambda seen, _: seen.evidence["found"]),
    ):
        for one in fires:
            store.turns = Turns([])
            job = Job((one, False), killed=False)
            store.turns.run([partial(look, store, job, told, passes_on=True)])
    changes = [now for before, now in zip([False, *fires], fires, strict=False) if before != now]
    assert [message.kind == "incident_opened" for message in told] == changes
