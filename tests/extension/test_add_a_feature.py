"""A feature set is added as docs/architecture.md says: its own file, and one line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Final

import pandas as pd
import pytest

from forecastlab.evaluation.leakage.poison import poison
from forecastlab.evaluation.leakage.truncation import truncation
from forecastlab.features.catalogue import FEATURE_SETS, lookback
from forecastlab.features.feature import Feature, FeatureKey, FeatureSet
from forecastlab.features.holes import run_by_run
from forecastlab.features.indicators import moving_average
from forecastlab.usecases.audit_subjects import feature_subjects
from tests.extension.conftest import Trained, recipe_with
from tests.properties.test_bulk_equals_daily import assert_prefix
from tests.support.synthetic import START, synthetic_market

DAY: Final = timedelta(days=1)
DAYS: Final = 120

# What a file `features/span.py` holds.

FEATURES: Final = (
    Feature("span", "high less low, over the close", "fraction", 1, "1d", "price"),
    Feature("span_ma7", "mean of the last 7 spans", "fraction", 7, "1d", "price"),
)


def span_features(daily: pd.DataFrame) -> pd.DataFrame:
    span = ((daily["high"] - daily["low"]) / daily["close"]).to_numpy()
    return pd.DataFrame({"span": span, "span_ma7": moving_average(span, 7)}, index=daily.index)


SPAN: Final = FeatureSet("span", "raw", FEATURES, rows=run_by_run(span_features))


@pytest.fixture(autouse=True)
def added(monkeypatch: pytest.MonkeyPatch) -> None:
    """Add the one line of the catalogue."""
    monkeypatch.setitem(FEATURE_SETS, ("span", "raw"), SPAN)


def findings() -> int:
    """Return how many leaks the prover finds in the set."""
    market, end = synthetic_market(DAYS, seed=3), START + DAYS * DAY
    [subject] = feature_subjects(recipe_with(("lightgbm",), feature_set="span"), ["span"])
    as_ofs = [START + days * DAY for days in (40, 77, 100)]
    view = market.as_of(end)
    reports = (truncation(subject, view, as_ofs), poison(subject, view, as_ofs, seed=1))
    assert all(report.comparisons for report in reports)
    return sum(len(report.findings) for report in reports)


def test_bulk_equals_day_by_day() -> None:
    market = synthetic_market(DAYS, seed=2)
    for days in (1, 6, 7, 8, 60, DAYS - 1):
        assert_prefix(market, START + DAYS * DAY, START + days * DAY, "span", "raw")


def test_the_leak_prover_finds_nothing() -> None:
    assert lookback(FeatureKey("span")) == 7
    assert findings() == 0


@pytest.mark.parametrize(
    "leak",
    [lambda table: table.shift(-1), lambda table: table - table.mean()],
    ids=["tomorrow", "global mean"],
)
def test_the_leak_prover_would_have_found_a_leak(
    leak: Callable[[pd.DataFrame], pd.DataFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    leaking = replace(SPAN, rows=lambda *asked: leak(SPAN.rows(*asked)))
    monkeypatch.setitem(FEATURE_SETS, ("span", "raw"), leaking)
    assert findings() > 0


def test_a_bundle_that_reads_it_names_it(trained: Trained) -> None:
    manifest = trained(recipe_with(("lightgbm",), feature_set="span"))
    described = [(one.name, one.unit, one.lookback) for one in manifest.features["span"]]
    assert described == [("span", "fraction", 1), ("span_ma7", "fraction", 7)]
    assert list(manifest.features) == ["span"]
    assert manifest.gates["L5"]["passed"]
