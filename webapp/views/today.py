"""The newest forecast: probabilities beside the base rate, the price and its band, the fan."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from forecastlab.contracts.intervals import DURATION
from forecastlab.contracts.records import CandidateForecast, ForecastRecord
from webapp.views.candidates import (
    Traits,
    class_name,
    classes_of,
    set_in_words,
    signed_name,
)
from webapp.views.palette import (
    BLUE,
    GREY,
    VERDICT_SIGNS,
    class_style,
    empty_figure,
    filled,
    laid_out,
)
from webapp.views.time_axis import local, time_axis
from webapp.views.wording import Words, instant, number, percent, percent_interval


def call_line(forecast: CandidateForecast, words: Words) -> str:
    """Return the record's reading in words, with its verdict: what a page leads with."""
    verdict = forecast.skill.verdict
    sign = VERDICT_SIGNS[verdict]
    return f"{words(f'calls.{forecast.call}')} · {sign} {words(f'verdicts.{verdict}')}"


def probability_figure(forecast: CandidateForecast, words: Words) -> go.Figure:
    """Draw P(class) as bars beside its base rate; sign, pattern and number tell classes apart."""
    classes = classes_of(forecast.pred_proba)
    names = [signed_name(label, classes, words) for label in classes]
    shares = [forecast.pred_proba[str(label)] for label in classes]
    rates = [forecast.base_rate[str(label)] for label in classes]
    styles = [class_style(label, classes) for label in classes]
    figure = go.Figure()
    figure.add_bar(
        y=names,
        x=rates,
        orientation="h",
        name=words("today.base_rate"),
        marker={"color": "rgba(0,0,0,0)", "line": {"color": GREY, "width": 2}},
        text=[percent(rate, 0) for rate in rates],
        textposition="outside",
        hovertemplate="%{y}: %{x:.1%}<extra></extra>",
    )
    figure.add_bar(
        y=names,
        x=shares,
        orientation="h",
        name=words("today.forecast"),
        marker=filled([one.colour for one in styles], [one.pattern for one in styles]),
        text=[f"<b>{percent(share, 0)}</b>" for share in shares],
        textposition="outside",
        hovertemplate="%{y}: %{x:.1%}<extra></extra>",
    )
    reach = max(*shares, *rates) * 1.2
    return laid_out(
        figure,
        height=90 + 60 * len(classes),
        barmode="group",
        legend_traceorder="reversed",
        xaxis={"range": [0, min(reach, 1.15)], "tickformat": ".0%", "fixedrange": True},
        yaxis={"fixedrange": True},
    )


def facts(
    record: ForecastRecord, forecast: CandidateForecast, traits: Traits, words: Words, zone: tzinfo
) -> pd.DataFrame:
    """Return what a forecast says beside its probabilities, as a table of two text columns."""
    classes = classes_of(forecast.pred_proba)
    level = percent(forecast.prediction_set.level, 0)
    skill = forecast.skill
    labels = set_in_words(forecast.prediction_set.labels, classes, words)
    rows = {
        "label": signed_name(forecast.pred_label, classes, words),
        "set": words("today.set_line", level=level, labels=labels),
        "resolves": resolves_line(record, forecast, traits, words, zone),
        "skill": words(
            "today.skill_line",
            skill=percent(skill.log_loss_skill, signed=True),
            ci=percent_interval(skill.ci95),
            reference=words(f"references.{skill.reference}"),
        ),
        "band": band_line(record.close, traits.level, words),
        "method": forecast.method,
        "skipped": "; ".join(f"{name}: {why}" for name, why in forecast.skipped.items()),
    }
    return _facts(rows, words)


def record_facts(record: ForecastRecord, words: Words, zone: tzinfo) -> pd.DataFrame:
    """Return how a record came about, as a table of two text columns."""
    runtime = record.runtime
    path = words(f"paths.{runtime.path}")
    rows = {
        "mode": words(f"modes.{record.mode}"),
        "bundle": record.bundle.name,
        "path": f"{path} · {runtime.device} · {number(runtime.duration_s, 2)} s",
        "source": f"{record.source.name} · {record.source.rows}",
        "made": instant(record.created_at, zone),
    }
    return _facts(rows, words)


def resolves_line(
    record: ForecastRecord, forecast: CandidateForecast, traits: Traits, words: Words, zone: tzinfo
) -> str:
    """Return when a forecast resolves; the record's day where the candidate's span is not known."""
    at = forecast.resolves_at or traits.resolves_at(record.as_of, record.interval)
    if at is None:
        return forecast.resolves_on.isoformat()
    return words("today.resolves_line", instant=instant(at, zone), candles=traits.horizon or 0)


def band_line(close: float, level: float | None, words: Words) -> str:
    """Return the prices at the band's edges; empty for a target without one."""
    if level is None:
        return ""
    low, high = (f"{close * (1 + side * level):,.2f}" for side in (-1, 1))
    return words("today.band_line", low=low, high=high, level=percent(level, 1))


