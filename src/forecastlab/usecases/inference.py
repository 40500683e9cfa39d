"""Who is asked for the members' probabilities: the members here, or an inference server as well.

An answer from elsewhere is held against the members here, which cost some milliseconds, and where
one probability differs it counts as none. So nobody on the wire can move a record: what is written
is computed here, and equal whether the server is up, down, slow or lying. What the server's answer
adds is the word of a second machine that the numbers are those of the bundle.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal, Protocol

import numpy as np
import pandas as pd

from forecastlab.contracts.breaker import Breaker
from forecastlab.contracts.degradations import BREAKER, SERVER
from forecastlab.contracts.errors import RemoteFailed
from forecastlab.contracts.inference import DISAGREES, MALFORMED, InferenceServer
from forecastlab.contracts.manifest import ANSWER_TOLERANCE
from forecastlab.contracts.switches import Switches
from forecastlab.models.base import window_of
from forecastlab.usecases.inference_wire import question, read_answer
from forecastlab.usecases.open_bundle import OpenBundle
from forecastlab.usecases.workspace import Workspace

log = logging.getLogger(__name__)

GPU_TOLERANCE: Final = 1e-4
"""Largest |Δp| of a network between a GPU and the CPU."""

Tables = Mapping[str, Mapping[str, pd.DataFrame]]
"""Candidate -> member -> probabilities of the as-ofs asked for, columns the classes."""


@dataclass(frozen=True, eq=False)
class MemberAnswers:
    """What the members of every candidate said, and on which path it was asked.

    Attributes:
        skipped: candidate -> member that could not answer -> why.
        reason: why the path is local though a server was to be asked; None where none was, or
            where it answered.
    """

    tables: Tables
    skipped: Mapping[str, Mapping[str, str]]
    path: Literal["local", "remote"] = "local"
    reason: str | None = None


class Inference(Protocol):
    """Something that asks the members of a bundle."""

    def answers(
        self,
        bundle: OpenBundle,
        rows: Mapping[str, pd.DataFrame],
        opens: pd.DatetimeIndex,
        absent: Mapping[str, str],
    ) -> MemberAnswers:
        """Return what every member says of the as-ofs of these opens.

        Args:
            rows: feature set -> rows, index `open_time`, ascending, complete.
            absent: feature set -> why it could not be computed.
        """
        ...


@dataclass(frozen=True)
class Local:
    """The members in this process."""

    def answers(
        self,
        bundle: OpenBundle,
        rows: Mapping[str, pd.DataFrame],
        opens: pd.DatetimeIndex,
        absent: Mapping[str, str],
    ) -> MemberAnswers:
        """Ask the members here."""
        said = {
            name: one.answers(rows, opens, absent=absent)
            for name, one in bundle.forecasters.items()
        }
        return MemberAnswers(
            tables={name: tables for name, (tables, _) in said.items()},
            skipped={name: skipped for name, (_, skipped) in said.items()},
        )


@dataclass(frozen=True)
class Remote:
    """The members of the same bundle, behind an inference server."""

    server: InferenceServer

    def answers(
        self,
        bundle: OpenBundle,
        rows: Mapping[str, pd.DataFrame],
        opens: pd.DatetimeIndex,
        absent: Mapping[str, str],
    ) -> MemberAnswers:
        """Ask the server.

        Raises:
            RemoteFailed: it gives no answer in time, one that is not what the wire's contract
                says, or that of another bundle; or the question is none that it can be asked.
        """
        document = self.server.ask(question(bundle, rows, opens, absent))
        tables = read_answer(document, bundle, opens)
        return MemberAnswers(tables, skipped={name: {} for name in tables}, path="remote")


@dataclass(frozen=True)
class FirstHealthy:
    """The server where it is healthy and agrees with the members here; else these alone."""

    remote: Inference
    breaker: Breaker
    local: Inference = field(default_factory=Local)

    def answers(
        self,
        bundle: OpenBundle,
        rows: Mapping[str, pd.DataFrame],
        opens: pd.DatetimeIndex,
        absent: Mapping[str, str],
    ) -> MemberAnswers:
        """Return what the members here say, on the path on which it was had first."""
        here = self.local.answers(bundle, rows, opens, absent)
        admission = self.breaker.admit()
        if not admission.allowed:
            return replace(here, reason=BREAKER.says(why_not=admission.why_not))
        try:
            there = self.remote.answers(bundle, rows, opens, absent)
            refuse_another_answer(bundle, here.tables, there.tables)
        except RemoteFailed as error:
            self.breaker.settle(admission, error.kind)
            log.warning("the inference server is not used: %s", error)
            return replace(here, reason=error.facts)
        self.breaker.settle(admission, None)
        return replace(here, path=there.path)


def refuse_another_answer(bundle: OpenBundle, here: Tables, there: Tables) -> None:
    """Refuse an answer unless each probability is, within its tolerance, that of the bundle here.

    Raises:
        RemoteFailed: a member is missing, or a probability differs.
    """
    for candidate, members in here.items():
        models = bundle.forecasters[candidate].members
        for name, table in members.items():
            other = there.get(candidate, {}).get(name)
            if other is None:
                raise _not_used(MALFORMED, f"without {candidate}.{name}")
            worst = float(np.abs(table.to_numpy() - other[table.columns].to_numpy()).max())
            allowed = GPU_TOLERANCE if window_of(models[name]) > 1 else ANSWER_TOLERANCE
            if not worst <= allowed:
                raise _not_used(DISAGREES, f"{candidate}.{name} by {worst:.2g}")


def _not_used(kind: str, why: str) -> RemoteFailed:
    return RemoteFailed(
        SERVER[kind].says(why=why),
        remedy="Let the server verify its bundle; the forecast was computed here.",
        kind=kind,
    )


@dataclass(frozen=True)
class Asking:
    """How members are asked, and what is switched off."""

    inference: Inference = field(default_factory=Local)
    switches: Switches = field(default_factory=Switches)


def asking(workspace: Workspace) -> Asking:
    """Return how the deployment's forecasts are asked for: by its TOML and the environment.

    A server is asked where the environment names one and `[operations] remote` allows it.
    """
    access = workspace.inference
    if access is None or not workspace.operations.remote:
        return Asking(switches=workspace.switches)
    both = FirstHealthy(Remote(access.server), access.breaker)
    return Asking(both, workspace.switches)
