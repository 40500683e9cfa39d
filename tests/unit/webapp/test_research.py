"""Research: evaluations, the heat map of a search, and differences that are real."""

from __future__ import annotations

import io
from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest

from forecastlab.contracts.verdicts import OOF, VERDICT, VerdictFile
from tests.support import dashboard_documents as documents
from tests.support.dashboard_documents import EVALUATIONS, search_summary
from tests.support.evaluations import CANDIDATE
from webapp.views import research, run_comparison, search
from webapp.views.whiskers import Whisker, whisker_chart
from webapp.views.wording import Words


@pytest.fixture(scope="module")
def files() -> Mapping[str, Mapping[str, bytes]]:
    return documents._evaluations()


@pytest.fixture(scope="module")
def verdicts(files: Mapping[str, Mapping[str, bytes]]) -> list[VerdictFile]:
    return [VerdictFile.parse(files[run][VERDICT], what=run) for run in EVALUATIONS]


@pytest.fixture(scope="module")
def tables(files: Mapping[str, Mapping[str, bytes]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    blunt, sharp = (pd.read_parquet(io.BytesIO(files[run][OOF])) for run in EVALUATIONS)
    return blunt, sharp


def test_differences_are_paired_day_by_day(
    verdicts: list[VerdictFile], tables: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    deltas = {
        one.score: one for one in run_comparison.paired_deltas(verdicts[0], verdicts[1], tables)
    }
    blunt, sharp = (run.candidates[CANDIDATE] for run in verdicts)
    loss = deltas["log_loss"]
    assert loss.days == blunt.evaluation.rows == sharp.evaluation.rows
    gained = blunt.evaluation.log_loss - sharp.evaluation.log_loss
    assert loss.value == pytest.approx(gained, abs=1e-4)
    assert loss.ci95 is not None
    assert 0 < loss.ci95[0] < loss.value < loss.ci95[1]


def test_the_other_way_round_they_change_their_sign(
    verdicts: list[VerdictFile], tables: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    there = run_comparison.paired_deltas(verdicts[0], verdicts[1], tables)
    back = run_comparison.paired_deltas(verdicts[1], verdicts[0], (tables[1], tables[0]))
    assert [one.value for one in back] == pytest.approx([-one.value for one in there])


def test_a_run_beside_itself_differs_by_nothing(
    verdicts: list[VerdictFile], tables: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    same = run_comparison.paired_deltas(verdicts[0], verdicts[0], (tables[0], tables[0]))
    assert [one.value for one in same] == [0.0, 0.0]


def test_days_of_one_run_alone_and_other_labels_do_not_count(
    verdicts: list[VerdictFile], tables: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    def days(second: pd.DataFrame) -> int:
        return run_comparison.paired_deltas(*verdicts, (tables[0], second))[0].days

    fewer = tables[1].iloc[:-100].copy()
    assert days(fewer) == days(tables[1]) - 100 + tables[1]["label"].tail(100).isna().sum()
    changed = fewer.assign(label=fewer["label"].mask(fewer.index == 200, -9.0))
    assert days(changed) == days(fewer) - 1
    few = tables[1].iloc[100:120]
    [loss, _] = run_comparison.paired_deltas(*verdicts, (tables[0], few))
    assert loss.ci95 is None
    torn = tables[1].drop(columns=["published[0]"])
    assert run_comparison.paired_deltas(verdicts[0], verdicts[1], (tables[0], torn)) == ()


def test_another_question_is_not_compared(verdicts: list[VerdictFile]) -> None:
    one = verdicts[0].candidates[CANDIDATE].model_copy(update={"label_rule": "another"})
    other = verdicts[0].model_copy(update={"candidates": {CANDIDATE: one}})
    assert run_comparison.shared_candidates(verdicts[0], other) == ()


def test_medians_over_the_folds(words: Words) -> None:
    folds = pd.DataFrame(
        {
            "fold": [1, 2, 3],
            "rows": [21, 21, 21],
            "log_loss": [1.0, 1.2, 1.1],
            "event_auc": [0.6, np.nan, 0.8],
            "gain_expanding": [0.1, -0.1, 0.2],
            "gain_trailing_year": [0.1, np.nan, -0.2],
        }
    )
    found = research.median_table({"T21_X8": folds}, words).loc["T21_X8"]
    assert found["Folds"] == "3"
    assert found["Log loss"] == "1.100"
    assert found["AUC of a move"] == "0.700"
    assert found["Won vs. all history"] == "2 / 3"
    assert found["Won vs. last year"] == "1 / 2"


def test_folds_are_drawn_and_losses_are_hatched(words: Words) -> None:
    folds = pd.DataFrame(
        {
            "fold": [1, 2],
            "rows": [21, 21],
            "first": ["2025-01-01", "2025-01-22"],
            "gain_expanding": [0.1, -0.1],
        }
    )
    figure = research.fold_figure(folds, "expanding", words)
    assert tuple(figure.data[0].y) == (0.1, -0.1)
    assert tuple(figure.data[0].marker.pattern.shape) == ("", "/")
    assert len(research.fold_figure(folds, "another", words).data) == 0
    assert len(research.fold_figure(folds.iloc[:0], "expanding", words).data) == 0


def test_an_evaluation_in_numbers(verdicts: list[VerdictFile], words: Words) -> None:
    sharp = research.candidate_table(verdicts[1], words)[CANDIDATE]
    assert sharp["Verdict"] == "▲ better than the base rates"
    assert sharp["Days scored"] == f"{verdicts[1].candidates[CANDIDATE].evaluation.rows:,}"
    assert research.shared_scores(verdicts[1].candidates[CANDIDATE])[0] == "log_loss"


def test_the_heat_map_has_a_cell_per_candidate(words: Words) -> None:
    summary = search_summary()
    figure = search.heat_map(summary, words)
    cells = figure.data[0]
    assert np.shape(cells.z) == (4, 5)
    assert list(cells.y) == ["7 days", "10 days", "14 days", "21 days"]
    assert list(cells.x) == ["±6 %", "±8 %", "±10 %", "±12 %", "±15 %"]
    assert cells.text[3][0] == "▲ +6.0"
    assert cells.text[0][4].startswith("▼ −")
    assert cells.zmin == -cells.zmax


def test_a_search_with_holes_leaves_its_cells_empty(words: Words) -> None:
    figure = search.heat_map(search_summary().drop(index=[3]), words)
    assert figure.data[0].text[0][3] == ""


def test_what_is_no_summary_is_not_shown() -> None:
    assert search.is_summary(search_summary())
    assert not search.is_summary(search_summary().drop(columns=["verdict"]))
    assert not search.is_summary(search_summary().iloc[:0])


def test_whiskers_tell_without_colour_on_which_side_they_lie(words: Words) -> None:
    rows = [
        Whisker("up", 0.2, (0.1, 0.3)),
        Whisker("open", 0.1, (-0.1, 0.3)),
        Whisker("down", -0.2, (-0.3, -0.1)),
        Whisker("alone", 0.1, None),
        Whisker("unknown", None, None),
    ]
    figure = whisker_chart(rows, words)
    symbols = {name: one.marker.symbol for one in figure.data for name in one.y}
    assert symbols == {
        "up": "triangle-up",
        "open": "circle-open",
        "down": "triangle-down",
        "alone": "circle-open",
    }
    ends = next(one.error_x for one in figure.data if "up" in one.y)
    assert ends.array[0] == pytest.approx(0.1)
    assert len(whisker_chart([rows[-1]], words).data) == 0
