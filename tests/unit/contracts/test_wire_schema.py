"""The columns on the wire: each quantity once, each under a name of its own."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from forecastlab.contracts.manifest import FeatureEntry, Manifest
from forecastlab.contracts.wire_schema import split_features, wire_schema, wire_table
from tests.support.direction_bundle import Made, direction_bundle


@pytest.fixture(scope="module")
def made() -> Made:
    return direction_bundle()


def altered(manifest: Manifest, feature_set: str, column: str) -> Manifest:
    """Return the manifest with another formula behind one column of a set."""

    def other(one: FeatureEntry) -> FeatureEntry:
        return one.model_copy(update={"formula": "another"}) if one.name == column else one

    entries = tuple(other(one) for one in manifest.features[feature_set])
    return manifest.model_copy(update={"features": {**manifest.features, feature_set: entries}})


def test_a_column_that_several_sets_describe_alike_is_sent_once(made: Made) -> None:
    schema = wire_schema(made.verified.manifest)
    assert {name: len(one) for name, one in schema.sets.items()} == {
        "cross": 21,
        "direction": 76,
        "direction/scaled": 81,
        "direction_cross": 97,
    }
    assert len(schema.columns) == len(set(schema.columns)) == 97 + 81
    assert schema.sets == schema.own
    assert [len(block) for block in schema.blocks] == [21, 76, 81]


def test_two_quantities_of_one_name_are_sent_with_their_sets(made: Made) -> None:
    manifest = altered(made.verified.manifest, "direction_cross", "ret_1")
    schema = wire_schema(manifest)
    assert "ret_1" not in schema.columns
    assert {"direction/ret_1", "direction_cross/ret_1"} <= set(schema.columns)
    assert schema.sets["direction_cross"][0] == "direction_cross/ret_1"
    assert schema.own["direction_cross"][0] == "ret_1"
    assert schema.name != wire_schema(made.verified.manifest).name


def test_the_name_tells_the_deployment_and_the_order(made: Made) -> None:
    schema = wire_schema(made.verified.manifest)
    deployment, _, digest = schema.name.partition("@")
    assert deployment == "direction_1h_ETHUSDT"
    assert digest.startswith("sha256:")
    assert wire_schema(made.verified.manifest).name == schema.name


def test_a_set_without_a_row_is_missing_there_in_its_block_alone(made: Made) -> None:
    schema, rows = wire_schema(made.verified.manifest), made.rows(10)
    for name in ("cross", "direction_cross"):
        rows[name] = rows[name].drop(rows[name].index[4])
    table = wire_table(schema, rows)
    cross, own, scaled = (list(block) for block in schema.blocks)
    assert table[cross].isna().all(axis=1).to_numpy().nonzero()[0].tolist() == [4]
    assert np.isfinite(table[own + scaled].to_numpy()).all()
    features = split_features(table)
    assert features["data"][4][: len(cross)] == [None] * len(cross)
    assert np.diff(features["index"]).tolist() == [3_600_000] * 9


def test_what_is_sent_is_what_the_members_read(made: Made) -> None:
    schema, rows = wire_schema(made.verified.manifest), made.rows(5)
    table = wire_table(schema, rows)
    for name, columns in schema.sets.items():
        sent = table[list(columns)].set_axis(list(schema.own[name]), axis=1)
        pd.testing.assert_frame_equal(sent, rows[name], check_freq=False, check_names=False)


def test_without_any_row_there_is_a_table_without_rows(made: Made) -> None:
    assert wire_table(wire_schema(made.verified.manifest), {}).shape == (0, 178)
