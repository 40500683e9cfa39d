"""Research: the evaluations and searches that lie in the store."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from forecastlab.contracts.verdicts import FOLDS, OOF, REPORT, CandidateVerdict, VerdictFile
from webapp.frame import Frame, open_frame, say_simulated
from webapp.read_model.deployment import BacktestRun
from webapp.views import research, run_comparison, search
from webapp.views.wording import literal

PLAIN = {"displayModeBar": False}
CELLS = "cells/"
SUMMARY = "summary.csv"

# Name -> a finished evaluation, the newest first.
Evaluations = dict[str, tuple[BacktestRun, VerdictFile]]


def show(frame: Frame) -> None:
    """Lay out the page."""
    words, runs = frame.words, frame.deployment.backtests()
    st.title(words("research.title"))
    st.caption(words("research.question"))
    say_simulated(frame)
    if not runs:
        st.info(words("research.nothing"))
        return
    rows = [
        research.run_row(run.name, run.verdict, run.meta, words, cells=cell_count(run))
        for run in newest_first(runs)
    ]
    st.dataframe(rows, hide_index=True)
    evaluations = {run.name: (run, run.verdict) for run in newest_first(runs) if run.verdict}
    found = [run for run in newest_first(runs) if cell_count(run)]
    searches = {run.name: run for run in sorted(found, key=lambda run: SUMMARY not in run.files)}
    one, two, third = st.tabs([words(f"research.{name}") for name in ("one", "two", "searches")])
    with one:
        evaluation(frame, evaluations)
    with two:
        comparison(frame, evaluations)
    with third:
        candidate_search(frame, searches)


def newest_first(runs: tuple[BacktestRun, ...]) -> list[BacktestRun]:
    """Order the runs by when they were made; those that do not say come last."""
    return sorted(
        runs,
        key=lambda run: (run.meta.created_at.isoformat() if run.meta else "", run.name),
        reverse=True,
    )


def cell_count(run: BacktestRun) -> int:
    """Count the finished cells of a search."""
    return sum(name.startswith(CELLS) for name in run.files)


def evaluation(frame: Frame, runs: Evaluations) -> None:
    """Lay out one evaluation."""
    words = frame.words
    if not runs:
        st.info(words("research.no_evaluation"))
        return
    name = st.selectbox(words("research.choose_evaluation"), tuple(runs), key="evaluation")
    run, verdict = runs[name]
    caution(frame, verdict)
    st.dataframe(research.candidate_table(verdict, words), height="content")
    folds = {name: fold_table(frame, run, name) for name in verdict.candidates}
    known = {name: table for name, table in folds.items() if table is not None}
    if known:
        st.markdown(f"**{words('research.medians')}**")
        st.dataframe(research.median_table(known, words))
        st.caption(words("research.medians_help"))
    candidate = st.segmented_control(
        words("research.choose_candidate"),
        tuple(verdict.candidates),
        default=next(iter(verdict.candidates)),
        required=True,
        key="research_candidate",
    )
    one_candidate(frame, verdict.candidates[candidate], known.get(candidate), key=run.name)
    report(frame, run)


def one_candidate(
    frame: Frame, one: CandidateVerdict, folds: pd.DataFrame | None, *, key: str
) -> None:
    """Lay out one candidate's charts."""
    words = frame.words
    reference = one.evaluation.reference
    st.caption(literal(one.label_rule))
    left, right = st.columns(2)
    with left:
        st.markdown(f"**{words('research.differences')}**")
        score = st.selectbox(
            words("research.choose_score"),
            research.shared_scores(one),
            format_func=lambda name: words.get(f"research.scores.{name}", name),
            key="score",
        )
        figure = research.difference_figure(one, score, words)
        st.plotly_chart(figure, key=f"differences {key}", config=PLAIN)
        st.caption(words("models.gains_help") if score == "log_loss" else "")
    with right:
        named = words.get(f"references.{reference}", reference)
        st.markdown(f"**{words('research.fold_title', reference=named)}**")
        if folds is None:
            st.info(words("charts.undetermined"))
        else:
            figure = research.fold_figure(folds, reference, words)
            st.plotly_chart(figure, key=f"folds {key}", config=PLAIN)
    left, right = st.columns(2)
    with left:
        st.markdown(f"**{words('research.years')}**")
        st.plotly_chart(research.group_figure(one, words), key=f"years {key}", config=PLAIN)
    with right:
        st.markdown(f"**{words('research.ages')}**")
        figure = research.group_figure(one, words, ages=True)
        st.plotly_chart(figure, key=f"ages {key}", config=PLAIN)


