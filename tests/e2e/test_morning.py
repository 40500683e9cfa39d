"""Mornings on a settable clock: live records, missed days, outcomes; later steps hurt nothing."""

from __future__ import annotations

import json
import shutil
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from forecastlab.adapters.local_store import LocalStore
from forecastlab.bootstrap import Choice, chosen_settings, open_demo, provenance
from forecastlab.contracts.errors import DataUnavailable
from forecastlab.contracts.intervals import asof_name
from forecastlab.contracts.ports import Generation
from forecastlab.usecases import morning as morning_module
from forecastlab.usecases.demo import WAKES, demo
from forecastlab.usecases.morning import Morning, morning
from forecastlab.usecases.predict import PredictRequest
from forecastlab.usecases.runs import recorded
from forecastlab.usecases.score import score, write_outcomes
from forecastlab.usecases.workspace import Workspace
from tests.support.command_line import CommandLine
from tests.support.made_once import made_once
from tests.support.workspaces import CUT_OFF, small_recipe

MORNINGS = 20


def asof(days_after_cut_off: int) -> datetime:
    return CUT_OFF + timedelta(days=days_after_cut_off)


class Days:
    """A workspace on the simulated market, and its clock."""

    def __init__(self, store: Path) -> None:
        settings = chosen_settings(Choice(source="simulated", store=str(store)))
        self.workspace, self.set_clock = open_demo(settings)
        self.store = store

    def wake(self, days_after_cut_off: int) -> Morning:
        self.set_clock(asof(days_after_cut_off) + WAKES)
        with recorded(self.workspace, "daily") as attempt:
            return morning(self.workspace, PredictRequest(), attempt)

    def files(self, prefix: str) -> list[str]:
        return [key.removeprefix(prefix) for key in self.workspace.store.list(prefix)]

    def runs(self) -> list[dict[str, object]]:
        keys = self.workspace.store.list("runs/")
        return [json.loads((self.store / key).read_bytes()) for key in keys]


