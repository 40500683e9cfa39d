"""A small search on synthetic candles: two horizons × two levels, first_passage alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from forecastlab.adapters.clocks import FixedClock
from forecastlab.bootstrap import Choice, chosen_settings, open_workspace
from forecastlab.contracts.provenance import Provenance
from forecastlab.usecases.search import SearchRequest
from forecastlab.usecases.workspace import Workspace
from tests.support.memory_store import MemoryStore
from tests.support.synthetic import synthetic_market
from tests.support.workspaces import DAYS, LAST, small_recipe, write_candles

SMALL_GRID = ("T5_X6", "T5_X10", "T10_X6", "T10_X10")


def search_candles(folder: Path) -> Path:
    """Write the candles of one synthetic symbol."""
    return write_candles(synthetic_market(DAYS, seed=11), folder)


def search_workspace(candles: Path, store: MemoryStore) -> Workspace:
    """Open a workspace on the candles that keeps everything in `store`."""
    settings = chosen_settings(Choice(source=f"file:{candles}", store=str(candles / "unused")))
    return replace(open_workspace(settings), store=store, wall=FixedClock(LAST))


PROVENANCE = Provenance("0" * 40, "3.11", {})


def small_search() -> SearchRequest:
    """Return the search of `SMALL_GRID`, 16 folds each."""
    recipe = small_recipe()
    recipe = recipe.model_copy(update={"members": {"first_passage": {}}})
    return SearchRequest(
        recipe, horizons=(5, 10), levels=(0.06, 0.10), until=f"{LAST:%Y-%m-%d}", quick=True
    )
