"""Recipe files are refused where their target is none, whoever reads them."""

from __future__ import annotations

from pathlib import Path

import pytest

from forecastlab.bootstrap import read_recipe
from forecastlab.contracts.errors import ConfigError
from tests.support.imports import ROOT


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('kind = "reversal"', 'kind = "astrology"', "no target.kind 'astrology'"),
        ('kind = "reversal"', 'kind = "direction"', "'T21_X8' names no direction"),
        ('"T14_X8"', '"T14_X8.0"', "'T14_X8.0' names no reversal"),
    ],
)
def test_a_target_that_is_none_is_named_with_its_file(
    old: str, new: str, named: str, tmp_path: Path
) -> None:
    text = (ROOT / "config" / "reversal.toml").read_text(encoding="utf-8")
    path = tmp_path / "mine.toml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ConfigError, match=named) as refusal:
        read_recipe(path)
    assert str(path) in refusal.value.facts


@pytest.mark.parametrize(
    "name", ["reversal", "direction", "direction_4h", "direction_24h", "signal"]
)
def test_the_recipes_that_ship_are_read(name: str) -> None:
    assert read_recipe(ROOT / "config" / f"{name}.toml").target.candidates
