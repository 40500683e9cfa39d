"""The shipped bundles on the simulated market, a store of their own, a clock that stands."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from forecastlab.bootstrap import open_workspace
from forecastlab.settings import read_settings
from forecastlab.usecases.workspace import Workspace
from tests.support.imports import ROOT

NOW: Final = "2025-10-05T00:05:00Z"
DAILY: Final = "flow_T21X8_T14X8"
HOURLY: Final = "direction_1h_ETHUSDT"
SIGNALS: Final = "signal_1h"


def variables(folder: Path) -> dict[str, str]:
    """Return the settings of that world, as a command reads them from its environment."""
    return {
        "FORECASTLAB_MODELS": str(ROOT / "models" / "production"),
        "FORECASTLAB_CONFIGS": str(ROOT / "config"),
        "FORECASTLAB_STORE": str(folder / "store"),
        "FORECASTLAB_SOURCE": "simulated",
        "FORECASTLAB_SIMULATED_NOW": NOW,
    }


def open_shipped(folder: Path, deployment: str, **changed: str) -> Workspace:
    """Open a deployment in a folder."""
    named = {"FORECASTLAB_DEPLOYMENT": deployment, **changed}
    settings = read_settings({**variables(folder), **named}, folder=folder)
    return open_workspace(settings, quiet=True)
