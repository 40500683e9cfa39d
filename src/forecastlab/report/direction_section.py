"""The part of a report on a direction: simpler numbers, money after cost, quarter by quarter."""

from __future__ import annotations

from collections.abc import Iterator

from forecastlab.contracts.manifest import EvaluationEntry
from forecastlab.contracts.verdicts import PUBLISHED, DirectionFindings, Estimate, PeriodRanks
from forecastlab.report.charts import Whisker, interval_chart
from forecastlab.report.page import cell, figure, folded, grid, paragraph, table
from forecastlab.report.wording import (
    estimate,
    forecaster,
    number,
    percent,
)

_BASIS_POINTS = 10_000


def direction_section(found: DirectionFindings, evaluation: EvaluationEntry) -> Iterator[str]:
    """Write what a direction forecast adds to volatility and reversal, and what it would earn."""
    yield paragraph(_volatility_sentence(found, evaluation))
    yield paragraph(_quarter_sentence(found))
    yield "<h3>Against the simplest numbers</h3>"
    if found.one_sided:
        yield paragraph(
            "The label demands more than a rise: most of its AUC may be volatility. The AUC of the"
            " sign alone says what is known of the side."
        )
    yield _rank_table(found)
    yield "<h3>After cost, by probability</h3>"
    yield paragraph(
        f"Forecasts in {len(found.buckets)} equally large groups, by P(up). Each takes the side"
        " that its probability leans to against the base rate; net is after"
        f" {_points(found.cost)} bp for a round trip. The bounds are known in hindsight only, so"
        " this describes and is no strategy."
    )
    yield _bucket_table(found)
    yield grid("charts", [_quarter_figure(found)])
    yield folded("Table of the quarters", [_quarter_table(found)])


def _volatility_sentence(found: DirectionFindings, evaluation: EvaluationEntry) -> str:
    return (
        "<b>Volatility alone.</b> A logistic regression on nothing but the volatility of the last"
        f" 24 hours has a log loss of {found.volatility_log_loss:.5f} and gains"
        f" {estimate(found.volatility_gain, 5, signed=True)} nats over the"
        f" {forecaster(evaluation.reference)}; the published forecast gains"
        f" {estimate(found.gain_over_volatility, 5, signed=True)} nats over it."
    )


def _quarter_sentence(found: DirectionFindings) -> str:
    known = [one for one in found.quarters if one.sign_auc.value is not None]
    above = sum(one.sign_auc.value > 0.5 for one in known if one.sign_auc.value is not None)
    return (
        f"<b>Quarter by quarter.</b> The AUC of the sign was above one half in {above} of"
        f" {len(known)} quarters."
    )


def _rank_table(found: DirectionFindings) -> str:
    rows = [
        [
            forecaster(one.name),
            cell(one.label_auc),
            cell(one.sign_auc),
            "–" if one.behind is None else cell(one.behind, signed=True),
        ]
        for one in found.ranks
    ]
    columns = ["number", "AUC of the label", "AUC of the sign", f"{PUBLISHED} is better by"]
    return table(columns, rows)


def _bucket_table(found: DirectionFindings) -> str:
    rows = [
        [
            f"{percent(one.lowest)} to {percent(one.highest)}",
            f"{one.rows:,}",
            _points(one.forward, signed=True),
            "buy" if one.side == 1 else "sell",
            _points(one.gross, signed=True),
            _net(one.net),
        ]
        for one in found.buckets
    ]
    columns = ["P(up)", "forecasts", "return, bp", "side", "gross, bp", "net, bp"]
    return table(columns, rows)


def _quarter_figure(found: DirectionFindings) -> str:
    lines = [
        Whisker(one.period, _above_half(one.sign_auc), f"{one.rows:,} rows")
        for one in found.quarters
    ]
    return figure(
        "AUC of the sign in each quarter",
        interval_chart("AUC of the sign minus one half in each quarter, with intervals", lines),
        "Minus one half: right of the line the side was forecast better than by a coin. Intervals"
        " resample weeks.",
    )


def _quarter_table(found: DirectionFindings) -> str:
    def row(one: PeriodRanks) -> list[str]:
        return [one.period, f"{one.rows:,}", cell(one.label_auc), cell(one.sign_auc)]

    columns = ["quarter", "rows", "AUC of the label", "AUC of the sign"]
    return table(columns, [row(one) for one in found.quarters])


def _above_half(one: Estimate) -> Estimate:
    if one.value is None:
        return one
    ends = None if one.ci95 is None else (one.ci95[0] - 0.5, one.ci95[1] - 0.5)
    return Estimate(value=one.value - 0.5, ci95=ends)


def _points(share: float, *, signed: bool = False) -> str:
    """Write a fraction in basis points."""
    return number(share * _BASIS_POINTS, 1 if signed else 0, signed=signed)


def _net(one: Estimate) -> str:
    value = "–" if one.value is None else _points(one.value, signed=True)
    if one.ci95 is None:
        return value
    low, high = (_points(end, signed=True) for end in one.ci95)
    return f"{value}<small>[{low}, {high}]</small>"
