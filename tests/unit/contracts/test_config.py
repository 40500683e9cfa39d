"""Recipes: every mistake is named, and the digest follows what is learnt."""

from __future__ import annotations

from pathlib import Path

import pytest

from forecastlab.contracts.config import parse_recipe
from forecastlab.contracts.errors import ConfigError

TEXT = (Path(__file__).parents[3] / "config" / "reversal.toml").read_text()


def test_the_shipped_recipe_reads() -> None:
    recipe = parse_recipe(TEXT, what="reversal.toml")
    assert recipe.target.candidates == ("T21_X8", "T14_X8")
    assert list(recipe.members) == ["first_passage", "lightgbm", "xgboost", "lstm", "tft"]


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('symbol = "BTCUSDT"', 'symbol = "btc"', "symbol"),
        ("refit_days = 21", "refit_days = 0", "refit_days"),
        ("refit_days = 21", "refit_dayz = 21", "refit_dayz"),
        ("level = 0.8", "level = 80", "level"),
        ("[target]", "[target", "not valid TOML"),
    ],
)
def test_mistakes_are_named(old: str, new: str, named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        parse_recipe(TEXT.replace(old, new, 1), what="reversal.toml")


def test_the_digest_is_of_what_is_learnt() -> None:
    recipe = parse_recipe(TEXT, what="a")
    renamed = parse_recipe(TEXT.replace("flow_T21X8_T14X8", "another"), what="b")
    changed = parse_recipe(TEXT.replace("seed = 1", "seed = 2"), what="c")
    assert recipe.digest == renamed.digest != changed.digest


HOURLY = (Path(__file__).parents[3] / "config" / "direction.toml").read_text()


def test_one_file_serves_many_symbols() -> None:
    """The name follows the symbol, and the symbol is no reference of its own."""
    bitcoin = parse_recipe(HOURLY, what="direction.toml")
    ether = parse_recipe(HOURLY, what="direction.toml", symbol="ETHUSDT")
    assert (bitcoin.name, ether.name) == ("direction_1h_BTCUSDT", "direction_1h_ETHUSDT")
    assert bitcoin.references == ("ETHUSDT", "SOLUSDT", "BNBUSDT")
    assert ether.references == ("BTCUSDT", "SOLUSDT", "BNBUSDT")
    assert ether.digest != bitcoin.digest
    assert "{symbol}" not in ether.model_dump_json()


def test_a_symbol_that_is_not_learnt_from_is_named() -> None:
    with pytest.raises(ConfigError, match=r"train\.symbols do not hold XRPUSDT"):
        parse_recipe(HOURLY, what="direction.toml", symbol="XRPUSDT")


def test_a_size_is_laid_over_and_an_unknown_one_is_named() -> None:
    recipe = parse_recipe(HOURLY, what="direction.toml")
    full = recipe.sized("full")
    assert full.members["tft"]["hidden"] > recipe.members["tft"]["hidden"]
    assert full.members["lightgbm"] == recipe.members["lightgbm"]
    assert full.digest != recipe.digest
    assert recipe.sized("default") is recipe
    with pytest.raises(ConfigError, match="gigantic"):
        recipe.sized("gigantic")


def test_the_device_is_no_part_of_what_is_learnt() -> None:
    recipe = parse_recipe(HOURLY, what="direction.toml")
    assert recipe.trained_on("cuda").members["tft"]["device"] == "cuda"
    assert "device" not in recipe.trained_on("cuda").members["lightgbm"]
    assert recipe.trained_on("cuda").digest == recipe.trained_on("cpu").digest == recipe.digest
