"""Today: figures by their data, and what is said before the numbers."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from forecastlab.contracts.records import ForecastRecord
from tests.support import dashboard_store as worlds
from tests.support.documents import record_document
from tests.unit.webapp.conftest import NOW
from webapp.languages import words_of
from webapp.views import today
from webapp.views.banners import banners
from webapp.views.candidates import traits
from webapp.views.wording import Words

SHANGHAI = ZoneInfo("Asia/Shanghai")


def record(**changes: Any) -> ForecastRecord:
    return worlds.records_of(worlds.daily(NOW, count=1, **changes))[0]


def document(**changes: Any) -> ForecastRecord:
    return ForecastRecord.model_validate({**record_document(), **changes})


def named(one: ForecastRecord, words: Words, *, after: timedelta, pinned: Any = None) -> list[str]:
    return [b.name for b in banners(one, words, now=one.as_of + after, pinned=pinned)]


def test_a_fresh_live_forecast_better_than_its_base_rates_needs_no_banner(words: Words) -> None:
    assert named(record(), words, after=timedelta(hours=8)) == []


@pytest.mark.parametrize(
    ("after", "said"),
    [
        (timedelta(hours=26), []),
        (timedelta(hours=26, minutes=1), ["stale"]),
        (timedelta(minutes=-4), []),
        (timedelta(hours=-3), ["clock"]),
    ],
)
def test_age_and_skew(words: Words, after: timedelta, said: list[str]) -> None:
    assert named(record(), words, after=after) == said


def test_an_hourly_forecast_is_stale_after_three_hours(words: Words) -> None:
    one = worlds.records_of(worlds.hourly(NOW, count=1))[0]
    assert named(one, words, after=timedelta(hours=2, minutes=59)) == []
    assert named(one, words, after=timedelta(hours=3, minutes=1)) == ["stale"]


def test_origin_making_and_skill_are_said(words: Words) -> None:
    one = document(
        mode="backfill",
        degraded=("no lstm", "few rows"),
        runtime={**record_document()["runtime"], "fallback_reason": "timed out"},
    )
    assert named(one, words, after=timedelta(hours=1), pinned="simulated") == [
        *("simulated", "backfill", "degraded", "degraded", "fallback", "not_distinguishable")
    ]


def test_what_is_said_shows_data_letter_by_letter(words: Words) -> None:
    one = document(degraded=("<script>alert(1)</script> [x](javascript:y) ![z](http://a/b)",))
    found = banners(one, words, now=one.as_of, pinned=None)
    text = next(one.text for one in found if one.name == "degraded")
    assert r"\<script\>" in text
    assert r"\!\[z\]\(" in text


def test_bars_are_the_probabilities_beside_the_base_rate(words: Words) -> None:
    forecast = document().forecasts["T21_X8"]
    base, shares = today.probability_figure(forecast, words).data
    assert list(shares.y) == ["▼ falls first", "● neither", "▲ rises first"]
    assert list(shares.x) == [0.283, 0.410, 0.307]
    assert list(base.x) == [0.31, 0.37, 0.32]
    assert len(set(shares.marker.color)) == len(set(shares.marker.pattern.shape)) == 3
    assert list(shares.text) == ["<b>28 %</b>", "<b>41 %</b>", "<b>31 %</b>"]


def test_two_classes_make_two_bars(words: Words) -> None:
    forecast = worlds.records_of(worlds.hourly(NOW, count=1))[0].forecasts["H5"]
    _, shares = today.probability_figure(forecast, words).data
    assert list(shares.y) == ["▼ not up", "▲ up"]
    assert sum(shares.x) == pytest.approx(1)


def test_facts_are_in_the_readers_language_and_zone() -> None:
    one, words = document(), words_of("zh")
    table = today.facts(one, one.forecasts["T21_X8"], traits("T21_X8"), words, SHANGHAI)
    said = dict(table.itertuples(index=False))
    assert said["揭晓时间"] == "2025-10-22 00:00 UTC (08:00 Asia/Shanghai)，21 根 K 线之后"
    assert said["预测集"] == "80 %：任一类别（预测未排除任何可能）"
    assert said["价格带"] == "104,925.02 … 123,172.84（±8.0 %）"
    made = dict(today.record_facts(one, words, SHANGHAI).itertuples(index=False))
    assert made["模型包"] == "flow_T21X8_T14X8_20250930"
    assert made["路径"] == "本地 · cpu · 0.20 s"


def test_a_target_without_a_band_has_none(words: Words) -> None:
    one = worlds.records_of(worlds.hourly(NOW, count=1))[0]
    table = today.facts(one, one.forecasts["H5"], traits("H5"), words, UTC)
    assert words("today.band") not in set(table[words("today.fact")])
    figure = today.price_figure(pd.DataFrame({"close": []}), one, traits("H5"), words, UTC)
    assert [trace.name for trace in figure.data] == ["As of"]


def test_the_call_leads_and_carries_the_verdict(words: Words) -> None:
    said = today.call_line(document().forecasts["T21_X8"], words)
    assert said == "no view · ≈ not distinguishable from chance"


def test_the_band_spans_the_horizon_at_the_level(words: Words) -> None:
    one = document()
    index = pd.DatetimeIndex(["2025-09-29", "2025-09-30"], tz="UTC")
    candles = pd.DataFrame({"close": [113_000.0, 114_048.93]}, index=index)
    figure = today.price_figure(candles, one, traits("T21_X8"), words, SHANGHAI)
    closes, as_of, upper, lower = figure.data
    # The last close stands where its candle ended, at the as-of, in the reader's zone.
    assert str(closes.x[-1])[:16] == str(as_of.x[0])[:16] == "2025-10-01T08:00"
    assert list(upper.y) == pytest.approx([114_048.93 * 1.08] * 2)
    assert list(lower.y) == pytest.approx([114_048.93 * 0.92] * 2)
    assert str(upper.x[1])[:16] == "2025-10-22T08:00"
    assert upper.line.dash != lower.line.dash


def test_the_fan_grows_from_the_close(words: Words) -> None:
    one = worlds.records_of(worlds.hourly(NOW, count=1))[0]
    quantiles = {
        "12": {"0.05": -0.03, "0.5": 0.0, "0.95": 0.03},
        "5": {"0.05": -0.02, "0.5": 0.0, "0.95": 0.02},
    }
    low, middle, high = today.fan_figure(quantiles, one, words, UTC).data
    assert list(low.y) == pytest.approx(one.close * np.exp([0, -0.02, -0.03]))
    assert list(middle.y) == pytest.approx([one.close] * 3)
    assert [trace.name for trace in (low, high)] == ["5 % quantile", "95 % quantile"]
    hours = pd.DatetimeIndex(low.x) - pd.Timestamp(one.as_of).tz_localize(None)
    assert list(hours / pd.Timedelta(hours=1)) == [0, 5, 12]


def test_a_record_without_a_regime_has_none(words: Words) -> None:
    assert today.regime_line(document(), words) is None


def test_a_regime_is_named_with_its_probabilities(words: Words) -> None:
    one = worlds.records_of(worlds.hourly(NOW, count=1))[0]
    said = today.regime_line(one, words)
    assert said == "**ranging** · volatile: 30 % · trending: 40 % · confidence: 35 %"


def test_members_stand_beside_what_was_published(words: Words) -> None:
    table = today.members_table(document().forecasts["T21_X8"], words)
    assert table["forecaster"].tolist() == ["published", "base rate", "first_passage"]
    assert table["neither"].tolist() == [0.410, 0.37, 0.410]
