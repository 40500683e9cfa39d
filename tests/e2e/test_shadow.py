"""Challengers beside the champion: asked after it, on its candles, and unable to touch its word."""

from __future__ import annotations

import dataclasses
import json
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from forecastlab.bootstrap import provenance
from forecastlab.contracts import keys
from forecastlab.contracts.canonical import digest
from forecastlab.contracts.config import parse_recipe
from forecastlab.contracts.errors import UsageError
from forecastlab.contracts.notifications import UNHEARD
from forecastlab.contracts.operations import Operations, ShadowTable
from forecastlab.contracts.ports import ABSENT
from forecastlab.models.ensemble import MemberKey
from forecastlab.usecases import forecast, shadow_answer, shadow_run
from forecastlab.usecases.demo import WAKES, demo
from forecastlab.usecases.shadow_report import shadow_report
from forecastlab.usecases.shadow_run import run_shadow
from forecastlab.usecases.workspace import Workspace
from tests.support.command_line import CommandLine
from tests.support.imports import ROOT
from tests.support.shadow_desk import DEPLOYMENT, Desk, Sequences, asof, name_of
from tests.support.workspaces import recipe_text

DAYS = 14


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a quick bundle of the simulated market, its champion, and one morning."""
    store = tmp_path_factory.mktemp("shadow") / "store"
    desk = Desk(store)
    text = recipe_text(members="[members.first_passage]\n")
    whole = parse_recipe(text, what="config/reversal.toml")
    train = whole.train.model_copy(update={"symbols": ("BTCUSDT",)})
    recipe = whole.model_copy(update={"train": train})
    demo(
        desk.workspace,
        recipe,
        provenance(),
        last_asof=asof(1),
        mornings=1,
        set_clock=desk.set_clock,
    )
    return store


@pytest.fixture
def desk(trained: Path, tmp_path: Path) -> Desk:
    shutil.copytree(trained, tmp_path / "store")
    return Desk(tmp_path / "store")


def test_fourteen_mornings_pass(
    desk: Desk, tmp_path: Path, cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    challenger = desk.enter("flow_challenger")
    for day in range(2, 2 + DAYS):
        step = next(one for one in desk.wake(day).steps if one.name == "shadow")
        assert (step.status, step.detail) == ("done", "1 of 1 challenger(s) answered")
    report = shadow_report(desk.workspace, challenger)
    assert report.passed, report.reasons
    assert (report.first, report.last) == (name_of(2), name_of(1 + DAYS))
    assert (report.due, report.answered, report.missing) == (DAYS, DAYS, ())
    assert report.agreement == 1
    assert all(one.too_few for one in report.scores)
    assert {one.candidate: one.needed["log_loss"] for one in report.scores} == {
        "T14_X8": 84,
        "T21_X8": 126,
    }
    # The commands of docs/operations.md, on the clock of the last morning.
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FORECASTLAB_STORE", str(desk.store))
    monkeypatch.setenv("FORECASTLAB_SOURCE", "simulated")
    monkeypatch.setenv("FORECASTLAB_SIMULATED_NOW", (asof(1 + DAYS) + WAKES).isoformat())
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    told = text.partition("## Shadow\n")[2].partition("\n## ")[0]
    commands = [one for one in told.splitlines() if one.startswith("forecastlab ")]
    assert len(commands) == 4
    before = desk.contents()
    codes = {}
    for command in commands:
        words = command.partition("#")[0].replace("CHALLENGER", challenger).split()[1:]
        ended = cli(*words)
        codes[" ".join(words)] = ended.code
        assert "Traceback" not in ended.err
        if "--json" in words:
            assert ended.document["passed"] is True
    assert list(codes.values()) == [0, 0, 0, 5]
    ended = cli("shadow", "report", "--min-bars", str(DAYS + 1))
    assert (ended.code, "min_bars (14 bars answered)" in ended.err) == (5, True)
    assert all(key.startswith("runs/") for key in desk.contents().keys() - before.keys())


def test_the_document_holds_both_sides(desk: Desk) -> None:
    challenger = desk.enter("flow_challenger")
    desk.wake(2)
    document = desk.shadow(2)
    key = keys.record(DEPLOYMENT, name_of(2))
    stored = (desk.store / key).read_bytes()
    record = json.loads(stored)
    assert document.champion.record == digest(stored)
    assert document.champion.bundle.name == desk.champion()
    said = document.of(challenger)
    assert said is not None and said.latency_s is not None and said.latency_s > 0
    assert said.bundle.digest == desk.workspace.registry.state().registered[challenger]
    for name, one in record["forecasts"].items():
        sealed, ours = document.champion.forecasts[name], said.forecasts[name]
        assert sealed.pred_proba == one["pred_proba"] == ours.pred_proba
        assert sealed.members == one["members"]
        assert ours.own_method and ours.method == one["method"]
        answers = {member: told.probabilities for member, told in ours.members.items()}
        assert answers == one["members"]
        assert all(told.full_window for told in ours.members.values())
    assert document.mode == "live"


def test_without_a_challenger_there_is_nothing_to_do(desk: Desk) -> None:
    done = desk.wake(2)
    assert next(one for one in done.steps if one.name == "shadow").status == "nothing_to_do"
    assert desk.workspace.store.list(keys.shadows(DEPLOYMENT)) == []


def test_a_second_run_writes_nothing(desk: Desk) -> None:
    desk.enter("flow_challenger")
    desk.wake(2)
    before = desk.shadow(2)
    desk.enter("flow_later")
    assert run_shadow(desk.workspace) is None
    assert desk.shadow(2) == before


@pytest.fixture
def fetched(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The series that the source has been asked for."""
    asked: list[str] = []
    source = desk.workspace.source
    fetch = source.fetch

    def counted(symbol: str, interval: Any, *rest: Any) -> Any:
        asked.append(f"{symbol} {interval}")
        return fetch(symbol, interval, *rest)

    monkeypatch.setattr(source, "fetch", counted)
    return asked