@pytest.fixture(scope="session")
def demo_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a bundle of the simulated market and one morning."""
    return made_once(tmp_path_factory, "demo", _fill_demo) / "store"


def _fill_demo(folder: Path) -> None:
    days = Days(folder / "store")
    demo(
        days.workspace,
        small_recipe(),
        provenance(),
        last_asof=asof(1),
        mornings=1,
        set_clock=days.set_clock,
    )


@pytest.fixture
def days(demo_store: Path, tmp_path: Path) -> Days:
    shutil.copytree(demo_store, tmp_path / "store")
    return Days(tmp_path / "store")


def test_a_live_morning_is_sealed_live_and_steps_are_recorded(days: Days) -> None:
    done = days.wake(2)
    assert (done.published.publication, done.published.record.mode) == ("published", "live")
    names = [step.name for step in done.steps]
    assert names[names.index("publish") + 1 :][:2] == ["backfill", "score"]
    assert names[-2:] == ["alerts", "message"]
    last = days.runs()[-1]
    assert (last["exit_code"], last["asof_date"]) == (0, asof_name(asof(2), "1d"))
    assert [step["name"] for step in last["steps"]][:2] == ["bundle", "update"]  # type: ignore[index]


def test_missed_mornings_are_filled_as_hindsight_never_as_live(days: Days) -> None:
    days.wake(2)
    done = days.wake(6)
    filled = days.files("predictions/backfill/")
    assert [Path(key).stem for key in filled] == [asof_name(asof(i), "1d") for i in (3, 4, 5)]
    assert done.published.record.asof_date == asof_name(asof(6), "1d")
    hindsight = json.loads((days.store / "predictions/backfill" / filled[0]).read_bytes())
    assert hindsight["mode"] == "backfill"
    assert asof_name(asof(4), "1d") + ".json" not in days.files("predictions/daily/")


def test_a_late_record_does_not_count(days: Days) -> None:
    days.set_clock(asof(3) + WAKES)
    request = PredictRequest(asof=asof_name(asof(2), "1d"))
    with recorded(days.workspace, "predict") as attempt:
        record = morning(days.workspace, request, attempt).published.record
    assert record.mode == "late"
    days.set_clock(asof(40))
    [candidate] = [one for one in score(days.workspace).scores if one.candidate == "T14_X8"]
    assert (candidate.resolved, candidate.not_counted) == (1, 1)


def test_outcomes_are_written_when_the_horizon_has_passed_and_not_before(days: Days) -> None:
    first = asof_name(asof(1), "1d")
    days.wake(14)
    assert days.files("outcomes/") == []
    days.wake(15)
    assert days.files("outcomes/") == [f"T14_X8/{first}.json"]
    days.wake(22)
    assert f"T21_X8/{first}.json" in days.files("outcomes/")
    scores = {one.candidate: one for one in score(days.workspace).scores}
    assert scores["T14_X8"].resolved == 1
    assert scores["T14_X8"].log_loss is not None and scores["T14_X8"].log_loss > 0
    assert scores["T21_X8"].pending == 3


def test_sixty_mornings_and_once_more(demo_store: Path, tmp_path: Path) -> None:
    shutil.copytree(demo_store, tmp_path / "store")
    days = Days(tmp_path / "store")

    def live_through() -> tuple[int, int]:
        done = demo(
            days.workspace,
            small_recipe(),
            provenance(),
            last_asof=asof(MORNINGS),
            mornings=MORNINGS,
            set_clock=days.set_clock,
        )
        return done.published, done.sealed_before

    assert live_through() == (MORNINGS - 1, 1)
    names = [f"{asof_name(asof(i + 1), '1d')}.json" for i in range(MORNINGS)]
    assert days.files("predictions/daily/") == names
    assert live_through() == (0, MORNINGS)


@pytest.mark.parametrize("error", [DataUnavailable("no.", remedy="Wait."), ZeroDivisionError()])
def test_no_later_step_can_fail_the_forecast(
    days: Days, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def refuse(_: Workspace) -> None:
        raise error

    monkeypatch.setattr(morning_module, "write_outcomes", refuse)
    done = days.wake(2)
    assert done.published.publication == "published"
    assert {step.name: step.status for step in done.steps}["score"] == "failed"
    assert days.runs()[-1]["exit_code"] == 0


def test_a_morning_reads_only_records_whose_outcomes_are_not_all_there(
    days: Days, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T14 resolves a week before T21; the first T21 outcome must be written all the same."""
    for day in (2, 3, 16, 22, 23):
        days.wake(day)
    written = {key.removesuffix(".json") for key in days.files("outcomes/T21_X8/")}
    assert written == {asof_name(asof(day), "1d") for day in (1, 2)}
    read: list[str] = []
    get, put = LocalStore.get, LocalStore.put
    monkeypatch.setattr(LocalStore, "get", lambda self, key: read.append(key) or get(self, key))
    tried: list[str] = []

    def noted(self: LocalStore, key: str, data: bytes, *, if_generation: Generation) -> Generation:
        tried.append(key)
        return put(self, key, data, if_generation=if_generation)

    monkeypatch.setattr(LocalStore, "put", noted)
    assert write_outcomes(days.workspace) == 0
    settled = [f"predictions/daily/{asof_name(asof(day), '1d')}.json" for day in (1, 2)]
    assert not set(settled) & set(read)
    assert score(days.workspace).written == 0
    assert set(settled) <= set(read)
    assert [key for key in tried if key.startswith("outcomes/")] == []


def test_when_the_forecast_fails_outcomes_are_still_written(
    days: Days, monkeypatch: pytest.MonkeyPatch
) -> None:
    days.wake(2)
    days.set_clock(asof(15) + WAKES)

    def refuse(*_: object) -> None:
        raise DataUnavailable("no bundle.", remedy="Wait.")

    monkeypatch.setattr(morning_module, "predict", refuse)
    with pytest.raises(DataUnavailable), recorded(days.workspace, "daily") as attempt:
        morning(days.workspace, PredictRequest(), attempt)
    assert days.files("outcomes/") != []
    assert days.runs()[-1]["exit_code"] == 3


