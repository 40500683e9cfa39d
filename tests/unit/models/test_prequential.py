from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax

from forecastlab.contracts.errors import DataMalformed
from forecastlab.models.pool import equal_weight_pool
from forecastlab.models.prequential import Prequential, choose, published_before, run_prequential
from tests.support.out_of_fold import CLASSES, end_of, out_of_fold

HORIZON = 5


def run(rows: pd.DataFrame, members: dict[str, pd.DataFrame]) -> Prequential:
    return run_prequential(rows, members, horizon=HORIZON, until=end_of(rows))


def only(members: dict[str, pd.DataFrame], *names: str) -> dict[str, pd.DataFrame]:
    return {name: members[name] for name in names}


def test_before_two_bootstrap_blocks_have_resolved_the_pool_is_published() -> None:
    rows, members = out_of_fold()
    found = run(rows, members)
    pool = equal_weight_pool([table.to_numpy() for table in members.values()])
    methods = found.published.groupby("fold")["method"].unique()
    # Block 2 begins at as-of 42, when 36 labels have resolved: 6 · 5 = 30 are needed.
    assert methods.loc[0].tolist() == methods.loc[1].tolist() == ["pool"]
    assert methods.loc[2].tolist() != ["pool"]
    np.testing.assert_allclose(found.probabilities.to_numpy()[:42], pool[:42])


def test_a_member_that_is_clearly_better_is_published() -> None:
    rows, members = out_of_fold()
    found = run(rows, only(members, "noisy", "clever"))
    assert found.published["method"].iloc[-1] == "clever"
    assert found.rule.method == "clever"
    last = found.published["fold"] == rows["fold"].max()
    pd.testing.assert_frame_equal(found.probabilities[last], members["clever"][last])


def test_between_equals_the_simplest_is_published() -> None:
    rows, members = out_of_fold()
    twins = {"first": members["noisy"], "second": members["noisy"]}
    assert run(rows, twins).rule.method == "first"


def test_overconfidence_is_calibrated_away() -> None:
    rows, members = out_of_fold(days=900)
    logs = np.log(members["clever"].to_numpy())
    brash = pd.DataFrame(softmax(6 * logs, axis=1), index=rows.index, columns=list(CLASSES))
    found = run(rows, {"brash": brash})
    assert found.rule.method == "brash+calibration"
    assert found.published["method"].iloc[-1] == "brash+calibration"


def test_the_choice_is_the_simplest_within_one_standard_error() -> None:
    random = np.random.default_rng(0)
    best = random.normal(1.0, 0.2, 600)
    noise = random.normal(0, 1.0, 600)
    # Both lie .05 behind; the paired difference of one has an error of about .08, the other none.
    noisy = best + 0.05 + 2 * (noise - noise.mean())
    steady = best + 0.05
    assert choose(np.column_stack([noisy, best]), horizon=2, default=9) == 0
    assert choose(np.column_stack([steady, best]), horizon=2, default=9) == 1
    assert choose(np.column_stack([steady, noisy, best]), horizon=2, default=9) == 1


def test_without_a_label_there_is_nothing_to_cover() -> None:
    rows, members = out_of_fold()
    published = run(rows, members).published
    unresolved = rows["label"].isna()
    assert published["covered"].isna().tolist() == unresolved.tolist()
    inside = published[[f"set_{label}" for label in CLASSES]].to_numpy()
    assert inside.any(axis=1).all()
    label = rows.loc[~unresolved, "label"].astype(int).to_numpy()
    hit = inside[~unresolved.to_numpy()][np.arange(len(label)), label + 1]
    assert published.loc[~unresolved, "covered"].astype(bool).tolist() == hit.tolist()


def test_realised_coverage_is_near_the_level() -> None:
    rows, members = out_of_fold(days=2000)
    covered = run(rows, members).published["covered"].iloc[500:].dropna()
    assert 0.75 < covered.mean() < 0.85


def test_the_rule_at_the_end_is_that_of_the_next_block() -> None:
    rows, members = out_of_fold()
    whole = run(rows, members)
    for block in (1, 4, 11):
        past = rows["fold"] < block
        start = rows.loc[rows["fold"] == block, "as_of"].iloc[0].to_pydatetime()
        earlier = {name: table[past] for name, table in members.items()}
        rule = run_prequential(rows[past], earlier, horizon=HORIZON, until=start).rule
        ahead = rows["fold"] == block
        forecast = rule.forecast({name: table[ahead] for name, table in members.items()})
        pd.testing.assert_frame_equal(forecast, whole.probabilities[ahead], check_exact=True)
        published = whole.published[ahead]
        assert (published["method"] == rule.method).all()
        sets = [
            tuple(label for label in CLASSES if row[f"set_{label}"])
            for row in published.to_dict("records")
        ]
        assert rule.prediction_sets(forecast) == sets


def test_labels_that_resolve_at_the_cut_off_do_not_shape_the_rule() -> None:
    rows, members = out_of_fold()
    until = rows["resolves_at"].iloc[300].to_pydatetime()
    at = run_prequential(rows, members, horizon=HORIZON, until=until).rule
    after = run_prequential(rows, members, horizon=HORIZON, until=until + timedelta(seconds=1)).rule
    assert (at.sets.scores, after.sets.scores) == (300, 301)


@pytest.mark.parametrize("value", [np.nan, -0.1, np.inf])
def test_a_member_that_gives_no_probability_is_named(value: float) -> None:
    rows, members = out_of_fold()
    members["noisy"].iloc[7, 0] = value
    with pytest.raises(DataMalformed, match=r"noisy gives values .* \(1 rows"):
        run(rows, members)


def test_tables_that_do_not_fit_are_refused() -> None:
    rows, members = out_of_fold()
    with pytest.raises(DataMalformed, match="other rows or classes"):
        run(rows, {**members, "noisy": members["noisy"].iloc[1:]})
    with pytest.raises(DataMalformed, match="other rows or classes"):
        run(rows, {**members, "noisy": members["noisy"].rename(columns={1: 2})})
    with pytest.raises(DataMalformed, match="no probabilities"):
        run(rows, {**members, "noisy": members["noisy"] * 2})
    with pytest.raises(DataMalformed, match="none of the classes"):
        run(rows.assign(label=7.0), members)
    with pytest.raises(DataMalformed, match="time order"):
        run(rows[::-1], {name: table[::-1] for name, table in members.items()})


def test_what_was_published_comes_back_with_its_sets_and_no_new_choice() -> None:
    rows, members = out_of_fold()
    first = run(rows, members)
    known = rows.assign(method=first.published["method"])
    again = published_before(known, first.probabilities, first.rule, level=0.8, scores=500)
    pd.testing.assert_frame_equal(again.published[first.published.columns], first.published)
    # Another method's numbers under the same rule are taken as they are: nothing is chosen anew.
    noisy = published_before(known, members["noisy"], first.rule, level=0.8, scores=500)
    pd.testing.assert_frame_equal(noisy.probabilities, members["noisy"], check_names=False)
