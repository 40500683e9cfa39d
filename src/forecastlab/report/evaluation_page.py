"""The report of an evaluation: what was found, how sure that is, where the numbers come from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Final

from forecastlab.contracts.intervals import Interval
from forecastlab.contracts.verdicts import (
    HINDSIGHT,
    PUBLISHED,
    CandidateVerdict,
    Estimate,
    VerdictFile,
)
from forecastlab.report.charts import (
    Whisker,
    fold_chart,
    gain_chart,
    interval_chart,
    null_chart,
    reliability_chart,
)
from forecastlab.report.direction_section import direction_section
from forecastlab.report.page import card, cell, figure, folded, grid, page, paragraph, table
from forecastlab.report.series import CandidateSeries
from forecastlab.report.wording import (
    CANDLES,
    LOWER_IS_BETTER,
    SCORES,
    SIDES,
    VERDICTS,
    estimate,
    forecaster,
    label,
    number,
    p_value,
    percent,
    percent_interval,
    single,
)

_CURVES: Final = ("expanding", "trailing_year", HINDSIGHT)
_ENOUGH_OFFSETS: Final = 500


def evaluation_page(document: VerdictFile, series: Mapping[str, CandidateSeries]) -> str:
    """Write the report; all numbers come from the verdict file, the curves from the series."""
    blocks = [_head(document), grid("cards", _cards(document))]
    for name, one in document.candidates.items():
        blocks.extend(_candidate(name, one, series[name], document.interval))
    blocks.extend(_how_to_read(document))
    return page(f"{document.run}: evaluation", blocks)


def _head(document: VerdictFile) -> str:
    simulated = document.source == "simulated"
    parts = [
        f"<h1>How good are the forecasts of {escape(document.deployment)}?</h1>",
        paragraph(
            f"{document.symbol} {document.interval}, candles from {document.first_open} to"
            f" {document.cut_off}, source <code>{document.source}</code>. Everything below is out"
            " of sample: each forecast was made by a model that had seen only what was known then."
        ),
    ]
    if simulated:
        parts.append('<div class="warn">These candles are simulated. No market behaved so.</div>')
    if document.quick:
        parts.append(
            '<div class="warn">A quick evaluation: few folds over a short span. It shows that the'
            " machinery runs, not how good the forecasts are.</div>"
        )
    return "".join(parts)


def _cards(document: VerdictFile) -> Iterator[str]:
    for name, one in document.candidates.items():
        found, luck = one.evaluation, one.multiplicity
        facts = [
            ("skill (log loss)", percent(found.log_loss_skill, signed=True)),
            ("95 % interval", percent_interval(found.ci95)),
            ("against", forecaster(found.reference)),
            ("AUC of a move", _shown(one, "event_auc")),
            ("AUC of the side", _shown(one, "direction_auc")),
            (f"{CANDLES[document.interval]} scored", f"{found.rows:,}"),
            ("worth, independent", f"about {found.effective_rows:.0f}"),
            ("p of this look alone", p_value(luck.p_value)),
            (f"p of the best of {luck.looks} looks", p_value(luck.p_value_best)),
        ]
        heading = f'<a href="#{escape(name)}">{escape(name)}</a>'
        yield card(heading, found.verdict, VERDICTS[found.verdict], facts)


def _candidate(
    name: str, one: CandidateVerdict, series: CandidateSeries, interval: Interval
) -> Iterator[str]:
    yield f'<h2 id="{escape(name)}">{escape(name)}</h2>'
    yield paragraph(escape(one.label_rule), soft=True)
    yield paragraph(_verdict_sentence(one, CANDLES[interval]))
    yield paragraph(_luck_sentence(one))
    yield paragraph(_side_sentence(one, CANDLES[interval]))
    if one.direction is None:
        yield paragraph(_volatility_sentence(one, interval))
    else:
        yield from direction_section(one.direction, one.evaluation)
    yield "<h3>Every score, with its 95 % interval</h3>"
    yield _score_table(one.scores)
    yield folded(
        "By how much the published forecast is better (+) or worse (−) than each other",
        [_score_table(one.differences, signed=True)],
    )
    yield grid("charts", _charts(one, series, interval))
    yield _folds(name, one, series)


def _verdict_sentence(one: CandidateVerdict, candles: str) -> str:
    found = one.evaluation
    loss = next(b.log_loss for b in found.baselines if b.reference == found.reference)
    return (
        f"On {found.rows:,} {candles} from {found.first} to {found.last} the published forecast was"
        f" <b>{VERDICTS[found.verdict]}</b>: log loss {found.log_loss:.4f} against"
        f" {loss:.4f} of the better deployable base rate ({forecaster(found.reference)}), a"
        f" skill of {percent(found.log_loss_skill, signed=True)} {percent_interval(found.ci95)}."
        f" Labels over {one.horizon} {candles} overlap, so these {candles} are worth about"
        f" {found.effective_rows:.0f} independent ones; the interval knows that."
    )


def _luck_sentence(one: CandidateVerdict) -> str:
    luck = one.multiplicity
    prior = f", {luck.prior_looks} of them before the ledger was kept" if luck.prior_looks else ""
    return (
        f"<b>Luck.</b> This is one of {luck.looks} looks at this span{prior}. For this look alone,"
        f" the chance of such a gain without skill is p {_equals(p_value(luck.p_value))}; that the"
        f" best of {luck.looks} independent useless forecasts gets there has p"
        f" {_equals(p_value(luck.p_value_best))}, and the best of them would be expected to gain"
        f" {number(luck.lucky_gain, signed=True)} nats. The looks were alike, so the truth lies"
        " between the two."
    )


def _side_sentence(one: CandidateVerdict, candles: str) -> str:
    if "direction_auc" not in one.scores[PUBLISHED]:
        return ""
    side = one.scores[PUBLISHED]["direction_auc"]
    if side.value is None:
        return "<b>Which side.</b> Only one side happened, or none: an AUC cannot be formed."
    among = f"Among the {candles} with a move" if 0 in one.classes[1:-1] else "Of all forecasts"
    said = (
        f"<b>Which side.</b> {among}, {SIDES[one.evaluation.direction_verdict]}:"
        f" AUC {estimate(side)}."
    )
    if side.ci95 == (0.5, 0.5):
        said += " The published forecast names no side: given a move, its odds are constant."
    return said


def _volatility_sentence(one: CandidateVerdict, interval: Interval) -> str:
    if one.volatility_only is None:
        return "<b>Volatility alone.</b> This recipe has no member that reads volatility only."
    gain = one.differences[one.volatility_only]["log_loss"]
    rows = one.evaluation.methods.get(one.volatility_only, 0)
    return (
        f"<b>Volatility alone.</b> Beyond <code>{one.volatility_only}</code>, which reads nothing"
        f" but volatility and names no side, the published forecast gains"
        f" {estimate(gain, 4, signed=True)} nats a {single(interval)}; on {rows:,} of"
        f" {one.evaluation.rows:,} {CANDLES[interval]} it is that member."
    )


def _score_table(scores: Mapping[str, Mapping[str, Estimate]], *, signed: bool = False) -> str:
    columns = ["score", *(forecaster(name) for name in scores)]
    first = next(iter(scores.values()))
    rows = []
    for score in first:
        arrow = "" if signed else "\u00a0↓" if score in LOWER_IS_BETTER else "\u00a0↑"
        digits = 4 if score in LOWER_IS_BETTER else 3
        cells = [cell(row[score], digits, signed=signed) for row in scores.values()]
        rows.append([_score_name(score, first) + arrow, *cells])
    return table(columns, rows)


def _score_name(score: str, scores: Mapping[str, Estimate]) -> str:
    if score == "direction_auc" and "event_auc" not in scores:
        return "AUC of the side"
    return SCORES.get(score, score)


def _charts(one: CandidateVerdict, series: CandidateSeries, interval: Interval) -> Iterator[str]:
    yield from _gains(one, series, interval)
    yield from _reliability(one, series, interval)
    yield from _nulls(one, series)
    found, candle = one.evaluation, single(interval)
    yield figure(
        "Fold by fold",
        fold_chart(f"Gain per {candle} in each fold", series.folds, found.reference),
        f"Nats per {candle} over the {forecaster(found.reference)} in each of {one.folds} test"
        " blocks. Single blocks are noise; their table is below.",
    )


def _gains(one: CandidateVerdict, series: CandidateSeries, interval: Interval) -> Iterator[str]:
    """Draw the gain over every other forecast, over time, by year and by the model's age."""
    candle, candles = single(interval), CANDLES[interval]
    reference = forecaster(one.evaluation.reference)
    # What an hour gains is a tenth of what a day gains.
    digits = 3 if interval == "1d" else 4
    others = [Whisker(forecaster(name), row["log_loss"]) for name, row in one.differences.items()]
    yield figure(
        "Gain over each other forecast",
        interval_chart(
            f"Gain in nats per {candle} over each other forecast, with intervals",
            others,
            digits=digits,
        ),
        f"Nats per {candle}, 95 % interval. Right of the line: the published forecast is better.",
    )
    curves = {name: series.gains[name] for name in _CURVES if name in series.gains}
    yield figure(
        "Skill over time",
        gain_chart("Summed gain over time against each base rate", series.opens, curves),
        "Gains in nats, summed. A rising curve: the forecast is winning against that reference.",
        key=[forecaster(name) for name in curves],
    )
    years = [Whisker(row.group, row.gain, f"{row.rows} {candles}") for row in one.years]
    yield figure(
        "Year by year",
        interval_chart(f"Gain per {candle} in each year, with intervals", years, digits=digits),
        f"Nats per {candle} over the {reference}. One year is worth few independent {candles}.",
    )
    ages = [Whisker(row.group, row.gain, f"{row.rows} {candles}") for row in one.ages]
    yield figure(
        "Days since the model was refitted",
        interval_chart(
            f"Gain per {candle} by the age of the model, with intervals", ages, digits=digits
        ),
        f"Nats per {candle} over the {reference}; refits every {one.refit_days} days. A falling row"
        " would say: retrain more often.",
    )