def test_an_older_hole_is_filled_by_a_later_morning(
    days: Days, monkeypatch: pytest.MonkeyPatch
) -> None:
    days.wake(2)
    with monkeypatch.context() as patch:
        patch.setattr(morning_module, "fill", lambda *_, **__: ())
        days.wake(5)
    assert days.files("predictions/backfill/") == []
    days.wake(6)
    assert len(days.files("predictions/backfill/")) == 2


def test_a_stored_outcome_stands_and_scoring_goes_on(days: Days) -> None:
    days.wake(15)
    key = days.store / "outcomes/T14_X8" / f"{asof_name(asof(1), '1d')}.json"
    told = json.loads(key.read_bytes())
    other = {-1: 0, 0: 1, 1: -1}[told["label"]]
    key.write_text(json.dumps({**told, "label": other}))
    (days.store / "predictions/daily" / f"{asof_name(asof(15), '1d')}.json").write_bytes(b"{")
    days.wake(16)
    report = score(days.workspace)
    assert len(report.problems) == 2
    assert {one.candidate: one.resolved for one in report.scores}["T14_X8"] == 1
    assert json.loads(key.read_bytes())["label"] == other


def test_before_the_close_there_is_nothing_new(days: Days) -> None:
    days.wake(2)
    days.set_clock(asof(3) + timedelta(hours=23, minutes=59))
    with recorded(days.workspace, "daily") as attempt:
        done = morning(days.workspace, PredictRequest(), attempt)
    assert done.published.publication == "already_published"
    assert done.published.record.asof_date == asof_name(asof(2), "1d")


def test_backfill_by_hand(
    days: Days, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    cli = CommandLine(capsys, monkeypatch)
    monkeypatch.setenv("FORECASTLAB_STORE", str(days.store))
    monkeypatch.setenv("FORECASTLAB_SOURCE", "simulated")
    monkeypatch.setenv("FORECASTLAB_SIMULATED_NOW", (asof(9) + WAKES).isoformat())
    span = ("--from", asof_name(asof(1), "1d"), "--to", asof_name(asof(4), "1d"))
    before = days.workspace.store.list("predictions/")
    assert cli("backfill", *span, "--dry-run").code == 0
    assert days.workspace.store.list("predictions/") == before
    rows = cli("backfill", *span, "--json").document
    assert [row["result"] for row in rows] == ["sealed_live", "filled", "filled", "filled"]
    assert {row["result"] for row in cli("backfill", *span, "--json").document} == {
        "sealed_live",
        "filled_before",
    }
    everything = cli("backfill", *span, "--mode", "all", "--json").document
    assert everything[0]["result"] == "filled"
    early = ("--from", asof_name(asof(-2), "1d"), "--to", asof_name(asof(1), "1d"))
    before = days.workspace.store.list("predictions/")
    shown = cli("backfill", *early, "--json").document
    assert [row["result"] for row in shown[:2]] == ["oof", "oof"]
    assert sum(shown[0]["oof"]["T21_X8"].values()) == pytest.approx(1)
    assert len(days.workspace.store.list("predictions/")) == len(before) + 1  # the cut-off candle
    ancient = ("--from", "2018-02-01", "--to", "2018-02-01")
    none = cli("backfill", *ancient, "--json")
    assert (none.code, none.document[0]["result"]) == (3, "refused")
    cli("backfill", "--from", span[3], "--to", span[1]).refused(2, "empty")


def test_a_bundle_of_the_simulated_market_does_not_forecast_another(
    days: Days, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from tests.support.synthetic import synthetic_market
    from tests.support.workspaces import write_candles

    candles = write_candles(synthetic_market(60), days.store.parent / "candles")
    name = days.workspace.registry.state().champion
    assert name is not None
    (days.store / "store.json").unlink()
    cli = CommandLine(capsys, monkeypatch)
    arguments = ("--source", f"file:{candles}", "--store", str(days.store))
    cli("predict", "--bundle", name, *arguments).refused(4, "simulated market")
