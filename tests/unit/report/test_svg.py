from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from forecastlab.report.svg import Scale, drawing, element, nice_ticks, polyline, text

numbers = st.floats(-1e3, 1e3, allow_nan=False)


@given(low=numbers, width=st.floats(1e-2, 1e6), most=st.integers(2, 10))
def test_ticks_are_few_inside_and_even(low: float, width: float, most: int) -> None:
    high = low + width
    ticks = nice_ticks(low, high, most)
    assert len(ticks) <= most + 1
    assert all(low - width * 1e-6 <= tick <= high + width * 1e-6 for tick in ticks)
    if len(ticks) > 2:
        steps = np.diff(ticks)
        np.testing.assert_allclose(steps, steps[0], rtol=1e-6)


def test_a_scale_without_width_stays_in_the_middle() -> None:
    assert Scale(3, 3, 0, 10).at(3) == 5
    assert nice_ticks(3, 3) == [3]


def test_names_and_words_are_escaped() -> None:
    drawn = drawing(10, 10, 'a "<b>" & c', [text(0, 0, "<script>"), element("g", class_='"x')])
    root = ElementTree.fromstring(drawn)
    name = "{http://www.w3.org/2000/svg}"
    assert root.findtext(f"{name}title") == 'a "<b>" & c'
    assert root.findtext(f"{name}text") == "<script>"


def test_coordinates_are_short() -> None:
    assert polyline([0, 1 / 3], [100.0, 2e-7], "c") == (
        '<polyline points="0,100 0.33,0" class="c"/>'
    )
