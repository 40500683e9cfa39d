"""The gate of a refit: the same recipe, trained on more, must not say something else."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from forecastlab.contracts.canonical import rounded
from forecastlab.contracts.errors import DataUnavailable
from forecastlab.contracts.intervals import DURATION, asof_name, last_closed_open
from forecastlab.features.build import build_features
from forecastlab.usecases.champion import opened
from forecastlab.usecases.open_bundle import OpenBundle
from forecastlab.usecases.promotion.gate import Gate
from forecastlab.usecases.serving_window import read_market
from forecastlab.usecases.training_materials import feature_key
from forecastlab.usecases.update import serving_needs, update
from forecastlab.usecases.walk_forward import shared_opens
from forecastlab.usecases.workspace import Workspace


def refit_gate(workspace: Workspace, champion: str) -> Gate:
    """Return the gate that bounds max |Δp| of what is published on the last closed candles.

    Both have learnt from most of these candles: the bound asks whether the refit is the same
    forecaster, not whether it is a better one.
    """

    def check(bundle: OpenBundle) -> Mapping[str, Any]:
        table = workspace.operations.promotion
        bound = table.refit_bound
        before = opened(workspace, workspace.bundles.find(champion))
        newest = _newest_open(workspace, bundle)
        said = [_published(workspace, one, newest, table.compared) for one in (bundle, before)]
        ours, theirs = _shared(*said, rows=table.compared)
        moved = {name: _largest_move(ours[name], theirs[name]) for name in ours}
        # A move that is no number is above any bound, and must not hide behind another candidate's.
        candidate, worst = max(moved.items(), key=lambda one: (not one[1] <= bound, one[1]))
        opens, interval = next(iter(ours.values())).index, bundle.files.manifest.interval
        passed = worst <= bound
        why = f"{candidate} moves by up to {worst:.3f}; {bound:g} is the bound."
        return {
            "passed": passed,
            **({} if passed else {"reason": why}),
            "champion": champion,
            "bound": bound,
            "compared": len(opens),
            "first": asof_name(opens[0], interval),
            "last": asof_name(opens[-1], interval),
            "max_dp": {name: rounded(one, 6) for name, one in moved.items()},
        }

    return check


def _largest_move(ours: pd.DataFrame, theirs: pd.DataFrame) -> float:
    return float(np.abs(ours.to_numpy() - theirs[list(ours.columns)].to_numpy()).max())


def _newest_open(workspace: Workspace, bundle: OpenBundle) -> datetime:
    """Return the open of the newest candle: that closed last, or the last one in the files."""
    needed = bundle.needed
    last = last_closed_open(workspace.clock.now(), needed.interval)
    if workspace.lake is not None:
        return last
    return workspace.archive.read(needed.symbol, needed.interval, None, last).last_open


def _published(
    workspace: Workspace, bundle: OpenBundle, newest: datetime, rows: int
) -> dict[str, pd.DataFrame]:
    """Return candidate -> published probabilities of the last rows that every member can answer."""
    needed, recipe = bundle.needed, bundle.files.manifest.recipe
    # Twice the rows: some are left out beside a gap, others complete the first windows.
    first = newest - 2 * rows * DURATION[needed.interval]
    if workspace.lake is not None:
        update(workspace, serving_needs(needed, first))
    market = read_market(workspace.archive, needed, first, newest)
    view = market.as_of(needed.as_of(newest))
    sets = dict.fromkeys(name for one in bundle.forecasters.values() for name in one.feature_sets)
    tables = {
        name: build_features(view, needed.symbol, feature_key(recipe, name)).dropna()
        for name in sets
    }
    opens = shared_opens(one.answerable(tables) for one in bundle.forecasters.values())
    opens = opens[opens >= pd.Timestamp(first)]
    if opens.empty:
        raise _too_few(0, rows)
    return {name: one.forecast(tables, opens).published for name, one in bundle.forecasters.items()}


def _shared(
    ours: Mapping[str, pd.DataFrame], theirs: Mapping[str, pd.DataFrame], *, rows: int
) -> tuple[dict[str, pd.DataFrame], dict[str, pd.DataFrame]]:
    """Return both forecasts of the last rows that both have; a refit has the same candidates."""
    opens = shared_opens(one.index for one in (*ours.values(), *theirs.values()))[-rows:]
    if len(opens) < rows:
        raise _too_few(len(opens), rows)
    return (
        {name: table.loc[opens] for name, table in ours.items()},
        {name: theirs[name].loc[opens] for name in ours},
    )


def _too_few(found: int, rows: int) -> DataUnavailable:
    return DataUnavailable(
        f"Champion and challenger can both answer {found} of the last candles, not {rows}.",
        remedy="Bring more history, or lower `compared` in [operations.promotion].",
    )
