from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from forecastlab.contracts.errors import UsageError
from forecastlab.contracts.records import ForecastRecord
from forecastlab.usecases.adjust_score import Chance, adjust, recorded_chance
from tests.support.command_line import CommandLine
from tests.support.documents import forecast_document, record_document

HOUR = "2025-09-30T13Z"
DEPLOYMENT = "direction_1h_BTCUSDT"
SCORES = ("--sell-score", "45", "--buy-score", "38")


def direction(up: float, base: float) -> dict[str, Any]:
    return {
        **forecast_document(),
        "pred_label": int(up >= 0.5),
        "pred_proba": {"0": 1 - up, "1": up},
        "base_rate": {"0": 1 - base, "1": base},
        "prediction_set": {"level": 0.8, "labels": [0, 1]},
        "resolves_on": "2025-09-30",
        "members": {"lightgbm": {"0": 1 - up, "1": up}},
    }


def document(path: str = "local") -> dict[str, Any]:
    base = record_document()
    return {
        **base,
        "deployment": DEPLOYMENT,
        "interval": "1h",
        "asof_date": HOUR,
        "as_of": "2025-09-30T14:00:00Z",
        "forecasts": {"H12": direction(0.30, 0.5), "H5": direction(0.61, 0.52)},
        "runtime": {**base["runtime"], "path": path, "fallback_reason": None},
    }


def record(path: str = "local") -> ForecastRecord:
    return ForecastRecord.model_validate(document(path))


@pytest.fixture
def store(tmp_path: Path) -> Path:
    folder = tmp_path / "store" / "deployments" / DEPLOYMENT / "predictions" / "daily"
    folder.mkdir(parents=True)
    (folder / f"{HOUR}.json").write_text(json.dumps(document()))
    return tmp_path / "store"


def test_a_remote_and_a_local_probability_count_alike() -> None:
    local, remote = (recorded_chance(record(path)) for path in ("local", "remote"))
    assert (local.path, remote.path) == ("local", "remote")
    for rule in ("relative", "original"):
        ours, theirs = (adjust(45, 38, chance, rule) for chance in (local, remote))
        by_hand = adjust(45, 38, Chance(local.up, local.base_rate), rule)
        found = {
            (one.adjusted_sell_score, one.adjusted_buy_score, one.action)
            for one in (ours, theirs, by_hand)
        }
        assert len(found) == 1


def test_the_shortest_horizon_speaks_unless_another_is_asked_for() -> None:
    assert recorded_chance(record()).candidate == "H5"
    assert recorded_chance(record(), "H12").up == 0.30
    with pytest.raises(UsageError, match="no direction H24"):
        recorded_chance(record(), "H24")


def test_a_record_without_a_direction_is_refused() -> None:
    with pytest.raises(UsageError, match="no direction forecast"):
        recorded_chance(ForecastRecord.model_validate(record_document()))


def test_the_rule_decides() -> None:
    chance = Chance(0.58, 0.55)
    assert adjust(45, 38, chance, "relative").side == "neutral"
    assert adjust(45, 38, chance, "original").side == "bullish"
    with pytest.raises(UsageError, match="thresholds 'clever'"):
        adjust(45, 38, chance, "clever")


def test_the_command_reads_the_newest_record(
    store: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = CommandLine(capsys, monkeypatch)
    place = ("--deployment", DEPLOYMENT, "--store", str(store), "--source", "simulated")
    told = run("adjust-score", *SCORES, *place, "--json")
    assert told.code == 0, told.err
    found = told.document
    assert found["chance"] == {
        "asof": HOUR,
        "base_rate": 0.52,
        "candidate": "H5",
        "path": "local",
        "up": 0.61,
        "verdict": "not_distinguishable",
    }
    assert found["side"] == "bullish"
    assert found["adjusted_buy_score"] == pytest.approx(38 * (1 + 0.15 * 0.09 / 0.48))
    text = run("adjust-score", *SCORES, *place).out
    assert "H5 as of 2025-09-30T13Z" in text
    assert "not distinguishable from chance" in text


def test_a_given_probability_needs_no_store(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = CommandLine(capsys, monkeypatch)
    told = run("adjust-score", *SCORES, "--prob", "0.58", "--thresholds", "original", "--json")
    assert told.document["action"] == "bullish(BS*1.02,SS*0.98)"
    read = run("adjust-score", *SCORES, "--prob", "0.58", "--base-rate", "0.55", "--json")
    assert read.document["side"] == "neutral"
    run("adjust-score", *SCORES, "--prob", "1.2").refused(2, "no probability")
    assert run("adjust-score", *SCORES, "--base-rate", "0.5").code == 2
    empty = ("--deployment", DEPLOYMENT, "--store", str(tmp_path), "--source", "simulated")
    run("adjust-score", *SCORES, *empty).refused(3, "no sealed record", "--prob")
