from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecastlab.models.kelly import average_moves, half_kelly, position_scale, rise_probability

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
moves = st.lists(st.floats(-0.2, 0.2), min_size=5, max_size=5).map(sorted)


@pytest.mark.parametrize(
    ("p", "win", "loss", "half"),
    [
        (0.6, 0.01, 0.01, 0.1),
        (0.5, 0.02, 0.01, 0.125),
        (1.0, 0.01, 0.03, 0.5),
        (0.5, 0.01, 0.01, 0.0),
        (0.45, 0.0196, 0.0282, 0.0),
        (0.7, 0.0, 0.01, 0.0),
    ],
    ids=["even odds", "good odds", "certain", "no edge", "negative edge", "nothing to win"],
)
def test_half_of_kellys_share(p: float, win: float, loss: float, half: float) -> None:
    assert half_kelly(p, win, loss) == pytest.approx(half)


def test_the_originals_tail_quantiles_would_have_been_a_full_position() -> None:
    # With q05 = −.0282 and q95 = .0196 the original divides by the product of the tails: at
    # p = .45 it holds its full position, at .50 a tenth of it though the edge is negative.
    quantiles = (-0.0282, -0.007, 0.0002, 0.007, 0.0196)
    assert position_scale(0.45, LEVELS, quantiles) == pytest.approx(0.1, abs=0.005)
    assert position_scale(0.50, LEVELS, quantiles) == 0.0


@given(up=st.floats(0, 1), quantiles=moves)
def test_a_scale_is_never_negative_and_at_most_one_half(up: float, quantiles: list[float]) -> None:
    assert 0 <= position_scale(up, LEVELS, quantiles) <= 0.5


@given(up=st.floats(0.5, 1), quantiles=moves)
def test_a_negative_edge_gives_nothing(up: float, quantiles: list[float]) -> None:
    rise, fall = average_moves(LEVELS, quantiles)
    if up * rise - (1 - up) * fall < 0:
        assert position_scale(up, LEVELS, quantiles) == 0


@given(up=st.floats(0.5, 1, exclude_min=True))
def test_up_and_down_are_alike_where_the_moves_are(up: float) -> None:
    # exp(r) − 1 makes a fall a little smaller than a rise; at these sizes by under 1 %.
    even = (-0.002, -0.0007, 0.0, 0.0007, 0.002)
    long, short = (position_scale(one, LEVELS, even) for one in (up, 1 - up))
    assert long == pytest.approx(short, abs=0.005)


def test_averages_are_those_of_the_returns_that_the_quantiles_stand_for() -> None:
    drawn = np.random.default_rng(1).laplace(0.001, 0.01, 200_000)
    rise, fall = average_moves(LEVELS, np.quantile(drawn, LEVELS).tolist())
    assert rise == pytest.approx(np.expm1(drawn[drawn > 0]).mean(), rel=0.12)
    assert fall == pytest.approx(-np.expm1(drawn[drawn < 0]).mean(), rel=0.12)
    # The tails alone would have been twice that.
    assert np.quantile(drawn, 0.95) > 2 * rise
    chance = rise_probability(LEVELS, np.quantile(drawn, LEVELS).tolist())
    assert chance == pytest.approx((drawn > 0).mean(), abs=0.03)


def test_quantiles_on_one_side_leave_the_other_empty() -> None:
    assert average_moves(LEVELS, (0.01,) * 5)[1] == 0
    assert position_scale(0.4, LEVELS, (0.01,) * 5) == 0
