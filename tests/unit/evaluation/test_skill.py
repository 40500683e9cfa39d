from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t as student_t

from forecastlab.contracts.errors import DataMalformed, DataUnavailable
from forecastlab.evaluation.scores import LOG_LOSS, Forecasts
from forecastlab.evaluation.skill import measure_direction, measure_skill
from forecastlab.evaluation.uncertainty import resample_counts
from tests.support.out_of_fold import CLASSES

ROWS = 1200
RANDOM = np.random.default_rng(0)
LABELS = np.repeat(RANDOM.choice(CLASSES, ROWS // 5), 5)
TRUTH = np.eye(3)[LABELS + 1]


def leaning(strength: float, seed: int = 1) -> Forecasts:
    """Forecasts that lean towards the label (away from it where `strength` is negative)."""
    noise = np.random.default_rng(seed).dirichlet([20, 20, 20], ROWS)
    target = TRUTH if strength > 0 else (1 - TRUTH) / 2
    return Forecasts(noise * (1 - abs(strength)) + target * abs(strength), LABELS, CLASSES)


UNIFORM = Forecasts(np.full((ROWS, 3), 1 / 3), LABELS, CLASSES)
NOISE = Forecasts(np.random.default_rng(3).dirichlet([60, 60, 60], ROWS), LABELS, CLASSES)


def test_better_needs_both_deployable_base_rates() -> None:
    forecasts = leaning(0.2)
    weak = {"expanding": UNIFORM, "trailing_year": UNIFORM}
    assert measure_skill(forecasts, weak, horizon=5).verdict == "better"
    for strong in weak:
        mixed = {**weak, strong: leaning(0.2, seed=2)}
        skill = measure_skill(forecasts, mixed, horizon=5)
        assert skill.verdict == "not_distinguishable"
        assert skill.reference == strong


def test_a_reference_that_nobody_could_deploy_has_no_say() -> None:
    references = {"expanding": UNIFORM, "trailing_year": UNIFORM, "hindsight": leaning(0.9)}
    skill = measure_skill(leaning(0.2), references, horizon=5)
    assert skill.verdict == "better"
    assert {gain.reference: gain.gain > 0 for gain in skill.gains} == {
        "expanding": True,
        "trailing_year": True,
        "hindsight": False,
    }


def test_worse_is_below_the_harder_base_rate() -> None:
    references = {"expanding": UNIFORM, "trailing_year": NOISE}
    assert measure_skill(leaning(-0.2), references, horizon=5).verdict == "worse"
    # Beaten by the expanding rate but not by the trailing year, which is the weaker one here.
    references = {"expanding": UNIFORM, "trailing_year": leaning(-0.9)}
    skill = measure_skill(leaning(-0.2), references, horizon=5)
    assert (skill.reference, skill.verdict) == ("expanding", "worse")


def test_a_base_rate_cannot_be_told_from_itself() -> None:
    skill = measure_skill(UNIFORM, {"expanding": UNIFORM, "trailing_year": UNIFORM}, horizon=5)
    assert skill.verdict == "not_distinguishable"
    assert skill.log_loss_skill == 0
    assert skill.ci95 == (0, 0)


def test_the_skill_is_relative_to_the_better_base_rate() -> None:
    references = {"expanding": NOISE, "trailing_year": UNIFORM}
    skill = measure_skill(leaning(0.2), references, horizon=5)
    losses = {gain.reference: gain.log_loss for gain in skill.gains}
    assert skill.reference == min(losses, key=lambda name: losses[name])
    assert skill.log_loss_skill == pytest.approx(1 - skill.log_loss / losses[skill.reference])
    assert skill.ci95[0] < skill.log_loss_skill < skill.ci95[1]
    counts = resample_counts(ROWS, skill.block, draws=4000, seed=1)
    drawn = 1 - (counts @ LOG_LOSS.rows(leaning(0.2))) / (counts @ LOG_LOSS.rows(UNIFORM))
    reach = (skill.ci95[1] - skill.ci95[0]) / 2
    assert reach == pytest.approx(drawn.std() * student_t.ppf(0.975, ROWS / skill.block), rel=0.06)
    assert 0 < skill.effective_rows <= ROWS


def test_other_rows_or_too_few_are_refused() -> None:
    other = Forecasts(UNIFORM.probabilities, -LABELS, CLASSES)
    with pytest.raises(DataMalformed, match="other rows"):
        measure_skill(UNIFORM, {"expanding": other, "trailing_year": UNIFORM}, horizon=5)
    with pytest.raises(DataUnavailable, match="trailing_year"):
        measure_skill(UNIFORM, {"expanding": UNIFORM}, horizon=5)
    short = Forecasts(UNIFORM.probabilities[:29], LABELS[:29], CLASSES)
    with pytest.raises(DataUnavailable, match="too few"):
        measure_skill(short, {"expanding": short, "trailing_year": short}, horizon=5)


def with_direction(strength: float) -> Forecasts:
    """Forecasts whose event share says nothing and whose side leans towards the label."""
    share = 0.5 + strength * LABELS / 2 + np.random.default_rng(6).uniform(-0.2, 0.2, ROWS)
    up = np.clip(share, 0.01, 0.99) * 0.6
    return Forecasts(np.column_stack([0.6 - up, np.full(ROWS, 0.4), up]), LABELS, CLASSES)


def test_direction_is_judged_among_events() -> None:
    assert measure_direction(with_direction(0.3), horizon=5, seed=1).verdict == "better"
    assert measure_direction(with_direction(-0.3), horizon=5, seed=1).verdict == "worse"
    found = measure_direction(with_direction(0.0), horizon=5, seed=1)
    assert found.verdict == "not_distinguishable"
    assert found.ci95 is not None
    assert found.ci95[0] < 0.5 < found.ci95[1]


def test_without_events_there_is_no_direction() -> None:
    calm = Forecasts(UNIFORM.probabilities, np.zeros(ROWS, dtype=int), CLASSES)
    found = measure_direction(calm, horizon=5, seed=1)
    assert (found.auc, found.ci95, found.verdict) == (None, None, "not_distinguishable")


@pytest.mark.parametrize(("sign", "verdict"), [(1, "better"), (-1, "worse")])
def test_of_two_classes_every_row_has_a_direction(sign: int, verdict: str) -> None:
    labels = np.repeat(np.random.default_rng(0).integers(0, 2, 240), 5)
    noise = np.random.default_rng(1).standard_normal(ROWS)
    up = 1 / (1 + np.exp(-0.1 * noise - sign * 0.1 * (labels - 0.5)))
    found = measure_direction(
        Forecasts(np.column_stack([1 - up, up]), labels, (0, 1)), horizon=5, seed=1, week=168
    )
    assert found.verdict == verdict
    assert found.auc is not None and (found.auc > 0.5) == (sign > 0)


def test_one_side_alone_has_no_direction() -> None:
    calm = Forecasts(np.full((ROWS, 2), 0.5), np.ones(ROWS, dtype="int64"), (0, 1))
    assert measure_direction(calm, horizon=5, seed=1).auc is None
