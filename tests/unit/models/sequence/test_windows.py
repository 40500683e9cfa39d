from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecastlab.models.sequence.windows import complete_windows, windows_ending_at


@given(
    st.lists(st.integers(0, 40), unique=True, max_size=30),
    st.integers(1, 6),
    st.integers(0, 3),
)
def test_a_window_is_complete_if_no_more_candles_are_missing_than_allowed(
    opens: list[int], length: int, max_gap: int
) -> None:
    known = np.array(sorted(opens), dtype="int64")
    found = complete_windows(known * 60, length=length, candle_ms=60, max_gap=max_gap)
    for row, complete in enumerate(found):
        if row + 1 < length:
            assert not complete
            continue
        window = known[row + 1 - length : row + 1]
        missing = window[-1] - window[0] + 1 - len(window)
        assert complete == (missing <= max_gap)


@pytest.mark.parametrize("length", [1, 4])
def test_a_window_ends_at_its_row(length: int) -> None:
    table = np.arange(20.0).reshape(10, 2)
    windows = windows_ending_at(table, np.array([3, 9]), length=length)
    assert windows.shape == (2, length, 2)
    np.testing.assert_array_equal(windows[:, -1], table[[3, 9]])
    np.testing.assert_array_equal(windows[:, 0], table[[4 - length, 10 - length]])
