"""The track record, drawn: skill over time, reliability, coverage, hits, hindcast."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import Final

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from forecastlab.evaluation.classification import confusion
from forecastlab.evaluation.scores import reliability
from webapp.views.candidates import signed_name
from webapp.views.palette import (
    GREY,
    KINDS,
    Style,
    class_style,
    empty_figure,
    filled,
    laid_out,
    series_style,
)
from webapp.views.record_skill import SCORES, Record, Skill, coverage, covered, independent, skills
from webapp.views.time_axis import local, time_axis
from webapp.views.wording import Words, number, percent, percent_interval

POINTS: Final = 60
"""Points of a curve over time: more cost time and show nothing."""


def comparison_table(records: Mapping[str, Record], words: Words) -> pd.DataFrame:
    """Return kinds of evidence beside each other, one row each, none mixed with another."""
    rows = []
    for kind, record in records.items():
        found = skills(record) if len(record.done) else ()
        rows.append(
            {
                words("track_record.kind"): f"{KINDS[kind].sign} {words(f'modes.{kind}')}",
                words("track_record.resolved"): len(record.done),
                words("track_record.pending"): record.pending,
                words("track_record.independent"): independent_text(record),
                **{words(f"track_record.skill_{one.score}"): skill_text(one) for one in found},
            }
        )
    return pd.DataFrame(rows).fillna("–")


def _ends(ends: tuple[float, float] | None) -> str:
    return "–" if ends is None else f"[{percent(ends[0])}, {percent(ends[1])}]"


def skill_text(one: Skill) -> str:
    """Return a skill with its interval, where there is one.

    >>> skill_text(Skill("brier", 0.0213, 0.61, 0.63, (-0.01, 0.05)))
    '+2.1 % [−1.0 %, +5.0 %]'
    """
    ends = f" {percent_interval(one.ci95)}" if one.ci95 else ""
    return f"{percent(one.value, signed=True)}{ends}"


def summary_table(record: Record, words: Words) -> pd.DataFrame:
    """Return the numbers of a record as a table of text: what, value, 95 % interval."""
    rows: list[tuple[str, str, str]] = []
    if len(record.done):
        for one in skills(record):
            name = words(f"track_record.{one.score}")
            rows += [
                (name, number(one.mine), ""),
                (words("track_record.of_base_rate", score=name), number(one.theirs), ""),
                (
                    words("track_record.skill_of", score=name),
                    percent(one.value, signed=True),
                    percent_interval(one.ci95) if one.ci95 else "–",
                ),
            ]
        share, ends = coverage(record)
        if share is not None:
            rows.append((words("track_record.coverage"), percent(share), _ends(ends)))
    names = ("what", "value", "ci95")
    return pd.DataFrame(rows, columns=[words(f"track_record.{name}") for name in names])


def independent_text(record: Record) -> str:
    """Return how many independent forecasts the resolved ones are worth, as text."""
    return number(independent(record), 1) if len(record.done) else "–"


def skill_figure(record: Record, words: Words, zone: tzinfo) -> go.Figure:
    """Draw log-loss and Brier skill of all forecasts up to each day, with their intervals."""
    done = record.done
    if len(done) < 2:
        return empty_figure(words("track_record.too_few", needed=2, rows=len(done)))
    stops = np.unique(np.linspace(2, len(done), min(POINTS, len(done) - 1)).astype(int))
    at = local(pd.DatetimeIndex(done["as_of"]), zone)[stops - 1]
    figure = go.Figure()
    series = [skills(record, until=int(stop)) for stop in stops]
    for place in range(len(SCORES)):
        _add_band(figure, at, [one[place] for one in series], series_style(place), words)
    figure.add_hline(y=0, line={"color": GREY, "width": 1})
    shown = [one.value for skill in series for one in skill]
    reach = 1.5 * max(0.05, float(np.abs(shown[len(shown) // 4 :]).max()))
    return laid_out(
        figure,
        height=360,
        xaxis=time_axis(words, zone),
        yaxis={
            "title": words("track_record.skill_axis"),
            "tickformat": "+.0%",
            "range": [-reach, reach],
        },
    )


def reliability_figure(record: Record, words: Words, *, bins: int = 10) -> go.Figure:
    """Draw how often each class happened against the probability that it was given."""
    if not len(record.mine):
        return empty_figure(words("track_record.none_resolved"))
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 1],
        y=[0, 1],
        mode="lines",
        name=words("track_record.perfect"),
        line={"color": GREY, "dash": "dot", "width": 1},
        hoverinfo="skip",
    )
    for label in record.classes:
        style = class_style(label, record.classes)
        table = reliability(record.mine, label, bins=bins)
        figure.add_scatter(
            x=table["forecast"],
            y=table["happened"],
            customdata=table["rows"],
            mode="lines+markers",
            name=signed_name(label, record.classes, words),
            line={"color": style.colour, "dash": style.dash, "width": 2},
            marker={
                "symbol": style.symbol,
                "size": 6 + 14 * np.sqrt(table["rows"] / len(record.mine)),
            },
            hovertemplate="%{x:.1%} → %{y:.1%} (n = %{customdata})<extra>%{fullData.name}</extra>",
        )
    return laid_out(
        figure,
        height=380,
        xaxis={
            "title": words("track_record.forecast_axis"),
            "range": [-0.02, 1.02],
            "tickformat": ".0%",
        },
        yaxis={
            "title": words("track_record.happened_axis"),
            "range": [-0.02, 1.02],
            "tickformat": ".0%",
        },
    )


def coverage_figure(record: Record, words: Words, zone: tzinfo) -> go.Figure:
    """Draw the share of prediction sets that held the outcome so far, beside what they claim."""
    done = record.done
    done = done[done["set_labels"].notna()]
    held = covered(record)
    if not len(held):
        return empty_figure(words("track_record.no_sets"))
    at = local(pd.DatetimeIndex(done["as_of"]), zone)
    style, so_far = series_style(0), held.cumsum() / np.arange(1, len(held) + 1)
    figure = go.Figure()
    figure.add_scatter(
        x=at,
        y=so_far,
        mode="lines",
        name=words("track_record.covered"),
        line={"color": style.colour, "width": 2},
        hovertemplate="%{x}: %{y:.1%}<extra></extra>",
    )
    figure.add_scatter(
        x=at,
        y=done["set_level"],
        mode="lines",
        name=words("track_record.claimed"),
        line={"color": GREY, "dash": "dash", "width": 2},
        hovertemplate="%{y:.0%}<extra></extra>",
    )
    return laid_out(
        figure,
        height=280,
        xaxis=time_axis(words, zone),
        yaxis={"range": [0, 1.02], "tickformat": ".0%"},
    )


def hit_table(record: Record, words: Words) -> pd.DataFrame:
    """Count how often each class happened (columns) while each was the most likely (rows)."""
    names = [signed_name(label, record.classes, words) for label in record.classes]
    counted = confusion(record.mine, np.ones((1, len(record.mine))))[0].T
    table = pd.DataFrame(counted.astype(int), columns=names)
    table.insert(0, words("track_record.called"), names)
    totals = counted.sum(axis=1)
    with np.errstate(invalid="ignore"):
        shares = np.diag(counted) / totals
    table[words("track_record.hit_share")] = [
        percent(float(share)) if total else "–" for share, total in zip(shares, totals, strict=True)
    ]
    return table


def hindcast_figure(record: Record, words: Words, zone: tzinfo, *, last: int = 120) -> go.Figure:
    """Draw the newest resolved forecasts as stacked probabilities, the outcome marked in each."""
    done = record.done.tail(last)
    if done.empty:
        return empty_figure(words("track_record.none_resolved"))
    at = local(pd.DatetimeIndex(done["as_of"]), zone)
    figure, below = go.Figure(), np.zeros(len(done))
    middles = np.full(len(done), np.nan)
    for label in record.classes:
        style, share = class_style(label, record.classes), done[f"p[{label}]"].to_numpy()
        figure.add_bar(
            x=at,
            y=share,
            name=signed_name(label, record.classes, words),
            marker=filled(style.colour, style.pattern),
            hovertemplate="%{x}: %{y:.1%}<extra>%{fullData.name}</extra>",
        )
        happened = (done["label"] == label).to_numpy()
        middles[happened] = (below + share / 2)[happened]
        below = below + share
    figure.add_scatter(
        x=at,
        y=middles,
        mode="markers",
        name=words("track_record.outcome"),
        marker={
            "symbol": "x",
            "size": 7,
            "color": "white",
            "line": {"color": "black", "width": 1},
        },
        hoverinfo="skip",
    )
    return laid_out(
        figure,
        height=320,
        barmode="stack",
        bargap=0,
        xaxis=time_axis(words, zone),
        yaxis={"range": [0, 1], "tickformat": ".0%"},
    )


def hindcast_table(record: Record, words: Words, *, last: int = 200) -> pd.DataFrame:
    """Return the newest resolved forecasts beside their outcomes, newest first."""
    done = record.done.tail(last).iloc[::-1]
    labels = done["label"].astype("int64")
    given = record.mine.probabilities[np.arange(len(record.mine)), record.mine.positions()]
    return pd.DataFrame(
        {
            words("track_record.asof"): done["asof"].tolist(),
            words("track_record.called"): _names(done["pred_label"], record, words),
            words("track_record.outcome"): _names(labels, record, words),
            words("track_record.given"): given[-len(done) :][::-1] if len(done) else [],
            words("track_record.hit"): [
                "✓" if hit else "✗" for hit in done["pred_label"].to_numpy() == labels.to_numpy()
            ],
        }
    )


def _add_band(
    figure: go.Figure, at: pd.DatetimeIndex, series: Sequence[Skill], style: Style, words: Words
) -> None:
    name = words(f"track_record.{series[0].score}")
    known = [place for place, one in enumerate(series) if one.ci95 is not None]
    ends = [one.ci95 for one in series if one.ci95 is not None]
    if known:
        figure.add_scatter(
            x=[*at[known], *at[known][::-1]],
            y=[high for _, high in ends] + [low for low, _ in reversed(ends)],
            fill="toself",
            mode="lines",
            name=words("track_record.ci_of", score=name),
            line={"color": style.colour, "dash": "dot", "width": 1},
            opacity=0.25,
            hoverinfo="skip",
        )
    figure.add_scatter(
        x=at,
        y=[one.value for one in series],
        mode="lines+markers",
        name=name,
        line={"color": style.colour, "dash": style.dash, "width": 2},
        marker={"symbol": style.symbol, "size": 5},
        text=["" if one.ci95 is None else percent_interval(one.ci95) for one in series],
        hovertemplate="%{x}: %{y:+.1%} %{text}<extra>%{fullData.name}</extra>",
    )


def _names(labels: pd.Series, record: Record, words: Words) -> list[str]:
    return [signed_name(int(label), record.classes, words) for label in labels]
