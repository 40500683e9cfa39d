"""A store of the simulated market in which challengers are entered and mornings are run."""

from __future__ import annotations

import json
import shutil
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np
import pandas as pd

from forecastlab.bootstrap import Choice, chosen_settings, open_demo
from forecastlab.contracts import keys
from forecastlab.contracts.canonical import digest
from forecastlab.contracts.intervals import asof_name
from forecastlab.contracts.registry import RegistryEvent
from forecastlab.contracts.shadow import ShadowDocument
from forecastlab.usecases.demo import WAKES
from forecastlab.usecases.morning import Morning, morning
from forecastlab.usecases.predict import PredictRequest
from forecastlab.usecases.runs import recorded
from tests.support.workspaces import CUT_OFF

DEPLOYMENT: Final = keys.ROOT_DEPLOYMENT


def asof(days_after_cut_off: int) -> datetime:
    """Return the open of a candle after the bundle's cut-off."""
    return CUT_OFF + timedelta(days=days_after_cut_off)


def name_of(days_after_cut_off: int) -> str:
    """Return its name."""
    return asof_name(asof(days_after_cut_off), "1d")


class Desk:
    """A workspace on the simulated market, its clock, and what lies in its store."""

    def __init__(self, store: Path) -> None:
        settings = chosen_settings(Choice(source="simulated", store=str(store)))
        self.workspace, self.set_clock = open_demo(settings)
        self.store = store

    def wake(self, days_after_cut_off: int) -> Morning:
        """Run the morning after this candle's close."""
        self.set_clock(asof(days_after_cut_off) + WAKES)
        with recorded(self.workspace, "daily") as attempt:
            return morning(self.workspace, PredictRequest(), attempt)

    def champion(self) -> str:
        """Return the champion's name."""
        found = self.workspace.registry.state().champion
        assert found is not None
        return found

    def enter(self, name: str, **changes: Any) -> str:
        """Register a challenger: the champion's files under another name."""
        source = self.store / "bundles" / self.champion()
        target = self.store / "bundles" / name
        shutil.copytree(source, target)
        manifest = json.loads((target / "meta.json").read_bytes())
        for table, values in changes.items():
            manifest[table] |= values
        (target / "meta.json").write_text(json.dumps({**manifest, "name": name}))
        registry = self.workspace.registry
        registry.append(
            RegistryEvent(
                sequence=len(registry.events()) + 1,
                kind="registered",
                deployment=DEPLOYMENT,
                bundle=name,
                bundle_digest=digest((target / "meta.json").read_bytes()),
                previous=None,
                at=self.workspace.wall.now(),
                by="a test",
                why="a challenger",
            )
        )
        return name

    def shadow(self, days_after_cut_off: int) -> ShadowDocument:
        """Return the document of this candle's shadow."""
        key = keys.shadow(DEPLOYMENT, name_of(days_after_cut_off))
        found = self.workspace.store.get(key)
        assert found is not None
        return ShadowDocument.parse(found.data, what=key)

    def contents(self) -> dict[str, bytes]:
        """Return everything but the shadow."""
        files = (path for path in self.store.rglob("*") if path.is_file())
        found = {path.relative_to(self.store).as_posix(): path.read_bytes() for path in files}
        return {key: data for key, data in found.items() if not key.startswith("shadow/")}


class Sequences:
    """A made-up network: it reads sixty rows in a row, or takes what there is."""

    kind: ClassVar[str] = "lstm"
    window = 60
    classes = (-1, 0, 1)

    def complete(self, opens: pd.DatetimeIndex) -> np.ndarray:
        """Take every row for the end of a whole window."""
        return np.arange(len(opens)) >= 0

    def predict_proba(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Say the same of every row."""
        said = np.tile([0.3, 0.4, 0.3], (len(rows), 1))
        return pd.DataFrame(said, index=rows.index, columns=list(self.classes))
