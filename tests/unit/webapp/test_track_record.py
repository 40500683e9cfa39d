"""Track record: numbers equal the evaluation's, kinds stay apart, and too few say so."""

from __future__ import annotations

from datetime import UTC

import numpy as np
import pandas as pd
import pytest

from forecastlab.contracts.keys import ROOT_DEPLOYMENT
from forecastlab.evaluation.skill import measure_skill
from tests.support import dashboard_store as worlds
from tests.support.memory_store import MemoryStore
from tests.unit.webapp.conftest import NOW
from webapp.read_model.library import Library
from webapp.views import track_record
from webapp.views.record_skill import Record, coverage, independent, record_of, skills
from webapp.views.wording import Words

CLASSES = (-1, 0, 1)


def rows_of(library: Library, kind: str = "live", candidate: str = "T21_X8") -> pd.DataFrame:
    rows = library.deployment(ROOT_DEPLOYMENT).ledger()
    return rows[(rows["candidate"] == candidate) & (rows["kind"] == kind)]


@pytest.fixture
def long(store: MemoryStore, library: Library) -> Record:
    worlds.put_series(store, worlds.daily(NOW, count=260))
    return record_of(rows_of(library), CLASSES, 21)


@pytest.fixture
def short(store: MemoryStore, library: Library) -> Record:
    worlds.put_series(store, worlds.daily(NOW, count=60))
    return record_of(rows_of(library), CLASSES, 21)


def test_skill_and_its_interval_are_the_evaluations(long: Record) -> None:
    references = {"expanding": long.theirs, "trailing_year": long.theirs}
    truth = measure_skill(long.mine, references, horizon=21)
    log_loss, brier = skills(long)
    assert log_loss.value == pytest.approx(truth.log_loss_skill)
    assert log_loss.ci95 == pytest.approx(truth.ci95)
    assert log_loss.mine == pytest.approx(truth.log_loss)
    assert brier.mine == pytest.approx(truth.brier)
    assert independent(long) == pytest.approx(truth.effective_rows)


def test_pending_and_resolved_are_counted(long: Record) -> None:
    assert (len(long.done), long.pending, long.needed) == (260 - 21, 21, 126)


def test_too_few_have_no_interval_and_count_as_few(short: Record) -> None:
    log_loss, _ = skills(short)
    assert log_loss.ci95 is None
    # 39 labels over 21 candles each: two that do not overlap.
    assert independent(short) == 2
    assert coverage(short)[1] is None


def test_kinds_are_never_mixed(store: MemoryStore, library: Library, words: Words) -> None:
    worlds.full(store, NOW)
    records = {
        kind: record_of(rows_of(library, kind), CLASSES, 21) for kind in ("live", "backfill", "oof")
    }
    table = track_record.comparison_table(records, words)
    assert table["Evidence"].tolist() == ["◆ live", "○ backfill", "× out of fold"]
    assert table["Resolved forecasts"].tolist() == [39, 10, len(records["oof"].done)]
    assert "[" in table["Log-loss skill"].iloc[2]
    assert "[" not in table["Log-loss skill"].iloc[0]


def test_skill_over_time_ends_at_the_skill_of_all(long: Record, words: Words) -> None:
    figure = track_record.skill_figure(long, words, UTC)
    lines = {trace.name: trace for trace in figure.data}
    log_loss, brier = skills(long)
    assert lines["Log loss"].y[-1] == pytest.approx(log_loss.value)
    assert lines["Brier score"].y[-1] == pytest.approx(brier.value)
    assert log_loss.ci95 is not None
    band = lines["Log loss: 95 % interval"]
    assert max(band.y) >= log_loss.ci95[1]
    assert lines["Log loss"].line.dash != lines["Brier score"].line.dash
    # No band before there are enough forecasts for one.
    needed = long.done["as_of"].iloc[long.needed - 1].tz_localize(None)
    assert pd.DatetimeIndex(band.x).min() >= needed


