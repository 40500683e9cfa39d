"""Copies of the shipped bundles that a test may spoil, and a workspace that finds them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from forecastlab.bootstrap import Choice, chosen_settings, open_workspace
from forecastlab.contracts.bundle_files import file_entry
from forecastlab.contracts.canonical import canonical_bytes
from forecastlab.usecases.workspace import Workspace
from tests.support.imports import ROOT

PRODUCTION: Final = ROOT / "models" / "production"
EVERY: Final = tuple(sorted(path.parent.name for path in PRODUCTION.glob("*/meta.json")))
"""All bundles that are shipped, of whatever deployment."""

SHIPPED: Final = ("flow_T21X8_T14X8_20250930", "flow_T21X8_T14X8_20250930_2")
SMALL, FULL = SHIPPED
"""The daily bundle of two members, and the one of all five."""

SIMULATED_NOW: Final = "2025-10-05T00:05:00Z"


def copy_shipped(folder: Path) -> Path:
    """Copy the daily bundles that are shipped, and what names the first champions."""
    models = folder / "models"
    for name in SHIPPED:
        shutil.copytree(PRODUCTION / name, models / name)
    shutil.copy(PRODUCTION / "champions.toml", models)
    return models


def workspace_of(models: Path, store: Path, patch: pytest.MonkeyPatch) -> Workspace:
    """Open a workspace on the simulated market; its environment is that of commands, too."""
    patch.setenv("FORECASTLAB_MODELS", str(models))
    patch.setenv("FORECASTLAB_STORE", str(store))
    patch.setenv("FORECASTLAB_SOURCE", "simulated")
    patch.setenv("FORECASTLAB_SIMULATED_NOW", SIMULATED_NOW)
    return open_workspace(chosen_settings(Choice()))


def rewrite(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change a JSON document in place."""
    document = json.loads(path.read_bytes())
    change(document)
    path.write_bytes(canonical_bytes(document))


def restamp(
    bundle: Path, change: Callable[[dict[str, Any]], object] = lambda document: None
) -> None:
    """Make a spoiled bundle's hashes fit again, as a forger would, and change its manifest."""

    def stamped(document: dict[str, Any]) -> None:
        change(document)
        document["files"] = {
            path.relative_to(bundle).as_posix(): file_entry(path.read_bytes()).model_dump()
            for path in sorted(bundle.rglob("*"))
            if path.is_file() and path.name != "meta.json"
        }

    rewrite(bundle / "meta.json", stamped)