@pytest.mark.parametrize(
    ("daily_candles", "asked"), [(1595, set()), (1645, {"BTCUSDT 1d", "BTCUSDT 1h"})]
)
def test_only_what_the_champion_did_not_need_is_fetched(
    desk: Desk, fetched: list[str], daily_candles: int, asked: set[str]
) -> None:
    desk.wake(2)
    assert fetched
    fetched.clear()
    desk.enter("flow_challenger", serving={"daily_candles": daily_candles})
    # A day later there is something to fetch.
    desk.set_clock(asof(3) + WAKES)
    assert run_shadow(desk.workspace) == "1 of 1 challenger(s) answered"
    assert set(fetched) == asked


def test_an_as_of_that_is_not_sealed_is_refused(desk: Desk) -> None:
    desk.enter("flow_challenger")
    with pytest.raises(UsageError, match="no sealed record of 2017-01-01"):
        run_shadow(desk.workspace, "2017-01-01")


def test_an_answer_after_the_next_close_counts_for_nothing(desk: Desk) -> None:
    challenger = desk.enter("flow_challenger")
    desk.set_clock(asof(3) + WAKES)
    assert run_shadow(desk.workspace, name_of(1)) is not None
    assert desk.shadow(1).mode == "late"
    report = shadow_report(desk.workspace, challenger, days=3)
    assert not report.passed
    assert [(one.asof, one.why) for one in report.missing] == [
        (name_of(1), "asked late"),
        (name_of(2), "no shadow run"),
        (name_of(3), "no shadow run"),
    ]


@pytest.mark.parametrize("days", ["0", "0.01", "nan", "-1", "4000"])
def test_a_span_that_cannot_be_meant_is_refused(
    desk: Desk, cli: CommandLine, monkeypatch: pytest.MonkeyPatch, days: str
) -> None:
    challenger = desk.enter("flow_challenger")
    monkeypatch.setenv("FORECASTLAB_STORE", str(desk.store))
    ended = cli("shadow", "report", challenger, "--days", days, "--source", "simulated")
    assert ended.code == 2 and "Traceback" not in ended.err
    assert ended.out == ""