def comparison(frame: Frame, runs: Evaluations) -> None:
    """Lay out two evaluations beside each other."""
    words, names = frame.words, tuple(runs)
    if len(names) < 2:
        st.info(words("research.two_needed"))
        return
    left, right = st.columns(2)
    first = left.selectbox(words("research.first_run"), names, index=1, key="first_run")
    second = right.selectbox(words("research.second_run"), names, index=0, key="second_run")
    (one_run, one), (other_run, other) = runs[first], runs[second]
    if not run_comparison.shared_candidates(one, other):
        st.info(words("research.not_shared"))
        return
    mine, theirs = (frame.deployment.table(f"{run.prefix}{OOF}") for run in (one_run, other_run))
    deltas: tuple[run_comparison.Delta, ...] = ()
    if mine is not None and theirs is not None:
        deltas = run_comparison.paired_deltas(one, other, (mine, theirs))
    if deltas:
        figure = run_comparison.delta_figure(deltas, words)
        st.plotly_chart(figure, key=f"deltas {first} {second}", config=PLAIN)
        st.caption(words("research.paired_help"))
    else:
        st.info(words("research.not_paired"))
    st.dataframe(run_comparison.delta_table(deltas, one, other, words), hide_index=True)


def candidate_search(frame: Frame, runs: dict[str, BacktestRun]) -> None:
    """Lay out one search."""
    words = frame.words
    if not runs:
        st.info(words("research.no_search"))
        return
    run = runs[st.selectbox(words("research.choose_search"), tuple(runs), key="search")]
    summary = frame.deployment.table(f"{run.prefix}{SUMMARY}") if SUMMARY in run.files else None
    if summary is None or not search.is_summary(summary):
        st.info(words("research.running", n=cell_count(run)))
        return
    st.plotly_chart(search.heat_map(summary, words), key=f"heat {run.name}", config=PLAIN)
    st.caption(words("research.heat_map_help"))
    st.markdown(f"**{words('research.table')}**")
    st.dataframe(search.search_table(summary, words), hide_index=True)
    report(frame, run)


def caution(frame: Frame, verdict: VerdictFile) -> None:
    """Say what a reader must know before the numbers."""
    if verdict.source == "simulated" and frame.library.pinned() != "simulated":
        st.warning(frame.words("research.simulated"))
    if verdict.quick:
        st.warning(frame.words("research.is_quick"))


def report(frame: Frame, run: BacktestRun) -> None:
    """Offer the run's own page as a file: a page of the store is never opened inside this one."""
    page = frame.deployment.text(f"{run.prefix}{REPORT}") if REPORT in run.files else None
    if page is not None:
        st.download_button(
            frame.words("research.report"),
            page,
            file_name=f"{run.name}.html",
            mime="text/html",
            icon=":material/download:",
            key=f"report {run.name}",
        )


def fold_table(frame: Frame, run: BacktestRun, candidate: str) -> pd.DataFrame | None:
    """Return a candidate's folds; None where the run has no readable table of them."""
    name = f"{candidate}/{FOLDS}"
    table = frame.deployment.table(f"{run.prefix}{name}") if name in run.files else None
    return table if table is not None and {"fold", "rows"} <= set(table.columns) else None


show(open_frame())
