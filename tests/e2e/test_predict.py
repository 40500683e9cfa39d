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

RECIPE = Path(__file__).parents[2] / "config" / "reversal.toml"
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
    assert "Dry run" in cli("predict", "--asof", ASOF, "--dry-run").out
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
        ("2199-01-01", 2, "in the future"),
        ("9999-12-31", 2, "names no 1d candle"),
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


@pytest.mark.parametrize("damage", ["absent", "junk", "old"])
def test_latest_is_repaired_by_any_later_run(
    lab: Lab, cli: CommandLine, tmp_path: Path, damage: str
) -> None:
    path = tmp_path / "store/predictions/latest.json"
    cli("predict", "--asof", ASOF)
    old = path.read_bytes()
    cli("predict", "--asof", LATER)
    good = path.read_bytes()
    path.unlink()
    if damage != "absent":
        path.write_bytes(old if damage == "old" else b"{")
    assert cli("status").code == 0
    cli("predict", "--asof", day(4)).refused(2, "before the newest record")
    assert cli("predict", "--asof", LATER).code == 0
    assert path.read_bytes() == good


def test_a_newer_record_sealed_meanwhile_is_not_undercut(
    lab: Lab, cli: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the forecast and its publication another process seals a later day."""
    from forecastlab.usecases import predict as module

    publish = module.publish

    def after_another(store: object, record: object) -> object:
        monkeypatch.setattr(module, "publish", publish)
        assert cli("predict", "--asof", LATER).code == 0
        return publish(store, record)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "publish", after_another)
    cli("predict", "--asof", ASOF).refused(2, "before the newest record")
    assert not (tmp_path / "store/predictions/daily" / f"{ASOF}.json").exists()


def test_foreign_files_in_the_store_are_passed_over(
    lab: Lab, cli: CommandLine, tmp_path: Path
) -> None:
    first = cli("predict", "--asof", ASOF)
    for name in ("predictions/daily/.DS_Store", "bundles/.DS_Store", "bundles/notes.txt"):
        (tmp_path / "store" / name).write_bytes(b"x")
    registry = next((tmp_path / "store/registry").iterdir())
    (registry / ".DS_Store").write_bytes(b"x")
    (tmp_path / "store/predictions/daily" / f"{LATER}.json.bak").write_bytes(b"x")
    later = cli("predict", "--asof", LATER, "--json")
    assert (first.code, later.code) == (0, 0), later.err
    assert later.document["previous"] is not None
    assert cli("bundles", "list").code == 0


def test_a_failed_attempt_does_not_pin_the_store(
    lab: Lab, cli: CommandLine, tmp_path: Path
) -> None:
    cli("predict", "--source", "file:/nowhere", "--asof", ASOF).refused(3)
    assert not (tmp_path / "store/store.json").exists()
    assert cli("predict", "--asof", ASOF).code == 0
    assert (tmp_path / "store/store.json").exists()


def test_a_user_without_a_name_can_run_it(
    lab: Lab, cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As containers do: no passwd entry, no USER."""
    import getpass

    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found: 12345")

    monkeypatch.setattr(getpass, "getuser", nameless)
    assert cli("predict", "--asof", ASOF).code == 0
    assert cli("status", "--json").document["events"][0]["by"].startswith("uid ")


ODD: dict[str, tuple[tuple[str, ...], dict[str, str], int]] = {
    "seed nan": (("status",), {"FORECASTLAB_SIMULATED_SEED": "nan"}, 2),
    "seed negative": (("status",), {"FORECASTLAB_SIMULATED_SEED": "-5"}, 2),
    "deadline nan": (("status",), {"FORECASTLAB_BINANCE_DEADLINE_S": "nan"}, 2),
    "ancient clock": (("status",), {"FORECASTLAB_SIMULATED_NOW": "0001-01-01"}, 2),
    "undecodable why": (("promote", "x", "--why", "\udcff"), {}, 2),
    "undecodable source": (("predict", "--source", "file:/tmp/\udcff"), {}, 2),
    "override to nowhere": (("predict", "--asof", ASOF), {"PRODUCTION_DIR": "/nowhere"}, 4),
    "replay of no date": (("replay", "nonsense"), {}, 2),
    "replay of no record": (("replay", ASOF), {}, 3),
    "unknown engine": (("train", str(RECIPE), "--engine", "magic"), {}, 2),
    "another deployment": (("predict", "--deployment", "other", "--asof", ASOF), {}, 2),
}


@pytest.mark.parametrize("odd", ODD)
def test_odd_requests_end_deliberately(
    lab: Lab, cli: CommandLine, monkeypatch: pytest.MonkeyPatch, odd: str
) -> None:
    arguments, environment, code = ODD[odd]
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    cli(*arguments).refused(code)


@pytest.mark.parametrize("name", [".env", "models/champions.toml"])
def test_files_that_are_not_utf8(lab: Lab, cli: CommandLine, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"\xff\xfe")
    cli("status").refused(2, Path(name).name)


def test_the_table_for_people_says_what_counts(lab: Lab, cli: CommandLine) -> None:
    out = cli("predict", "--asof", ASOF).out
    assert "P(class), base rate in brackets" in out
    assert "out of sample" in out
    assert "predictions/daily" in out