def members_table(forecast: CandidateForecast, words: Words) -> pd.DataFrame:
    """Return the probabilities of every member beside the published ones and the base rate."""
    classes = classes_of(forecast.pred_proba)
    named = {
        words("today.published"): forecast.pred_proba,
        words("today.base_rate"): forecast.base_rate,
        **forecast.members,
    }
    columns = {
        class_name(label, classes, words): [shares[str(label)] for shares in named.values()]
        for label in classes
    }
    return pd.DataFrame({words("today.forecaster"): list(named), **columns})


def price_figure(
    candles: pd.DataFrame, record: ForecastRecord, traits: Traits, words: Words, zone: tzinfo
) -> go.Figure:
    """Draw the closes up to the as-of, and the band in which a forecast resolves as neither.

    Args:
        candles: the store's candles of the record's symbol and interval, index `open_time`; those
            after the as-of are drawn too, as the reader lives after them.
    """
    step = DURATION[record.interval]
    figure = go.Figure()
    if len(candles):
        # A close is known when its candle ends, which is where the band begins.
        closed_at = local(pd.DatetimeIndex(candles.index) + step, zone)
        figure.add_scatter(
            x=closed_at,
            y=candles["close"],
            mode="lines",
            name=words("today.close"),
            line={"color": GREY, "width": 2},
            hovertemplate="%{x}: %{y:,.2f}<extra></extra>",
        )
    begins = record.as_of
    ends = traits.resolves_at(begins, record.interval) or begins + step
    span = local(pd.DatetimeIndex([begins, ends]), zone)
    figure.add_scatter(
        x=span[:1],
        y=[record.close],
        mode="markers",
        name=words("today.as_of"),
        marker={"symbol": "circle", "size": 10, "color": BLUE},
        hovertemplate="%{x}: %{y:,.2f}<extra></extra>",
    )
    if traits.level is not None:
        for side, name in ((1, "upper"), (-1, "lower")):
            style = class_style(side, (-1, 1))
            figure.add_scatter(
                x=span,
                y=[record.close * (1 + side * traits.level)] * 2,
                mode="lines+markers",
                name=words(f"today.{name}", level=percent(traits.level, 1)),
                line={"color": style.colour, "dash": style.dash, "width": 2},
                marker={"symbol": style.symbol, "size": 8},
                fill="tonexty" if side == -1 else None,
                fillcolor="rgba(128,128,128,0.12)",
                hovertemplate="%{y:,.2f}<extra></extra>",
            )
    return laid_out(figure, height=360, xaxis=time_axis(words, zone), yaxis={"tickformat": ",.0f"})


def fan_figure(
    quantiles: Mapping[str, Mapping[str, float]],
    record: ForecastRecord,
    words: Words,
    zone: tzinfo,
) -> go.Figure:
    """Draw the quantiles of the forward return as prices over the horizons: the fan.

    Args:
        quantiles: horizon in candles -> level -> forward log-return.
    """
    horizons = sorted((int(horizon) for horizon in quantiles), key=int)
    levels = sorted({level for table in quantiles.values() for level in table}, key=float)
    if not horizons or not levels:
        return empty_figure(words("today.no_quantiles"))
    step = DURATION[record.interval]
    at = local(pd.DatetimeIndex([record.as_of, *(record.as_of + n * step for n in horizons)]), zone)
    figure = go.Figure()
    middle = (len(levels) - 1) / 2
    for place, level in enumerate(levels):
        returns = pd.Series([0.0, *(quantiles[str(n)].get(level) for n in horizons)], dtype=float)
        prices = record.close * np.exp(returns)
        is_median = place == middle
        figure.add_scatter(
            x=at,
            y=prices,
            mode="lines+markers",
            name=words("today.quantile", level=percent(float(level), 0)),
            line={
                "color": BLUE,
                "width": 3 if is_median else 1,
                "dash": "solid" if is_median else "dot",
            },
            marker={"size": 6},
            fill="tonexty" if place else None,
            fillcolor="rgba(0,114,178,0.15)",
            hovertemplate="%{x}: %{y:,.2f}<extra>%{fullData.name}</extra>",
        )
    return laid_out(figure, height=340, xaxis=time_axis(words, zone), yaxis={"tickformat": ",.0f"})


def regime_line(record: ForecastRecord, words: Words) -> str | None:
    """Return the regime in words as markdown; None where the deployment forecasts none."""
    regime = record.regime
    if regime is None:
        return None
    shares = {
        "vol_prob": regime.vol_prob,
        "trend_prob": regime.trend_prob,
        "confidence": regime.confidence,
    }
    said = [words(f"today.{name}", share=percent(share, 0)) for name, share in shares.items()]
    return " · ".join([f"**{words(f'regimes.{regime.name}')}**", *said])


def _facts(rows: Mapping[str, str], words: Words) -> pd.DataFrame:
    kept = {name: text for name, text in rows.items() if text}
    return pd.DataFrame(
        {
            words("today.fact"): [words(f"today.{name}") for name in kept],
            words("today.value"): list(kept.values()),
        }
    )
