from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import joblib
import pandas as pd
import pytest

from forecastlab.contracts.errors import ConfigError, UsageError
from forecastlab.contracts.records import Verdict
from forecastlab.contracts.search import SearchCell
from forecastlab.evaluation.search_verdicts import judge
from forecastlab.models.base import TrainingSet
from forecastlab.models.first_passage import FirstPassage, FirstPassageModel
from forecastlab.report.search_page import SearchHead, heat_map, search_page
from forecastlab.usecases.search import Searched, SearchRequest
from forecastlab.usecases.search import search as search_grid
from forecastlab.usecases.trials import read_trials
from forecastlab.usecases.workspace import Workspace
from tests.support.memory_store import Killed, MemoryStore
from tests.support.searches import (
    PROVENANCE,
    SMALL_GRID,
    search_candles,
    search_workspace,
    small_search,
)

FOLDS = 16


@pytest.fixture(scope="module")
def candles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return search_candles(tmp_path_factory.mktemp("search") / "candles")


@pytest.fixture(autouse=True)
def in_this_process() -> Iterator[None]:
    """Fit here: starting worker processes would take longer than the fits."""
    with joblib.parallel_config(backend="sequential"):
        yield


@pytest.fixture(scope="module")
def whole(candles: Path) -> tuple[MemoryStore, Searched]:
    """Give an uninterrupted search and its store."""
    store = MemoryStore()
    with joblib.parallel_config(backend="sequential"):
        return store, search(search_workspace(candles, store), small_search())


def search(workspace: Workspace, request: SearchRequest) -> Searched:
    return search_grid(workspace, request, PROVENANCE)


def cells_of(store: MemoryStore) -> dict[str, bytes]:
    return {key: data for key, data in store.contents().items() if "/cells/" in key}


def test_every_cell_is_one_object_and_the_report_lies_beside_them(
    whole: tuple[MemoryStore, Searched],
) -> None:
    store, found = whole
    prefix = f"backtest/{found.run}/"
    cells = {f"{prefix}cells/{name}.json" for name in SMALL_GRID}
    report = {f"{prefix}summary.csv", f"{prefix}report.html"}
    assert {key for key in store.contents() if key.startswith("backtest/")} == cells | report
    assert [one.cell.candidate for one in found.cells] == list(SMALL_GRID)
    assert found.resumed == 0


