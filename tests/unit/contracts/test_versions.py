"""Versions of one recipe: laid over the common tables, each with a digest and a name of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from forecastlab.contracts.config import Recipe, parse_recipe
from forecastlab.contracts.errors import ConfigError

TEXT = (Path(__file__).parents[3] / "config" / "signal.toml").read_text()
PLAIN = (Path(__file__).parents[3] / "config" / "reversal.toml").read_text()


def recipe(text: str = TEXT) -> Recipe:
    return parse_recipe(text, what="signal.toml")


def test_the_shipped_recipe_has_three_versions_in_the_ladders_order() -> None:
    versions = recipe().versions
    assert [one.recipe for one in versions] == ["v2_7", "v2_6", "v1"]
    assert [one.features.set for one in versions] == ["signal_v2_7", "signal_v2_6", "signal_v1"]
    names = [one.bundle_name for one in versions]
    assert names == ["signal_1h_v2_7", "signal_1h_v2_6", "signal_1h_v1"]
    assert recipe().bundle_name == "signal_1h"
    assert {one.members["xgboost"]["rounds"] for one in versions} == {150}


def test_every_version_has_a_digest_of_its_own_tables() -> None:
    digests = {one.recipe: one.digest for one in recipe().versions}
    assert len({*digests.values(), recipe().digest}) == 4
    deeper = TEXT + "\n[recipes.v1.members.xgboost]\ndepth = 4\n"
    changed = {one.recipe: one.digest for one in recipe(deeper).versions}
    assert {name for name in digests if digests[name] != changed[name]} == {"v1"}
    assert recipe(deeper).versioned("v1").members["xgboost"]["rounds"] == 150


def test_two_labels_of_the_same_tables_are_two_recipes() -> None:
    same = TEXT.replace('set = "signal_v2_6"', 'set = "signal_v2_7"')
    first, second, _ = recipe(same).versions
    assert first.features == second.features
    assert first.digest != second.digest


def test_how_it_is_operated_is_no_part_of_the_digest() -> None:
    remote = recipe(TEXT.replace("\nladder", "\nremote = true\nladder"))
    assert remote.operations.remote
    assert [one.digest for one in remote.versions] == [one.digest for one in recipe().versions]


def test_a_recipe_without_versions_is_its_only_one() -> None:
    plain = parse_recipe(PLAIN, what="reversal.toml")
    assert plain.versions == (plain,)
    assert plain.bundle_name == "flow_T21X8_T14X8"
    with pytest.raises(ConfigError, match="no version 'v1'"):
        plain.versioned("v1")


@pytest.mark.parametrize(
    "ladder", ['["v2_7", "v2_6"]', '["v2_7", "v2_6", "v1", "v0"]', '["v1", "v1", "v2_6", "v2_7"]']
)
def test_the_ladder_names_every_version_once(ladder: str) -> None:
    with pytest.raises(ConfigError, match="ladder names"):
        recipe(TEXT.replace('["v2_7", "v2_6", "v1"]', ladder))


def test_a_mistake_in_a_version_is_an_error() -> None:
    with pytest.raises(ConfigError, match="sett"):
        recipe(TEXT + '\n[recipes.v1.train]\nsett = "x"\n')


def test_the_digest_of_the_shipped_recipes_did_not_move() -> None:
    """A field that only versions have must not make another recipe of all others."""
    assert parse_recipe(PLAIN, what="reversal.toml").digest == (
        "sha256:c8ccf6bde08d11a6a1e4c130ac6995ed177571303608a77f2ad481bfbac204fc"
    )
