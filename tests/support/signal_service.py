"""A service that makes signals with the shipped bundles, on the simulated market or a part."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from forecastlab.api.metrics import Metrics
from forecastlab.api.signals import DEPLOYMENT, Signals
from forecastlab.bootstrap import open_workspace
from forecastlab.contracts.candles import Candles
from forecastlab.contracts.canonical import digest as digest_of
from forecastlab.contracts.errors import DataUnavailable, UnknownSymbol
from forecastlab.contracts.intervals import Interval
from forecastlab.contracts.manifest import MANIFEST
from forecastlab.contracts.ports import CandleSource, SourceKind
from forecastlab.contracts.registry import EventKind, RegistryEvent
from forecastlab.settings import read_settings
from forecastlab.usecases.live_ladder import LiveLadder
from forecastlab.usecases.registry_change import Change, append_change
from forecastlab.usecases.workspace import Workspace
from tests.support.imports import ROOT
from tests.support.service import Service, running
from tests.support.shipped_bundles import PRODUCTION

NOW: Final = datetime(2025, 10, 5, 7, 5, tzinfo=UTC)
AS_OF: Final = "2025-10-05T07:00:00Z"
ASOF: Final = "2025-10-05T06Z"

GENERATE: Final = "/v1/signals/generate"
LIST: Final = "/v1/signals/list"
MODEL: Final = "/v1/model"


def bundle_name(version: str) -> str:
    """Return the name of a version's shipped bundle."""
    return f"{DEPLOYMENT}_{version}_20250930"


def copy_bundles(folder: Path) -> Path:
    """Copy the shipped bundles of the signals and name their first champion, and nobody else's."""
    models = folder / "models"
    for version in ("v1", "v2_6", "v2_7"):
        shutil.copytree(PRODUCTION / bundle_name(version), models / bundle_name(version))
    first = bundle_name("v2_7")
    known = digest_of((models / first / MANIFEST).read_bytes())
    named = f'[{DEPLOYMENT}]\nbundle = "{first}"\ndigest = "{known}"\n'
    (models / "champions.toml").write_text(named, encoding="utf-8")
    return models


def workspace_of(folder: Path, models: Path = PRODUCTION, **environment: str) -> Workspace:
    """Return a workspace of the signals on the simulated market, with an empty store."""
    settings = read_settings(
        {
            "FORECASTLAB_MODELS": str(models),
            "FORECASTLAB_CONFIGS": str(ROOT / "config"),
            "FORECASTLAB_STORE": str(folder / "store"),
            "FORECASTLAB_SOURCE": "simulated",
            "FORECASTLAB_SIMULATED_NOW": NOW.isoformat(),
            "FORECASTLAB_DEPLOYMENT": DEPLOYMENT,
            **environment,
        },
        folder=folder,
    )
    return open_workspace(settings, quiet=True)


@contextmanager
def signalling(
    workspace: Workspace, *, metrics: Metrics | None = None, follow_s: float = 60.0
) -> Iterator[Service]:
    """Run the service on loopback with nothing but signals; what it begins with is not examined."""
    live = LiveLadder(workspace, examine=lambda _: None)
    part = Signals(workspace, metrics or Metrics(), live=live, follow_s=follow_s)
    with running([part]) as (service, _):
        yield service


def change(workspace: Workspace, kind: EventKind, version: str, why: str) -> RegistryEvent:
    """Append an event about a version's shipped bundle, without a gate; it may be damaged here."""
    name = bundle_name(version)
    digest = digest_of((PRODUCTION / name / MANIFEST).read_bytes())
    return append_change(workspace, Change(kind, name, digest, why), fits=lambda _: None)


class Lacking:
    """A source that lacks some series, and can be out of reach; it counts who asks."""

    def __init__(
        self,
        source: CandleSource,
        lost: Collection[tuple[str, Interval]] = (),
        *,
        away: bool = False,
    ) -> None:
        self._source = source
        self._lost = lost
        self.away = away
        self.asked = 0

    @property
    def kind(self) -> SourceKind:
        return self._source.kind

    def fetch(
        self, symbol: str, interval: Interval, first_open: datetime | None, last_open: datetime
    ) -> Candles:
        self.asked += 1
        if self.away:
            raise DataUnavailable("The exchange is away.", remedy="Wait.")
        if (symbol, interval) in self._lost:
            raise UnknownSymbol(f"There is no {symbol} {interval}.", remedy="Name another.")
        return self._source.fetch(symbol, interval, first_open, last_open)


def lacking(workspace: Workspace, *lost: tuple[str, Interval]) -> Workspace:
    """Return the workspace on a market without some series."""
    return replace(workspace, source=Lacking(workspace.source, lost))


def by_market(document: Any) -> dict[str, Any]:
    """Return the entries of an answer by their symbols."""
    return {one["market"]: one for one in document["signals"]}


def generated(service: Service, **asked: Any) -> Any:
    """Ask for signals, and return the answer."""
    answer = service.post(GENERATE, asked)
    assert answer.status == 200, answer.body
    assert answer.headers["content-type"] == "application/json"
    return answer.document