def test_a_short_record_has_a_line_and_no_band(short: Record, words: Words) -> None:
    names = {trace.name for trace in track_record.skill_figure(short, words, UTC).data}
    assert names == {"Log loss", "Brier score"}


def test_reliability_counts_every_resolved_forecast(long: Record, words: Words) -> None:
    _, *curves = track_record.reliability_figure(long, words).data
    assert [curve.name for curve in curves] == ["▼ falls first", "● neither", "▲ rises first"]
    assert all(sum(curve.customdata) == len(long.done) for curve in curves)
    assert all((np.diff(curve.x) > 0).all() for curve in curves)


def test_coverage_is_the_share_of_sets_that_held(long: Record, words: Words) -> None:
    held = [
        label in labels
        for label, labels in zip(long.done["label"], long.done["set_labels"], strict=True)
    ]
    share, ends = coverage(long)
    assert share == pytest.approx(np.mean(held))
    assert ends is not None and ends[0] < share < ends[1]
    so_far, claimed = track_record.coverage_figure(long, words, UTC).data
    assert so_far.y[-1] == pytest.approx(share)
    assert set(claimed.y) == {0.8}


def test_forecasts_out_of_fold_have_no_sets(
    store: MemoryStore, library: Library, words: Words
) -> None:
    worlds.full(store, NOW)
    record = record_of(rows_of(library, "oof"), CLASSES, 21)
    assert coverage(record) == (None, None)
    figure = track_record.coverage_figure(record, words, UTC)
    assert figure.layout.annotations[0].text == words("track_record.no_sets")


def test_hits_add_up_to_the_resolved(long: Record, words: Words) -> None:
    table = track_record.hit_table(long, words)
    counted = table.iloc[:, 1:4].to_numpy()
    assert counted.sum() == len(long.done)
    right = (long.done["pred_label"] == long.done["label"]).sum()
    assert np.trace(counted) == right


def test_the_hindcast_marks_the_outcome_inside_its_share(long: Record, words: Words) -> None:
    *bars, marks = track_record.hindcast_figure(long, words, UTC).data
    done = long.done.tail(120)
    assert np.allclose(sum(np.asarray(bar.y) for bar in bars), 1)
    lowest = done["label"].to_numpy() == -1
    assert np.allclose(np.asarray(marks.y)[lowest], done["p[-1]"].to_numpy()[lowest] / 2)
    assert np.isfinite(np.asarray(marks.y)).all()


def test_the_hindcast_table_is_newest_first(long: Record, words: Words) -> None:
    table = track_record.hindcast_table(long, words)
    last = long.done.iloc[-1]
    assert table["As of"].iloc[0] == last["asof"]
    given = table["Probability given to the outcome"]
    assert given.iloc[0] == last[f"p[{int(last['label'])}]"]
    assert (table["Right"] == "✓").sum() == (table["Most likely"] == table["outcome"]).sum()


def test_nothing_resolved_is_said(store: MemoryStore, library: Library, words: Words) -> None:
    worlds.one_record(store, NOW)
    record = record_of(rows_of(library), CLASSES, 21)
    for figure in (
        track_record.skill_figure(record, words, UTC),
        track_record.reliability_figure(record, words),
        track_record.hindcast_figure(record, words, UTC),
    ):
        assert figure.layout.annotations[0].text
    assert track_record.hindcast_table(record, words).empty
    assert track_record.independent_text(record) == "–"


def test_two_classes_have_a_track_record_too(
    store: MemoryStore, library: Library, words: Words
) -> None:
    series = worlds.full_hourly(store, NOW)
    rows = library.deployment(series.deployment).ledger()
    record = record_of(rows[rows["candidate"] == "H5"], (0, 1), 5)
    assert track_record.hit_table(record, words).shape == (2, 4)
    assert skills(record)[0].ci95 is not None
