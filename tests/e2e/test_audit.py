"""`forecastlab audit`: honest code passes, a planted leak ends with exit code 5 and its name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from forecastlab.bootstrap import Choice, chosen_settings, open_workspace
from forecastlab.contracts.candles import Market, MarketView
from forecastlab.contracts.canonical import canonical_bytes
from forecastlab.contracts.errors import GateRefused
from forecastlab.contracts.intervals import DURATION
from forecastlab.contracts.manifest import MANIFEST, Manifest
from forecastlab.evaluation.leakage.findings import CheckReport, Finding, as_document
from forecastlab.features.catalogue import FEATURE_SETS
from forecastlab.usecases.audit import promotion_gates
from forecastlab.usecases.open_bundle import OpenBundle, open_bundle
from forecastlab.usecases.workspace import Workspace
from tests.e2e.conftest import Lab
from tests.support.command_line import CommandLine
from tests.support.workspaces import recipe_text


def rewrite(lab: Lab, *, shortest: int | None = None, **gates: Any) -> None:
    """Change what the bundle's manifest says that training proved; a gate of None is taken out."""
    path = lab.models / lab.bundle / MANIFEST
    manifest = Manifest.parse(path.read_bytes(), what=MANIFEST)
    merged = {**manifest.gates, **gates}
    kept = {name: one for name, one in merged.items() if one is not None}
    serving = manifest.serving.model_copy(
        update={"shortest": shortest or manifest.serving.shortest}
    )
    changed = manifest.model_copy(update={"gates": kept, "serving": serving})
    path.write_bytes(changed.stored())


def config(tmp_path: Path) -> Path:
    """Write the shipped recipe on one symbol."""
    lines = recipe_text().splitlines()
    path = tmp_path / "small.toml"
    one = ['symbols = ["BTCUSDT"]' if line.startswith("symbols") else line for line in lines]
    path.write_text("\n".join(one))
    return path


def plant(monkeypatch: pytest.MonkeyPatch, leak: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    """Put a leak into the feature set `flow`, as serving and training compute it."""
    key = ("flow", "scaled")
    honest = FEATURE_SETS[key]
    leaking = replace(honest, rows=lambda *asked: leak(honest.rows(*asked)))
    monkeypatch.setitem(FEATURE_SETS, key, leaking)


def tomorrow(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(rsi_14=table["rsi_14"].shift(-1))


def gate(lab: Lab) -> tuple[Workspace, OpenBundle]:
    workspace = open_workspace(chosen_settings(Choice(source=lab.source)))
    return workspace, open_bundle(workspace.bundles.find(lab.bundle))


def test_the_recipe_passes_and_nothing_is_written(
    lab: Lab, cli: CommandLine, tmp_path: Path
) -> None:
    ended = cli("audit", str(config(tmp_path)), "--source", lab.source, "--json")
    assert ended.code == 0, ended.err
    report = ended.document
    assert report["passed"]
    assert [name for name, one in report["checks"].items() if one["passed"]] == [
        f"L{number}" for number in range(1, 8)
    ]
    assert "not_shown" in report["checks"]["L8"]
    assert all(one["comparisons"] for name, one in report["checks"].items() if name != "L8")
    assert not (tmp_path / "store").exists()


def test_a_bundle_is_audited_with_its_evidence(lab: Lab, cli: CommandLine) -> None:
    ended = cli("audit", lab.bundle, "--source", lab.source)
    assert ended.code == 0, ended.err
    assert "L8 is left out: the bundle was trained with --quick" in ended.out
    assert "0 finding(s)" in ended.out


def test_without_a_source_it_runs_on_the_simulated_market(
    lab: Lab, cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FORECASTLAB_SOURCE names files; only --source itself leaves the simulated market."""
    monkeypatch.setenv("FORECASTLAB_SIMULATED_NOW", "2022-06-01T00:05:00Z")
    monkeypatch.setenv("FORECASTLAB_SOURCE", "file:nowhere")
    assert cli("audit", lab.bundle, "--json").code == 0


def test_a_planted_leak_is_named(
    lab: Lab, cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch, tomorrow)
    ended = cli("audit", lab.bundle, "--source", lab.source, "--json")
    assert ended.code == 5
    assert "BTCUSDT flow: rsi_14" in ended.err
    checks = ended.document["checks"]
    for check in ("L1", "L2"):
        (finding,) = checks[check]["findings"]
        assert finding["subject"] == "BTCUSDT flow: rsi_14"
        assert finding["candle"].startswith("BTCUSDT 1d ")
        assert finding["as_of"][:10] == finding["candle"][-10:]
    assert any("lightgbm" in one["subject"] for one in checks["L3"]["findings"])


def test_an_open_candle_in_the_views_is_named(
    lab: Lab, cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = Market.as_of

    def too_late(market: Market, instant: Any) -> MarketView:
        view, later = honest(market, instant), honest(market, instant + DURATION["4h"])
        keys = [(one.symbol, one.interval) for one in market.series()]
        shown = {key: (later if key[1] == "4h" else view).candles(*key) for key in keys}
        return MarketView(instant, shown)

    monkeypatch.setattr(Market, "as_of", too_late)
    ended = cli("audit", lab.bundle, "--source", lab.source, "--json")
    assert ended.code == 5
    (finding,) = ended.document["checks"]["L4"]["findings"]
    assert finding["subject"] == "as-of view: BTCUSDT 4h"


def test_what_training_proved_is_read_and_doubted(lab: Lab, cli: CommandLine) -> None:
    bad = Finding("L6", "T21_X8", None, None, None, "a close before t counts.")
    rewrite(lab, shortest=1000, L6=as_document(CheckReport("L6", 9, (bad,))), L8=None)
    ended = cli("audit", lab.bundle, "--source", lab.source)
    assert ended.code == 5
    assert "a close before t counts" in ended.out
    assert "no evidence of L8" in ended.out
    assert "if serving reads 1000 days" in ended.out
    rewrite(lab, L5={})
    cli("audit", lab.bundle, "--source", lab.source).refused(4, "evidence of L5 is unreadable")


def test_the_gate_of_a_promotion_reports_or_refuses(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, bundle = gate(lab)
    gates = promotion_gates(workspace)
    report = gates["audit"](bundle)
    assert list(report) == ["L1", "L2", "L3", "L4", "L7"]
    assert all(one["passed"] for one in report.values())
    assert canonical_bytes(dict(report))
    plant(monkeypatch, tomorrow)
    with pytest.raises(GateRefused, match="BTCUSDT flow: rsi_14"):
        gates["audit"](bundle)


@pytest.mark.parametrize(
    ("what", "code"), [("nothing.toml", 2), ("nothing", 4)], ids=["recipe", "bundle"]
)
def test_what_is_not_there_is_refused(lab: Lab, cli: CommandLine, what: str, code: int) -> None:
    cli("audit", what, "--source", lab.source).refused(code)
