"""History: the forecasts on the candles, as curves, and as a map."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import streamlit as st

from forecastlab.contracts.intervals import DURATION, Interval, last_closed_open
from forecastlab.contracts.records import ForecastRecord
from webapp.frame import Frame, open_frame, say_simulated, show_nothing_yet
from webapp.read_model.ledger import KINDS, classes_in
from webapp.views import history
from webapp.views.candidates import by_horizon, signed_name
from webapp.views.forecast_table import exported, forecast_table
from webapp.views.wording import literal

MOST_ROWS = 500


def show(frame: Frame) -> None:
    """Lay out the page."""
    words = frame.words
    st.title(words("history.title"))
    say_simulated(frame)
    with st.spinner(words("app.reading")):
        rows = frame.deployment.ledger()
    newest = frame.deployment.records(newest=1) or frame.deployment.backfills(newest=1)
    if rows.empty or not newest:
        show_nothing_yet(frame)
        return
    spans = history.spans(newest[-1].interval)
    days = st.segmented_control(words("history.days"), spans, default=spans[1], key=f"days {spans}")
    days = days or spans[1]
    chosen = history.filtered(rows, filters(frame, rows, newest[-1], days))
    st.caption(words("history.shown", shown=len(chosen), all=len(rows)))
    candles(frame, newest[-1], chosen, days)
    st.subheader(words("history.curves"))
    st.plotly_chart(history.curves_figure(chosen, words, frame.zone), key="curves")
    for candidate in by_horizon(chosen["candidate"].unique()):
        st.subheader(words("history.map", candidate=literal(candidate)))
        mine = chosen[chosen["candidate"] == candidate]
        st.plotly_chart(history.heat_figure(mine, words, frame.zone), key=f"map {candidate}")
    table(frame, chosen)


def filters(frame: Frame, rows: pd.DataFrame, newest: ForecastRecord, days: int) -> history.Filter:
    """Lay out the filters and return what they say."""
    words, classes = frame.words, classes_in(rows)
    names = by_horizon(rows["candidate"].unique())
    kinds = [kind for kind in KINDS if kind in set(rows["kind"])]
    with st.expander(words("history.filters"), icon=":material/filter_alt:"):
        return history.Filter(
            since=newest.as_of - timedelta(days=days),
            candidates=st.multiselect(
                words("history.candidate"), names, default=names, key="history candidates"
            ),
            labels=st.multiselect(
                words("today.label"),
                classes,
                default=classes,
                format_func=lambda label: signed_name(label, classes, words),
                key="history labels",
            ),
            kinds=st.multiselect(
                words("history.kind"),
                kinds,
                default=kinds,
                format_func=lambda kind: words(f"modes.{kind}"),
                key="history kinds",
            ),
            least=st.slider(words("history.least"), 0, 100, 0, 5, format="%d %%") / 100,
        )


def candles(frame: Frame, newest: ForecastRecord, rows: pd.DataFrame, days: int) -> None:
    """Lay out the candles with the forecasts on them."""
    words = frame.words
    interval: Interval = history.candle_interval(newest.interval, days)
    last = last_closed_open(max(frame.now, newest.as_of), interval)
    found = frame.library.candles(
        newest.symbol,
        interval,
        last_open=last,
        span=max(last - newest.as_of, timedelta()) + timedelta(days=days) + DURATION[interval],
    )
    st.subheader(words("history.on_candles", symbol=literal(newest.symbol), interval=interval))
    if not len(found):
        st.caption(words("today.no_candles"))
    figure = history.candle_figure(found.frame, interval, rows, words, frame.zone)
    st.plotly_chart(figure, key="candles", config={"scrollZoom": True})


def table(frame: Frame, rows: pd.DataFrame) -> None:
    """Lay out the forecasts as a table, and as a file."""
    words = frame.words
    st.subheader(words("history.table"))
    shown = forecast_table(rows.tail(MOST_ROWS), words)
    st.dataframe(shown.style.format(precision=3), hide_index=True)
    st.download_button(
        words("history.export"),
        exported(rows),
        file_name=f"forecasts_{frame.deployment.name}.csv",
        mime="text/csv",
        icon=":material/download:",
    )


show(open_frame())
