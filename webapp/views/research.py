"""Evaluations: what each run found per candidate, fold by fold, year by year."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC
from typing import Final

import pandas as pd
import plotly.graph_objects as go

from forecastlab.contracts.verdicts import (
    PUBLISHED,
    BacktestMeta,
    CandidateVerdict,
    Estimate,
    VerdictFile,
)
from forecastlab.evaluation.scores import LOG_LOSS
from webapp.views.palette import (
    BLUE,
    GREY,
    VERDICT_SIGNS,
    VERMILION,
    empty_figure,
    filled,
    laid_out,
)
from webapp.views.time_axis import time_axis
from webapp.views.whiskers import Whisker, whisker_chart
from webapp.views.wording import Words, interval, number, percent, percent_interval

FOLD_SCORES: Final = ("log_loss", "brier", "event_auc", "direction_auc")
"""Scores whose median over the folds is shown, where the fold table has them."""


def run_row(
    name: str,
    verdict: VerdictFile | None,
    meta: BacktestMeta | None,
    words: Words,
    *,
    cells: int = 0,
) -> dict[str, str]:
    """Return a line about one run; a search is known by its finished cells."""
    found = {
        words("research.run"): name,
        words("research.kind"): words(_kind(verdict, cells)),
        words("research.made"): f"{meta.created_at:%Y-%m-%d %H:%M}" if meta else "–",
        words("research.cut_off"): verdict.cut_off if verdict else "–",
        words("research.source"): verdict.source if verdict else "–",
        words("research.found"): "–",
    }
    if verdict is not None:
        said = [f"{n} {VERDICT_SIGNS[v.evaluation.verdict]}" for n, v in verdict.candidates.items()]
        quick = [words("research.quick")] if verdict.quick else []
        found[words("research.found")] = ", ".join([*said, *quick])
    elif cells:
        found[words("research.found")] = words("research.cells", n=cells)
    return found


def candidate_table(verdict: VerdictFile, words: Words) -> pd.DataFrame:
    """Return what an evaluation found: one column per candidate, one line per number."""
    return pd.DataFrame(
        {name: dict(_lines(one, words)) for name, one in verdict.candidates.items()}
    ).rename_axis(words("research.number"))


def _lines(one: CandidateVerdict, words: Words) -> Iterator[tuple[str, str]]:
    found, luck = one.evaluation, one.multiplicity
    sign = VERDICT_SIGNS[found.verdict]
    reference = words.get(f"references.{found.reference}", found.reference)
    yield words("research.verdict"), f"{sign} {words(f'verdicts.{found.verdict}')}"
    yield words("research.skill"), percent(found.log_loss_skill, signed=True)
    yield words("research.skill_ci"), percent_interval(found.ci95)
    yield words("research.against"), reference
    yield words("research.days"), f"{found.rows:,}"
    yield words("research.worth"), f"{found.effective_rows:.0f}"
    for name in ("log_loss", "brier", "event_auc", "direction_auc"):
        estimate = one.scores[PUBLISHED].get(name)
        if estimate is not None:
            yield words(f"research.scores.{name}"), _estimate(estimate)
    coverage = found.coverage
    if coverage is not None:
        ends = f" [{' – '.join(map(percent, found.coverage_ci95))}]" if found.coverage_ci95 else ""
        yield words("research.coverage"), f"{percent(coverage)}{ends}"
    yield words("research.looks"), f"{luck.looks}"
    yield words("research.p_alone"), f"{luck.p_value:.3g}"
    yield words("research.p_best"), f"{luck.p_value_best:.3g}"


def median_table(folds: Mapping[str, pd.DataFrame], words: Words) -> pd.DataFrame:
    """Return each candidate's medians over its folds, and in how many it beat its base rates.

    >>> table = pd.DataFrame({"rows": [10, 20], "log_loss": [1.0, 1.2], "gain_expanding": [1, -1]})
    >>> found = median_table({"T21_X8": table}, Words("en", {}))
    >>> found.loc["T21_X8", "research.scores.log_loss"]
    '1.100'
    """
    rows = {name: _medians(table, words) for name, table in folds.items()}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(words("research.candidate"))


def _medians(table: pd.DataFrame, words: Words) -> dict[str, str]:
    found = {words("research.folds"): f"{len(table)}"}
    for name in FOLD_SCORES:
        if name in table.columns:
            values = pd.to_numeric(table[name], errors="coerce")
            median = float(values.median())
            found[words(f"research.scores.{name}")] = number(None if math.isnan(median) else median)
    for name in ("expanding", "trailing_year"):
        if f"gain_{name}" in table.columns:
            gains = pd.to_numeric(table[f"gain_{name}"], errors="coerce").dropna()
            found[words(f"research.won_{name}")] = f"{int((gains > 0).sum())} / {len(gains)}"
    return found


def fold_figure(table: pd.DataFrame, reference: str, words: Words) -> go.Figure:
    """Draw each fold's gain over the reference; a bar down is a loss, hatched as well as red."""
    column = f"gain_{reference}"
    if column not in table.columns or table.empty:
        return empty_figure(words("charts.undetermined"))
    gains = pd.to_numeric(table[column], errors="coerce")
    at = (
        pd.to_datetime(table["first"], errors="coerce") if "first" in table.columns else table.index
    )
    won = (gains > 0).tolist()
    said = [
        words("research.fold_hover", fold=fold, days=days, gain=number(gain, signed=True))
        for fold, days, gain in zip(table["fold"], table["rows"], gains, strict=True)
    ]
    figure = go.Figure(
        go.Bar(
            x=at,
            y=gains,
            marker=filled(
                [BLUE if one else VERMILION for one in won], ["" if one else "/" for one in won]
            ),
            hovertext=said,
            hoverinfo="text",
        )
    )
    figure.add_hline(y=0, line={"color": GREY, "width": 1})
    return laid_out(
        figure,
        height=300,
        xaxis=time_axis(words, UTC) if "first" in table.columns else {},
        yaxis={"title": words("research.nats")},
    )


def difference_figure(one: CandidateVerdict, score: str, words: Words) -> go.Figure:
    """Draw by how much the published forecast is better than each other, in one score."""
    rows = [
        Whisker(words.get(f"references.{name}", name), found[score].value, found[score].ci95)
        for name, found in one.differences.items()
        if score in found
    ]
    return whisker_chart(rows, words)


def group_figure(one: CandidateVerdict, words: Words, *, ages: bool = False) -> go.Figure:
    """Draw the gain over the reference by year, or by the age of the model."""
    rows = [
        Whisker(
            _group(row.group, words),
            row.gain.value,
            row.gain.ci95,
            words("research.rows", n=row.rows),
        )
        for row in (one.ages if ages else one.years)
    ]
    return whisker_chart(rows, words)


def shared_scores(one: CandidateVerdict) -> Sequence[str]:
    """Return the scores that the run compares forecasters by, log loss first."""
    found = next(iter(one.differences.values()), {})
    return tuple(sorted(found, key=lambda name: (name != LOG_LOSS.name, name)))


def _group(name: str, words: Words) -> str:
    """Return a year as it is, and an age as `0–6 days` in the reader's language."""
    span, days, _ = name.partition(" days")
    return words("research.rows", n=span) if days else name


def _kind(verdict: VerdictFile | None, cells: int) -> str:
    if verdict is not None:
        return "research.evaluation"
    return "research.search" if cells else "research.unfinished"


def _estimate(one: Estimate) -> str:
    return f"{number(one.value)} {interval(one.ci95)}" if one.ci95 else number(one.value)
