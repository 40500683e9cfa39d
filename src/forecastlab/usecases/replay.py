"""Make a sealed forecast again, from its own bundle and the candles in force, and compare."""

from __future__ import annotations

import time
from dataclasses import dataclass

from forecastlab.contracts.errors import DataUnavailable
from forecastlab.contracts.intervals import interval_of, parse_asof
from forecastlab.contracts.records import ForecastRecord
from forecastlab.contracts.switches import switches_of
from forecastlab.usecases.champion import Chosen, opened
from forecastlab.usecases.inference import Asking
from forecastlab.usecases.laddered import LADDER
from forecastlab.usecases.predict import make_record
from forecastlab.usecases.publish import sealed
from forecastlab.usecases.serving_window import read_market, serving_window
from forecastlab.usecases.workspace import Workspace

VOLATILE = ("created_at", "runtime", "previous")
"""Fields in which a replay may differ from the record."""


@dataclass(frozen=True)
class Replay:
    """The record made again, and the top-level fields in which it differs from the sealed one."""

    record: ForecastRecord
    differs: tuple[str, ...]


def replay(workspace: Workspace, asof: str) -> Replay:
    """Replay one sealed record; nothing is written.

    Raises:
        DataUnavailable: no record is sealed for this as-of, or its window is not whole any more.
    """
    began, asof_open = time.monotonic(), parse_asof(asof, interval_of(workspace.deployment))
    record = sealed(workspace.store, workspace.deployment, asof)
    if record is None:
        raise DataUnavailable(
            f"No record is sealed for {asof}.", remedy="`forecastlab status` names the newest one."
        )
    bundle = opened(workspace, workspace.bundles.find(record.bundle.name))
    market = read_market(workspace.archive, bundle.needed, asof_open, asof_open)
    window = serving_window(market, bundle.needed, asof_open)
    again = make_record(
        workspace,
        Chosen(bundle, record.bundle.override, first=False, degraded=_of_the_ladder(record)),
        window,
        created_at=record.created_at,
        began=began,
        mode=record.mode,
        asking=Asking(switches=switches_of(record.degraded)),
    )
    mine, theirs = record.model_dump(mode="json"), again.model_dump(mode="json")
    return Replay(
        again, tuple(key for key in mine if key not in VOLATILE and mine[key] != theirs[key])
    )


def _of_the_ladder(record: ForecastRecord) -> tuple[str, ...]:
    """Return why a better version did not answer then: its own window cannot tell."""
    return tuple(one for one in record.degraded if one.startswith(LADDER))
