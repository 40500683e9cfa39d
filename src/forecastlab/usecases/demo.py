"""The demo: a bundle of the simulated market, then mornings on a simulated clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from forecastlab.contracts.config import Recipe
from forecastlab.contracts.intervals import asof_name, parse_asof
from forecastlab.contracts.provenance import Provenance
from forecastlab.usecases.morning import Morning, morning
from forecastlab.usecases.predict import PredictRequest
from forecastlab.usecases.promote import promote
from forecastlab.usecases.promotion.chosen import Examination
from forecastlab.usecases.publish import sealed_asofs
from forecastlab.usecases.quick_recipe import without_networks
from forecastlab.usecases.runs import recorded
from forecastlab.usecases.train import TrainRequest, train
from forecastlab.usecases.workspace import Workspace

_DAY: Final = timedelta(days=1)

WAKES: Final = timedelta(days=1, minutes=5)
"""From an as-of candle's open to the morning that forecasts it: its close, and five minutes."""


@dataclass(frozen=True)
class Demo:
    """What the demo did: the newest morning, and how many as-ofs it published and found sealed."""

    newest: Morning
    published: int
    sealed_before: int
    bundle: str


def demo(
    workspace: Workspace,
    recipe: Recipe,
    provenance: Provenance,
    *,
    last_asof: datetime,
    mornings: int,
    set_clock: Callable[[datetime], None],
) -> Demo:
    """Train and promote a bundle cut off before the mornings, then run the mornings not run yet.

    The newest morning is always run again: a second demo shows that it publishes nothing.
    """
    champion = workspace.registry.state().champion
    if champion is None:
        cut_off = last_asof - timedelta(days=mornings)
        set_clock(cut_off + WAKES)
        request = TrainRequest(without_networks(recipe), asof_name(cut_off, "1d"), quick=True)
        with recorded(workspace, "train"):
            champion = train(workspace, request, provenance).name
        gates = Examination(workspace, workspace, lambda: provenance).gates
        promote(workspace, champion, why="the demo's bundle", gates=gates)
    manifest = workspace.bundles.find(champion).manifest
    first = max(
        parse_asof(manifest.training.cut_off, "1d") + _DAY, last_asof - (mornings - 1) * _DAY
    )
    before = set(sealed_asofs(workspace.store, workspace.deployment))
    asofs = [first + i * _DAY for i in range((last_asof - first) // _DAY + 1)]
    todo = [one for one in asofs if asof_name(one, "1d") not in before and one != last_asof]
    with workspace.progress.track("mornings", len(todo) + 1) as bar:
        for asof in [*todo, last_asof]:
            set_clock(asof + WAKES)
            with recorded(workspace, "daily") as attempt:
                newest = morning(workspace, PredictRequest(), attempt)
            bar.advance()
    after = set(sealed_asofs(workspace.store, workspace.deployment))
    return Demo(newest, len(after - before), len(before), champion)
