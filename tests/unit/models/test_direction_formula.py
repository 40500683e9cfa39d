from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecastlab.contracts.errors import UsageError
from forecastlab.models.direction_formula import BOOST, Thresholds, adjust_scores

chances = st.floats(0, 1)
rates = st.floats(0.1, 0.9)
scores = st.floats(0, 100)


@pytest.mark.parametrize(
    ("up", "side"),
    [
        *((0.58, "bullish"), (0.5799, "neutral"), (0.5, "neutral"), (0.4201, "neutral")),
        *((0.42, "bearish"), (0.0, "bearish"), (1.0, "bullish")),
    ],
)
def test_the_originals_thresholds_are_inclusive(up: float, side: str) -> None:
    assert Thresholds.original().side(up) == side


@pytest.mark.parametrize("base", [0.31, 0.38, 0.47, 0.5, 0.55])
def test_relative_thresholds_are_inclusive_at_any_base_rate(base: float) -> None:
    # The sum .47 + .08 and the difference .55 − .08 miss .55 and .47 by an ulp, to the wrong side.
    thresholds = Thresholds.relative(base)
    assert thresholds.side(base + 0.08) == thresholds.side(round(base + 0.08, 3)) == "bullish"
    assert thresholds.side(base - 0.08) == thresholds.side(round(base - 0.08, 3)) == "bearish"
    assert thresholds.side(base + 0.0799) == thresholds.side(base - 0.0799) == "neutral"


def test_a_model_that_knows_nothing_is_neutral_relative_and_bearish_in_the_original() -> None:
    # The original's label happens in 38 % of hours; its base rate is all that such a model says.
    assert adjust_scores(45, 38, up=0.38, thresholds=Thresholds.relative(0.38)).side == "neutral"
    assert adjust_scores(45, 38, up=0.38, thresholds=Thresholds.original()).side == "bearish"


def test_the_originals_figures() -> None:
    # At P = .58 the original multiplies by 1.024 and .976.
    found = adjust_scores(50, 100, up=0.58, thresholds=Thresholds.original())
    assert (found.buy_score, found.sell_score) == pytest.approx((102.4, 48.8))
    assert found.action == "bullish(BS*1.02,SS*0.98)"
    fall = adjust_scores(50, 100, up=0.3, thresholds=Thresholds.original())
    assert (fall.sell_score, fall.buy_score) == pytest.approx((53.0, 94.0))
    assert fall.action == "bearish(SS*1.06,BS*0.94)"


@given(up=chances, sell=scores, buy=scores)
def test_at_a_base_rate_of_one_half_both_rules_agree(up: float, sell: float, buy: float) -> None:
    relative = adjust_scores(sell, buy, up=up, thresholds=Thresholds.relative(0.5))
    assert relative == adjust_scores(sell, buy, up=up, thresholds=Thresholds.original())


@given(up=chances, base=rates, sell=scores, buy=scores)
def test_no_score_moves_by_more_than_the_boost(
    up: float, base: float, sell: float, buy: float
) -> None:
    found = adjust_scores(sell, buy, up=up, thresholds=Thresholds.relative(base))
    for before, after in ((sell, found.sell_score), (buy, found.buy_score)):
        assert abs(after - before) <= BOOST * before + 1e-9
    assert 0 <= found.strength <= 1
    if found.side == "neutral":
        assert (found.sell_score, found.buy_score) == (sell, buy)


@given(base=rates, sell=scores, buy=scores, low=chances, high=chances)
def test_a_higher_chance_never_lowers_the_buy_score(
    base: float, sell: float, buy: float, low: float, high: float
) -> None:
    low, high = sorted((low, high))
    less, more = (
        adjust_scores(sell, buy, up=up, thresholds=Thresholds.relative(base)) for up in (low, high)
    )
    assert more.buy_score >= less.buy_score - 1e-9
    assert more.sell_score <= less.sell_score + 1e-9


@given(up=chances, sell=scores, buy=scores)
def test_up_and_down_are_mirror_images(up: float, sell: float, buy: float) -> None:
    rule = Thresholds.original()
    there = adjust_scores(sell, buy, up=up, thresholds=rule)
    back = adjust_scores(buy, sell, up=1 - up, thresholds=rule)
    assert (back.buy_score, back.sell_score) == pytest.approx((there.sell_score, there.buy_score))


@pytest.mark.parametrize(
    ("sell", "buy", "up"),
    [
        *((float("nan"), 1, 0.5), (1, float("inf"), 0.5), (-1, 1, 0.5)),
        *((1, 1, 1.01), (1, 1, -0.01), (1, 1, float("nan"))),
    ],
)
def test_what_cannot_be_meant_is_refused(sell: float, buy: float, up: float) -> None:
    with pytest.raises(UsageError):
        adjust_scores(sell, buy, up=up, thresholds=Thresholds.original())


@pytest.mark.parametrize("base", [0.0, 1.0, -0.1, float("nan")])
def test_a_base_rate_that_cannot_be_is_refused(base: float) -> None:
    with pytest.raises(UsageError):
        Thresholds.relative(base)
