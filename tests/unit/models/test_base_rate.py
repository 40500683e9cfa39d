from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from forecastlab.contracts.errors import BundleRefused, DataUnavailable, UsageError
from forecastlab.evaluation.scores import LOG_LOSS, Forecasts
from forecastlab.models.base import TrainingSet
from forecastlab.models.base_rate import (
    BaseRate,
    BaseRateModel,
    RateCounts,
    expanding_rate,
    hindsight_rate,
    trailing_rate,
)
from forecastlab.targets.reversal import ReversalTarget
from tests.support.market_data import real_market
from tests.support.out_of_fold import CLASSES, random_labels

LABELS = random_labels(500, horizon=14)


@pytest.mark.parametrize(
    ("name", "rows", "expanding", "trailing", "hindsight"),
    [("T14_X8", 1720, 1.1127, 1.0885, 1.0885), ("T21_X8", 1713, 1.0961, 1.0894, 1.0758)],
)
def test_the_reference_log_losses_on_real_candles(
    name: str, rows: int, expanding: float, trailing: float, hindsight: float
) -> None:
    candles = real_market(["BTCUSDT"], ["1d"]).series()[0]
    end = datetime.fromisoformat("2025-09-30T00:00:00+00:00")
    labels = ReversalTarget.from_name(name).labels(candles.between(candles.frame.index[0], end))
    scored = labels.loc["2021-01-01":]
    as_of = pd.DatetimeIndex(scored["as_of"])
    found = [
        LOG_LOSS.rows(Forecasts.of(rate.set_axis(scored.index), scored["label"])).mean()
        for rate in (
            expanding_rate(labels, as_of, CLASSES),
            trailing_rate(labels, as_of, CLASSES),
            hindsight_rate(labels, as_of, CLASSES),
        )
    ]
    assert len(scored) == rows
    assert np.round(found, 4).tolist() == [expanding, trailing, hindsight]


def test_only_labels_that_have_resolved_count() -> None:
    as_of = pd.DatetimeIndex(LABELS["as_of"])
    whole = expanding_rate(LABELS, as_of, CLASSES)
    at = as_of[200]
    known = LABELS.loc[LABELS["resolves_at"] <= at, "label"]
    expected = [(known.eq(label).sum() + 1) / (len(known) + 3) for label in CLASSES]
    assert whole.loc[at].tolist() == pytest.approx(expected)
    assert whole.iloc[0].tolist() == pytest.approx([1 / 3] * 3)


def test_the_trailing_rate_counts_its_resolved_days_only() -> None:
    at = pd.DatetimeIndex([LABELS["as_of"].iloc[300]])
    resolved = LABELS["resolves_at"]
    known = LABELS.loc[(resolved <= at[0]) & (resolved > at[0] - timedelta(days=50)), "label"]
    expected = [(known.eq(label).sum() + 1) / 53 for label in CLASSES]
    found = trailing_rate(LABELS, at, CLASSES, resolved_days=50)
    assert len(known) == 50
    assert found.iloc[0].tolist() == pytest.approx(expected)


def test_hindsight_needs_a_label() -> None:
    with pytest.raises(DataUnavailable, match="no as-of has a label"):
        hindsight_rate(LABELS, pd.DatetimeIndex(["2030-01-01"], tz="UTC"), CLASSES)


def test_stored_counts_and_recent_labels_give_the_full_expanding_rate() -> None:
    as_of = pd.DatetimeIndex(LABELS["as_of"])
    cut = as_of[250]
    counts = RateCounts.of(LABELS, CLASSES, until=cut.to_pydatetime())
    recent = LABELS.loc[LABELS["as_of"] >= as_of[220]]
    later = as_of[as_of >= cut]
    pd.testing.assert_frame_equal(
        counts.rates(recent, later), expanding_rate(LABELS, later, CLASSES)
    )


def test_counts_refuse_what_they_cannot_know() -> None:
    as_of = pd.DatetimeIndex(LABELS["as_of"])
    counts = RateCounts.of(LABELS, CLASSES, until=as_of[250].to_pydatetime())
    with pytest.raises(UsageError, match="before its cut-off"):
        counts.rates(LABELS, as_of[249:251])
    # At the cut-off itself no later label is needed.
    assert counts.rates(LABELS.iloc[:0], as_of[250:251]).to_numpy().sum() == pytest.approx(1)


def test_a_bundle_that_outlived_its_window_counts_what_is_there() -> None:
    as_of = pd.DatetimeIndex(LABELS["as_of"])
    counts = RateCounts.of(LABELS, CLASSES, until=as_of[250].to_pydatetime())
    late, whole = LABELS.iloc[300:], LABELS.iloc[200:]
    at = as_of[400:401]
    assert not counts.reached(late, at[0].to_pydatetime())
    assert counts.reached(whole, at[0].to_pydatetime())
    assert counts.reached(LABELS.iloc[:0], as_of[250].to_pydatetime())
    later = RateCounts.of(late, CLASSES, until=at[0].to_pydatetime())
    seen = [one + other for one, other in zip(counts.counts, later.counts, strict=True)]
    found = counts.rates(late, at).to_numpy()[0]
    assert found == pytest.approx([(one + 1) / (sum(seen) + len(seen)) for one in seen])
    assert sum(later.counts) > 50


def training_set() -> TrainingSet:
    pooled = pd.concat(
        {"BTCUSDT": LABELS, "ETHUSDT": LABELS.assign(label=1)}, names=["symbol", "open_time"]
    )
    until = LABELS["resolves_at"].max().to_pydatetime()
    target = ReversalTarget(14, 0.08)
    return TrainingSet("BTCUSDT", target, until, {}, pooled, pd.DataFrame())


@pytest.mark.parametrize("window_days", [None, 365])
def test_the_learner_counts_its_own_symbol(window_days: int | None) -> None:
    training = training_set()
    model = BaseRate(window_days).fit(training, seed=1)
    at = pd.DatetimeIndex([training.until])
    rate = expanding_rate if window_days is None else trailing_rate
    assert model.rates == pytest.approx(rate(LABELS, at, CLASSES).iloc[0].tolist())
    assert model.predict_proba(pd.DataFrame({"any": [1.0, 2.0]})).shape == (2, 3)
    assert BaseRateModel.load(model.dump()) == model


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"base_rate.json": b"{}"},
        {"base_rate.json": b"not json"},
        {"base_rate.json": b'{"classes": [0, 1], "rates": [0.5, 0.6]}'},
        {"base_rate.json": b'{"classes": [0, 1], "rates": [1.0]}'},
    ],
)
def test_broken_files_are_refused(files: dict[str, bytes]) -> None:
    with pytest.raises(BundleRefused):
        BaseRateModel.load(files)
