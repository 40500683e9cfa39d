"""A forecaster asks every member; what cannot answer is named, and never answered for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
import pytest

from forecastlab.contracts.errors import DataUnavailable
from forecastlab.models.base_rate import RateCounts
from forecastlab.models.ensemble import Forecaster, MemberKey
from forecastlab.models.prequential import run_prequential
from forecastlab.models.rule import Rule
from tests.support.out_of_fold import CLASSES, end_of, out_of_fold

ROWS, MEMBERS = out_of_fold()
OPENS = pd.DatetimeIndex(ROWS.index)
RULE: Rule = run_prequential(ROWS, MEMBERS, horizon=5, until=end_of(ROWS)).rule


@dataclass(frozen=True, eq=False)
class Told:
    """A model that says what it was told, from windows of `window` rows."""

    kind: ClassVar[str] = "told"
    table: pd.DataFrame
    window: int = 1
    columns: tuple[str, ...] = ("one",)
    classes: tuple[int, ...] = CLASSES

    def complete(self, opens: pd.DatetimeIndex) -> np.ndarray:
        return np.arange(len(opens)) >= self.window - 1

    def predict_proba(self, rows: pd.DataFrame) -> pd.DataFrame:
        return self.table.loc[rows.index[self.complete(pd.DatetimeIndex(rows.index))]]

    def dump(self) -> dict[str, bytes]:
        return {}

    @classmethod
    def load(cls, files: Mapping[str, bytes]) -> Self:
        raise NotImplementedError


def forecaster(window: int, rule: Rule = RULE) -> Forecaster:
    models: dict[str, Any] = {
        "clever": Told(MEMBERS["clever"]),
        "noisy": Told(MEMBERS["noisy"], window),
    }
    keys = {"clever": MemberKey("told", "short"), "noisy": MemberKey("told", "long")}
    return Forecaster(models, keys, rule, RateCounts(CLASSES, (1, 1, 1), end_of(ROWS)))


def rows(count: int) -> dict[str, pd.DataFrame]:
    table = pd.DataFrame({"one": np.zeros(count)}, index=OPENS[:count])
    return {"short": table, "long": table}


def test_whole_windows_answer_for_exactly_what_was_asked() -> None:
    said = forecaster(48).forecast(rows(100), OPENS[60:100])
    assert said.skipped == {}
    assert said.method == RULE.method
    pd.testing.assert_frame_equal(said.members["noisy"], MEMBERS["noisy"].loc[OPENS[60:100]])
    pd.testing.assert_index_equal(said.published.index, OPENS[60:100])


def test_the_answerable_as_ofs_are_those_of_the_longest_window() -> None:
    assert forecaster(48).answerable(rows(100)).tolist() == OPENS[47:100].tolist()
    assert forecaster(48).windows == {"short": 1, "long": 48}


def test_too_few_rows_silence_one_member_and_the_others_answer() -> None:
    said = forecaster(48).forecast(rows(40), OPENS[39:40])
    assert said.skipped == {"noisy": "insufficient_rows(40<48)"}
    assert set(said.members) == {"clever"}
    assert (said.published.to_numpy() == MEMBERS["clever"].loc[OPENS[39:40]].to_numpy()).all()


def test_an_absent_feature_set_is_passed_on_with_its_reason() -> None:
    short = {"short": rows(10)["short"]}
    why = "missing_features(eth_ret_1)"
    said = forecaster(1).forecast(short, OPENS[9:10], absent={"long": why})
    assert said.skipped == {"noisy": why}


def test_without_any_member_there_is_no_forecast() -> None:
    absent = {"short": "gone", "long": "gone"}
    with pytest.raises(DataUnavailable, match="No member can answer"):
        forecaster(1).forecast({}, OPENS[:1], absent=absent)


def test_a_rule_of_the_silent_member_falls_back_to_the_pool_of_the_others() -> None:
    plain = {name: MEMBERS[name] for name in ("noisy", "clever")}
    pooled = Rule("noisy", ("clever", "noisy"), CLASSES, RULE.combiner, RULE.sets)
    method, published = pooled.forecast_with({"clever": plain["clever"].iloc[:3]})
    assert method == "pool"
    np.testing.assert_allclose(published.to_numpy(), plain["clever"].iloc[:3].to_numpy())
