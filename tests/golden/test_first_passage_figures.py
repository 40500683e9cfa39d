"""The log loss of first_passage on BTCUSDT 1d: every day from 2021, out of sample.

Five symbols pooled, first touch by closes at 8 %, purged refits counted from 2019-01-01. Refitted
every 21 days T14_X8 reaches 1.0272 and T21_X8 1.0126; the test refits less often, to be quick.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

import numpy as np
import pandas as pd
import pytest

from forecastlab.evaluation.splits import Fold, walk_forward
from forecastlab.features.realised import daily_variance
from forecastlab.features.variance import variance_features
from forecastlab.models.base import TrainingSet
from forecastlab.models.base_rate import expanding_rate, trailing_rate
from forecastlab.models.first_passage import FirstPassage, FirstPassageModel
from forecastlab.targets.reversal import ReversalTarget
from tests.support.market_data import real_market

FIVE = ("BTCUSDT", "ETHUSDT", "BNBUSDT", "SOLUSDT", "ADAUSDT")
DAY = timedelta(days=1)
LAST = datetime(2025, 9, 30, tzinfo=UTC)
SCORED_FROM = "2021-01-01"


def stacked(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(tables, names=["symbol", "open_time"])


@lru_cache(maxsize=1)
def variance() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return features and daily variance of the five symbols."""
    view = real_market(FIVE, ["1h", "4h", "1d"]).as_of(LAST + DAY)
    daily = {symbol: daily_variance(view, symbol) for symbol in FIVE}
    features = {symbol: variance_features(one).dropna() for symbol, one in daily.items()}
    return stacked(features), stacked(daily)


@lru_cache(maxsize=2)
def labels_of(target: ReversalTarget) -> pd.DataFrame:
    view = real_market(FIVE, ["1h", "4h", "1d"]).as_of(LAST + DAY)
    return stacked({symbol: target.labels(view.candles(symbol, "1d")) for symbol in FIVE})


def folds(step: int = 21) -> tuple[Fold, ...]:
    return walk_forward(datetime(2019, 1, 1, tzinfo=UTC), LAST, step=step, interval="1d")


def refit(target: ReversalTarget, fold: Fold) -> FirstPassageModel:
    features, daily = variance()
    closed = pd.Timestamp(fold.refit - DAY)

    def known(table: pd.DataFrame) -> pd.DataFrame:
        return table.loc[table.index.get_level_values("open_time") <= closed]

    training = TrainingSet(
        symbol="BTCUSDT",
        target=target,
        until=fold.refit,
        features={"variance": known(features)},
        labels=fold.training(labels_of(target)),
        daily=known(daily),
    )
    return FirstPassage(FIVE).fit(training, seed=1)


def log_loss(forecast: pd.DataFrame, label: pd.Series) -> float:
    chances = forecast.to_numpy()[np.arange(len(label)), label.to_numpy() + 1]
    return float(-np.log(chances).mean())


@pytest.mark.parametrize(
    ("horizon", "refit_days", "rows", "figure", "expanding", "trailing"),
    [(14, 63, 1720, 1.0247, 1.1127, 1.0885), (21, 105, 1713, 1.0124, 1.0961, 1.0894)],
)
def test_the_walk_forward_reaches_its_figure(
    horizon: int, refit_days: int, rows: int, figure: float, expanding: float, trailing: float
) -> None:
    target = ReversalTarget(horizon, 0.08)
    own, features = labels_of(target).loc["BTCUSDT"], variance()[0].loc["BTCUSDT"]
    parts = [
        refit(target, fold).predict_proba(fold.test(features))
        for fold in folds(refit_days)
        if fold.last_open >= datetime.fromisoformat(SCORED_FROM).replace(tzinfo=UTC)
    ]
    scored = own.loc[SCORED_FROM:]
    forecast = pd.concat(parts).loc[scored.index]
    assert len(forecast) == rows
    assert log_loss(forecast, scored["label"]) == pytest.approx(figure, abs=1e-4)
    as_ofs = pd.DatetimeIndex(scored["as_of"])
    for rate, reference in ((expanding_rate, expanding), (trailing_rate, trailing)):
        base = log_loss(rate(own, as_ofs, target.classes), scored["label"])
        assert base == pytest.approx(reference, abs=1e-4)


def test_one_refit_gives_its_fit_and_its_forecasts() -> None:
    target, fold = ReversalTarget(21, 0.08), folds()[80]
    model = refit(target, fold)
    assert fold.refit.isoformat() == "2023-08-09T00:00:00+00:00"
    assert [model.event.intercept, model.event.slope] == pytest.approx([0.2353, 0.9090], abs=1e-4)
    assert model.variance.residual_sd == pytest.approx(0.6315, abs=1e-4)
    assert model.variance.close_ratio == pytest.approx(0.9363, abs=1e-4)
    features = variance()[0].loc["BTCUSDT"]
    forecast = model.predict_proba(fold.test(features)).iloc[[0, 10, 20]]
    expected = [[0.2599, 0.4586, 0.2815], [0.2120, 0.5583, 0.2297], [0.1710, 0.6438, 0.1852]]
    np.testing.assert_allclose(forecast, expected, atol=1e-4)
    narrow = model.for_level(0.05).predict_event(features.iloc[[-1]])
    assert narrow == pytest.approx([0.7819], abs=1e-4)
