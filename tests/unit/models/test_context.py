from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from forecastlab.contracts.candles import Candles
from forecastlab.contracts.errors import BundleRefused, DataMalformed, DataUnavailable
from forecastlab.evaluation.context_scores import chance_score, coverage
from forecastlab.models.context import Context, ContextTraining, fit_context
from forecastlab.models.quantile import HORIZONS, LEVELS
from forecastlab.models.regime import VOL_MARGIN
from forecastlab.targets.quantile import ForwardReturn
from forecastlab.targets.regime import ForwardRange
from tests.support.context_world import clustered_hours, context_rows, context_training

CANDLES = clustered_hours()
CUT = CANDLES.frame.index[3000].to_pydatetime()
ROWS = context_rows(CANDLES)
CONTEXT = fit_context(ContextTraining(CANDLES.until(CUT), ROWS), seed=1)
AHEAD = {name: table.loc[table.index >= CUT] for name, table in ROWS.items()}


def test_both_models_find_what_is_there_out_of_sample() -> None:
    assert CONTEXT.faults(AHEAD) == ()
    chances = CONTEXT.regime.predict(AHEAD["regime"])
    labels = ForwardRange().labels(CANDLES)["label"]
    assert chance_score(chances["vol"], labels, horizon=12).auc.low > 0.55
    for horizon, table in CONTEXT.quantiles.predict(AHEAD["quantile"]).items():
        returns = ForwardReturn(horizon).values(CANDLES)["value"]
        scores = coverage(table, returns, horizon=horizon)
        assert scores[0].holds
        assert scores[-1].holds
        inside = scores[3].share.estimate - scores[1].share.estimate
        assert inside == pytest.approx(0.5, abs=0.05)
        # The bands follow the volatility: the outer quantiles beat the best constant.
        assert scores[0].loss < 0.97
        assert scores[-1].loss < 0.97


def test_a_record_gets_names_numbers_and_a_scale() -> None:
    found = CONTEXT.forecast(AHEAD)
    assert found.regime.name in {"trending", "volatile", "ranging"}
    product = found.regime.vol_prob * found.regime.trend_prob
    assert found.regime.confidence == pytest.approx(np.sqrt(product))
    assert list(found.quantiles) == ["5", "12"]
    for table in found.quantiles.values():
        assert list(table) == ["0.05", "0.25", "0.5", "0.75", "0.95"]
        assert list(table.values()) == sorted(table.values())
    assert 0 <= found.position_scale <= 0.5
    assert CONTEXT.forecast(AHEAD, up=0.5).position_scale < 0.1
    assert CONTEXT.forecast(AHEAD, up=0.99).position_scale > 0.4


def test_only_the_newest_row_counts() -> None:
    one = {name: table.iloc[-1:] for name, table in AHEAD.items()}
    assert CONTEXT.forecast(one) == CONTEXT.forecast(AHEAD)


@pytest.mark.parametrize(
    ("vol", "trend", "name"),
    [
        (0.0, 0.0, "trending"),
        (0.0, -1e-9, "volatile"),
        (-1e-9, 0.4, "ranging"),
        (0.2, 0.3, "trending"),
    ],
)
def test_thresholds_are_relative_to_the_base_rates_and_inclusive(
    vol: float, trend: float, name: str
) -> None:
    base = CONTEXT.regime.base_rates
    found = CONTEXT.regime.named(base["vol"] + VOL_MARGIN + vol, base["trend"] + trend)
    assert found.name == name


def test_quantiles_do_not_cross_even_where_the_boosters_do() -> None:
    # Boosters in the wrong order: the table is in order all the same.
    turned = {
        (horizon, level): CONTEXT.quantiles.boosters[horizon, other]
        for horizon in HORIZONS
        for level, other in zip(LEVELS, reversed(LEVELS), strict=True)
    }
    crossed = replace(CONTEXT.quantiles, boosters=turned).predict(AHEAD["quantile"])
    for horizon, table in CONTEXT.quantiles.predict(AHEAD["quantile"]).items():
        assert (np.diff(table.to_numpy(), axis=1) >= 0).all()
        pd.testing.assert_frame_equal(crossed[horizon], table)


