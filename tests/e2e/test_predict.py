"""One forecast, from candles in files to the sealed record, through the command line."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from forecastlab.contracts.intervals import asof_name
from tests.e2e.conftest import Lab
from tests.support.command_line import CommandLine
from tests.support.workspaces import CUT_OFF, LAST

ASOF = asof_name(CUT_OFF + timedelta(days=3), "1d")
LATER = asof_name(CUT_OFF + timedelta(days=5), "1d")


def day(days_after_cut_off: int) -> str:
    return asof_name(CUT_OFF + timedelta(days=days_after_cut_off), "1d")


def contents(folder: Path, *, without: str = "runs") -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.relative_to(folder).parts[0] not in (without, ".forecastlab")
    }


def runs(folder: Path) -> list[dict[str, object]]:
    return [json.loads(path.read_bytes()) for path in sorted((folder / "runs").rglob("*.json"))]


def test_a_record_is_sealed_with_both_candidates(
    lab: Lab, cli: CommandLine, tmp_path: Path
) -> None:
    ended = cli("predict", "--asof", ASOF, "--json")
    assert ended.code == 0, ended.err
    record = ended.document
    assert set(record["forecasts"]) == {"T21_X8", "T14_X8"}
    for one in record["forecasts"].values():
        assert sum(one["pred_proba"].values()) == pytest.approx(1, abs=1e-9)
        assert set(one["pred_proba"]) == {"-1", "0", "1"}
        assert set(one["members"]) == {"first_passage", "lightgbm"}
    assert (record["mode"], record["previous"]) == ("late", None)
    stored = json.loads((tmp_path / "store/predictions/daily" / f"{ASOF}.json").read_bytes())
    assert stored == record
    latest = json.loads((tmp_path / "store/predictions/latest.json").read_bytes())
    assert latest["asof_date"] == ASOF


def test_the_same_again_changes_no_byte(lab: Lab, cli: CommandLine, tmp_path: Path) -> None:
    cli("predict", "--asof", ASOF)
    before = contents(tmp_path / "store")
    again = cli("predict", "--asof", ASOF)
    assert again.code == 0
    assert "Already published" in again.out
    assert contents(tmp_path / "store") == before
    results = [run["result"] for run in runs(tmp_path / "store")]
    assert sorted(map(str, results)) == ["already_published", "published"]


def test_the_first_publish_seats_the_champion_and_shows_its_card(
    lab: Lab, cli: CommandLine, tmp_path: Path
) -> None:
    cli("predict", "--asof", ASOF)
    status = cli("status", "--json").document
    assert (status["champion"], status["events"][0]["kind"]) == (lab.bundle, "promoted")
    shown = sorted(path.name for path in (tmp_path / "store/bundles" / lab.bundle).iterdir())
    assert shown == ["meta.json", "model_card.md"]
    assert cli("bundles", "list", "--json").document[0]["verify"] == "verifies"


def test_records_are_chained(lab: Lab, cli: CommandLine) -> None:
    cli("predict", "--asof", ASOF)
    later = cli("predict", "--asof", LATER, "--json").document
    assert later["previous"].startswith("sha256:")


def test_a_dry_run_writes_nothing_at_all(lab: Lab, cli: CommandLine, tmp_path: Path) -> None:
    ended = cli("predict", "--asof", ASOF, "--dry-run", "--json")
    assert ended.code == 0
    assert ended.document["asof_date"] == ASOF
    assert not (tmp_path / "store").exists()


def test_without_an_asof_the_newest_candle_is_demanded(
    lab: Lab, cli: CommandLine, tmp_path: Path
) -> None:
    cli("predict", "--asof", ASOF)
    ended = cli("predict")
    ended.refused(3, "is not there", "forecastlab update")
    failed = [run for run in runs(tmp_path / "store") if run["exit_code"] == 3]
    assert len(failed) == 1
    assert failed[0]["result"] == "DataStale"
    assert failed[0]["asof_date"] > ASOF  # type: ignore[operator]


@pytest.mark.parametrize(
    ("asof", "code", "part"),
    [
        ("2999-01-01", 2, "in the future"),
        ("2017-06-01", 2, "before the cut-off"),
        (day(-1), 2, "before the cut-off"),
        ("yesterday", 2, "names no 1d candle"),
        (asof_name(LAST + timedelta(days=1), "1d"), 3, "is not there"),
    ],
)
def test_impossible_asofs(lab: Lab, cli: CommandLine, asof: str, code: int, part: str) -> None:
    cli("predict", "--asof", asof).refused(code, part)


def test_the_cut_off_candle_itself_is_allowed(lab: Lab, cli: CommandLine) -> None:
    assert cli("predict", "--asof", day(0)).code == 0


def test_an_unsealed_older_asof_names_backfill(lab: Lab, cli: CommandLine) -> None:
    cli("predict", "--asof", LATER)
    cli("predict", "--asof", ASOF).refused(2, "forecastlab backfill")
    assert cli("predict", "--asof", LATER).code == 0


def test_an_override_speaks_and_stands_on_the_record(
    lab: Lab, cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRODUCTION_DIR", str(lab.models / lab.bundle))
    record = cli("predict", "--asof", ASOF, "--json").document
    assert record["bundle"]["override"] == "PRODUCTION_DIR"
    status = cli("status", "--json").document
    assert status["champion"] is None
    assert "PRODUCTION_DIR" in status["override"]


def test_replay_equals_the_record_and_writes_nothing(
    lab: Lab, cli: CommandLine, tmp_path: Path
) -> None:
    cli("predict", "--asof", ASOF)
    before = contents(tmp_path / "store", without="")
    ended = cli("replay", ASOF)
    assert ended.code == 0
    assert "equals the sealed record" in ended.out
    assert contents(tmp_path / "store", without="") == before


def test_the_table_for_people_says_what_counts(lab: Lab, cli: CommandLine) -> None:
    out = cli("predict", "--asof", ASOF).out
    assert "P(class), base rate in brackets" in out
    assert "out of sample" in out
    assert "predictions/daily" in out
