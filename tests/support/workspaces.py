"""Workspaces for tests: synthetic candles in files, a small trained bundle, a settable clock."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from forecastlab.contracts.candles import Market
from forecastlab.contracts.config import Recipe, parse_recipe

DAYS = 1760
"""Days of the test market: the serving window of 1,595 and some to train on."""

LAST = datetime(2018, 1, 1, tzinfo=UTC) + timedelta(days=DAYS - 1)
"""Open of the test market's last daily candle."""

CUT_OFF = LAST - timedelta(days=40)
"""Cut-off of the test bundle: forty days are left to forecast."""


def write_candles(market: Market, folder: Path) -> Path:
    """Write every series as `{SYMBOL}_{interval}.parquet`, as a file source reads them."""
    folder.mkdir(parents=True, exist_ok=True)
    for one in market.series():
        table = one.frame.reset_index()
        table["open_time"] = table["open_time"].astype("int64")
        table.to_parquet(folder / f"{one.symbol}_{one.interval}.parquet", index=False)
    return folder


def recipe_text(*, members: str = "[members.first_passage]\n[members.lightgbm]\n") -> str:
    """Return the shipped recipe as a file, with members that fit in a moment and no context."""
    text = (Path(__file__).parents[2] / "config" / "reversal.toml").read_text(encoding="utf-8")
    begin, end = text.index("[members.first_passage]"), text.index("[prediction_set]")
    return f"{text[:begin]}{members}\n{text[end:]}"


def small_recipe(symbols: Sequence[str] = ("BTCUSDT",)) -> Recipe:
    """Return the shipped recipe on fewer symbols, with the two members that fit in a moment."""
    recipe = parse_recipe(recipe_text(), what="config/reversal.toml")
    train = recipe.train.model_copy(update={"symbols": tuple(symbols)})
    return recipe.model_copy(update={"train": train})
