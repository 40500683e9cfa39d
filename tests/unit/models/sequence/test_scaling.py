from __future__ import annotations

import json

import numpy as np
import pytest

from forecastlab.contracts.errors import DataMalformed
from forecastlab.models.sequence.scaling import CLIP, Scaling

COLUMNS = ("a", "flat", "b")


def matrix(rows: int = 200) -> np.ndarray:
    random = np.random.default_rng(0)
    return np.column_stack(
        [random.normal(3, 2, rows), np.full(rows, 0.1), random.normal(-1e4, 50, rows)]
    )


def test_what_was_measured_has_mean_0_and_sd_1() -> None:
    scaled = Scaling.of(matrix(), COLUMNS).apply(matrix())
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(scaled.std(axis=0), 1, atol=1e-2)


@pytest.mark.parametrize("noise", [0.0, 1e-9])
def test_a_column_without_variance_is_dropped_by_name(noise: float) -> None:
    """Rounding alone is no variance: scaled by it, a later value would be a millionfold."""
    rows = matrix()
    rows[::2, 1] += noise
    scaling = Scaling.of(rows, COLUMNS)
    assert scaling.dropped == ("flat",)
    assert scaling.kept == ("a", "b")
    rows[-1, 1] = 1e6
    assert np.abs(scaling.apply(rows)).max() <= CLIP


def test_nothing_but_flat_columns_is_refused() -> None:
    with pytest.raises(DataMalformed, match="flat"):
        Scaling.of(matrix()[:, [1]], ("flat",))


def test_json_gives_the_same_bits() -> None:
    scaling = Scaling.of(matrix(), COLUMNS)
    read = Scaling.from_document(json.loads(json.dumps(scaling.document())))
    np.testing.assert_array_equal(read.apply(matrix()), scaling.apply(matrix()))
    assert read.document() == scaling.document()


@pytest.mark.parametrize(
    "change",
    [
        {"mean": [1.0]},
        {"sd": [0.0, 1.0]},
        {"sd": [-1.0, 1.0]},
        {"dropped": ["flat", "surprise"]},
        {"dropped": []},
        {"clip": 0},
        {"mean": ["x", 1.0]},
    ],
)
def test_a_document_that_does_not_fit_is_refused(change: dict[str, object]) -> None:
    document = {**Scaling.of(matrix(), COLUMNS).document(), **change}
    with pytest.raises((KeyError, TypeError, ValueError)):
        Scaling.from_document(document)
