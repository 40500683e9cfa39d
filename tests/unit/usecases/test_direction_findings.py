"""An hourly direction beside volatility, reversal rules and money, each checked by hand."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Final

import numpy as np
import pandas as pd
import pytest

from forecastlab.contracts.verdicts import CandidateVerdict, DirectionFindings, VerdictFile
from forecastlab.evaluation.scores import auc
from forecastlab.evaluation.simple_forecasts import closes_on_grid, trailing_volatility
from forecastlab.report.evaluation_page import evaluation_page
from forecastlab.report.series import CandidateSeries
from forecastlab.usecases.candidate_verdict import Examined, examine
from forecastlab.usecases.direction_findings import volatility_forecasts
from tests.support.evaluations import verdict_file
from tests.support.hourly import hourly_examined, hourly_recipe

EXAMINED: Final = hourly_examined(120, skill=0.05)
RECIPE: Final = hourly_recipe()


@pytest.fixture(scope="module")
def whole() -> tuple[CandidateVerdict, CandidateSeries]:
    return examine(EXAMINED, RECIPE, looks=3)


@pytest.fixture(scope="module")
def found(whole: tuple[CandidateVerdict, CandidateSeries]) -> DirectionFindings:
    assert whole[0].direction is not None
    return whole[0].direction


@cache
def scored() -> pd.DataFrame:
    """Return the scored hours: published P(up), label, forward and past returns, by loops."""
    one: Examined = EXAMINED
    close = one.candles["BTCUSDT"].frame["close"]
    other = one.candles["ETHUSDT"].frame["close"]
    steps = np.log(close.to_numpy())
    rows = one.found.rows.loc[one.evaluation.first :].dropna(subset="label")
    lines = []
    for open_time, row in rows.iterrows():
        t = close.index.get_loc(open_time)
        day = np.diff(steps[t - 24 : t + 1])
        own, theirs = (x.iloc[t] / x.iloc[t - 24] - 1 for x in (close, other))
        lines.append(
            {
                "p": one.prequential.probabilities.loc[open_time, 1],
                "label": row["label"],
                "ahead": close.iloc[t + 5] / close.iloc[t] - 1,
                "volatility_24h": np.sqrt((day**2).mean()),
                "minus_3h_return": 1 - close.iloc[t] / close.iloc[t - 3],
                "minus_24h_return": -own,
                "minus_market_24h_return": -(own + theirs) / 2,
            }
        )
    return pd.DataFrame(lines, index=rows.index)


def test_every_number_is_ranked_as_a_loop_ranks_it(found: DirectionFindings) -> None:
    table = scored()
    names = [one.name for one in found.ranks]
    assert names == ["published", "noisy", "knowing", *table.columns[3:]]
    ours = auc(table["p"].to_numpy(), table["label"].to_numpy() == 1)[0]
    for one in found.ranks:
        if one.name in {"noisy", "knowing"}:
            number = EXAMINED.found.members[one.name].loc[table.index, 1].to_numpy()
        else:
            number = table["p" if one.name == "published" else one.name].to_numpy()
        area = auc(number, table["label"].to_numpy() == 1)[0]
        assert one.label_auc.value == pytest.approx(area, abs=1e-5)
        assert one.sign_auc.value == pytest.approx(
            auc(number, table["ahead"].to_numpy() > 0)[0], abs=1e-5
        )
        if one.behind is None:
            assert one.name == "published"
        else:
            assert one.behind.value == pytest.approx(ours - area, abs=2e-5)


def test_its_auc_is_the_evaluations(
    whole: tuple[CandidateVerdict, CandidateSeries], found: DirectionFindings
) -> None:
    evaluation = whole[0].evaluation
    assert found.ranks[0].label_auc.value == evaluation.direction_auc
    assert whole[0].scores["published"]["direction_auc"].value == evaluation.direction_auc
    assert whole[0].scores["published"]["direction_auc"].ci95 == evaluation.direction_ci95
    assert evaluation.event_auc is None
    assert found.block == 168


def test_money_is_the_forward_return_of_a_loop(found: DirectionFindings) -> None:
    table = scored().sort_values("p", kind="stable")
    assert sum(one.rows for one in found.buckets) == len(table)
    begin = 0
    for one in found.buckets:
        part = table.iloc[begin : begin + one.rows]
        begin += one.rows
        assert one.forward == pytest.approx(part["ahead"].mean(), abs=1e-6)
        assert one.gross == pytest.approx(one.side * part["ahead"].mean(), abs=1e-6)
        assert one.net.value == pytest.approx(one.gross - 0.002, abs=1e-6)


def test_quarters_hold_every_hour_once(found: DirectionFindings) -> None:
    table = scored()
    assert [one.period for one in found.quarters] == ["2018Q1", "2018Q2"]
    assert sum(one.rows for one in found.quarters) == len(table)
    first = table[table.index < "2018-04-01"]
    assert found.quarters[0].sign_auc.value == pytest.approx(
        auc(first["p"].to_numpy(), first["ahead"].to_numpy() > 0)[0], abs=1e-5
    )


def test_volatility_alone_knows_only_what_had_resolved(found: DirectionFindings) -> None:
    one = EXAMINED.found
    opens = pd.DatetimeIndex(one.rows.dropna(subset="label").index[200:])
    volatility = trailing_volatility(closes_on_grid(EXAMINED.candles["BTCUSDT"]), 24)
    before = volatility_forecasts(volatility, one, opens)
    rows = one.rows.copy()
    unknown = rows["resolves_at"] >= rows.loc[rows["fold"] == 2, "as_of"].iloc[0]
    rows.loc[unknown, "label"] = 1 - rows.loc[unknown, "label"]
    after = volatility_forecasts(volatility, replace(one, rows=rows), opens)
    early = rows.loc[opens, "fold"].to_numpy() <= 2
    np.testing.assert_array_equal(after[early], before[early])
    assert (after[~early] != before[~early]).all()
    # The very next label would have changed it.
    last = rows.index[unknown.to_numpy().argmax() - 1]
    rows.loc[last, "label"] = 1 - one.rows.loc[last, "label"]
    again = volatility_forecasts(volatility, replace(one, rows=rows), opens)
    fold = rows.loc[opens, "fold"].to_numpy()
    assert (again[fold == 2] != before[fold == 2]).any()
    table = scored()
    chance = before[opens.get_indexer(table.index)]
    losses = -np.log(np.where(table["label"] == 1, chance, 1 - chance))
    assert found.volatility_log_loss == pytest.approx(losses.mean(), abs=1e-6)


def test_a_row_without_a_label_happened_neither_way() -> None:
    """Beside a gap a label is missing for good: the row counts as if it were not there."""
    one = EXAMINED.found
    volatility = trailing_volatility(closes_on_grid(EXAMINED.candles["BTCUSDT"]), 24)
    rows = one.rows.copy()
    rows.loc[rows.index[100:400], "label"] = np.nan
    opens = pd.DatetimeIndex(rows.dropna(subset="label").index)
    found = volatility_forecasts(volatility, replace(one, rows=rows), opens)
    without = volatility_forecasts(volatility, replace(one, rows=rows.loc[opens]), opens)
    np.testing.assert_array_equal(found, without)


def test_a_plain_sign_is_not_one_sided_and_a_demanding_label_is(
    found: DirectionFindings,
) -> None:
    assert not found.one_sided
    demanding = hourly_examined(120, "H5_R30bp", skill=0.05)
    verdict, _ = examine(demanding, hourly_recipe("H5_R30bp"), looks=1)
    assert verdict.direction is not None and verdict.direction.one_sided
    [published, *_] = verdict.direction.ranks
    assert published.label_auc.value != published.sign_auc.value


def test_without_candles_or_of_three_classes_there_is_no_such_part() -> None:
    verdict, _ = examine(replace(EXAMINED, candles={}), RECIPE, looks=1)
    assert verdict.direction is None


def test_a_gap_in_the_candles_loses_no_row() -> None:
    own = EXAMINED.candles["ETHUSDT"]
    holed = replace(own, frame=own.frame.drop(own.frame.index[1500:1510]))
    candles = {**EXAMINED.candles, "ETHUSDT": holed}
    verdict, _ = examine(replace(EXAMINED, candles=candles), RECIPE, looks=1)
    assert verdict.direction is not None
    assert sum(one.rows for one in verdict.direction.quarters) == verdict.evaluation.rows


def test_the_verdict_file_keeps_it_and_the_page_says_it(
    whole: tuple[CandidateVerdict, CandidateSeries], found: DirectionFindings
) -> None:
    verdict, series = whole
    document = verdict_file({"H5": verdict}, interval="1h", deployment="direction_1h_BTCUSDT")
    again = VerdictFile.parse(document.stored(), what="verdict.json")
    assert again == document
    page = evaluation_page(document, {"H5": series})
    assert "nan" not in page.lower().replace("nance", "")
    for said in (
        "minus the market",
        "volatility of the last 24 hours",
        "2018Q2",
        "net is after 20 bp",
        f"{verdict.evaluation.rows:,} hours from",
        "Labels over 5 hours overlap",
        "Of all forecasts",
    ):
        assert said in page, said
    assert "days scored" not in page and "hours scored" in page
    assert "most of its AUC may be volatility" not in page
