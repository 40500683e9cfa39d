"""Time a record in a warm process, on one core, without network: the daily one and the hourly one.

The bundles are the shipped ones, loaded; the simulated candles lie in a store. A record is what a
morning makes of them: the window read, features, members, the sealed document. Of the hourly one
also what asking an inference server costs besides: its question, and the members here.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, TypeAlias

import pandas as pd

from benchmarks.program import Findings, perform
from benchmarks.results import Target
from benchmarks.shipped_world import DAILY, HOURLY, open_shipped
from forecastlab.contracts.intervals import interval_of
from forecastlab.contracts.records import ForecastRecord
from forecastlab.models.base import window_of
from forecastlab.usecases.champion import Chosen, choose
from forecastlab.usecases.inference import Asking, Inference, Local, MemberAnswers
from forecastlab.usecases.inference_wire import SENT_ROWS, question
from forecastlab.usecases.open_bundle import OpenBundle
from forecastlab.usecases.predict import make_record, settle_asof
from forecastlab.usecases.serving_window import ServingWindow, read_market, serving_window
from forecastlab.usecases.update import serving_needs, update
from forecastlab.usecases.workspace import Workspace

Question: TypeAlias = tuple[
    OpenBundle, Mapping[str, pd.DataFrame], pd.DatetimeIndex, Mapping[str, str]
]
"""The bundle, its rows, the opens, and why a feature set is absent."""

HERE: Final = Local()
TARGETS: Final = {"daily_record_ms": Target(at_most=60)}
CALLS: Final = 15


def measure(asked: argparse.Namespace) -> Findings:
    """Make each record some times, and ask the hourly members some times."""
    calls = 2 if asked.quick else CALLS
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    measured: dict[str, float] = {"calls": calls}
    with tempfile.TemporaryDirectory() as name:
        for label, deployment in (("daily", DAILY), ("hourly", HOURLY)):
            desk = Desk(open_shipped(Path(name) / label, deployment))
            measured[f"{label}_record_ms"] = median_ms(desk.record, calls)
            measured[f"{label}_window_ms"] = median_ms(desk.window, calls)
            if deployment == HOURLY:
                measured |= asking(desk, calls)
    return Findings(measured)


class Desk:
    """A workspace with its bundle loaded and its candles at hand."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.chosen: Chosen = choose(workspace, None)
        self.asof_open = settle_asof(None, workspace.clock.now(), interval_of(workspace.deployment))
        update(workspace, serving_needs(self.chosen.bundle.needed, self.asof_open))

    def window(self) -> ServingWindow:
        """Read the window."""
        needed, asof_open = self.chosen.bundle.needed, self.asof_open
        market = read_market(self.workspace.archive, needed, asof_open, asof_open)
        return serving_window(market, needed, asof_open)

    def record(self, inference: Inference = HERE) -> ForecastRecord:
        """Make the record."""
        return make_record(
            *(self.workspace, self.chosen, self.window()),
            created_at=self.workspace.clock.now(),
            began=time.monotonic(),
            asking=Asking(inference),
        )


@dataclass
class Overheard:
    """The members here, and with what they were asked."""

    asked: list[Question] = field(default_factory=list)

    def answers(
        self,
        bundle: OpenBundle,
        rows: Mapping[str, pd.DataFrame],
        opens: pd.DatetimeIndex,
        absent: Mapping[str, str],
    ) -> MemberAnswers:
        """Ask the members here."""
        self.asked.append((bundle, rows, opens, absent))
        return HERE.answers(bundle, rows, opens, absent)


def asking(desk: Desk, calls: int) -> dict[str, float]:
    """Return what the members of all horizons cost, networks apart, and a server's question."""
    overheard = Overheard()
    desk.record(overheard)
    [(bundle, rows, opens, absent)] = overheard.asked
    networks = {
        name: replace(one, members={key: m for key, m in one.members.items() if window_of(m) > 1})
        for name, one in bundle.forecasters.items()
    }
    only = replace(bundle, forecasters=networks)
    return {
        "hourly_horizons": len(bundle.forecasters),
        "hourly_members_ms": median_ms(lambda: HERE.answers(bundle, rows, opens, absent), calls),
        "hourly_networks_ms": median_ms(lambda: HERE.answers(only, rows, opens, absent), calls),
        "hourly_question_ms": median_ms(lambda: question(bundle, rows, opens, absent), calls),
        "hourly_question_bytes": len(question(bundle, rows, opens, absent)),
        "hourly_question_rows": SENT_ROWS,
    }


def median_ms(work: Callable[[], object], calls: int) -> float:
    """Return the median time of a call, after one that does not count."""
    times = []
    for _ in range(calls + 1):
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return round(1000 * statistics.median(times[1:]), 2)


def main() -> int:
    """Measure, print, and write where `--out` says."""
    return perform(__file__, __doc__, measure, targets=TARGETS)


if __name__ == "__main__":
    sys.exit(main())
