"""Analyst: the day's note, what it was told, and where its words came from."""

from __future__ import annotations

import streamlit as st

from webapp.frame import Frame, open_frame, say_simulated
from webapp.views import notes
from webapp.views.documents import paragraphs


def show(frame: Frame) -> None:
    """Lay out the page."""
    words = frame.words
    st.title(words("analyst.title"))
    st.caption(words("analyst.question"))
    say_simulated(frame)
    day_note(frame)
    analyses(frame)


def day_note(frame: Frame) -> None:
    """Lay out one day's note, the newest first."""
    words, found = frame.words, frame.deployment.documents("notes")
    if not found:
        st.info(words("analyst.no_notes"))
        return
    by_name = {one.name: one for one in reversed(found)}
    chosen = by_name[st.selectbox(words("analyst.choose"), tuple(by_name), key="note")]
    with st.container(border=True):
        st.markdown(paragraphs(notes.note_text(chosen.fields)) or words("analyst.no_text"))
    st.dataframe(notes.fact_table(chosen.fields, words), hide_index=True)
    st.markdown(f"**{words('analyst.inputs')}**")
    inputs = notes.input_table(chosen.fields, words)
    if inputs.empty:
        st.caption(words("analyst.no_inputs"))
    else:
        st.dataframe(inputs, hide_index=True)
    with st.expander(words("analyst.everything")):
        st.json(chosen.fields, expanded=2)


def analyses(frame: Frame) -> None:
    """Lay out the stored analyses."""
    words, found = frame.words, frame.deployment.documents("analyses")
    st.subheader(words("analyst.analyses"))
    if not found:
        st.caption(words("analyst.no_analyses"))
        return
    table = notes.analysis_table([one.fields for one in found], words)
    st.dataframe(table, hide_index=True)


show(open_frame())
