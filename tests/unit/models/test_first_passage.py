"""The first-passage learner: what it answers, what it learns from, and its file."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecastlab.contracts.candles import Market
from forecastlab.contracts.errors import (
    BundleRefused,
    DataMalformed,
    DataUnavailable,
    UsageError,
)
from forecastlab.features.realised import daily_variance
from forecastlab.features.variance import LEVEL, VARIANCE, variance_features
from forecastlab.models import first_passage
from forecastlab.models.barrier import up_probability
from forecastlab.models.base import TrainingSet
from forecastlab.models.base_rate import expanding_rate
from forecastlab.models.first_passage import (
    FILE,
    FirstPassage,
    FirstPassageModel,
)
from forecastlab.targets.reversal import ReversalTarget
from tests.support.synthetic import START, synthetic_market

DAY = timedelta(days=1)
PAIR = ("BTCUSDT", "ETHUSDT")
TARGET = ReversalTarget(14, 0.08)
DAYS = 700


def training_set(
    market: Market, until: datetime, symbols: Sequence[str], target: ReversalTarget = TARGET
) -> TrainingSet:
    """Return what was known at `until`, labels resolved strictly before it."""
    view = market.as_of(until)

    def stacked(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
        return pd.concat(tables, names=["symbol", "open_time"])

    daily = {symbol: daily_variance(view, symbol) for symbol in symbols}
    labels = stacked({symbol: target.labels(view.candles(symbol, "1d")) for symbol in symbols})
    return TrainingSet(
        symbol="BTCUSDT",
        target=target,
        until=until,
        features={
            "variance": stacked({s: variance_features(one).dropna() for s, one in daily.items()})
        },
        labels=labels.loc[labels["resolves_at"] < pd.Timestamp(until)],
        daily=stacked(daily),
    )


@lru_cache(maxsize=1)
def training() -> TrainingSet:
    market = synthetic_market(DAYS, PAIR, seed=2)
    return training_set(market, START + DAYS * DAY, PAIR)


@lru_cache(maxsize=1)
def fitted() -> FirstPassageModel:
    return FirstPassage(PAIR).fit(training(), seed=1)


def rows() -> pd.DataFrame:
    return training().features["variance"].loc["BTCUSDT"]


def answers(model: FirstPassageModel) -> np.ndarray:
    return model.predict_proba(rows()).to_numpy()


class TestAnswers:
    def test_rows_sum_to_one_and_the_sides_are_those_of_a_driftless_price(self) -> None:
        table = fitted().predict_proba(rows())
        assert list(table.columns) == [-1, 0, 1] == list(fitted().classes)
        assert table.index.equals(rows().index)
        assert ((table >= 0) & (table <= 1)).all(axis=None)
        np.testing.assert_allclose(table.sum(axis=1), 1.0, atol=1e-12)
        np.testing.assert_allclose(table[1] / (table[1] + table[-1]), up_probability(0.08))

    @given(st.integers(0, 600), st.floats(0.03, 0.3), st.floats(1.01, 3.0))
    def test_a_wider_band_is_left_less_often(self, row: int, level: float, times: float) -> None:
        one = rows().iloc[[row]]
        near, far = (fitted().for_level(x).predict_event(one) for x in (level, level * times))
        assert 0 <= far <= near <= 1

    @given(st.integers(0, 600), st.floats(0.03, 0.3), st.floats(-4.0, 4.0), st.floats(0.01, 3.0))
    def test_a_wilder_market_leaves_more_often(
        self, row: int, level: float, start: float, rise: float
    ) -> None:
        calm, wild = (rows().iloc[[row]].copy() for _ in range(2))
        calm[LEVEL] += start
        wild[LEVEL] += start + rise
        model = fitted().for_level(level)
        assert model.predict_event(calm) <= model.predict_event(wild)

    def test_column_order_does_not_matter(self) -> None:
        turned = rows().loc[:, rows().columns[::-1]]
        assert (fitted().predict_proba(turned).to_numpy() == answers(fitted())).all()

    def test_one_row_is_answered_as_among_many(self) -> None:
        alone = np.vstack([fitted().predict_proba(rows().iloc[[i]]) for i in range(0, 600, 50)])
        np.testing.assert_allclose(alone, answers(fitted())[:600:50], rtol=0, atol=1e-12)

    def test_no_row_gives_no_answer(self) -> None:
        assert fitted().predict_proba(rows().iloc[:0]).shape == (0, 3)

    @pytest.mark.parametrize("value", [np.nan, np.inf])
    def test_missing_and_infinite_values_are_refused(self, value: float) -> None:
        broken = rows().iloc[:3].copy()
        broken.iloc[1, 4] = value
        with pytest.raises(DataMalformed, match="downside_28"):
            fitted().predict_proba(broken)

    def test_unknown_and_lacking_columns_are_refused(self) -> None:
        with pytest.raises(DataMalformed, match="extra"):
            fitted().predict_proba(rows().assign(extra=1.0))
        with pytest.raises(DataMalformed, match=LEVEL):
            fitted().predict_proba(rows().drop(columns=LEVEL))

    def test_the_forecast_beats_the_base_rate_where_volatility_clusters(self) -> None:
        """On later candles of the same market, which the fit has not seen."""
        market = synthetic_market(1500, PAIR, seed=11)
        half, end = START + 750 * DAY, START + 1500 * DAY
        model = FirstPassage(PAIR).fit(training_set(market, half, PAIR), seed=1)
        view = market.as_of(end)
        labels = TARGET.labels(view.candles("BTCUSDT", "1d"))
        later = labels.loc[labels["as_of"] >= pd.Timestamp(half), "label"]
        table = variance_features(daily_variance(view, "BTCUSDT")).loc[later.index]
        rate = expanding_rate(labels, pd.DatetimeIndex([half]), (-1, 0, 1)).iloc[0]
        base = -np.log(rate.loc[later]).mean()
        assert log_loss(model.predict_proba(table), later) < base - 0.02


class TestFit:
    def test_it_is_deterministic_and_no_seed_matters(self) -> None:
        assert FirstPassage(PAIR).fit(training(), seed=99).dump() == fitted().dump()

    def test_row_order_does_not_matter(self) -> None:
        turned = replace(
            training(),
            features={"variance": training().features["variance"].iloc[::-1]},
            labels=training().labels.iloc[::-1],
            daily=training().daily.iloc[::-1],
        )
        np.testing.assert_allclose(
            answers(FirstPassage(PAIR).fit(turned, seed=1)), answers(fitted()), atol=1e-12
        )

    def test_the_candle_of_the_refit_is_not_learnt_from(self) -> None:
        """It is the only one whose windows resolve at `until` itself."""
        daily = training().daily.copy()
        last = daily.index.get_level_values("open_time") == pd.Timestamp(training().until - DAY)
        assert last.sum() == 2
        daily.loc[last, ["close", "rv"]] *= 1000.0
        model = FirstPassage(PAIR).fit(replace(training(), daily=daily), seed=1)
        assert model.dump() == fitted().dump()

    def test_the_candle_before_it_is_learnt_from(self) -> None:
        """The control of the test above."""
        daily = training().daily.copy()
        before = daily.index.get_level_values("open_time") == pd.Timestamp(
            training().until - 2 * DAY
        )
        daily.loc[before, ["close", "rv"]] *= 1000.0
        model = FirstPassage(PAIR).fit(replace(training(), daily=daily), seed=1)
        assert model.dump() != fitted().dump()

    def test_labels_that_resolve_at_the_refit_or_later_change_nothing(self) -> None:
        """As-ofs without a resolved window are dropped even if somebody hands their labels in."""
        index = training().features["variance"].index
        labels = training().labels.reindex(index)
        late = labels["label"].isna()
        assert late.sum() == 2 * 15
        labels.loc[late, "label"] = 1
        model = FirstPassage(PAIR).fit(replace(training(), labels=labels), seed=1)
        assert model.dump() == fitted().dump()

    def test_only_rows_with_a_label_are_learnt_from(self) -> None:
        """So an embargo and a training window hold for it as for every other learner."""
        labels = training().labels
        fewer = labels.loc[labels["as_of"] < pd.Timestamp(training().until - 100 * DAY)]
        features = training().features["variance"]
        kept = features.loc[features.index.intersection(fewer.index)]
        by_label, by_row = (
            FirstPassage(PAIR).fit(one, seed=1)
            for one in (
                replace(training(), labels=fewer),
                replace(training(), features={"variance": kept}),
            )
        )
        assert by_label.dump() == by_row.dump() != fitted().dump()

    def test_the_level_of_the_target_does_not_change_the_fit(self) -> None:
        wide = replace(training(), target=ReversalTarget(14, 0.12))
        model = FirstPassage(PAIR).fit(wide, seed=1)
        assert model.dump() == fitted().for_level(0.12).dump()

    def test_symbols_outside_the_pool_are_not_learnt_from(self) -> None:
        alone = training_set(synthetic_market(DAYS, PAIR, seed=2), training().until, PAIR[:1])
        model = FirstPassage(PAIR[:1]).fit(training(), seed=1)
        assert model.dump() == FirstPassage(PAIR).fit(alone, seed=1).dump() != fitted().dump()

    def test_the_own_symbol_counts_more(self) -> None:
        other = FirstPassage(PAIR).fit(replace(training(), symbol="ETHUSDT"), seed=1)
        assert other.dump() != fitted().dump()
        np.testing.assert_array_equal(other.variance.weights, fitted().variance.weights)

    def test_penalties_grow_with_the_horizon(self, monkeypatch: pytest.MonkeyPatch) -> None:
        market = synthetic_market(DAYS, PAIR, seed=2)
        twice = training_set(market, training().until, PAIR, ReversalTarget(28, 0.08))
        scaled = FirstPassage(PAIR).fit(twice, seed=1)
        monkeypatch.setattr(first_passage, "PENALTY_HORIZON", 28)
        doubled = FirstPassage(PAIR, 400.0, 40.0, 2000.0)
        assert doubled.fit(twice, seed=1).dump() == scaled.dump()

    def test_each_penalty_holds_its_own_part(self) -> None:
        ridge = FirstPassage(PAIR, variance_penalty=1e12).fit(training(), seed=1)
        assert np.abs(ridge.variance.weights).max() < 1e-6
        barrier = FirstPassage(PAIR, barrier_penalty=1e12).fit(training(), seed=1)
        assert (barrier.event.intercept, barrier.event.slope) == pytest.approx((0, 1), abs=1e-6)
        features = FirstPassage(PAIR, feature_penalty=1e12).fit(training(), seed=1)
        assert np.abs(features.event.weights).max() < 1e-6
        assert min(abs(features.event.slope - 1), np.abs(barrier.event.weights).max()) > 1e-3

    def test_too_few_rows_are_refused(self) -> None:
        short = training_set(synthetic_market(60, PAIR), START + 60 * DAY, PAIR)
        assert 0 < len(short.rows("variance", PAIR)[0]) < 50
        with pytest.raises(DataUnavailable, match="resolved rows"):
            FirstPassage(PAIR).fit(short, seed=1)
        with pytest.raises(DataUnavailable, match="resolved rows"):
            FirstPassage(("SOLUSDT",)).fit(training(), seed=1)

    def test_other_targets_are_refused(self) -> None:
        @dataclass(frozen=True)
        class Direction:
            name: str = "H24"
            classes: tuple[int, ...] = (0, 1)
            horizon: int = 1

        with pytest.raises(UsageError, match="H24"):
            FirstPassage(PAIR).fit(replace(training(), target=Direction()), seed=1)

    def test_it_describes_its_parameters(self) -> None:
        assert FirstPassage(PAIR).describe() == {
            "symbols": list(PAIR),
            "variance_penalty": 200.0,
            "barrier_penalty": 20.0,
            "feature_penalty": 1000.0,
        }
        assert FirstPassage(PAIR).feature_set == VARIANCE.name


class TestFiles:
    def test_what_is_loaded_answers_the_same_to_the_last_bit(self) -> None:
        files = fitted().dump()
        loaded = FirstPassageModel.load(files)
        assert (answers(loaded) == answers(fitted())).all()
        assert loaded.dump() == files
        assert list(files) == [FILE]

    @pytest.mark.parametrize(
        "change",
        [
            lambda d: d.pop("event"),
            lambda d: d.update(horizon="soon"),
            lambda d: d["variance"]["weights"].pop(),
            lambda d: d["variance"].update(weights=0.5),
            lambda d: d["event"].pop("slope"),
            lambda d: d["event"].update(more=1.0),
            lambda d: d["event"].update(slope=None),
            lambda d: d.update(columns=[*VARIANCE.columns[:-1], "other"]),
            lambda d: d.update(variance=[]),
        ],
    )
    def test_a_changed_file_is_refused(self, change: Callable[[dict[str, Any]], object]) -> None:
        document = json.loads(fitted().dump()[FILE])
        change(document)
        with pytest.raises(BundleRefused, match=FILE):
            FirstPassageModel.load({FILE: json.dumps(document).encode()})

    def test_a_missing_or_broken_file_is_refused(self) -> None:
        with pytest.raises(BundleRefused, match=FILE):
            FirstPassageModel.load({})
        with pytest.raises(BundleRefused, match=FILE):
            FirstPassageModel.load({FILE: fitted().dump()[FILE][:-30]})


def log_loss(forecast: pd.DataFrame, label: pd.Series) -> float:
    chances = forecast.to_numpy()[np.arange(len(label)), label.to_numpy(dtype="int64") + 1]
    return float(-np.log(chances).mean())
