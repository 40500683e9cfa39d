"""Signals and records of a deployment with three versions, from whole data down to none."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from forecastlab.bootstrap import Choice, chosen_settings, open_workspace
from forecastlab.contracts import keys
from forecastlab.contracts.errors import DataUnavailable
from forecastlab.contracts.intervals import asof_name
from forecastlab.contracts.registry import RegistryEvent
from forecastlab.usecases import retrain
from forecastlab.usecases import signals as signals_module
from tests.support.command_line import CommandLine
from tests.support.imports import ROOT
from tests.support.signal_lab import CUT_OFF, DEPLOYMENT, LAST, SignalLab, make_signal_lab
from tests.support.signal_market import HOUR, SYMBOLS
from tests.support.synthetic import START

ASOF = asof_name(LAST, "1h")
OF_BITCOIN = {
    *("btc_return_1h_lag", "btc_return_2h_lag", "btc_return_4h_lag", "btc_return_24h_lag"),
    *("btc_trend_4h", "btc_eth_corr_24h", "btc_target_corr_24h"),
}


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> SignalLab:
    return make_signal_lab(tmp_path_factory.mktemp("signals"))


@pytest.fixture(scope="module")
def later(tmp_path_factory: pytest.TempPathFactory) -> SignalLab:
    """The same bundles, trained a day longer."""
    return make_signal_lab(tmp_path_factory.mktemp("later"), cut_off=CUT_OFF + timedelta(days=1))


@pytest.fixture
def lab(made: SignalLab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SignalLab:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FORECASTLAB_CONFIGS", str(ROOT / "config"))
    monkeypatch.setenv("FORECASTLAB_MODELS", str(made.models))
    monkeypatch.setenv("FORECASTLAB_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("FORECASTLAB_SOURCE", made.source)
    return made


def signals(cli: CommandLine, *options: str) -> dict[str, dict[str, Any]]:
    ended = cli("signal", "--asof", ASOF, "--json", *options)
    assert ended.code == 0, ended.err
    return {one["symbol"]: one for one in ended.document["signals"]}


def no_signal(cli: CommandLine, symbol: str) -> str:
    """Return why a symbol has no signal."""
    ended = cli("signal", "--asof", ASOF, "--symbol", symbol, "--json")
    assert ended.code == 3, ended.out
    [one] = ended.document["signals"]
    return str(one["reason"])


def told_of(
    cli: CommandLine, monkeypatch: pytest.MonkeyPatch, symbol: str
) -> tuple[dict[str, Any], dict[str, list[dict[str, Any]]]]:
    """Return a symbol's signal, and the events that were logged of it by name."""
    monkeypatch.setenv("FORECASTLAB_LOG_FORMAT", "json")
    ended = cli("signal", "--asof", ASOF, "--symbol", symbol, "--json")
    monkeypatch.delenv("FORECASTLAB_LOG_FORMAT")
    found: dict[str, list[dict[str, Any]]] = {}
    for line in ended.err.splitlines():
        event = json.loads(line)
        found.setdefault(event.get("event", ""), []).append(event)
    [one] = ended.document["signals"]
    return one, found


def lost(
    lab: SignalLab,
    monkeypatch: pytest.MonkeyPatch,
    opens: Mapping[tuple[str, str], Sequence[datetime]],
) -> None:
    """Go on with candles from which some were taken out."""
    folder = lab.without(Path("candles").absolute(), opens)
    monkeypatch.setenv("FORECASTLAB_SOURCE", f"file:{folder}")


def test_every_symbol_gets_a_score_of_the_champions_version(
    lab: SignalLab, cli: CommandLine
) -> None:
    found = signals(cli)
    assert tuple(found) == SYMBOLS
    for symbol, one in found.items():
        assert one["model_version"] == "v2_7"
        assert one["bundle"] == lab.bundle("v2_7")
        assert 0 <= one["score"] <= 100
        assert one["score"] == pytest.approx(100 * one["probability"], abs=1e-3)
        assert one["degraded"] == []
        assert one["missing"] == {}
        assert one["base_rate_symbol"] == "BTCUSDT"
        assert one["as_of"] == (LAST + HOUR).isoformat().replace("+00:00", "Z")
        assert one["data_age_s"] > 0
        assert len(one["structural"]) == {"BTCUSDT": 6, "ETHUSDT": 2}.get(symbol, 0)
    assert len({one["score"] for one in found.values()}) > 1


