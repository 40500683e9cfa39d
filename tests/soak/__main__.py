"""Live through many mornings with faults: `python -m tests.soak --mornings 60 --seed 1`.

One line tells of each morning, a table at the end of all of them. Exit code 1: something did not
hold.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from io import StringIO
from pathlib import Path
from typing import Final, NamedTuple, TextIO

import pytest

from tests.soak.desk import open_desk
from tests.soak.faults import FAULTS
from tests.soak.plan import SHORT, Day, drawn
from tests.soak.soak import Lived, Soak
from tests.support.command_line import CommandLine
from tests.support.no_network.sitecustomize import refuse_network
from tests.support.optional import is_there, reason

_NEEDED: Final = ("redis-server", "openai")


class Told(NamedTuple):
    """What was written since the last time."""

    out: str
    err: str


class Captured:
    """Takes what commands write, as pytest's own capture does in a test."""

    def __init__(self) -> None:
        sys.stdout, sys.stderr = StringIO(), StringIO()

    def readouterr(self) -> Told:
        """Return what was written, and forget it."""
        return Told(_taken(sys.stdout), _taken(sys.stderr))


def _taken(stream: TextIO) -> str:
    assert isinstance(stream, StringIO)
    text = stream.getvalue()
    stream.seek(0)
    stream.truncate()
    return text


def main() -> int:
    """Live through the plan that was asked for, and print what became of it."""
    plan = _plan()
    missing = [reason(name) for name in _NEEDED if not is_there(name)]
    if missing:
        sys.stderr.write(f"The soak {'; '.join(missing)}.\n")
        return 2
    refuse_network()
    screen, errors, began = sys.stdout, sys.stderr, time.monotonic()
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", screen)
        patch.setattr(sys, "stderr", errors)
        cli = CommandLine(Captured(), patch)  # type: ignore[arg-type]
        with open_desk(Path(folder) / "desk", cli, patch) as desk:
            soak = Soak(desk)
            soak.live(plan, lambda one: _tell(screen, one, time.monotonic() - began))
            problems = soak.problems
    _summary(screen, plan, soak, problems)
    return 1 if problems else 0


def _plan() -> tuple[Day, ...]:
    """Read which plan is asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--mornings", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--short", action="store_true", help="the week that CI lives through")
    asked = parser.parse_args()
    try:
        return SHORT if asked.short else drawn(asked.mornings, asked.seed)
    except ValueError as error:
        parser.error(str(error))


def _tell(screen: TextIO, one: Lived, spent_s: float) -> None:
    state = "ok" if not one.problems else "; ".join(one.problems)
    faults = ", ".join(one.day.faults) or "quiet"
    screen.write(f"{spent_s:5.0f} s  {one.asof}  {faults}: {state}\n")
    screen.flush()


def _summary(screen: TextIO, plan: tuple[Day, ...], soak: Soak, problems: list[str]) -> None:
    screen.write("\n| day | exit codes | fault | seen | record |\n|---|---|---|---|---|\n")
    for one in soak.lived:
        codes = " ".join(str(code) for code in one.codes) or "–"
        record = one.record or "none"
        rows = [(name, "; ".join(seen)) for name, seen in one.seen.items()] or [("quiet", "")]
        screen.writelines(
            f"| {one.asof} | {codes} | {name} | {seen} | {record} |\n" for name, seen in rows
        )
    struck = sum(len(day.faults) for day in plan)
    held = soak.lived[-1].held
    screen.write(
        f"\n{len(plan)} days, {len(soak.records) - 1} records in a chain, {struck} faults of"
        f" {len({name for day in plan for name in day.faults})} of {len(FAULTS)} kinds,"
        f" {soak.desk.killed} processes killed.\n"
        f"At the end: {held.memory_mb:.0f} MB, {held.files} files, {held.threads} threads,"
        f" {held.temporaries} temporary files.\n"
    )
    screen.write("Everything held.\n" if not problems else "")
    screen.writelines(f"NOT HELD: {problem}\n" for problem in problems)


if __name__ == "__main__":
    sys.exit(main())
