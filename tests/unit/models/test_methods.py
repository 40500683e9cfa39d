from __future__ import annotations

import numpy as np
import pytest

from forecastlab.contracts.errors import BundleRefused, ConfigError
from forecastlab.models.methods import (
    Calibrated,
    Method,
    Resolved,
    load_combiner,
    methods_for,
)

RANDOM = np.random.default_rng(0)
MEMBERS = {name: RANDOM.dirichlet([2, 2, 2], 200) for name in ("a", "b")}
RESOLVED = Resolved(MEMBERS, RANDOM.integers(0, 3, 200), overlap=5)


def test_methods_come_simplest_first() -> None:
    assert [method.name for method in methods_for(["a", "b"])] == [
        "a",
        "b",
        "pool",
        "stack",
        "a+calibration",
        "b+calibration",
        "pool+calibration",
        "stack+calibration",
    ]


def test_one_member_is_not_stacked() -> None:
    names = [method.name for method in methods_for(["a"])]
    assert names == ["a", "pool", "a+calibration", "pool+calibration"]


def test_a_calibrated_method_can_reuse_its_fitted_inner_method() -> None:
    for method in methods_for(["a", "b"]):
        if isinstance(method, Calibrated):
            again = method.upon(method.inner.fit(RESOLVED), RESOLVED)
            assert again.dump() == method.fit(RESOLVED).dump()


@pytest.mark.parametrize("method", methods_for(["a", "b"]), ids=lambda method: method.name)
def test_a_fitted_method_is_rebuilt_from_its_files(method: Method) -> None:
    combiner = method.fit(RESOLVED)
    table = combiner.combine(MEMBERS)
    np.testing.assert_allclose(table.sum(axis=1), 1)
    again = load_combiner(method.name, combiner.dump()).combine(MEMBERS)
    np.testing.assert_array_equal(again, table)


def test_without_resolved_rows_nothing_is_learnt() -> None:
    nothing = Resolved({name: table[:0] for name, table in MEMBERS.items()}, np.array([], int), 5)
    for method in methods_for(["a", "b"]):
        # Without rows the stack is the pool.
        plain = method.name.removesuffix("+calibration").replace("stack", "pool")
        np.testing.assert_allclose(
            method.fit(nothing).combine(MEMBERS),
            load_combiner(plain, {}).combine(MEMBERS),
            atol=1e-12,
        )


@pytest.mark.parametrize("name", ["pool", "stack", "a+calibration"])
def test_a_member_cannot_take_a_methods_name(name: str) -> None:
    with pytest.raises(ConfigError, match="another name"):
        methods_for(["a", name])


@pytest.mark.parametrize("name", ["pool+calibration", "stack", "stack+calibration"])
def test_a_fitted_method_needs_its_files(name: str) -> None:
    with pytest.raises(BundleRefused):
        load_combiner(name, {})
