"""Views are cut and poisoned exactly at the instant, in every interval, and nowhere else."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from forecastlab.contracts.candles import Market
from forecastlab.evaluation.leakage.altered_views import (
    POISONS,
    Poison,
    cut,
    cut_each,
    only,
    poisoned,
    series_of,
    trimmed,
)
from tests.support.hourly_sets import funding_rates
from tests.support.synthetic import START, synthetic_market

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
VIEW_MARKET = synthetic_market(10, ("BTCUSDT", "ETHUSDT"), seed=1)
VIEW = VIEW_MARKET.as_of(START + 10 * DAY)
NOW = START + 4 * DAY + 6 * HOUR


def test_a_cut_shows_what_had_closed() -> None:
    shown = cut(VIEW, NOW)
    rows = {key: len(one) for key, one in series_of(shown).items() if key[0] == "BTCUSDT"}
    assert rows == {("BTCUSDT", "1h"): 102, ("BTCUSDT", "4h"): 25, ("BTCUSDT", "1d"): 4}
    assert shown.as_of == NOW


def test_each_series_can_be_cut_at_its_own_instant() -> None:
    limits = {**dict.fromkeys(series_of(VIEW), NOW), ("ETHUSDT", "1d"): NOW + DAY}
    shown = cut_each(VIEW, limits, NOW)
    assert len(shown.candles("ETHUSDT", "1d")) == 5
    assert len(shown.candles("BTCUSDT", "1d")) == 4


def test_a_trimmed_view_holds_the_last_days() -> None:
    shown = trimmed(cut(VIEW, START + 6 * DAY), 2)
    assert [str(one.date()) for one in shown.candles("BTCUSDT", "1d").frame.index] == [
        "2018-01-05",
        "2018-01-06",
    ]
    assert len(shown.candles("ETHUSDT", "1h")) == 48


def test_only_some_series_are_left() -> None:
    assert list(series_of(only(VIEW, (("ETHUSDT", "4h"),)))) == [("ETHUSDT", "4h")]


@pytest.mark.parametrize("kind", POISONS)
def test_poison_begins_with_the_first_candle_that_was_open(kind: Poison) -> None:
    for key, one in series_of(poisoned(VIEW, NOW, kind, seed=1)).items():
        honest = series_of(VIEW)[key].frame
        known = np.asarray(one.available_at <= pd.Timestamp(NOW))
        pd.testing.assert_frame_equal(one.frame.loc[known], honest.loc[known], check_exact=True)
        changed = (one.frame.loc[~known] != honest.loc[~known]).any(axis=1)
        assert changed.mean() > 0.7


@pytest.mark.parametrize("kind", POISONS)
def test_funding_rates_are_poisoned_too(kind: Poison) -> None:
    honest = funding_rates()
    view = Market(VIEW_MARKET.series(), {"BTCUSDT": honest}).as_of(VIEW.as_of)
    found = poisoned(view, NOW, kind, seed=1).funding("BTCUSDT")
    shown = honest.loc[: VIEW.as_of]
    known = np.asarray(shown.index <= pd.Timestamp(NOW))
    pd.testing.assert_index_equal(found.index, shown.index)
    pd.testing.assert_series_equal(found.loc[known], shown.loc[known], check_exact=True)
    assert (found.loc[~known] != shown.loc[~known]).mean() > 0.7
    limits = dict.fromkeys(series_of(view), NOW)
    spared = poisoned(view, NOW, kind, seed=1, limits=limits).funding("BTCUSDT")
    pd.testing.assert_series_equal(spared, shown, check_exact=True)


def test_poison_ends_at_its_limits() -> None:
    limits = {**dict.fromkeys(series_of(VIEW), NOW), ("BTCUSDT", "1h"): NOW + 2 * HOUR}
    altered = poisoned(VIEW, NOW, "missing", seed=1, limits=limits)
    missing = {key: int(one.frame["close"].isna().sum()) for key, one in series_of(altered).items()}
    assert missing.pop(("BTCUSDT", "1h")) == 2
    assert set(missing.values()) == {0}
