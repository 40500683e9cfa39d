"""What an evaluation states of one candidate; a number that the days do not determine is None."""

from __future__ import annotations

import numpy as np
import pytest

from forecastlab.contracts.errors import DataMalformed, DataUnavailable
from forecastlab.contracts.verdicts import CandidateVerdict
from forecastlab.evaluation.multiple_testing import best_of, gain_p_value
from forecastlab.evaluation.uncertainty import mean_interval
from forecastlab.report.series import CandidateSeries
from tests.support.evaluations import examined, made_up_oof, made_up_recipe, measured


@pytest.fixture(scope="module")
def whole() -> tuple[CandidateVerdict, CandidateSeries]:
    return examined(made_up_oof(), looks=2, prior_looks=33)


@pytest.fixture(scope="module")
def verdict(whole: tuple[CandidateVerdict, CandidateSeries]) -> CandidateVerdict:
    return whole[0]


def test_every_forecaster_has_every_score_with_its_interval(verdict: CandidateVerdict) -> None:
    others = {"expanding", "trailing_year", "hindsight_constant", "clever", "noisy"}
    assert set(verdict.scores) == {"published", *others}
    assert set(verdict.differences) == others
    for table in (verdict.scores, verdict.differences):
        for row in table.values():
            assert {"log_loss", "brier", "event_auc", "direction_auc", "kappa", "macro_f1"} <= set(
                row
            )
            for one in row.values():
                assert one.value is not None and one.ci95 is not None
                assert one.ci95[0] <= one.value <= one.ci95[1]


def test_it_agrees_with_the_evaluation_that_bundles_state(verdict: CandidateVerdict) -> None:
    found = verdict.evaluation
    published = verdict.scores["published"]
    assert published["log_loss"].value == found.log_loss
    assert published["direction_auc"].value == found.direction_auc
    assert published["direction_auc"].ci95 == found.direction_ci95
    for baseline in (*found.baselines, *found.members):
        difference = verdict.differences[baseline.reference]["log_loss"]
        assert (difference.value, difference.ci95) == (baseline.gain, baseline.ci95)


def test_the_p_value_is_that_of_the_harder_base_rate(
    whole: tuple[CandidateVerdict, CandidateSeries],
) -> None:
    verdict, series = whole
    gains = [series.gains[name] for name in ("expanding", "trailing_year")]
    p_values = [gain_p_value(mean_interval(one, horizon=5), rows=len(one)) for one in gains]
    assert verdict.multiplicity.p_value == pytest.approx(max(p_values), rel=1e-5)
    assert max(p_values) > 1.01 * min(p_values)


def test_the_looks_are_paid_for(verdict: CandidateVerdict) -> None:
    luck = verdict.multiplicity
    assert (luck.looks, luck.prior_looks) == (35, 33)
    assert luck.p_value_best == pytest.approx(best_of(luck.p_value, 35), rel=1e-4)
    assert (luck.p_value < 0.05) == (verdict.evaluation.verdict == "better")
    alone, _ = examined(made_up_oof(), looks=1)
    assert alone.multiplicity.p_value_best == alone.multiplicity.p_value == luck.p_value
    assert alone.multiplicity.lucky_gain == 0 < luck.lucky_gain


def test_days_are_shared_out_by_year_age_and_fold(
    whole: tuple[CandidateVerdict, CandidateSeries],
) -> None:
    verdict, series = whole
    rows = verdict.evaluation.rows
    assert [one.group for one in verdict.years] == ["1970", "1971"]
    assert [one.group for one in verdict.ages] == ["0–6 days", "7–13 days", "14–20 days"]
    for groups in (verdict.years, verdict.ages):
        assert sum(one.rows for one in groups) == rows
    assert series.folds["rows"].sum() == rows == sum(verdict.happened.values())
    assert verdict.folds == len(series.folds)


def test_moved_labels_are_tried_for_every_rank_score(verdict: CandidateVerdict) -> None:
    assert set(verdict.shift_tests) == {"auc_one_vs_rest", "event_auc", "direction_auc"}
    for name, test in verdict.shift_tests.items():
        assert test.observed == verdict.scores["published"][name].value
        assert test.p_value is not None and test.p_value < 0.05


def test_the_volatility_only_member_is_named_or_missing(verdict: CandidateVerdict) -> None:
    assert verdict.volatility_only is None
    found = made_up_oof()
    members = {"first_passage": found.members["clever"], "noisy": found.members["noisy"]}
    named, _ = examined(type(found)(**{**vars(found), "members": members}))
    assert named.volatility_only == "first_passage"
    assert "first_passage" in named.differences


def missing(verdict: CandidateVerdict) -> set[str]:
    return {name for name, one in verdict.scores["published"].items() if one.value is None}


def test_a_target_that_never_happens_leaves_scores_missing_not_zero() -> None:
    verdict, series = examined(made_up_oof(labels=np.zeros(600)))
    assert missing(verdict) == {"auc_one_vs_rest", "event_auc", "direction_auc"}
    assert verdict.evaluation.event_auc is None
    assert verdict.evaluation.direction_auc is None
    assert verdict.evaluation.direction_verdict == "not_distinguishable"
    assert verdict.happened == {"-1": 0, "0": verdict.evaluation.rows, "1": 0}
    assert all(test.p_value is None for test in verdict.shift_tests.values())
    assert (series.folds["missing_classes"] == "-1 1").all()


def test_a_side_that_never_happens_leaves_only_direction_missing() -> None:
    labels = np.where(np.arange(600) // 5 % 2 == 0, 1.0, 0.0)
    verdict, _ = examined(made_up_oof(labels=labels))
    assert missing(verdict) == {"direction_auc"}
    assert verdict.shift_tests["direction_auc"].p_value is None
    assert verdict.shift_tests["event_auc"].p_value is not None


def test_missing_probabilities_name_the_member() -> None:
    found = made_up_oof()
    found.members["noisy"].iloc[100, 1] = np.nan
    with pytest.raises(DataMalformed, match=r"member noisy gives values .*\(1 rows missing"):
        measured(found, made_up_recipe())


def test_too_few_days_are_refused() -> None:
    with pytest.raises(DataUnavailable, match="too few for an interval"):
        examined(made_up_oof(120))