def _reliability(
    one: CandidateVerdict, series: CandidateSeries, interval: Interval
) -> Iterator[str]:
    """Draw how often each class happened against the probability that it was given."""
    for name, points in series.reliability.items():
        words = label(name, one.classes)
        yield figure(
            f"Is the probability of “{words}” true?",
            reliability_chart(f"Forecast probability of {words} and how often it happened", points),
            "On the diagonal, what was forecast with p happened with frequency p. Larger dots hold"
            f" more {CANDLES[interval]}. Mean distance {percent(one.calibration_error[name])}.",
        )


def _nulls(one: CandidateVerdict, series: CandidateSeries) -> Iterator[str]:
    for score, null in series.nulls.items():
        test = one.shift_tests[score]
        if test.observed is None or not test.null_sd:
            continue
        few = "" if test.offsets >= _ENOUGH_OFFSETS else " (fewer than 500: read it with care)"
        yield figure(
            f"{SCORES.get(score, score)}: skill or luck?",
            null_chart(f"{SCORES.get(score, score)} against labels moved along a circle", null),
            f"Grey: the same forecasts against labels moved by {test.offsets:,} offsets{few}. p"
            f" {_equals(p_value(test.p_value))}; the offsets are worth about"
            f" {test.independent:.0f} independent ones, so p below"
            f" {p_value(1 / test.independent)} only says that none of those got there.",
        )