def test_a_live_shadow_is_not_judged_as_a_files(
    desk: Desk, tmp_path: Path, cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file has no present, so that late answers count there; here they would pass a gate."""
    challenger = desk.enter("flow_challenger")
    desk.set_clock(asof(3) + WAKES)
    run_shadow(desk.workspace, name_of(1))
    monkeypatch.setenv("FORECASTLAB_STORE", str(desk.store))
    ended = cli("shadow", "report", challenger, "--days", "1", "--source", f"file:{tmp_path}")
    ended.refused(2, "holds simulated candles")


def test_hindsight_is_not_asked_for(desk: Desk) -> None:
    desk.enter("flow_later", training={"cut_off": name_of(5)})
    desk.wake(2)
    said = desk.shadow(2).of("flow_later")
    assert said is not None and said.not_asked is not None
    assert name_of(5) in said.not_asked


Attack = Callable[[Workspace], None]


def overwrite_the_record(reader: Workspace) -> None:
    key = keys.record(DEPLOYMENT, name_of(2))
    found = reader.store.get(key)
    assert found is not None
    reader.store.put(key, b"{}", if_generation=found.generation)


def move_latest(reader: Workspace) -> None:
    found = reader.store.get(keys.latest(DEPLOYMENT))
    assert found is not None
    reader.store.put(keys.latest(DEPLOYMENT), b"{}", if_generation=found.generation)


def promote_itself(reader: Workspace) -> None:
    events = reader.registry.events()
    taking = {"sequence": len(events) + 1, "kind": "promoted", "previous": events[0].bundle}
    reader.registry.append(events[-1].model_copy(update=taking))


def write_a_run(reader: Workspace) -> None:
    reader.store.put("runs/2018-01-01/x.json", b"{}", if_generation=ABSENT)


def write_a_bundle(reader: Workspace) -> None:
    reader.bundles.keep_in_store("mine", {"meta.json": b"{}"})


def change_candles(reader: Workspace) -> None:
    assert reader.lake is not None
    held = reader.lake.read("BTCUSDT", "1d", None, asof(2))
    earlier = held.frame.index - pd.Timedelta(days=5000)
    made_up = dataclasses.replace(held, frame=held.frame.set_axis(earlier))
    reader.lake.append(made_up, seen_at=asof(3))


def forge_the_next_shadow(reader: Workspace) -> None:
    reader.store.put(keys.shadow(DEPLOYMENT, name_of(9)), b"{}", if_generation=ABSENT)


ATTACKS: list[Attack] = [
    overwrite_the_record,
    move_latest,
    promote_itself,
    write_a_run,
    write_a_bundle,
    change_candles,
    forge_the_next_shadow,
]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda one: one.__name__)
def test_a_malicious_challenger_changes_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, attack: Attack
) -> None:
    desk.wake(2)
    desk.enter("flow_challenger")
    before = desk.contents()

    def hostile(reader: Workspace, *_: Any) -> None:
        attack(reader)

    monkeypatch.setattr(shadow_answer, "opened", hostile)
    assert "0 of 1" in (run_shadow(desk.workspace) or "")
    assert desk.contents() == before
    said = desk.shadow(2).of("flow_challenger")
    assert said is not None and said.error is not None
    assert "cannot be written from beside the champion" in said.error
    assert desk.workspace.store.list(keys.shadows(DEPLOYMENT)) == [
        keys.shadow(DEPLOYMENT, name_of(2))
    ]


def test_a_challengers_workspace_reaches_and_tells_nobody(desk: Desk) -> None:
    reader = desk.workspace.guarded(None)
    assert (reader.inference, reader.spare, reader.notifier) == (None, None, UNHEARD)


def crash() -> None:
    raise ZeroDivisionError("division by zero")


@pytest.mark.parametrize("crashes", [crash, sys.exit, lambda: None], ids=["bug", "exit", "mute"])
def test_a_crashing_challenger_is_a_severe_error_and_no_more(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, crashes: Callable[[], None]
) -> None:
    challenger, seen = desk.enter("flow_challenger"), []

    def hostile(*_: Any) -> Any:
        seen.append(desk.contents())
        crashes()
        return shadow_answer.Answered({}, ())

    monkeypatch.setattr(shadow_run, "shadow_answers", hostile)
    done = desk.wake(2)
    assert done.published.publication == "published"
    after = desk.contents()
    assert {key: after[key] for key in seen[0]} == seen[0]
    told = ("predictions/", "registry/", "bundles/", "candles/", "outcomes/", "store.json")
    assert not [key for key in after.keys() - seen[0].keys() if key.startswith(told)]
    said = desk.shadow(2).of(challenger)
    assert said is not None and said.error is not None
    report = shadow_report(desk.workspace, challenger, days=1)
    assert "errors" in " ".join(report.reasons)


def test_one_that_hangs_is_left_behind_and_the_rest_are_not_asked(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    older, newest = desk.enter("flow_older"), desk.enter("flow_newest")
    bounds = Operations(shadow=ShadowTable(budget_s=0.05))
    monkeypatch.setattr(Workspace, "operations", bounds)
    monkeypatch.setattr(shadow_run, "shadow_answers", lambda *_: time.sleep(1))
    desk.wake(2)
    document = desk.shadow(2)
    first, second = document.of(newest), document.of(older)
    assert first is not None and first.error == "no answer within 0.05 s"
    assert second is not None
    assert second.not_asked == "flow_newest took longer than 0.05 s"


def test_only_the_newest_are_asked(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [desk.enter(f"flow_{place}") for place in range(3)]
    bounds = Operations(shadow=ShadowTable(newest=2))
    monkeypatch.setattr(Workspace, "operations", bounds)
    desk.wake(2)
    asked = {one.bundle.name: bool(one.forecasts) for one in desk.shadow(2).challengers}
    assert asked == {names[2]: True, names[1]: True, names[0]: False}


def test_a_challenger_whose_files_were_swapped_fails_alone(desk: Desk) -> None:
    sound, broken = desk.enter("flow_sound"), desk.enter("flow_broken")
    victim = next((desk.store / "bundles" / broken).glob("model_*/first_passage.json"))
    victim.write_bytes(victim.read_bytes() + b"\n")
    desk.wake(2)
    document = desk.shadow(2)
    one, other = document.of(sound), document.of(broken)
    assert one is not None and one.forecasts
    assert other is not None and other.error is not None and "first_passage.json" in other.error


@pytest.fixture
def with_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give every challenger the made-up network, which has no say."""
    real = shadow_answer.opened

    def opened(*arguments: Any) -> Any:
        bundle = real(*arguments)
        forecasters = {}
        for name, one in bundle.forecasters.items():
            feature_set = one.keys["first_passage"].feature_set
            forecasters[name] = dataclasses.replace(
                one,
                members={**one.members, "lstm": Sequences()},
                keys={**one.keys, "lstm": MemberKey("lstm", feature_set)},
            )
        return dataclasses.replace(bundle, forecasters=forecasters)

    monkeypatch.setattr(shadow_answer, "opened", opened)


def test_a_window_with_a_hole_is_not_a_full_one(
    desk: Desk, with_a_network: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    challenger = desk.enter("flow_challenger")
    desk.wake(2)
    whole = desk.shadow(2).of(challenger)
    assert whole is not None
    networks = [one.members["lstm"] for one in whole.forecasts.values()]
    assert [one.full_window for one in networks] == [True, True]
    rows_of = forecast._rows

    def holed(*arguments: Any) -> Any:
        rows, *rest = rows_of(*arguments)
        return {name: one.drop(index=one.index[-10]) for name, one in rows.items()}, *rest

    monkeypatch.setattr(forecast, "_rows", holed)
    desk.wake(3)
    stale = desk.shadow(3).of(challenger)
    assert stale is not None
    networks = [one.members["lstm"] for one in stale.forecasts.values()]
    assert [one.full_window for one in networks] == [False, False]
    report = shadow_report(desk.workspace, challenger, days=2)
    [lstm] = [one for one in report.checks if one.name == "lstm"]
    assert lstm.said == "2 of 4 answers; 2 × not from a full window"