def test_a_repeated_search_finds_its_cells_and_writes_nothing(
    whole: tuple[MemoryStore, Searched], candles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, found = whole
    written = list(store.written)

    def no_fit(*_: object, **__: object) -> FirstPassageModel:
        raise AssertionError("a finished cell is not fitted again")

    monkeypatch.setattr(FirstPassage, "fit", no_fit)
    again = search(search_workspace(candles, store), small_search())
    assert again == replace(found, resumed=len(SMALL_GRID))
    assert store.written == written


def test_a_killed_search_goes_on_and_ends_as_if_never_stopped(
    whole: tuple[MemoryStore, Searched], candles: Path
) -> None:
    store = MemoryStore()

    def kill(key: str) -> None:
        if key.endswith("T10_X6.json"):
            raise Killed

    store.after_put = kill
    workspace = search_workspace(candles, store)
    with pytest.raises(Killed):
        search(workspace, small_search())
    assert len(cells_of(store)) == 3
    store.after_put = lambda _: None
    resumed = search(workspace, small_search())
    assert resumed.resumed == 3
    assert store.contents() == whole[0].contents()
    assert len(set(store.written)) == len(store.written)


def test_a_cell_that_another_process_finished_first_stands(
    whole: tuple[MemoryStore, Searched], candles: Path
) -> None:
    store, theirs = MemoryStore(), whole[1].cells[0].cell.model_copy(update={"p_better": 0.123})
    raced = False

    def race(key: str) -> None:
        nonlocal raced
        if key.endswith("T5_X6.json") and not raced:
            raced = True
            store.put(key, theirs.stored(), if_generation="")

    store.before_put = race
    found = search(search_workspace(candles, store), small_search())
    assert found.cells[0].cell == theirs
    assert found.cells[1:] != ()


def test_one_fit_of_first_passage_serves_all_levels_of_a_horizon(
    whole: tuple[MemoryStore, Searched], candles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted: list[str] = []
    fit = FirstPassage.fit

    def counted(self: FirstPassage, training: TrainingSet, *, seed: int) -> FirstPassageModel:
        fitted.append(training.target.name)
        return fit(self, training, seed=seed)

    monkeypatch.setattr(FirstPassage, "fit", counted)
    workspace = search_workspace(candles, MemoryStore())
    search(workspace, small_search())
    assert len(fitted) == 2 * FOLDS
    # The level that a fit was made for must not show: a search of the other level alone agrees.
    alone = search(workspace, replace(small_search(), horizons=(10,), levels=(0.10,)))
    assert alone.cells[0].cell.evaluation == whole[1].cells[3].cell.evaluation


def test_the_run_of_another_search_is_refused(
    whole: tuple[MemoryStore, Searched], candles: Path
) -> None:
    store, found = whole
    other = replace(small_search(), levels=(0.06,), run=found.run)
    with pytest.raises(UsageError, match="begun with another recipe, grid or other candles"):
        search(search_workspace(candles, store), other)


@pytest.mark.parametrize(
    ("levels", "horizons", "error", "part"),
    [
        ((0.06, 0.20), (5,), ConfigError, r"learns from levels 0.04 to 0.16, not 0.2"),
        ((), (5,), UsageError, "has no cell"),
        ((0.06,), (0,), UsageError, "cannot be meant"),
    ],
    ids=["level", "no level", "horizon"],
)
def test_an_impossible_grid_is_refused(
    candles: Path,
    levels: tuple[float, ...],
    horizons: tuple[int, ...],
    error: type[Exception],
    part: str,
) -> None:
    request = replace(small_search(), levels=levels, horizons=horizons)
    store = MemoryStore()
    with pytest.raises(error, match=part):
        search(search_workspace(candles, store), request)
    assert store.contents() == {}


def test_a_run_name_that_is_a_path_is_refused(candles: Path) -> None:
    store = MemoryStore()
    with pytest.raises(UsageError, match="is no run name"):
        search(search_workspace(candles, store), replace(small_search(), run="../other"))
    assert store.contents() == {}


def test_a_p_value_says_what_the_cells_own_verdict_says(
    whole: tuple[MemoryStore, Searched],
) -> None:
    for one in whole[1].cells:
        cell = one.cell
        assert (cell.p_better < 0.05) == (cell.evaluation.verdict == "better")
        assert (cell.p_worse < 0.05) == (cell.evaluation.verdict == "worse")
        assert judge([cell])[0].verdict == cell.evaluation.verdict


def test_verdicts_are_adjusted_for_the_number_of_cells(
    whole: tuple[MemoryStore, Searched],
) -> None:
    def verdicts(p_better: list[float], p_worse: list[float]) -> list[Verdict]:
        pattern = whole[1].cells[0].cell
        cells = [
            pattern.model_copy(update={"p_better": one, "p_worse": other})
            for one, other in zip(p_better, p_worse, strict=True)
        ]
        return [one.verdict for one in judge(cells)]

    useless = [0.9] * 19
    assert verdicts([0.01], [1.0]) == ["better"]
    assert verdicts([0.01, *useless], [1.0] * 20)[0] == "not_distinguishable"
    assert verdicts([0.002, *useless], [1.0] * 20)[0] == "better"
    assert verdicts([1.0] * 20, [0.002, *useless])[0] == "worse"
    assert verdicts([1.0] * 20, [0.003, *useless])[0] == "not_distinguishable"


def test_the_summary_has_one_line_per_cell(whole: tuple[MemoryStore, Searched]) -> None:
    store, found = whole
    text = store.contents()[f"backtest/{found.run}/summary.csv"].decode()
    rows = list(csv.DictReader(text.splitlines()))
    assert [row["candidate"] for row in rows] == list(SMALL_GRID)
    assert [(row["horizon"], row["level"]) for row in rows[1:3]] == [("5", "0.1"), ("10", "0.06")]
    for row, one in zip(rows, found.cells, strict=True):
        assert float(row["log_loss_skill"]) == one.cell.evaluation.log_loss_skill
        assert (row["verdict_alone"], row["verdict"]) == (one.cell.evaluation.verdict, one.verdict)


def test_the_heat_map_has_a_tile_per_cell_in_its_row_and_column(
    whole: tuple[MemoryStore, Searched],
) -> None:
    drawing = ElementTree.fromstring(heat_map(whole[1].cells))
    space = {"s": "http://www.w3.org/2000/svg"}
    place = {}
    for tile in drawing.findall("s:g", space):
        title, box = tile.find("s:title", space), tile.find("s:rect", space)
        assert title is not None
        assert box is not None
        place[(title.text or "").split(":")[0]] = float(box.attrib["x"]), float(box.attrib["y"])
    assert set(place) == set(SMALL_GRID)
    assert place["T5_X6"][0] == place["T10_X6"][0] < place["T5_X10"][0]
    assert place["T5_X6"][1] == place["T5_X10"][1] < place["T10_X6"][1]


def test_the_report_counts_verdicts_of_the_whole_search(
    whole: tuple[MemoryStore, Searched],
) -> None:
    def better(p_value: float) -> SearchCell:
        cell = whole[1].cells[0].cell
        alone = cell.evaluation.model_copy(update={"verdict": "better"})
        return cell.model_copy(update={"evaluation": alone, "p_better": p_value, "p_worse": 1.0})

    head = SearchHead("run", "BTCUSDT", "file", "2025-09-30", quick=False)
    page = search_page(head, judge([better(0.001), better(0.03), better(0.04)]))
    assert "<b>1 of 3</b> are better" in page
    assert "3 would be called so alone" in page


def test_the_report_stands_alone_and_warns_of_what_it_is(
    whole: tuple[MemoryStore, Searched],
) -> None:
    store, found = whole
    page = store.contents()[f"backtest/{found.run}/report.html"].decode()
    assert "A quick search" in page
    assert "simulated" not in page
    for outside in ("<script", "src=", "@import", "<link", "url("):
        assert outside not in page
    assert page.count("http") == page.count("http://www.w3.org/2000/svg")


def test_every_cell_is_a_look_in_the_ledger(whole: tuple[MemoryStore, Searched]) -> None:
    store, found = whole
    looks = {entry.candidate: entry for entry in read_trials(store)}
    assert set(looks) == set(SMALL_GRID)
    for one in found.cells:
        entry, seen = looks[one.cell.candidate], one.cell.evaluation
        assert (entry.command, entry.first, entry.last) == ("search", seen.first, seen.last)
        assert entry.scores["log_loss"] == pytest.approx(seen.log_loss, rel=1e-5)
    order = [key.split("/")[0] for key in store.written]
    assert order[:4] == ["trials", "backtest", "trials", "backtest"]


def test_cells_read_back_equal(whole: tuple[MemoryStore, Searched]) -> None:
    store, found = whole
    stored = [SearchCell.parse(data, what=key) for key, data in cells_of(store).items()]
    by_name = {cell.candidate: cell for cell in stored}
    assert [by_name[one.cell.candidate] for one in found.cells] == [one.cell for one in found.cells]
    shares = pd.Series({name: cell.event_share for name, cell in by_name.items()})
    assert shares["T5_X10"] < shares["T5_X6"]
    assert shares["T5_X10"] < shares["T10_X10"]