def _equals(written: str) -> str:
    """Write `= .017`, and `< .001` as it is."""
    return written if written.startswith("<") else f"= {written}"


def _folds(name: str, one: CandidateVerdict, series: CandidateSeries) -> str:
    column = f"gain_{one.evaluation.reference}"
    rows = [
        [str(fold), f"{row['rows']:.0f}", row["missing_classes"] or "none"]
        + [number(row["log_loss"]), number(row[column], signed=True)]
        for fold, row in series.folds.iterrows()
    ]
    columns = ["fold", "rows", "classes that did not happen", "log loss", "gain"]
    link = f'<a href="{escape(name)}/fold_metrics.csv">{escape(name)}/fold_metrics.csv</a>'
    note = (
        f"All scores of every fold: {link}. A score that a fold's rows do not determine is empty."
    )
    return folded("Table of the folds", [paragraph(note), table(columns, rows)])


def _shown(one: CandidateVerdict, score: str) -> str:
    found = one.scores[PUBLISHED].get(score)
    return "–" if found is None else estimate(found)


def _how_to_read(document: VerdictFile) -> Iterator[str]:
    yield "<h2>How to read this</h2>"
    yield paragraph(
        "<b>Verdict.</b> <i>Better</i> only if the 95 % interval of the log-loss gain lies above 0"
        " against each base rate that could have been published at the time. The constant that fits"
        " best in hindsight is no forecast; it shows how much of a skill is a changing base rate."
    )
    yield paragraph(
        "<b>Intervals.</b> Moving-block bootstrap, blocks of at least three horizons, Student t"
        " with rows/block − 1 degrees of freedom; for an AUC the blocks are a week at least. A"
        " score that the rows do not determine is a dash, never a 0."
    )
    yield paragraph(
        "<b>Published.</b> On each block the method was chosen and calibrated only from forecasts"
        " whose outcomes were known by then, so its choice is part of what is scored."
    )
    yield paragraph(
        "<b>AUC.</b> The chance that of two as-ofs the one at which it happened got the higher"
        " probability; 0.5 is a coin. Kappa, macro F1 and balanced accuracy judge only the most"
        " likely class; they are here to compare with other systems, no verdict rests on them."
    )
    yield paragraph(
        f"Recipe <code>{document.recipe_digest}</code>, candles"
        f" <code>{document.data_digest}</code>. <code>meta.json</code> beside this page says how"
        " the run was made. Not investment advice.",
        soft=True,
    )
