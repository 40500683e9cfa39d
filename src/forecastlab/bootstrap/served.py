"""What only a process that answers for months needs."""

from __future__ import annotations

from dataclasses import replace

from forecastlab.adapters.candle_lake import CandleLake
from forecastlab.adapters.empty_store import EmptyStore
from forecastlab.adapters.overlay_store import OverlayStore
from forecastlab.usecases.kept_candles import KeptFirst
from forecastlab.usecases.workspace import Workspace


def with_candles_in_memory(workspace: Workspace) -> Workspace:
    """Return the workspace with a lake of its own, which asks the store's first; it writes nothing.

    The store's lake may hold years, in a bucket that answers in 40 ms an object and that a service
    may not write to; a window of weeks is held here. Files stay where they are read in place.
    """
    if workspace.lake is None:
        return workspace
    lake = CandleLake(OverlayStore(EmptyStore()))
    source = KeptFirst(workspace.lake, workspace.source)
    return replace(workspace, lake=lake, archive=lake, source=source, pin_store=lambda: None)
