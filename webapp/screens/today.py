"""Today: what the newest forecast of each candidate says, and how far to believe it."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import streamlit as st
from pandas.api.types import is_numeric_dtype as is_numeric

from forecastlab.contracts.intervals import DURATION, last_closed_open
from forecastlab.contracts.records import ForecastRecord
from webapp.frame import Frame, open_frame, show_nothing_yet
from webapp.views import today
from webapp.views.banners import banners
from webapp.views.candidates import by_horizon, traits
from webapp.views.wording import age, instant, literal, percent

SHOWN_CANDLES = 90


def show(frame: Frame) -> None:
    """Lay out the page."""
    words, deployment = frame.words, frame.deployment
    st.title(words("today.title"))
    newest = deployment.records(newest=1) or deployment.backfills(newest=1)
    if not newest:
        show_nothing_yet(frame)
        return
    record = newest[-1]
    pinned = frame.library.pinned()
    for banner in banners(record, words, now=frame.now, pinned=pinned):
        {"error": st.error, "warning": st.warning, "info": st.info}[banner.severity](banner.text)
    head(frame, record)
    for column, candidate in zip(
        st.columns(len(record.forecasts)), by_horizon(record.forecasts), strict=True
    ):
        with column:
            forecast_card(frame, record, candidate)
    price(frame, record)
    fan(frame, record)
    st.subheader(words("today.record"))
    facts(today.record_facts(record, words, frame.zone))


def head(frame: Frame, record: ForecastRecord) -> None:
    """Lay out what all candidates share."""
    words = frame.words
    first, second, third = st.columns([3, 4, 3])
    first.metric(literal(record.symbol), f"{record.close:,.2f}", border=True)
    second.metric(words("today.as_of"), record.asof_date, border=True)
    third.metric(
        words("today.age"), age(max(frame.now - record.as_of, timedelta()), words), border=True
    )
    st.caption(words("today.closed_at", instant=instant(record.as_of, frame.zone)))
    regime = today.regime_line(record, words)
    if regime:
        st.markdown(words("today.regime", regime=regime))
    if record.position_scale is not None:
        st.caption(words("today.position_scale", share=percent(record.position_scale, 0)))


def forecast_card(frame: Frame, record: ForecastRecord, candidate: str) -> None:
    """Lay out one candidate."""
    words, forecast = frame.words, record.forecasts[candidate]
    named = traits(candidate, frame.deployment.manifest(record.bundle.name))
    st.subheader(literal(candidate))
    st.markdown(f"**{today.call_line(forecast, words)}**")
    st.plotly_chart(
        today.probability_figure(forecast, words),
        key=f"probabilities {candidate}",
        config={"displayModeBar": False},
    )
    facts(today.facts(record, forecast, named, words, frame.zone))
    with st.expander(words("today.members")):
        shares = today.members_table(forecast, words)
        facts(shares.apply(lambda column: column.map(percent) if is_numeric(column) else column))


def facts(table: pd.DataFrame) -> None:
    """Lay out a table of text whose lines wrap; data shows letter by letter."""
    st.table(table.map(literal).set_index(table.columns[0]), border="horizontal")


def price(frame: Frame, record: ForecastRecord) -> None:
    """Lay out the price with the band of the chosen candidate."""
    words = frame.words
    chosen = (
        frame.candidate if frame.candidate in record.forecasts else by_horizon(record.forecasts)[0]
    )
    named = traits(chosen, frame.deployment.manifest(record.bundle.name))
    title = "today.price" if named.level is None else "today.price_and_band"
    st.subheader(words(title, candidate=literal(chosen)))
    step = DURATION[record.interval]
    newest = last_closed_open(max(frame.now, record.as_of), record.interval)
    candles = frame.library.candles(
        record.symbol,
        record.interval,
        last_open=newest,
        span=max(newest - record.as_of, timedelta()) + SHOWN_CANDLES * step,
    )
    if not len(candles):
        st.caption(words("today.no_candles"))
    st.plotly_chart(
        today.price_figure(candles.frame, record, named, words, frame.zone), key="price"
    )


def fan(frame: Frame, record: ForecastRecord) -> None:
    """Lay out the quantile fan, where the deployment has one."""
    if record.quantiles:
        st.subheader(frame.words("today.fan"))
        figure = today.fan_figure(record.quantiles, record, frame.words, frame.zone)
        st.plotly_chart(figure, key="fan")


show(open_frame())