@pytest.mark.parametrize(("asked", "version"), [("v1", "v1"), ("V2.6", "v2_6"), ("", "v2_7")])
def test_the_environment_chooses_the_version(
    lab: SignalLab,
    cli: CommandLine,
    monkeypatch: pytest.MonkeyPatch,
    asked: str,
    version: str,
) -> None:
    monkeypatch.setenv("ML_MODEL_VERSION", asked)
    folder = lab.models / lab.bundle(version)
    monkeypatch.setenv("ML_MODEL_PATH", str(folder / "model_L1_H24" / "xgboost.ubj"))
    monkeypatch.setenv("ML_FEATURE_NAMES_PATH", str(folder / "meta.json"))
    assert signals(cli, "--symbol", "SOLUSDT")["SOLUSDT"]["model_version"] == version


def test_a_wrong_version_or_another_versions_file_is_refused(
    lab: SignalLab, cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ML_MODEL_VERSION", "v3")
    cli("signal", "--asof", ASOF).refused(2, "ML_MODEL_VERSION='v3'", "Choose v2_7, v2_6, v1")
    monkeypatch.setenv("ML_MODEL_VERSION", "v2_7")
    monkeypatch.setenv("ML_MODEL_PATH", str(lab.models / lab.bundle("v1")))
    cli("signal", "--asof", ASOF).refused(2, "ML_MODEL_PATH", lab.bundle("v1"), "selects")
    cli("predict", "--deployment", DEPLOYMENT, "--asof", ASOF).refused(2, "ML_MODEL_PATH")


def test_a_missing_reference_is_warned_of_filled_and_shown(
    lab: SignalLab,
    cli: CommandLine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lost(lab, monkeypatch, {("BTCUSDT", "1h"): [LAST]})
    one, told = told_of(cli, monkeypatch, "SOLUSDT")
    assert one["model_version"] == "v2_7"
    assert one["missing_reference_symbols"] == ["BTCUSDT"]
    assert {*one["missing"]} == OF_BITCOIN
    assert {*one["missing"].values()} == {0.0}
    assert one["degraded"][0] == "v2_7_reference_symbol_missing(BTCUSDT)"
    assert one["degraded"][1].startswith("neutral_values(btc_return_1h_lag")
    [missing] = told["v2_7_reference_symbol_missing"]
    assert missing["ref_symbol"] == "BTCUSDT"
    assert missing["target_symbol"] == missing["symbol"] == missing["market"] == "SOLUSDT"
    [fetched] = told["v2_7_additional_data_fetched"]
    assert (fetched["reference_symbols_count"], fetched["missing_symbols_count"]) == (4, 1)
    assert fetched["secondary_klines_count"] >= 100
    [done] = told["ml_enrichment_success"]
    assert done["ml_score"] == one["score"]
    assert done["model_version"] == "v2_7"
    assert done["latency_ms"] > 0


def test_a_reference_without_columns_of_its_own_is_shown_too(
    lab: SignalLab, cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = signals(cli, "--symbol", "SOLUSDT")["SOLUSDT"]
    lost(lab, monkeypatch, {("ADAUSDT", "1h"): [LAST]})
    one = signals(cli, "--symbol", "SOLUSDT")["SOLUSDT"]
    assert one["missing"] == {}
    assert one["degraded"] == ["v2_7_reference_symbol_missing(ADAUSDT)"]
    assert whole["degraded"] == []


def test_the_ladder_from_whole_data_to_none(
    lab: SignalLab,
    cli: CommandLine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All others gone, then the four-hour candles, then the symbol's own hours."""
    gone: dict[tuple[str, str], list[datetime]] = {
        (symbol, "1h"): [LAST] for symbol in SYMBOLS if symbol != "SOLUSDT"
    }
    lost(lab, monkeypatch, gone)
    one, told = told_of(cli, monkeypatch, "SOLUSDT")
    assert one["model_version"] == "v2_6"
    assert one["bundle"] == lab.bundle("v2_6")
    assert one["degraded"][-1] == "ladder: v2_7: v2_7_all_reference_symbols_missing"
    assert len(one["missing_reference_symbols"]) == 4
    assert one["missing"] == {}
    assert told["v2_7_all_reference_symbols_missing"][0]["target_symbol"] == "SOLUSDT"

    gone["SOLUSDT", "4h"] = [LAST - 3 * HOUR]
    lost(lab, monkeypatch, gone)
    one = signals(cli, "--symbol", "SOLUSDT")["SOLUSDT"]
    assert one["model_version"] == "v1"
    assert one["degraded"][-1] == "ladder: v2_6: too_few_4h_candles(0<100)"

    lost(lab, monkeypatch, {("SOLUSDT", "1h"): [LAST]})
    ended = cli("signal", "--asof", ASOF, "--json")
    found = {one["symbol"]: one for one in ended.document["signals"]}
    assert found["SOLUSDT"]["signal"] is None
    assert found["SOLUSDT"]["reason"] == "SOLUSDT: too_few_1h_candles(0<100)"
    assert "score" not in found["SOLUSDT"]
    # The others still have theirs.
    assert {found[one]["model_version"] for one in SYMBOLS if one != "SOLUSDT"} == {"v2_7"}
    assert cli("signal", "--asof", ASOF, "--symbol", "SOLUSDT").code == 3


def test_a_symbol_whose_files_are_gone_is_only_missing(
    lab: SignalLab, cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path("candles").absolute()
    shutil.copytree(lab.candles, folder)
    for interval in ("1h", "4h", "1d"):
        (folder / f"ADAUSDT_{interval}.parquet").unlink()
    monkeypatch.setenv("FORECASTLAB_SOURCE", f"file:{folder}")
    found = signals(cli, "--symbol", "BTCUSDT", "--symbol", "SOLUSDT")
    for one in found.values():
        assert one["missing_reference_symbols"] == ["ADAUSDT"]


def test_the_record_is_the_signal_of_its_symbol(lab: SignalLab, cli: CommandLine) -> None:
    ended = cli("predict", "--deployment", DEPLOYMENT, "--asof", ASOF, "--json")
    assert ended.code == 0, ended.err
    record, one = ended.document, signals(cli, "--symbol", "BTCUSDT")["BTCUSDT"]
    forecast = record["forecasts"]["L1_H24"]
    assert forecast["pred_proba"]["1"] == one["probability"]
    assert forecast["call"] == "no_view"
    assert (record["bundle"]["name"], record["degraded"]) == (lab.bundle("v2_7"), [])
    assert forecast["resolves_at"] == (LAST + 25 * HOUR).isoformat().replace("+00:00", "Z")


def test_a_bundle_older_than_its_window_says_which_labels_its_base_rate_lacks(
    lab: SignalLab, cli: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_off = START + timedelta(days=36) - HOUR
    old = make_signal_lab(tmp_path / "old", cut_off=cut_off)
    name = old.bundle("v1")
    manifest = json.loads((old.models / name / "meta.json").read_bytes())
    manifest["serving"] |= {"daily_candles": 20, "shortest": 20}
    (old.models / name / "meta.json").write_text(json.dumps(manifest))
    monkeypatch.setenv("FORECASTLAB_MODELS", str(old.models))
    marked = {}
    for days in (18, 24):  # from the cut-off: a window of 20 days reaches it, and does not
        asof = asof_name(cut_off + timedelta(days=days), "1h")
        options = ("--deployment", DEPLOYMENT, "--bundle", name, "--asof", asof, "--json")
        ended = cli("predict", *options)
        assert ended.code == 0, ended.err
        marked[days] = ended.document["degraded"]
    assert marked == {
        18: [],
        24: [f"base_rate: not all labels since {asof_name(cut_off, '1h')} are at hand (L1_H24)"],
    }


def test_a_record_steps_down_says_so_and_is_replayed(
    lab: SignalLab, cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost(lab, monkeypatch, {("BTCUSDT", "4h"): [LAST - 3 * HOUR]})
    ended = cli("predict", "--deployment", DEPLOYMENT, "--asof", ASOF, "--json")
    assert ended.code == 0, ended.err
    record = ended.document
    assert record["bundle"]["name"] == lab.bundle("v1")
    assert record["degraded"] == [
        "ladder: v2_7: too_few_4h_candles(0<100)",
        "ladder: v2_6: too_few_4h_candles(0<100)",
    ]
    replayed = cli("replay", ASOF, "--deployment", DEPLOYMENT, "--json")
    assert replayed.code == 0, replayed.err
    assert replayed.document["differs"] == []
    # The first champion is seated by its own publication alone.
    registry = Path("store") / "registry" / DEPLOYMENT
    assert not registry.exists()


def test_a_record_names_what_stood_in(
    lab: SignalLab, cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost(lab, monkeypatch, {("ETHUSDT", "1h"): [LAST]})
    ended = cli("predict", "--deployment", DEPLOYMENT, "--asof", ASOF, "--json")
    assert ended.code == 0, ended.err
    assert ended.document["degraded"] == [
        "v2_7_reference_symbol_missing(ETHUSDT)",
        "neutral_values(eth_return_1h_lag, eth_return_2h_lag, btc_eth_corr_24h)",
    ]
    assert cli("replay", ASOF, "--deployment", DEPLOYMENT).code == 0


def test_a_bundle_named_by_hand_does_not_speak_past_the_ladder(
    lab: SignalLab, cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Named by hand it is not replaced by another, and makes nothing up either."""
    gone = {(symbol, "1h"): [LAST] for symbol in SYMBOLS if symbol != "BTCUSDT"}
    lost(lab, monkeypatch, gone)
    options = ("--deployment", DEPLOYMENT, "--bundle", lab.bundle("v2_7"))
    cli("predict", *options, "--asof", ASOF).refused(3, "all_reference_symbols_missing")
    filled = cli("backfill", *options, "--from", ASOF, "--to", ASOF)
    assert filled.code == 3
    assert "all_reference_symbols_missing" in filled.out + filled.err
    assert not list(Path("store").rglob("predictions/**/*.json"))


def test_a_hole_that_windows_span_keeps_neither_signal_nor_record(
    lab: SignalLab, cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    hole = [LAST - k * HOUR for k in range(55, 67)]
    blocks = [LAST - k * HOUR for k in (63, 59, 55)]
    lost(lab, monkeypatch, {("BTCUSDT", "1h"): hole, ("BTCUSDT", "4h"): blocks})
    one = signals(cli, "--symbol", "BTCUSDT")["BTCUSDT"]
    ended = cli("predict", "--deployment", DEPLOYMENT, "--asof", ASOF, "--json")
    assert ended.code == 0, ended.err
    record = ended.document
    assert (one["bundle"], one["degraded"]) == (lab.bundle("v2_7"), [])
    assert (record["bundle"]["name"], record["degraded"]) == (lab.bundle("v2_7"), [])
    assert record["forecasts"]["L1_H24"]["pred_proba"]["1"] == one["probability"]

    too_long = [LAST - k * HOUR for k in range(54, 67)]
    lost(lab, monkeypatch, {("BTCUSDT", "1h"): too_long})
    why = "too_few_1h_candles(54<100)"
    assert why in no_signal(cli, "BTCUSDT")
    cli("predict", "--deployment", DEPLOYMENT, "--asof", ASOF).refused(3, why)


def test_a_row_that_was_rejected_keeps_signal_and_record(
    lab: SignalLab, cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = lab.without(Path("candles").absolute(), {})
    table = pd.read_parquet(folder / "BTCUSDT_1h.parquet")
    table.loc[table.index[-30], "high"] = table["low"].iloc[-30] / 2
    table.to_parquet(folder / "BTCUSDT_1h.parquet", index=False)
    monkeypatch.setenv("FORECASTLAB_SOURCE", f"file:{folder}")
    why = "1 1h row(s) of BTCUSDT in the serving window were refused"
    assert why in no_signal(cli, "BTCUSDT")
    cli("predict", "--deployment", DEPLOYMENT, "--asof", ASOF).refused(3, why)
    assert signals(cli, "--symbol", "SOLUSDT")["SOLUSDT"]["model_version"] == "v2_7"


def test_without_its_own_hours_there_is_no_record(
    lab: SignalLab, cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost(lab, monkeypatch, {("BTCUSDT", "1h"): [LAST]})
    ended = cli("predict", "--deployment", DEPLOYMENT, "--asof", ASOF)
    ended.refused(3, "too_few_1h_candles(0<100)")


def test_a_rollback_moves_the_ladders_top(
    lab: SignalLab, cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The champion's version answers, and those below it; a version above it does not."""
    first = asof_name(LAST - 2 * HOUR, "1h")
    assert cli("predict", "--deployment", DEPLOYMENT, "--asof", first).code == 0
    workspace = open_workspace(chosen_settings(Choice(deployment=DEPLOYMENT)))
    promoted = RegistryEvent(
        sequence=2,
        kind="promoted",
        deployment=DEPLOYMENT,
        bundle=lab.bundle("v2_6"),
        bundle_digest=workspace.bundles.find(lab.bundle("v2_6")).digest,
        previous=lab.bundle("v2_7"),
        at=workspace.wall.now(),
        by="a test",
        why="a simpler one",
    )
    workspace.registry.append(promoted)
    assert signals(cli, "--symbol", "SOLUSDT")["SOLUSDT"]["model_version"] == "v2_6"
    lost(lab, monkeypatch, {("SOLUSDT", "4h"): [LAST - 3 * HOUR]})
    stepped = signals(cli, "--symbol", "SOLUSDT")["SOLUSDT"]
    assert (stepped["model_version"], stepped["missing_reference_symbols"]) == ("v1", [])
    assert stepped["degraded"] == ["ladder: v2_6: too_few_4h_candles(0<100)"]
    monkeypatch.setenv("FORECASTLAB_SOURCE", lab.source)
    ended = cli("rollback", "--deployment", DEPLOYMENT, "--why", "v2_7 was right")
    assert ended.code == 0, ended.err
    assert signals(cli, "--symbol", "SOLUSDT")["SOLUSDT"]["model_version"] == "v2_7"


def test_a_model_that_cannot_be_asked_is_an_incident_though_others_answer(
    lab: SignalLab, cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = signals_module._asked

    def broken(chosen: Any, symbol: str, *others: Any) -> Any:
        if symbol == "SOLUSDT":
            raise DataUnavailable("SOLUSDT: a hole.", remedy="Wait.")
        return asked(chosen, symbol, *others)

    monkeypatch.setattr(signals_module, "_asked", broken)
    found = signals(cli)
    assert "reason" in found["SOLUSDT"] and "score" in found["BTCUSDT"]
    listed = cli("alerts", "--deployment", DEPLOYMENT, "--json").document
    assert [one["opened"]["rule"] for one in listed["open"]] == ["ml_enrichment_error"]
    monkeypatch.setattr(signals_module, "_asked", asked)
    signals(cli)
    assert cli("alerts", "--deployment", DEPLOYMENT, "--json").document["open"] == []


def test_a_drill_counts_a_forecast_that_steps_down(
    lab: SignalLab, cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost(lab, monkeypatch, {("BTCUSDT", "4h"): [LAST - 3 * HOUR]})
    options = ("--to", lab.bundle("v2_6"), "--deployment", DEPLOYMENT)
    ended = cli("drill", "rollback", *options, "--json")
    assert ended.code in {0, 5}, ended.err  # how fast this machine is, benchmarks say
    assert ended.document["target"] == lab.bundle("v2_6")


def test_status_tells_of_a_version_chosen_past_the_registry(
    lab: SignalLab, cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ML_MODEL_VERSION", "V1")
    found = cli("status", "--deployment", DEPLOYMENT, "--json").document
    assert (found["override"], found["speaks"]) == ("ML_MODEL_VERSION=v1", lab.bundle("v1"))
    assert "ML_MODEL_VERSION=v1 speaks" in cli("status", "--deployment", DEPLOYMENT).out
    monkeypatch.setenv("ML_MODEL_PATH", str(lab.models / lab.bundle("v2_6")))
    ended = cli("status", "--deployment", DEPLOYMENT)
    assert ended.code == 4 and f"names {lab.bundle('v2_6')}" in ended.err
    monkeypatch.delenv("ML_MODEL_VERSION")
    ended = cli("status", "--deployment", DEPLOYMENT, "--json")
    assert ended.code == 4 and ended.document["override"] is None


def test_the_only_bundle_of_a_rung_stays_though_the_registry_never_heard_of_it(
    lab: SignalLab, cli: CommandLine
) -> None:
    options = ("--deployment", DEPLOYMENT, "--why", "not needed")
    cli("retire", lab.bundle("v1"), *options).refused(2, "last bundle of v1")


def test_a_shipped_rung_is_not_due_at_once(
    lab: SignalLab, cli: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retrain, "train", lambda *_: SimpleNamespace(name="a_challenger"))
    config = tmp_path / "signal.toml"
    monthly = 'policy = "monthly"\nladder ='
    config.write_text((ROOT / "config/signal.toml").read_text().replace("ladder =", monthly))
    ended = cli("retrain", str(config), "--no-promote", "--json")
    assert ended.code == 0, ended.err
    due = {one["version"]: one for one in ended.document["retrained"]["due"]}
    assert {name: one["newest"] for name, one in due.items()} == {
        version: lab.bundle(version) for version in ("v2_7", "v2_6", "v1")
    }
    next_asof = asof_name(CUT_OFF + timedelta(days=30), "1h")
    assert {one["next_asof"] for one in due.values()} == {next_asof}


def test_a_retired_bundle_is_off_the_ladder(
    lab: SignalLab, cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = open_workspace(chosen_settings(Choice(deployment=DEPLOYMENT)))
    retired = RegistryEvent(
        sequence=1,
        kind="retired",
        deployment=DEPLOYMENT,
        bundle=lab.bundle("v2_6"),
        bundle_digest=workspace.bundles.find(lab.bundle("v2_6")).digest,
        previous=None,
        at=workspace.wall.now(),
        by="a test",
        why="broken",
    )
    workspace.registry.append(retired)
    gone = {(symbol, "1h"): [LAST] for symbol in SYMBOLS if symbol != "SOLUSDT"}
    lost(lab, monkeypatch, gone)
    one = signals(cli, "--symbol", "SOLUSDT")["SOLUSDT"]
    assert one["model_version"] == "v1"
    assert one["degraded"][-2:] == [
        "ladder: v2_7: v2_7_all_reference_symbols_missing",
        "ladder: v2_6: no_bundle_that_can_be_used",
    ]
    monkeypatch.setenv("ML_MODEL_VERSION", "v2_6")
    cli("signal", "--asof", ASOF).refused(2, "no bundle of v2_6")


def test_a_bundle_that_merely_lies_in_the_store_is_off_the_ladder(
    lab: SignalLab, later: SignalLab, cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an import leaves it: it speaks once it is registered, not before."""
    newer = later.bundle("v2_6")
    shutil.copytree(later.models / newer, Path("store/bundles") / newer)
    monkeypatch.setenv("ML_MODEL_VERSION", "v2_6")
    assert signals(cli, "--symbol", "SOLUSDT")["SOLUSDT"]["bundle"] == lab.bundle("v2_6")
    registered = cli("bundles", "register", newer, "--deployment", DEPLOYMENT)
    assert registered.code == 0, registered.err
    assert signals(cli, "--symbol", "SOLUSDT")["SOLUSDT"]["bundle"] == newer


def test_rungs_take_no_place_in_shadow_and_a_step_down_is_no_error(
    lab: SignalLab, later: SignalLab, cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = [later.bundle("v2_7"), later.bundle("v2_6")]
    for name in newer:
        shutil.copytree(later.models / name, Path("store/bundles") / name)
    at = ("--deployment", DEPLOYMENT)
    before = asof_name(LAST - HOUR, "1h")
    assert cli("predict", *at, "--asof", before).code == 0
    for name in (newer[0], lab.bundle("v2_6"), lab.bundle("v1"), newer[1]):
        registered = cli("bundles", "register", name, *at)
        assert registered.code == 0, registered.err
    ended = cli("shadow", "run", *at)
    assert ended.code == 0, ended.err
    said = shadow_at(before)
    assert [name for name, one in said.items() if one["forecasts"]] == [
        *newer,
        lab.bundle("v1"),
    ]
    assert "3 newest" in said[lab.bundle("v2_6")]["not_asked"]

    lost(lab, monkeypatch, {(one, "1h"): [LAST] for one in SYMBOLS if one != "BTCUSDT"})
    assert cli("predict", *at, "--asof", ASOF).code == 0
    assert cli("shadow", "run", *at).code == 0
    said = shadow_at(ASOF)
    told = "the ladder steps down: "
    assert said[newer[0]]["not_asked"].startswith(told)
    assert "v2_7: v2_7_all_reference_symbols_missing" in said[newer[0]]["not_asked"]
    assert [one["error"] for one in said.values()] == [None] * 4
    report = cli("shadow", "report", *at, "--days", "0.09", "--json").document
    assert (report["challenger"], report["checks"]["errors"]["passed"]) == (newer[0], True)


def shadow_at(asof: str) -> dict[str, dict[str, Any]]:
    """Return what became of each challenger at an as-of, in the order in which they were asked."""
    text = (Path("store") / keys.shadow(DEPLOYMENT, asof)).read_text(encoding="utf-8")
    return {one["bundle"]["name"]: one for one in json.loads(text)["challengers"]}


def test_a_lower_version_says_nothing_of_what_it_has_seen(
    lab: SignalLab, later: SignalLab, cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each version has a cut-off of its own: at an earlier as-of it would look ahead."""
    newer = later.bundle("v2_6")
    shutil.copytree(later.models / newer, Path("store/bundles") / newer)
    assert cli("bundles", "register", newer, "--deployment", DEPLOYMENT).code == 0
    early = later.cut_off - 2 * HOUR
    lost(lab, monkeypatch, {(one, "1h"): [early] for one in SYMBOLS if one != "SOLUSDT"})
    ended = cli("signal", "--asof", asof_name(early, "1h"), "--symbol", "SOLUSDT", "--json")
    [one] = ended.document["signals"]
    assert one["signal"] is None and "before the cut-off" in one["reason"]


def test_a_folder_named_by_hand_and_a_version_must_agree(
    lab: SignalLab, cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRODUCTION_DIR", str(lab.models / lab.bundle("v1")))
    assert signals(cli, "--symbol", "SOLUSDT")["SOLUSDT"]["model_version"] == "v1"
    monkeypatch.setenv("ML_MODEL_VERSION", "v1")
    assert signals(cli, "--symbol", "SOLUSDT")["SOLUSDT"]["model_version"] == "v1"
    monkeypatch.setenv("ML_MODEL_VERSION", "v9")
    cli("signal", "--asof", ASOF).refused(2, "ML_MODEL_VERSION='v9'")
    monkeypatch.setenv("ML_MODEL_VERSION", "v2_7")
    cli("signal", "--asof", ASOF).refused(2, "PRODUCTION_DIR selects", "Leave one of the two")
    monkeypatch.delenv("ML_MODEL_VERSION")
    monkeypatch.setenv("ML_MODEL_PATH", str(lab.models / lab.bundle("v2_7")))
    cli("signal", "--asof", ASOF).refused(2, "ML_MODEL_PATH", "PRODUCTION_DIR selects")


def test_switched_off_models_give_no_signal(
    lab: SignalLab, cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ML_ENABLED", "0")
    ended = cli("signal", "--asof", ASOF, "--json")
    assert ended.code == 3
    assert {one["reason"] for one in ended.document["signals"]} == {"models: ML_ENABLED=0"}


def test_what_cannot_be_meant_is_refused(lab: SignalLab, cli: CommandLine) -> None:
    cli("signal", "--asof", ASOF, "--symbol", "DOGEUSDT").refused(2, "DOGEUSDT", "Choose among")
    before = asof_name(CUT_OFF - HOUR, "1h")
    cli("signal", "--asof", before).refused(2, "before the cut-off")
