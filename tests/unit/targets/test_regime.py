from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from forecastlab.contracts.candles import Candles
from forecastlab.targets.quantile import ForwardReturn
from forecastlab.targets.regime import MIN_KNOWN, ForwardRange, ForwardTrend
from tests.support.hourly_candles import hourly_candles, random_hours

HOURS = 400
CANDLES = random_hours(HOURS)
RULES = [ForwardRange(12, 100), ForwardTrend()]


def plain_range(frame: pd.DataFrame, t: int, horizon: int) -> float:
    ahead = frame.iloc[t + 1 : t + 1 + horizon]
    return float((ahead["high"].max() - ahead["low"].min()) / frame["close"].iloc[t])


def test_the_range_label_equals_the_rule_written_out() -> None:
    rule, frame = ForwardRange(12, 100), CANDLES.frame
    labels = rule.labels(CANDLES)["label"]
    ranges = [plain_range(frame, t, 12) for t in range(HOURS - 12)]
    # At t the ranges of t−11 … t still look ahead: the newest that is known began at t−12.
    expected = {
        frame.index[t]: int(ranges[t] > np.quantile(ranges[t - 111 : t - 11], 0.55))
        for t in range(111, HOURS - 12)
    }
    assert labels.to_dict() == expected
    assert 0.2 < labels.mean() < 0.7


def test_the_trend_label_equals_the_rule_written_out() -> None:
    frame = CANDLES.frame
    labels = ForwardTrend().labels(CANDLES)["label"]
    expected = {}
    for t in range(14, HOURS - 12):
        ranges = [
            max(
                frame["high"].iloc[s] - frame["low"].iloc[s],
                abs(frame["high"].iloc[s] - frame["close"].iloc[s - 1]),
                abs(frame["low"].iloc[s] - frame["close"].iloc[s - 1]),
            )
            for s in range(t - 13, t + 1)
        ]
        moved = abs(frame["close"].iloc[t + 12] - frame["close"].iloc[t])
        expected[frame.index[t]] = int(moved > np.mean(ranges))
    assert labels.to_dict() == expected
    assert 0.3 < labels.mean() < 0.9


@pytest.mark.parametrize("rule", RULES, ids=lambda one: type(one).__name__)
def test_what_comes_after_the_window_changes_no_label(rule: ForwardRange | ForwardTrend) -> None:
    honest = rule.labels(CANDLES)
    for t in (150, 260, 380):
        poisoned = CANDLES.frame.copy()
        poisoned.iloc[t + 13 :] *= 7
        found = rule.labels(Candles("BTCUSDT", "1h", poisoned))
        pd.testing.assert_frame_equal(
            found.loc[: CANDLES.frame.index[t]], honest.loc[: CANDLES.frame.index[t]]
        )


def test_no_range_that_still_looks_ahead_enters_the_threshold() -> None:
    # A crash at 205 widens the ranges of 193 … 204. The first of them has resolved at 205: earlier
    # thresholds must not know it, or these very labels would be drawn towards 0.
    rule = ForwardRange(12, 100)
    before = rule._thresholds(CANDLES, rule._ranges(CANDLES))
    crashed = CANDLES.frame.copy()
    crashed.loc[crashed.index[205], "low"] *= 0.5
    after = Candles("BTCUSDT", "1h", crashed)
    found = rule._thresholds(after, rule._ranges(after))
    np.testing.assert_array_equal(found[:205], before[:205])
    assert found[216] > before[216]
    assert (rule.labels(after)["label"].loc[crashed.index[193:205]] == 1).all()


@pytest.mark.parametrize("rule", RULES, ids=lambda one: type(one).__name__)
def test_a_window_that_crosses_a_gap_has_no_label(rule: ForwardRange | ForwardTrend) -> None:
    honest = set(rule.labels(CANDLES).index)
    opens = CANDLES.frame.index
    gapped = set(rule.labels(random_hours(HOURS, missing=[250])).index)
    lost = honest - gapped
    ahead = set(opens[238:251])
    back = set(opens[251:265]) if isinstance(rule, ForwardTrend) else set()
    assert lost == ahead | back


def test_a_gap_leaves_the_threshold_if_enough_ranges_are_known() -> None:
    rule = ForwardRange(12, 100)
    hole = range(250, 300)
    labels = rule.labels(random_hours(600, missing=[*hole]))
    opens = random_hours(600).frame.index
    # Ranges of 238 … 299 are unknown: 62 of the 100 behind the thresholds of 311 … 349.
    assert MIN_KNOWN > 100 - 62
    assert opens[320] not in labels.index
    assert opens[400] in labels.index


@pytest.mark.parametrize("rule", RULES, ids=lambda one: type(one).__name__)
def test_labels_do_not_depend_on_where_the_history_begins(
    rule: ForwardRange | ForwardTrend,
) -> None:
    later = Candles("BTCUSDT", "1h", CANDLES.frame.iloc[77:])
    found, honest = rule.labels(later), rule.labels(CANDLES)
    pd.testing.assert_frame_equal(found, honest.loc[found.index])
    assert len(honest) - len(found) == 77


@pytest.mark.parametrize("rule", RULES, ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("hours", [0, 1, 12, 20])
def test_short_histories_have_no_label(rule: ForwardRange | ForwardTrend, hours: int) -> None:
    labels = rule.labels(hourly_candles([100.0] * hours))
    assert labels.empty
    assert list(labels.columns) == ["label", "as_of", "resolves_at"]


@pytest.mark.parametrize("rule", RULES, ids=lambda one: type(one).__name__)
def test_labels_of_a_cut_market_are_those_that_had_resolved(
    rule: ForwardRange | ForwardTrend,
) -> None:
    cut = CANDLES.frame.index[300].to_pydatetime()
    everything = rule.labels(CANDLES)
    known = everything.loc[everything["resolves_at"] <= pd.Timestamp(cut)]
    pd.testing.assert_frame_equal(rule.labels(CANDLES.until(cut)), known)


def test_forward_returns_are_logs_of_closes_and_miss_what_crosses_a_gap() -> None:
    rule = ForwardReturn(5)
    found = rule.values(CANDLES)
    close = CANDLES.frame["close"].to_numpy()
    np.testing.assert_allclose(found["value"], np.log(close[5:] / close[:-5]))
    assert (found["resolves_at"] - found["as_of"] == pd.Timedelta(hours=5)).all()
    gapped = rule.values(random_hours(HOURS, missing=[250]))
    assert set(found.index) - set(gapped.index) == set(CANDLES.frame.index[245:251])
    assert rule.values(hourly_candles([1.0] * 5)).empty
