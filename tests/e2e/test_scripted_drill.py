"""The drill of the signal: promote, break a reference, step down, roll back, and tell it later."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from forecastlab.contracts.intervals import asof_name
from forecastlab.usecases import promote
from forecastlab.usecases.promotion import chosen
from tests.e2e.test_signals import ASOF, lost, signals
from tests.support.command_line import CommandLine
from tests.support.imports import ROOT
from tests.support.signal_lab import DEPLOYMENT, LAST, SignalLab, make_signal_lab
from tests.support.signal_market import HOUR, SYMBOLS


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SignalLab:
    made = make_signal_lab(tmp_path / "signals")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FORECASTLAB_CONFIGS", str(ROOT / "config"))
    monkeypatch.setenv("FORECASTLAB_MODELS", str(made.models))
    monkeypatch.setenv("FORECASTLAB_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("FORECASTLAB_SOURCE", made.source)
    # The lab's bundles were never evaluated, and the gates have their own tests.
    monkeypatch.setattr(promote, "refuse_without_view", lambda _: {})
    monkeypatch.setattr(chosen, "promotion_gates", lambda _: {})
    monkeypatch.setattr(chosen, "paired_gate", lambda *_, **__: lambda _: {"passed": True})
    return made


def done(cli: CommandLine, *words: str) -> Any:
    ended = cli(*words, "--deployment", DEPLOYMENT, "--json")
    assert ended.code == 0, ended.err
    return ended.document


def test_promote_break_degrade_roll_back_and_tell(
    lab: SignalLab, cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    simple, whole = lab.bundle("v2_6"), lab.bundle("v2_7")
    first = done(cli, "promote", simple, "--why", "the first")
    second = done(cli, "promote", whole, "--why", "the references help", "--force")
    assert second["forced"] and "walk_forward" in second["gates"]
    before = done(cli, "predict", "--asof", asof_name(LAST - HOUR, "1h"))
    assert (before["bundle"]["name"], before["degraded"]) == (whole, [])

    lost(lab, monkeypatch, {("ETHUSDT", "1h"): [LAST]})
    told = signals(cli, "--symbol", "SOLUSDT")["SOLUSDT"]
    assert (told["model_version"], told["missing_reference_symbols"]) == ("v2_7", ["ETHUSDT"])
    assert "v2_7_reference_symbol_missing(ETHUSDT)" in told["degraded"]
    lost(lab, monkeypatch, {(one, "1h"): [LAST] for one in SYMBOLS if one != "SOLUSDT"})
    told = signals(cli, "--symbol", "SOLUSDT")["SOLUSDT"]
    assert told["model_version"] == "v2_6"
    assert "ladder: v2_7: v2_7_all_reference_symbols_missing" in told["degraded"]

    monkeypatch.setenv("FORECASTLAB_SOURCE", lab.source)
    back = done(cli, "rollback", "--why", "references are gone too often")
    assert (back["bundle"], back["previous"]) == (simple, whole)
    after = done(cli, "predict", "--asof", ASOF)
    assert (after["bundle"]["name"], after["degraded"]) == (simple, [])

    spoke = [done(cli, "status", "--at", one["at"])["champion"] for one in (first, second, back)]
    assert spoke == [simple, whole, simple]
    assert done(cli, "status", "--at", "2020-01-01")["champion"] is None
    assert done(cli, "status")["speaks"] == simple
