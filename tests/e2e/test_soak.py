"""Seven mornings and two lost days with every fault of real life; `make soak` is the long form."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.soak import holds
from tests.soak.desk import open_desk
from tests.soak.exchange import CUT_OFF, LONGEST, replayed_market
from tests.soak.faults import FAULTS
from tests.soak.plan import QUIET, SHORT, drawn
from tests.soak.soak import Lived, Soak
from tests.support.command_line import CommandLine
from tests.support.optional import needs

# On a busy machine the nine days take a minute.
pytestmark = [needs("redis-server", "openai"), pytest.mark.timeout(400)]


def test_the_week_strikes_with_everything() -> None:
    assert {name for day in SHORT for name in day.faults} == set(FAULTS)
    assert sum(not day.is_lost for day in SHORT) == 7
    assert not SHORT[0].is_lost and SHORT[-1].faults == ()


@pytest.mark.parametrize("seed", range(20))
def test_every_fault_strikes_in_both_halves_of_a_drawn_plan(seed: int) -> None:
    plan = drawn(60, seed)
    assert [day.number for day in plan] == list(range(1, 61))
    for half in (plan[:30], plan[30:]):
        assert {name for day in half for name in day.faults} == set(FAULTS)
    for day in plan:
        assert len(day.faults) <= 3
        assert not day.is_lost or len(day.faults) == 1


def test_the_exchange_has_candles_for_the_longest_plan() -> None:
    """`make help` names one of ninety mornings."""
    longest = drawn(LONGEST - QUIET, seed=1)
    assert len(longest) >= 90
    last = CUT_OFF + timedelta(days=longest[-1].number + QUIET)
    assert {one.last_open >= last for one in replayed_market()} == {True}
    for mornings in (20, LONGEST):
        with pytest.raises(ValueError, match=f"{mornings} mornings are"):
            drawn(mornings, seed=1)


def test_what_is_gone_is_missed_though_it_may_change() -> None:
    before = {"candles/a": b"1", "runs/b": b"1", "predictions/latest.json": b"1"}
    after = {"runs/b": b"2", "predictions/latest.json": b"2"}
    assert [*holds.rewritten(before, after)] == ["candles/a is gone", "runs/b was rewritten"]


def test_seven_mornings_with_every_fault(
    tmp_path: Path, cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    lived: list[Lived] = []
    with open_desk(tmp_path / "desk", cli, monkeypatch) as desk:
        soak = Soak(desk)
        soak.live(SHORT, lived.append)
        assert soak.problems == []
    assert len(soak.records) == 8, "seven, and the one that finds all outcomes due"
    assert [one.record is None for one in lived] == [one.day.is_lost for one in lived]
    assert all(one.seen[name] for one in lived for name in one.day.faults)
