"""`forecastlab explain`: a sealed record taken apart, by hand and each morning."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from forecastlab.contracts.explanations import EXACT, Explanation
from forecastlab.models.softmax import softmax
from tests.e2e.conftest import Lab
from tests.e2e.test_predict import ASOF, contents
from tests.support.command_line import CommandLine


@pytest.fixture
def sealed(lab: Lab, cli: CommandLine) -> None:
    assert cli("predict", "--asof", ASOF).code == 0


def test_a_record_is_taken_apart(lab: Lab, cli: CommandLine, sealed: None, tmp_path: Path) -> None:
    before = contents(tmp_path / "store")
    record = json.loads(before[f"predictions/daily/{ASOF}.json"])
    found = Explanation.model_validate(cli("explain", ASOF, "--json").document)
    assert contents(tmp_path / "store") == before
    assert found.replays and found.same_candles and found.asof_date == ASOF
    assert set(found.candidates) == {"T14_X8", "T21_X8"}
    for name, candidate in found.candidates.items():
        assert set(candidate.members) == {"first_passage", "lightgbm"}
        assert candidate.not_explained == {}
        trees = candidate.members["lightgbm"]
        said = record["forecasts"][name]["members"]["lightgbm"]
        raw = [trees.base[label] + sum(trees.contributions[label].values()) for label in said]
        np.testing.assert_allclose(softmax(np.array(raw)), list(said.values()), rtol=0, atol=EXACT)
        event = candidate.members["first_passage"].raw["event"]
        quiet = record["forecasts"][name]["members"]["first_passage"]["0"]
        assert event == pytest.approx(np.log((1 - quiet) / quiet), abs=EXACT)


def test_a_person_reads_the_strongest_columns(lab: Lab, cli: CommandLine, sealed: None) -> None:
    told = cli("explain", "--top", "2").out
    assert f"{ASOF}, made by {lab.bundle}" in told
    assert "T14_X8 lightgbm" in told and "18 more" in told
    assert "in log odds that a close leaves the band" in told


def test_what_does_not_replay_is_said(
    lab: Lab, cli: CommandLine, sealed: None, tmp_path: Path
) -> None:
    """A record made of other candles: the members say something else now."""
    path = tmp_path / "store" / "predictions" / "daily" / f"{ASOF}.json"
    record = json.loads(path.read_text())
    said = record["forecasts"]["T14_X8"]["members"]["lightgbm"]
    said["-1"], said["1"] = said["-1"] + 0.01, said["1"] - 0.01
    record["source"]["digest"] = "sha256:" + "0" * 64
    path.write_text(json.dumps(record))
    found = Explanation.model_validate(cli("explain", ASOF, "--json").document)
    assert not found.replays and not found.same_candles
    assert found.candidates["T14_X8"].members["lightgbm"].apart == pytest.approx(0.01, rel=1e-3)
    told = cli("explain", ASOF).out
    assert "do not say again" in told and "candles in force are not those" in told


def test_a_member_that_was_skipped_is_named_with_the_reason(
    lab: Lab, cli: CommandLine, sealed: None, tmp_path: Path
) -> None:
    path = tmp_path / "store" / "predictions" / "daily" / f"{ASOF}.json"
    record = json.loads(path.read_text())
    del record["forecasts"]["T14_X8"]["members"]["lightgbm"]
    record["forecasts"]["T14_X8"]["skipped"] = {"lightgbm": "missing_features(vol21)"}
    path.write_text(json.dumps(record))
    found = Explanation.model_validate(cli("explain", ASOF, "--json").document)
    assert found.candidates["T14_X8"].not_explained == {"lightgbm": "missing_features(vol21)"}


def test_the_bundle_must_be_the_records_own(
    lab: Lab, cli: CommandLine, sealed: None, tmp_path: Path
) -> None:
    path = tmp_path / "store" / "predictions" / "daily" / f"{ASOF}.json"
    record = json.loads(path.read_text())
    record["bundle"]["digest"] = "sha256:" + "0" * 64
    path.write_text(json.dumps(record))
    cli("explain", ASOF).refused(4, "not the bundle that made the record")


def test_without_a_record_there_is_nothing_to_explain(lab: Lab, cli: CommandLine) -> None:
    cli("explain").refused(3, "No record")
    cli("explain", "2022-01-01").refused(3, "2022-01-01")
    cli("explain", "yesterday").refused(2, "yesterday")


def test_the_morning_keeps_an_explanation_and_a_check_once(
    lab: Lab, cli: CommandLine, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    steps = {one["name"]: one for one in cli("daily", "--asof", ASOF, "--json").document["steps"]}
    assert steps["explanation"]["status"] == steps["health"]["status"] == "done"
    [kept] = (store / "explanations").iterdir()
    assert kept.name == f"{ASOF}.json"
    found = Explanation.parse(kept.read_bytes(), what=kept.name)
    assert found.replays and found.bundle.name == lab.bundle
    [check] = (store / "health").iterdir()
    assert json.loads(check.read_bytes())["reading"]["market"] == "archive"
    before = kept.read_bytes()
    steps = {one["name"]: one for one in cli("daily", "--asof", ASOF, "--json").document["steps"]}
    assert steps["explanation"]["status"] == steps["health"]["status"] == "nothing_to_do"
    assert kept.read_bytes() == before


def test_no_explanation_can_fail_the_morning(
    lab: Lab, cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    from forecastlab.usecases import explain

    def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(explain, "contributions", broken)
    ended = cli("daily", "--asof", ASOF, "--json")
    assert ended.code == 0
    steps = {one["name"]: one["status"] for one in ended.document["steps"]}
    assert steps["explanation"] == "failed" and steps["health"] == "done"


def test_an_earlier_record_is_explained_for_the_dashboard(
    lab: Lab, cli: CommandLine, sealed: None, tmp_path: Path
) -> None:
    assert cli("explain", ASOF, "--keep").code == 0
    [kept] = (tmp_path / "store" / "explanations").iterdir()
    before = kept.read_bytes()
    assert cli("explain", ASOF, "--keep").code == 0
    assert kept.read_bytes() == before
