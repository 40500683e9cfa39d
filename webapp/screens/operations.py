"""Operations: whether the job runs, on time, and what went wrong."""

from __future__ import annotations

import streamlit as st

from webapp.frame import Frame, open_frame, say_simulated
from webapp.read_model.deployment import Area
from webapp.views import operations
from webapp.views.documents import field_rows
from webapp.views.wording import literal, number

PLAIN = {"displayModeBar": False}
SHOWN_RUNS = 60


def show(frame: Frame) -> None:
    """Lay out the page."""
    words, deployment = frame.words, frame.deployment
    st.title(words("operations.title"))
    st.caption(words("operations.question"))
    say_simulated(frame)
    fresh(frame)
    runs = deployment.runs(newest=SHOWN_RUNS)
    if not runs:
        st.info(words("operations.nothing"))
    else:
        last = runs[-1]
        told = operations.last_line(last, frame.zone, words)
        (st.success if last.exit_code == 0 else st.error)(told)
        first, second, third = st.columns(3)
        done = f"{operations.succeeded(runs)} / {len(runs)}"
        first.metric(words("operations.succeeded_of", n=len(runs)), done, border=True)
        median = operations.median_seconds(runs)
        spent = "–" if median is None else f"{number(median, 2)} s"
        second.metric(words("operations.median"), spent, border=True)
        conflicts = len(deployment.conflicts())
        third.metric(words("operations.conflicts"), conflicts, border=True)
        st.subheader(words("operations.durations"))
        figure = operations.duration_figure(runs, words, frame.zone)
        st.plotly_chart(figure, key="durations", config=PLAIN)
        st.subheader(words("operations.steps_over_time"))
        st.plotly_chart(operations.step_figure(runs, words, frame.zone), key="steps", config=PLAIN)
        if last.steps:
            st.subheader(words("operations.steps"))
            st.dataframe(operations.step_table(last, words), hide_index=True)
        st.subheader(words("operations.runs"))
        st.dataframe(operations.run_table(runs, words), hide_index=True)
    for area in ("alerts", "shadow", "health"):
        kept(frame, area)


def fresh(frame: Frame) -> None:
    """Say whether the newest forecast is overdue."""
    newest = frame.deployment.records(newest=1)
    if not newest:
        st.warning(frame.words("operations.no_record"))
        return
    found = operations.freshness(newest[-1], frame.now)
    line = operations.fresh_line(found, frame.words)
    if found.is_fresh:
        st.success(line, icon=":material/check_circle:")
    else:
        st.error(line, icon=":material/schedule:")


def kept(frame: Frame, area: Area) -> None:
    """Lay out the documents of an area, the newest open."""
    words, found = frame.words, frame.deployment.documents(area)
    st.subheader(words(f"operations.{area}"))
    if not found:
        st.caption(words(f"operations.no_{area}"))
        return
    newest = found[-1]
    st.markdown(words("operations.newest_of", n=len(found)))
    st.markdown(f"**{literal(newest.name)}**")
    columns = (words("operations.field"), words("operations.value"))
    rows = [dict(zip(columns, row, strict=True)) for row in field_rows(newest.fields)]
    st.dataframe(rows, hide_index=True)
    if len(found) > 1:
        with st.expander(words("operations.older")):
            st.dataframe(
                [{words("operations.document"): one.name} for one in reversed(found[:-1])],
                hide_index=True,
            )


show(open_frame())
