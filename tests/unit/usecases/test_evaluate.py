"""An evaluation's run, ledger and bad input, on a small synthetic market with one member."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, ClassVar

import joblib
import numpy as np
import pandas as pd
import pytest

from forecastlab.contracts.bundle_files import file_entry
from forecastlab.contracts.candles import Candles, Market
from forecastlab.contracts.config import Recipe
from forecastlab.contracts.errors import DataMalformed, DataUnavailable, UsageError
from forecastlab.contracts.verdicts import BacktestMeta, VerdictFile
from forecastlab.models import catalogue
from forecastlab.models.base import TrainingSet
from forecastlab.usecases import training_materials
from forecastlab.usecases.evaluate import Evaluated, EvaluateRequest, evaluate
from forecastlab.usecases.trials import read_trials
from forecastlab.usecases.workspace import Workspace
from tests.support.memory_store import Killed, MemoryStore
from tests.support.searches import PROVENANCE, search_candles, search_workspace
from tests.support.synthetic import synthetic_market
from tests.support.workspaces import LAST, small_recipe, write_candles

UNTIL = f"{LAST:%Y-%m-%d}"
RUN = f"backtest/flow_T21X8_T14X8_{LAST:%Y%m%d}"


@pytest.fixture(scope="module")
def candles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return search_candles(tmp_path_factory.mktemp("evaluate") / "candles")


@pytest.fixture(autouse=True)
def in_this_process() -> Iterator[None]:
    """Fit here: starting worker processes would take longer than the fits."""
    with joblib.parallel_config(backend="sequential"):
        yield


def recipe(
    *candidates: str, members: Mapping[str, dict[str, Any]] | None = None, **train: Any
) -> Recipe:
    small = small_recipe()
    return small.model_copy(
        update={
            "target": small.target.model_copy(update={"candidates": candidates or ("T5_X8",)}),
            "members": members or {"first_passage": {}},
            "train": small.train.model_copy(update=train),
            "trials": small.trials.model_copy(update={"prior_looks": 3}),
        }
    )


def run(workspace: Workspace, what: Recipe | None = None, **request: Any) -> Evaluated:
    asked = EvaluateRequest(what or recipe(), **{"quick": True, "until": UNTIL, **request})
    return evaluate(workspace, asked, PROVENANCE)


@pytest.fixture(scope="module")
def done(candles: Path) -> tuple[MemoryStore, Evaluated]:
    store = MemoryStore()
    with joblib.parallel_config(backend="sequential"):
        return store, run(search_workspace(candles, store), recipe("T5_X8", "T10_X8"))


def data(store: MemoryStore, key: str) -> bytes:
    found = store.get(key)
    assert found is not None, key
    return found.data


def test_the_run_is_whole_and_meta_comes_last(done: tuple[MemoryStore, Evaluated]) -> None:
    store, evaluated = done
    names = ["oof.parquet", "verdict.json", "report.html"]
    names += [f"{one}/fold_metrics.csv" for one in ("T5_X8", "T10_X8")]
    assert sorted(store.list(RUN)) == sorted(f"{RUN}/{name}" for name in [*names, "meta.json"])
    assert store.written[-1] == f"{RUN}/meta.json"
    meta = BacktestMeta.parse(data(store, f"{RUN}/meta.json"), what="meta.json")
    assert meta.files == {name: file_entry(data(store, f"{RUN}/{name}")) for name in names}
    assert VerdictFile.parse(data(store, f"{RUN}/verdict.json"), what="verdict") == (
        evaluated.verdicts
    )
    assert evaluated.location == f"memory/{RUN}/"


def test_forecasts_folds_and_verdict_tell_one_story(done: tuple[MemoryStore, Evaluated]) -> None:
    store, evaluated = done
    oof = pd.read_parquet(io.BytesIO(data(store, f"{RUN}/oof.parquet")))
    for name, one in evaluated.verdicts.candidates.items():
        folds = pd.read_csv(io.BytesIO(data(store, f"{RUN}/{name}/fold_metrics.csv")))
        assert folds["rows"].sum() == one.evaluation.rows
        loss = np.average(folds["log_loss"], weights=folds["rows"])
        assert loss == pytest.approx(one.evaluation.log_loss, abs=1e-5)
        assert (pd.to_datetime(folds["refit"]).dt.date.astype(str) > folds["first"]).all()
        own = oof.loc[oof["candidate"] == name].set_index("open_time").loc[one.evaluation.first :]
        own = own.loc[own["label"].notna()]
        assert len(own) == one.evaluation.rows
        hit = [row[f"published[{int(row['label'])}]"] for _, row in own.iterrows()]
        assert -np.log(hit).mean() == pytest.approx(one.evaluation.log_loss, abs=1e-5)


def test_each_candidate_is_one_look_and_a_repeat_is_none(
    done: tuple[MemoryStore, Evaluated], candles: Path
) -> None:
    store, first = done
    assert {one.candidate for one in read_trials(store)} == {"T5_X8", "T10_X8"}
    for one in first.verdicts.candidates.values():
        assert (one.multiplicity.looks, one.multiplicity.prior_looks) == (5, 3)
    again = run(search_workspace(candles, store), recipe("T5_X8", "T10_X8"))
    assert again.verdicts.run == f"{first.verdicts.run}_2"
    assert again.verdicts.candidates == first.verdicts.candidates
    assert len(read_trials(store)) == 2


def test_another_recipe_is_another_look(candles: Path) -> None:
    store = MemoryStore()
    workspace = search_workspace(candles, store)
    assert run(workspace).verdicts.candidates["T5_X8"].multiplicity.looks == 4
    stiff = recipe(members={"first_passage": {"barrier_penalty": 100.0}})
    assert run(workspace, stiff).verdicts.candidates["T5_X8"].multiplicity.looks == 5


def test_a_killed_run_lacks_meta_and_is_left_alone(candles: Path) -> None:
    store = MemoryStore()

    def kill(key: str) -> None:
        if key.endswith("report.html"):
            raise Killed

    store.before_put = kill
    with pytest.raises(Killed):
        run(search_workspace(candles, store))
    assert len(read_trials(store)) == 1
    store.before_put = lambda _: None
    again = run(search_workspace(candles, store))
    assert again.verdicts.run.endswith("_2")
    assert not any(key == f"{RUN}/meta.json" for key in store.list(RUN))
    assert again.verdicts.candidates["T5_X8"].multiplicity.looks == 4


def test_a_name_that_is_taken_or_no_name_is_refused_before_the_work(candles: Path) -> None:
    store = MemoryStore()
    workspace = search_workspace(candles, store)
    assert run(workspace, run="mine").verdicts.run == "mine"
    writes = len(store.written)
    with pytest.raises(UsageError, match="already in memory"):
        run(workspace, run="mine")
    for name in ("", "a/b", "..", "-x"):
        with pytest.raises(UsageError, match="is no run name"):
            run(workspace, run=name)
    assert len(store.written) == writes


def test_without_a_cut_off_files_are_evaluated_to_their_end(candles: Path) -> None:
    evaluated = run(search_workspace(candles, MemoryStore()), until=None)
    assert evaluated.verdicts.cut_off == UNTIL


def test_a_fold_that_lacks_a_class_shows_it_and_leaves_cells_empty(candles: Path) -> None:
    store = MemoryStore()
    run(search_workspace(candles, store), recipe("T5_X12", refit_days=21), quick=False)
    folds = pd.read_csv(
        io.BytesIO(data(store, f"{RUN}/T5_X12/fold_metrics.csv")), dtype={"missing_classes": str}
    )
    quiet = folds.loc[folds["missing_classes"] == "-1 1"]
    assert 0 < len(quiet) < len(folds)
    assert quiet[["event_auc", "direction_auc"]].isna().all(axis=None)
    assert quiet["log_loss"].notna().all()


def test_a_target_that_never_happens_has_no_auc_and_no_verdict_of_skill(candles: Path) -> None:
    evaluated = run(search_workspace(candles, MemoryStore()), recipe("T2_X60"))
    one = evaluated.verdicts.candidates["T2_X60"]
    assert one.happened == {"-1": 0, "0": one.evaluation.rows, "1": 0}
    assert one.scores["published"]["event_auc"].value is None
    assert one.evaluation.direction_auc is None


@pytest.mark.parametrize(
    ("train", "until", "error", "said"),
    [
        ({"oof_from": date(2018, 7, 1)}, "2018-06-01", UsageError, "no test candle"),
        ({"oof_from": date(2018, 1, 10)}, "2019-06-01", DataUnavailable, "resolved rows"),
        (
            {"oof_from": date(2020, 1, 1), "score_from": date(2020, 1, 1)},
            "2020-01-20",
            DataUnavailable,
            "too few for an interval",
        ),
        (
            {"oof_from": date(2020, 1, 1), "score_from": date(2021, 1, 1)},
            "2020-06-01",
            DataUnavailable,
            "has resolved",
        ),
    ],
    ids=["no fold", "too little to learn from", "too few scored", "nothing scored"],
)
def test_a_span_that_is_too_short_is_refused(
    candles: Path, train: dict[str, Any], until: str, error: type[Exception], said: str
) -> None:
    store = MemoryStore()
    with pytest.raises(error, match=said):
        run(search_workspace(candles, store), recipe(**train), quick=False, until=until)
    assert store.written == []


def flat(market: Market) -> Market:
    series = []
    for one in market.series():
        still = one.frame.copy()
        still[["open", "high", "low", "close"]] = 100.0
        series.append(Candles(one.symbol, one.interval, still))
    return Market(series)


def test_a_price_that_never_moves_is_refused(tmp_path: Path) -> None:
    folder = write_candles(flat(synthetic_market(1200, seed=11)), tmp_path / "flat")
    with pytest.raises(DataUnavailable, match="no complete row"):
        run(search_workspace(folder, MemoryStore()), until=None)


@pytest.mark.parametrize("member", ["first_passage", "lightgbm"])
def test_features_that_never_change_give_a_constant_forecast(
    candles: Path, monkeypatch: pytest.MonkeyPatch, member: str
) -> None:
    build = training_materials.build_panel

    def constant(*args: Any, **kwargs: Any) -> pd.DataFrame:
        panel = build(*args, **kwargs)
        return panel * 0 - 7.0

    monkeypatch.setattr(training_materials, "build_panel", constant)
    store = MemoryStore()
    evaluated = run(search_workspace(candles, store), recipe(members={member: {}}))
    oof = pd.read_parquet(io.BytesIO(data(store, f"{RUN}/oof.parquet")))
    per_fold = oof[f"{member}[0]"].round(12).groupby(oof["fold"]).nunique()
    assert (per_fold == 1).all()
    assert evaluated.verdicts.candidates["T5_X8"].evaluation.verdict != "better"


@dataclass(frozen=True)
class Broken:
    """A member that gives NaN for one day of each block."""

    kind: ClassVar[str] = "broken"
    symbols: tuple[str, ...]
    feature_set: str = "variance"

    def fit(self, training: TrainingSet, *, seed: int) -> Broken:
        return self

    def predict_proba(self, rows: pd.DataFrame) -> pd.DataFrame:
        table = pd.DataFrame(1 / 3, index=rows.index, columns=[-1, 0, 1])
        table.iloc[0, 1] = np.nan
        return table

    def describe(self) -> dict[str, Any]:
        return {}


def test_missing_probabilities_name_the_member(
    candles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learners = {**catalogue.LEARNERS, "broken": lambda: (Broken, Broken)}
    monkeypatch.setattr(catalogue, "LEARNERS", learners)
    store = MemoryStore()
    both = recipe(members={"first_passage": {}, "broken": {}})
    with pytest.raises(DataMalformed, match=r"member broken .*\(16 rows missing") as caught:
        run(search_workspace(candles, store), both)
    assert caught.value.exit_code == 3
    assert store.written == []


def test_a_bad_store_entry_stops_the_count_not_the_look(candles: Path) -> None:
    store = MemoryStore()
    workspace = replace(search_workspace(candles, store), store=store)
    store.put("trials/00.json", b"{}", if_generation="")
    with pytest.raises(DataMalformed, match=r"trials/00\.json"):
        run(workspace)
    assert len(store.list("trials/")) == 2
