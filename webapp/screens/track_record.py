"""Track record: how good the forecasts have been, each kind of evidence for itself."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from webapp.frame import Frame, open_frame, show_nothing_yet
from webapp.read_model.ledger import KINDS, classes_in
from webapp.views import track_record
from webapp.views.candidates import traits
from webapp.views.record_skill import Record, record_of
from webapp.views.wording import literal


def show(frame: Frame) -> None:
    """Lay out the page."""
    words = frame.words
    st.title(words("track_record.title"))
    with st.spinner(words("app.reading")):
        rows = frame.deployment.ledger()
    if rows.empty or frame.candidate is None:
        show_nothing_yet(frame)
        return
    mine = rows[rows["candidate"] == frame.candidate]
    horizon = traits(frame.candidate).horizon or 1
    st.subheader(literal(frame.candidate))
    if frame.library.pinned() == "simulated":
        st.warning(words("banners.simulated"))
    kinds = [kind for kind in KINDS if kind in set(mine["kind"])]
    classes = classes_in(mine)
    records = {kind: record_of(mine[mine["kind"] == kind], classes, horizon) for kind in kinds}
    st.dataframe(track_record.comparison_table(records, words), hide_index=True)
    kind = st.segmented_control(
        words("track_record.kind"),
        kinds,
        default=kinds[0],
        format_func=lambda kind: words(f"modes.{kind}"),
        key="track record kind",
    )
    kind = kind if kind in kinds else kinds[0]
    st.caption(words(f"kinds.{kind}"))
    evidence(frame, records[kind], kind)


def evidence(frame: Frame, record: Record, kind: str) -> None:
    """Lay out one kind of evidence."""
    words = frame.words
    if len(record.done) < record.needed:
        st.info(
            words("track_record.too_few", needed=record.needed, rows=len(record.done)),
            icon=":material/hourglass_empty:",
        )
    summary(frame, record)
    if record.done.empty:
        return
    st.subheader(words("track_record.over_time"))
    st.plotly_chart(track_record.skill_figure(record, words, frame.zone), key=f"skill {kind}")
    left, right = st.columns(2)
    with left:
        st.subheader(words("track_record.reliability"))
        st.plotly_chart(track_record.reliability_figure(record, words), key=f"reliability {kind}")
    with right:
        st.subheader(words("track_record.sets"))
        figure = track_record.coverage_figure(record, words, frame.zone)
        st.plotly_chart(figure, key=f"coverage {kind}")
    st.subheader(words("track_record.hits"))
    st.caption(words("track_record.hits_how"))
    st.dataframe(track_record.hit_table(record, words), hide_index=True)
    st.subheader(words("track_record.hindcast"))
    st.plotly_chart(track_record.hindcast_figure(record, words, frame.zone), key=f"hindcast {kind}")
    with st.expander(words("track_record.hindcast_table")):
        shown: pd.DataFrame = track_record.hindcast_table(record, words)
        st.dataframe(shown.style.format(precision=3), hide_index=True)


def summary(frame: Frame, record: Record) -> None:
    """Lay out the numbers."""
    words = frame.words
    first, second, third = st.columns(3)
    first.metric(words("track_record.resolved"), len(record.done), border=True)
    second.metric(words("track_record.pending"), record.pending, border=True)
    third.metric(
        words("track_record.independent"), track_record.independent_text(record), border=True
    )
    st.dataframe(track_record.summary_table(record, words), hide_index=True)


show(open_frame())
