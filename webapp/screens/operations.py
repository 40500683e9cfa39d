"""Operations: whether the job runs, on time, and what went wrong."""

from __future__ import annotations

import streamlit as st

from webapp.frame import Frame, open_frame, say_simulated
from webapp.read_model.deployment import Area
from webapp.views import health, operations, shadow
from webapp.views import incidents as incident_views
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
    incidents(frame)
    shadows(frame)
    kept(frame, "health")


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


def incidents(frame: Frame) -> None:
    """Lay out what alerts have opened: what is open as such, all of it as a table."""
    words, found = frame.words, frame.deployment.incidents()
    st.subheader(words("operations.alerts"))
    for one in incident_views.incident_banners(found, words, frame.zone):
        (st.error if one.severity == "error" else st.warning)(one.text)
    if found:
        st.dataframe(incident_views.incident_table(found, words), hide_index=True)
    else:
        st.caption(words("operations.no_alerts"))


def shadows(frame: Frame) -> None:
    """Lay out what the challengers said beside the champion, the newest as-of in full."""
    words = frame.words
    found = [shadow.read_shadow(one.fields) for one in frame.deployment.documents("shadow")]
    documents = [one for one in found if one is not None]
    if not documents:
        kept(frame, "shadow")
        return
    st.subheader(words("operations.shadow"))
    st.caption(words("shadow.help"))
    st.dataframe(shadow.run_table(documents, words), hide_index=True)
    newest = documents[-1]
    st.markdown(words("shadow.both_of", asof=literal(newest.asof_date)))
    st.dataframe(shadow.forecast_table(newest, words), hide_index=True)
    members = shadow.member_table(newest, words)
    if len(members):
        with st.expander(words("shadow.members")):
            st.dataframe(members, hide_index=True)


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
    table = health.step_table(newest.fields, words)
    fields = newest.fields if table is None else health.rest(newest.fields)
    rows = [dict(zip(columns, row, strict=True)) for row in field_rows(fields)]
    st.dataframe(rows, hide_index=True)
    if table is not None:
        st.dataframe(table, hide_index=True)
    if len(found) > 1:
        with st.expander(words("operations.older")):
            st.dataframe(
                [{words("operations.document"): one.name} for one in reversed(found[:-1])],
                hide_index=True,
            )


show(open_frame())
