from __future__ import annotations

import numpy as np
import pytest

from forecastlab.models.pool import equal_weight_pool


def test_the_pool_is_the_normalised_geometric_mean() -> None:
    found = equal_weight_pool([np.array([[0.1, 0.9]]), np.array([[0.4, 0.6]])])
    down, up = (0.1 * 0.4) ** 0.5, (0.9 * 0.6) ** 0.5
    assert found[0].tolist() == pytest.approx([down / (down + up), up / (down + up)])


def test_a_members_zero_is_no_veto() -> None:
    found = equal_weight_pool([np.array([[0.0, 1.0]]), np.array([[0.999, 0.001]])])
    assert 0 < found[0, 0] < 0.01
