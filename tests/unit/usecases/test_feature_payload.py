"""What a payload may hold, what is made of it, and what is refused with the list of faults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from forecastlab.contracts.errors import UsageError
from forecastlab.contracts.wire_schema import wire_schema
from forecastlab.models.gbm import LightGbmModel
from forecastlab.usecases.array_members import SetRows
from forecastlab.usecases.direction_answer import DirectionAnswer, answer_document
from forecastlab.usecases.feature_payload import Payload, PayloadReader, ReadPayload
from forecastlab.usecases.open_bundle import OpenBundle, open_bundle
from forecastlab.usecases.served_bundle import DirectionRequest, ServedBundle
from forecastlab.usecases.training_ranges import constant_columns, training_ranges
from tests.support.direction_bundle import END, Made, direction_bundle
from tests.support.prediction import (
    changed,
    features,
    original_features,
    request,
    without_columns,
)

SCALED = "missing_columns(move_1, move_2, move_3, move_6, move_8, … 81 in all)"


@pytest.fixture(scope="module")
def made() -> Made:
    return direction_bundle()


@pytest.fixture(scope="module")
def bundle(made: Made) -> OpenBundle:
    return open_bundle(made.verified)


@pytest.fixture(scope="module")
def served(bundle: OpenBundle) -> ServedBundle:
    return ServedBundle(bundle)


def read(served: ServedBundle, told: Mapping[str, Any], *, strict: bool = True) -> ReadPayload:
    payload = Payload(told["columns"], told["data"], told.get("index"))
    return served._payloads.read(payload, strict=strict, now=END)


def answer(served: ServedBundle, told: Mapping[str, Any], *, strict: bool) -> DirectionAnswer:
    payload = Payload(told["columns"], told["data"], told.get("index"))
    (found,) = served.answers([DirectionRequest(payload, strict=strict)], END)
    assert isinstance(found, DirectionAnswer), found
    return found


class Counted(str):
    """A name that counts how often it is compared."""

    compared = 0

    def __eq__(self, other: object) -> bool:
        Counted.compared += 1
        return str.__eq__(self, other)

    __hash__ = str.__hash__


def test_a_body_of_names_costs_no_more_than_its_length(served: ServedBundle) -> None:
    """Four megabytes hold 300,000 names, half of which the earlier system might have sent."""
    names = tuple(Counted(f"{start}{at}") for start in ("bb_", "nobody") for at in range(1000))
    found = served._payloads._reading.columns(names)
    assert (len(found.foreign), len(found.unknown)) == (1000, 1000)
    assert Counted.compared < 10 * len(names)


def test_columns_are_matched_by_name(made: Made, served: ServedBundle) -> None:
    told = features(made)
    order = np.random.default_rng(0).permutation(len(told["columns"]))
    shuffled = {
        **told,
        "columns": [told["columns"][at] for at in order],
        "data": np.array(told["data"])[:, order].tolist(),
    }
    there, here = (read(served, one) for one in (told, shuffled))
    for name, rows in there.sets.items():
        other = here.sets[name]
        assert isinstance(rows, SetRows)
        assert isinstance(other, SetRows)
        assert np.array_equal(rows.matrix, other.matrix)
    assert here.warnings == ()
    assert here.opens_at == END - timedelta(hours=1)


def test_names_that_the_bundle_dropped_are_passed_over(made: Made, served: ServedBundle) -> None:
    told = features(made)
    told["columns"].append("oi_change")
    for row in told["data"]:
        row.append(None)
    assert answer(served, told, strict=True).lead.skipped == {}


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize(
    ("column", "value", "row", "told"),
    [
        ("ret_1", None, -1, "not finite: ret_1"),
        ("ret_1", None, 3, "not finite: ret_1"),
        ("btc_ret_5", 1e6, -1, "far outside of what training saw: btc_ret_5 (1e+06; in training"),
        ("ret_1", -1e300, 0, "far outside of what training saw: ret_1 (-1e+300; in training"),
    ],
)
def test_a_value_is_refused_by_its_column(
    made: Made,
    served: ServedBundle,
    column: str,
    value: float | None,
    row: int,
    told: str,
    strict: bool,
) -> None:
    odd = changed({"features": features(made)}, column, value, row)
    with pytest.raises(UsageError) as refused:
        read(served, odd["features"], strict=strict)
    assert told in refused.value.facts


def test_all_that_is_wrong_is_listed(made: Made, served: ServedBundle) -> None:
    document = request(made)
    odd = without_columns(document, ["ret_1", "move_24"])["features"]
    odd["columns"][0] = "surprise"
    with pytest.raises(UsageError) as refused:
        read(served, odd)
    assert "missing: btc_ret_1, ret_1, move_24; unknown: surprise." in refused.value.facts
    with pytest.raises(UsageError, match="unknown: surprise"):
        read(served, odd, strict=False)
    odd["columns"][1] = odd["columns"][2] = "ret_2"
    with pytest.raises(UsageError, match="doubled: ret_2"):
        read(served, odd)


def test_nothing_but_nulls_is_refused(made: Made, served: ServedBundle) -> None:
    told = features(made)
    told["data"] = [[None] * len(row) for row in told["data"]]
    with pytest.raises(UsageError, match="not finite: btc_ret_1, btc_ret_5"):
        read(served, told, strict=False)


def test_a_set_may_have_no_row_at_a_candle(made: Made, served: ServedBundle) -> None:
    """As the rows beside a hole are left out where the members are asked at home."""
    told = features(made)
    cross = wire_schema(made.verified.manifest).sets["cross"]
    for name in cross:
        told["data"][90][told["columns"].index(name)] = None
    found = answer(served, told, strict=True)
    assert found.lead.skipped == {"tft": "insufficient_rows(95<96)"}
    for name in cross:
        told["data"][-1][told["columns"].index(name)] = None
    why = (
        "missing_features(btc_ret_1, btc_ret_5, btc_ret_21, btc_target_corr_20, btc_target_corr_60)"
    )
    skipped = answer(served, told, strict=True).lead.skipped
    assert skipped["tft"] == why
    assert skipped["lightgbm_cross"].startswith("missing_features(btc_ret_1")
    assert set(skipped) == {"tft", "lightgbm_cross"}


@pytest.mark.parametrize(
    ("rows", "skipped"),
    [
        (96, {}),
        (95, {"tft": "insufficient_rows(95<96)"}),
        (48, {"tft": "insufficient_rows(48<96)"}),
        (40, {"lstm": "insufficient_rows(40<48)", "tft": "insufficient_rows(40<96)"}),
        (1, {"lstm": "insufficient_rows(1<48)", "tft": "insufficient_rows(1<96)"}),
    ],
)
def test_members_whose_sequence_fits_answer(
    made: Made, served: ServedBundle, rows: int, skipped: dict[str, str]
) -> None:
    found = answer(served, features(made, rows), strict=True)
    for head in found.heads.values():
        assert head.skipped == skipped
        assert len(head.members) == 5 - len(skipped)
        assert head.method == ("pool" if skipped else "stack")
    whole = answer(served, features(made), strict=True)
    for name, up in found.lead.members.items():
        assert up == pytest.approx(whole.lead.members[name], abs=1e-9)


def test_where_none_fits_the_request_is_refused(made: Made, bundle: OpenBundle) -> None:
    networks = {
        name: replace(
            one,
            members={key: one.members[key] for key in ("lstm", "tft")},
            keys={key: one.keys[key] for key in ("lstm", "tft")},
        )
        for name, one in bundle.forecasters.items()
    }
    served = ServedBundle(replace(bundle, forecasters=networks))
    told = features(made, 40)
    payload = Payload(told["columns"], told["data"], told["index"])
    (found,) = served.answers([DirectionRequest(payload, strict=True)], END)
    assert isinstance(found, UsageError)
    assert "lstm: insufficient_rows(40<48); tft: insufficient_rows(40<96)" in found.facts


def test_the_earlier_clients_101_columns_are_taken(made: Made, served: ServedBundle) -> None:
    told = original_features(made)
    assert len(told["columns"]) == 101
    found = answer(served, told, strict=False)
    assert found.lead.skipped == {
        "lightgbm": SCALED,
        "xgboost": SCALED,
        # 37 rows have the sum of 60, 32 of them that of five candles before as well.
        "lstm": "insufficient_rows(32<48)",
    }
    whole = answer(served, features(made), strict=True)
    for name, up in found.lead.members.items():
        assert up == pytest.approx(whole.lead.members[name], abs=1e-6)
    document = answer_document(found)
    assert document["stacking_mode"] is False
    assert document["ca_feature_coverage"] == 1.0
    assert "lgb_bull_prob" not in document
    with pytest.raises(UsageError, match=r"missing: btc_target_corr_20.*unknown: .*cum_ofi"):
        read(served, told)


def test_more_rows_of_the_earlier_columns_serve_more_members(
    made: Made, served: ServedBundle
) -> None:
    found = answer(served, original_features(made, 112), strict=False)
    assert set(found.lead.skipped) == {"lightgbm", "xgboost"}
    whole = answer(served, features(made), strict=True)
    assert found.lead.members["lstm"] == pytest.approx(whole.lead.members["lstm"], abs=1e-5)


def test_who_lacks_a_column_is_skipped_by_its_name(made: Made, served: ServedBundle) -> None:
    told = without_columns(request(made), ["btc_ret_1"])["features"]
    found = answer(served, told, strict=False)
    why = "missing_columns(btc_ret_1)"
    assert found.lead.skipped == {"lightgbm_cross": why, "tft": why}
    assert found.coverage["cross"] == pytest.approx(20 / 21)


HOUR = 3_600_000
FIRST = int(END.timestamp()) * 1000 - 96 * HOUR


@pytest.mark.parametrize(
    ("index", "told"),
    [
        (list(range(FIRST, FIRST + 95 * HOUR, HOUR)), "the index has 95 entries for 96 rows"),
        ([FIRST + at * HOUR for at in reversed(range(96))], "consecutive 1h candles"),
        ([FIRST + at * 2 * HOUR for at in range(-96, 0)], "consecutive 1h candles"),
        ([FIRST + at * HOUR + 1 for at in range(96)], "consecutive 1h candles"),
        ([FIRST] * 96, "consecutive 1h candles"),
        ([FIRST + (at + 1) * HOUR for at in range(96)], "which is still to come"),
        ([10**18 + at * HOUR for at in range(96)], "no epoch milliseconds"),
        ([10**30] * 96, "no epoch milliseconds"),
    ],
)
def test_an_index_that_is_no_series_of_candles_is_refused(
    made: Made, served: ServedBundle, index: list[int], told: str
) -> None:
    now = END - timedelta(minutes=1)
    payload = features(made)
    with pytest.raises(UsageError) as refused:
        served._payloads.read(
            Payload(payload["columns"], payload["data"], index), strict=True, now=now
        )
    assert told in refused.value.facts


@pytest.mark.parametrize("index", [None, list(range(96))])
def test_an_index_that_counts_rows_tells_no_time(
    made: Made, served: ServedBundle, index: list[int] | None
) -> None:
    found = read(served, {**features(made), "index": index})
    assert found.opens_at is None
    assert found.warnings == ()


def test_a_stale_request_is_told_so(made: Made, served: ServedBundle) -> None:
    told = features(made)
    payload = Payload(told["columns"], told["data"], told["index"])
    reader = served._payloads
    for minutes, warned in ((59, False), (60, True)):
        found = reader.read(payload, strict=True, now=END + timedelta(minutes=minutes))
        assert bool(found.warnings) == warned
    assert found.warnings == ("stale: the last row's candle closed 3600 s ago",)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ([], "0 rows, where 1 to 100 are taken"),
        ([[0.0] * 178] * 101, "101 rows, where 1 to 100 are taken"),
        ([[0.0] * 177] * 3, "not every row has 178 values"),
        ([[0.0] * 178, [0.0] * 177], "not every row has 178 values"),
        ([[]], "not every row has 178 values"),
    ],
)
def test_a_table_of_another_shape_is_refused(
    made: Made, bundle: OpenBundle, data: list[list[float | None]], told: str
) -> None:
    schema = wire_schema(made.verified.manifest)
    reader = PayloadReader(bundle, schema, {}, most_rows=100)
    with pytest.raises(UsageError) as refused:
        reader.read(Payload(schema.columns, data), strict=True, now=END)
    assert told in refused.value.facts


def test_a_column_that_was_constant_in_training_is_warned_of(
    made: Made, bundle: OpenBundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = LightGbmModel.ranges
    # Flat to LightGBM; XGBoost reads the same column and keeps no ranges.
    monkeypatch.setattr(
        LightGbmModel,
        "ranges",
        lambda self: {name: None if name == "move_1" else one for name, one in inner(self).items()},
    )
    schema = wire_schema(made.verified.manifest)
    assert constant_columns(bundle, schema) == ("move_1",)
    assert set(training_ranges(bundle, schema)) == set(schema.columns) - {"move_1"}
    odd = changed({"features": features(made)}, "move_1", 1e9)
    found = read(ServedBundle(bundle), odd["features"])
    assert found.warnings == ("constant in training: move_1",)


def test_the_ranges_are_those_of_training(made: Made, bundle: OpenBundle) -> None:
    schema = wire_schema(made.verified.manifest)
    ranges = training_ranges(bundle, schema)
    assert set(ranges) == set(schema.columns)
    for name, columns in schema.sets.items():
        rows = made.features[name]
        for column, own in zip(columns, schema.own[name], strict=True):
            low, high = ranges[column]
            # Every fourth hour was learnt from: an hour of the day may not be among them.
            slack = high - low
            assert low - slack <= rows[own].quantile(0.01)
            assert rows[own].quantile(0.99) <= high + slack


def test_lists_of_columns_are_remembered_and_forgotten(made: Made, served: ServedBundle) -> None:
    told = features(made)
    for number in range(40):
        with pytest.raises(UsageError):
            read(served, {**told, "columns": [f"x{number}", *told["columns"][1:]]})
    assert len(served._payloads._known) <= 32
    assert answer(served, told, strict=True).lead.skipped == {}
