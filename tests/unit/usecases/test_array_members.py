"""Members asked with arrays say, to the last bit, what they say to tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from forecastlab.contracts.errors import BundleRefused
from forecastlab.contracts.wire_schema import wire_schema
from forecastlab.models.sequence.model import SequenceModel
from forecastlab.models.sequence.windows import epoch_ms
from forecastlab.usecases.array_members import ArrayMembers, Asked, SetRows
from forecastlab.usecases.open_bundle import OpenBundle, open_bundle
from forecastlab.usecases.served_answers import demand_known_answers
from forecastlab.usecases.served_bundle import ServedBundle
from tests.support.direction_bundle import Made, direction_bundle


@pytest.fixture(scope="module")
def made() -> Made:
    return direction_bundle()


@pytest.fixture(scope="module")
def bundle(made: Made) -> OpenBundle:
    return open_bundle(made.verified)


@pytest.fixture(scope="module")
def members(made: Made, bundle: OpenBundle) -> ArrayMembers:
    return ArrayMembers(bundle, wire_schema(made.verified.manifest).own)


def asked(rows: Mapping[str, pd.DataFrame], members: ArrayMembers) -> Asked:
    return {
        name: SetRows(
            table.to_numpy()[-members.rows[name] :],
            epoch_ms(table.index)[-members.rows[name] :],
            len(table),
        )
        for name, table in rows.items()
    }


def newest(made: Made, count: int) -> Iterator[tuple[dict[str, pd.DataFrame], pd.DatetimeIndex]]:
    """Yield the rows up to each of the newest as-ofs, and the as-of's open."""
    for back in range(count):
        end = -back or None
        rows = {name: table.iloc[:end].iloc[-96:] for name, table in made.features.items()}
        yield rows, pd.DatetimeIndex([next(iter(rows.values())).index[-1]])


def test_alone_there_is_no_difference_at_all(
    made: Made, bundle: OpenBundle, members: ArrayMembers
) -> None:
    served = ServedBundle(bundle)
    for rows, opens in newest(made, 5):
        (said,), (published,) = served.asked([asked(rows, members)])
        for candidate, forecaster in bundle.forecasters.items():
            there = forecaster.forecast(rows, opens)
            assert list(said.members[candidate]) == list(there.members)
            for name, table in there.members.items():
                assert np.array_equal(said.members[candidate][name], table.to_numpy()[0]), name
            assert published[candidate].up == there.published[1].iloc[0]
            assert published[candidate].method == there.method


def test_members_of_one_set_read_as_many_rows_as_each_needs() -> None:
    """A tree reads the last row of what a network reads a window of."""
    raw = direction_bundle(raw=True)
    served = ServedBundle(open_bundle(raw.verified))
    assert served.members.rows == {"cross": 96, "direction": 48, "direction_cross": 1}
    (said,), (published,) = served.asked([asked(raw.rows(), served.members)])
    there = raw.forecasters["H5"].forecast(raw.rows(), raw.newest)
    for name, table in there.members.items():
        assert np.array_equal(said.members["H5"][name], table.to_numpy()[0]), name
    assert published["H5"].up == there.published[1].iloc[0]


def test_together_they_are_answered_as_alone(made: Made, members: ArrayMembers) -> None:
    questions = [asked(rows, members) for rows, _ in newest(made, 20)]
    together = members.answers(questions)
    for one, question in zip(together, questions, strict=True):
        (alone,) = members.answers([question])
        assert one.skipped == alone.skipped
        for candidate, said in alone.members.items():
            for name, probabilities in said.items():
                # A network's sums are ordered by the size of the batch.
                np.testing.assert_allclose(one.members[candidate][name], probabilities, atol=1e-6)


def test_who_lacks_rows_or_a_set_is_skipped_by_name(made: Made, members: ArrayMembers) -> None:
    question = {**asked(made.rows(40), members), "direction/scaled": "missing_columns(move_1)"}
    (said,) = members.answers([question])
    for candidate in ("H5", "H12", "H24"):
        assert said.skipped[candidate] == {
            "lightgbm": "missing_columns(move_1)",
            "xgboost": "missing_columns(move_1)",
            "lstm": "insufficient_rows(40<48)",
            "tft": "insufficient_rows(40<96)",
        }
        assert list(said.members[candidate]) == ["lightgbm_cross"]


def test_a_hole_in_the_rows_is_no_window(made: Made, members: ArrayMembers) -> None:
    rows = made.features["direction"].iloc[-49:].drop(made.features["direction"].index[-10])
    (said,) = members.answers(
        [{**asked(made.rows(), members), **asked({"direction": rows}, members)}]
    )
    assert said.skipped["H5"] == {"lstm": "insufficient_rows(48<48)"}


def test_heads_of_one_network_share_one_run(
    made: Made, members: ArrayMembers, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = []
    inner = SequenceModel.log_odds

    def counted(self: SequenceModel, windows: np.ndarray) -> np.ndarray:
        runs.append((self.kind, len(windows)))
        return inner(self, windows)

    monkeypatch.setattr(SequenceModel, "log_odds", counted)
    members.answers([asked(made.rows(), members)])
    assert sorted(runs) == [("lstm", 1), ("tft", 1)]


def test_a_member_that_takes_tables_only_is_refused(made: Made, bundle: OpenBundle) -> None:
    class OnTables:
        columns, classes = ("ret_1",), (0, 1)

    forecaster = bundle.forecasters["H5"]
    odd = replace(forecaster, members={**forecaster.members, "lightgbm": OnTables()})  # type: ignore[dict-item]
    other = replace(bundle, forecasters={"H5": odd})
    with pytest.raises(
        BundleRefused, match="lightgbm of direction_1h_ETHUSDT_20180709T23Z_1 cannot be asked"
    ):
        ArrayMembers(other, wire_schema(made.verified.manifest).own)


def test_the_known_answers_are_asked_on_the_path_that_serves(
    bundle: OpenBundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = ServedBundle(bundle)
    demand_known_answers(served)
    inner = SequenceModel.probabilities
    apart = np.array([2e-5, -2e-5])
    monkeypatch.setattr(
        SequenceModel, "probabilities", lambda self, odds: inner(self, odds) + apart
    )
    with pytest.raises(BundleRefused, match=r"answers differ by .e-05 on cpu"):
        demand_known_answers(served)
    # On a GPU a network may differ by more than on the processor that it was exported on.
    demand_known_answers(ServedBundle(bundle, device="cuda"))