def test_a_market_ten_times_as_wild_has_quantiles_ten_times_as_wide() -> None:
    # The trees see the scale too, so this holds of the scaling alone: between equal leaves.
    rows = AHEAD["quantile"].tail(1)
    top = rows.assign(atr_pct=AHEAD["quantile"]["atr_pct"].max() * 10)
    wide, wider = (CONTEXT.quantiles.predict(one)[5] for one in (top, top.assign(atr_pct=1.0)))
    factor = 1.0 / float(top["atr_pct"].iloc[0])
    np.testing.assert_allclose(wider, wide * factor, rtol=1e-12)


def test_it_is_deterministic_and_comes_back_to_the_last_bit() -> None:
    files = CONTEXT.dump()
    again = fit_context(ContextTraining(CANDLES.until(CUT), ROWS), seed=1)
    assert again.dump() == files
    other = fit_context(ContextTraining(CANDLES.until(CUT), ROWS), seed=2)
    assert other.dump() != files
    loaded = Context.load(files)
    assert loaded.forecast(AHEAD) == CONTEXT.forecast(AHEAD)
    assert loaded.dump() == files
    assert all(name.startswith(("regime", "quantile")) for name in files)


def test_candles_after_the_cut_change_nothing() -> None:
    later = CANDLES.frame.copy()
    later.loc[later.index >= CUT] *= 3
    poisoned = Candles("BTCUSDT", "1h", later)
    known = {name: table.loc[table.index < CUT] for name, table in context_rows(poisoned).items()}
    training = ContextTraining(poisoned.until(CUT), known)
    assert fit_context(training, seed=1).dump() == CONTEXT.dump()


def test_labels_are_thinned_on_the_clock() -> None:
    training = context_training(CANDLES, every=4)
    hours = pd.DatetimeIndex(training.learnt(ForwardRange().labels(CANDLES)).index).hour
    assert set(hours) == {0, 4, 8, 12, 16, 20}


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda rows: {"regime": rows["regime"]}, "quantile"),
        (lambda rows: {name: table.iloc[:0] for name, table in rows.items()}, "no row"),
        (lambda rows: rows | {"regime": rows["regime"].assign(more=1.0)}, "more"),
        (lambda rows: rows | {"quantile": rows["quantile"].drop(columns="atr_pct")}, "atr_pct"),
        (lambda rows: rows | {"regime": rows["regime"] * np.nan}, "missing or infinite"),
    ],
    ids=["no set", "no row", "unknown column", "missing column", "NaN"],
)
def test_rows_that_do_not_fit_are_refused(
    spoil: Callable[[dict[str, pd.DataFrame]], dict[str, pd.DataFrame]], message: str
) -> None:
    with pytest.raises(DataMalformed, match=message):
        CONTEXT.forecast(spoil(AHEAD))


def test_column_order_is_irrelevant() -> None:
    turned = {name: table[table.columns[::-1]] for name, table in AHEAD.items()}
    assert CONTEXT.forecast(turned) == CONTEXT.forecast(AHEAD)


@pytest.mark.parametrize("name", sorted(CONTEXT.dump()))
def test_files_that_are_missing_junk_or_foreign_are_refused(name: str) -> None:
    files = CONTEXT.dump()
    foreign = "quantile_h5_q50.txt" if name.startswith("regime") else "regime_vol.txt"
    for spoiled in (
        {key: data for key, data in files.items() if key != name},
        files | {name: b"junk"},
        files | {name: b"\xff\xfe"},
        files | {name: files[foreign]},
    ):
        with pytest.raises(BundleRefused):
            Context.load(spoiled)


def test_too_short_a_history_is_refused() -> None:
    with pytest.raises(DataUnavailable, match="too few"):
        fit_context(context_training(clustered_hours(600)), seed=1)


def test_models_that_say_nothing_are_found_out() -> None:
    flat = {name: table * 0 + 0.01 for name, table in ROWS.items()}
    training = ContextTraining(CANDLES.until(CUT), flat)
    faults = fit_context(training, seed=1).faults(flat)
    assert any("vol regime has 0 trees" in one for one in faults)
    assert any("chances spread by 0.0000" in one for one in faults)
    assert sum("quantile at" in one for one in faults) == len(HORIZONS) * len(LEVELS)
