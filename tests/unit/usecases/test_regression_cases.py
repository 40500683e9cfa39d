"""The three cases: chosen by what was published, asked by name, in order or said not to be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
import pytest

from forecastlab.contracts.errors import BundleRefused
from forecastlab.models.base_rate import RateCounts
from forecastlab.models.conformal import PredictionSets
from forecastlab.models.ensemble import Forecaster, MemberKey
from forecastlab.models.methods import SingleMember
from forecastlab.models.rule import Rule
from forecastlab.usecases.regression_cases import (
    broken_order,
    regression_cases,
    without_spread,
)
from forecastlab.usecases.stored_answers import StoredAnswers

OPENS = pd.DatetimeIndex(pd.date_range("2025-01-01", periods=7, tz="UTC")).as_unit("ms")
ROWS = pd.DataFrame({"trend": np.linspace(-1, 1, 7), "noise": np.linspace(2, -2, 7)}, index=OPENS)


@dataclass(frozen=True, eq=False)
class Said:
    """A model of two classes whose P(1) is computed from the rows."""

    kind: ClassVar[str] = "said"
    chance: Callable[[pd.DataFrame], Any]
    columns: tuple[str, ...] = ("trend", "noise")
    classes: tuple[int, ...] = (0, 1)

    def predict_proba(self, rows: pd.DataFrame) -> pd.DataFrame:
        up = np.asarray(self.chance(rows), dtype="float64")
        return pd.DataFrame({0: 1 - up, 1: up}, index=rows.index)

    def dump(self) -> dict[str, bytes]:
        return {}

    @classmethod
    def load(cls, files: Mapping[str, bytes]) -> Self:
        raise NotImplementedError


def forecaster(chance: Callable[[pd.DataFrame], Any]) -> Forecaster:
    rule = Rule("said", ("said",), (0, 1), SingleMember("said"), PredictionSets(0.8, 0.5, 100))
    rates = RateCounts((0, 1), (1, 1), datetime(2025, 1, 1, tzinfo=UTC))
    return Forecaster({"said": Said(chance)}, {"said": MemberKey("said", "flow")}, rule, rates)


def by_name(rows: pd.DataFrame) -> Any:
    return 0.5 + rows["trend"] / 4


def by_position(rows: pd.DataFrame) -> Any:
    return 0.5 + rows.iloc[:, 0] / 4


def constant(rows: pd.DataFrame) -> Any:
    return np.full(len(rows), 0.5)


def stored(chance: Callable[[pd.DataFrame], Any]) -> StoredAnswers:
    up = np.asarray(chance(ROWS))
    published = np.column_stack([1 - up, up]).tolist()
    return StoredAnswers(OPENS, {"flow": ROWS}, {"H5": {"published": published}}, {}, {})


def test_the_cases_are_the_greatest_the_median_and_the_smallest() -> None:
    cases = regression_cases({"H5": forecaster(by_name)}, stored(by_name))
    found = {side: one.open_time.day for side, [one] in cases.items()}
    assert found == {"bullish": 7, "neutral": 4, "bearish": 1}
    assert all(one.holds for [one] in cases.values())
    assert broken_order(cases) == without_spread(cases) == ()
    assert str(cases["neutral"][0]) == "H5 2025-01-04 P(up) 0.5000, pinned 0.5000"


def test_a_model_that_reads_by_position_does_not_give_its_scores() -> None:
    cases = regression_cases({"H5": forecaster(by_position)}, stored(by_position))
    assert not cases["bullish"][0].holds and not cases["bearish"][0].holds
    assert broken_order(cases) == ("H5",)


def test_an_answer_beyond_the_tolerance_does_not_hold() -> None:
    off = 1.1e-6
    cases = regression_cases({"H5": forecaster(lambda rows: by_name(rows) + off)}, stored(by_name))
    assert not any(one.holds for [one] in cases.values())
    cases = regression_cases(
        {"H5": forecaster(lambda rows: by_name(rows) + off / 2)}, stored(by_name)
    )
    assert all(one.holds for [one] in cases.values())


def test_equal_answers_have_no_order() -> None:
    cases = regression_cases({"H5": forecaster(constant)}, stored(constant))
    assert without_spread(cases) == ("H5",)


@pytest.mark.parametrize("answers", [{}, {"H5": {}}, {"H5": {"published": [[0.5, 0.5]]}}])
def test_answers_that_are_not_all_there_are_refused(answers: Any) -> None:
    short = StoredAnswers(OPENS, {"flow": ROWS}, answers, {}, {})
    with pytest.raises(BundleRefused, match="H5"):
        regression_cases({"H5": forecaster(by_name)}, short)
