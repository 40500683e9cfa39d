"""The tables of features, degradations and costs say what their sources say."""

from __future__ import annotations

from typing import Any

import pytest

from forecastlab.contracts import errors
from forecastlab.contracts.degradations import CATALOGUE
from forecastlab.contracts.errors import DataMalformed, ForecastLabError
from forecastlab.contracts.manifest import FeatureEntry
from forecastlab.report.cost_table import JobSize, cost_table, job_size
from forecastlab.report.degradation_tables import degradation_table, exit_code_table
from forecastlab.report.feature_tables import feature_table

PRICES: dict[str, Any] = {
    "stated": "May 2020",
    "region": "moon",
    "page": "https://example.com",
    "usd": {"vcpu_second": 0.01, "gib_second": 0.001, "l4_second": 0.1},
    "free": {"vcpu_seconds": 1000, "gib_seconds": 10_000},
    "jobs": {
        "daily-gpu": {"runs": 10, "seconds": 10},
        "daily-cpu": {"runs": 10, "seconds": 5},
        "doctor": {"runs": 1, "seconds": 100},
    },
    "beside": {
        "images_gb": 2,
        "image_gb_month": 0.5,
        "fourth_schedule_month": 0.1,
        "bucket_month_at_most": 0.05,
        "build_of_a_release": 0.3,
    },
}
SIZES = {
    "daily-gpu": JobSize(4, 10, 1),
    "daily-cpu": JobSize(2, 1),
    "doctor": JobSize(1, 1),
}


def test_a_job_costs_what_it_is_given_for_as_long_as_it_runs() -> None:
    table = cost_table(PRICES, SIZES)
    assert "| daily-gpu | 10 | 10 | 15.00 |" in table  # 100 s × (0.04 + 0.01 + 0.1)
    assert "| daily-cpu | 10 | 5 | 1.05 |" in table
    assert "**16.1 (GPU) or 2.1 (CPU) USD a month**" in table
    assert "covers all of it but the GPU" in table
    assert "images 1.0 (0.50 per GB)" in table


def test_a_free_tier_that_is_too_small_is_said_to_be() -> None:
    small = {**PRICES, "free": {"vcpu_seconds": 499, "gib_seconds": 10_000}}
    assert "covers a part of it" in cost_table(small, SIZES)


@pytest.mark.parametrize("text", ["", "  cpu: 1\n", "  cpu: 1\n  cpu: 2\n  memory: 1Gi\n"])
def test_a_job_without_its_limits_is_refused(text: str) -> None:
    with pytest.raises(DataMalformed, match="limit of CPUs"):
        job_size(text)


def test_every_error_of_the_tree_has_its_line() -> None:
    table = exit_code_table()
    kinds = [
        one
        for one in vars(errors).values()
        if isinstance(one, type)
        and issubclass(one, ForecastLabError)
        and one is not ForecastLabError
    ]
    assert len(kinds) > 10
    for one in kinds:
        assert f"| {one.exit_code} | `{one.__name__}` | " in table
    for code in (errors.EXIT_DONE, errors.EXIT_INTERNAL, errors.EXIT_TERMINATED):
        assert f"| {code} |" in table


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_kind_of_a_group_has_its_line(name: str) -> None:
    lines = degradation_table(CATALOGUE[name]).splitlines()
    assert len(lines) == 2 + len(CATALOGUE[name])
    assert {line.count("|") for line in lines} == {6}, "a text breaks out of its cell"


def test_a_formula_stays_in_its_cell() -> None:
    column = FeatureEntry(
        name="body", formula="|a| * b", unit="×", lookback=3, interval="4h", source="price"
    )
    [line] = feature_table([column], {"body": "no source"}).splitlines()[2:]
    assert line == ("| `body` | \\|a\\| \\* b (left out: no source) | × | 3 4h candles | prices |")
