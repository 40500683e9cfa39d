"""Bad candles and bad bundles: the design's exit code, one clear message, nothing published."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.e2e.conftest import Lab, write_champion
from tests.e2e.test_predict import ASOF, contents
from tests.support.command_line import CommandLine


@pytest.fixture
def candles(lab: Lab, tmp_path: Path) -> Path:
    """A copy of the candles that a test may spoil."""
    folder = tmp_path / "candles"
    shutil.copytree(lab.candles, folder)
    return folder


def respell(
    folder: Path, change: Callable[[pd.DataFrame], pd.DataFrame], interval: str = "1d"
) -> None:
    path = folder / f"BTCUSDT_{interval}.parquet"
    change(pd.read_parquet(path)).to_parquet(path, index=False)


def with_nan(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(close=table["close"].where(table.index != len(table) - 60))


def conflicting(table: pd.DataFrame) -> pd.DataFrame:
    twin = table.iloc[[-60]].assign(volume=lambda rows: rows["volume"] * 2)
    return pd.concat([table, twin])


SPOILED: dict[str, tuple[Callable[[pd.DataFrame], pd.DataFrame], int, str]] = {
    "empty": (lambda table: table.iloc[:0], 3, "holds no row"),
    "gapped": (lambda table: table.drop(index=len(table) - 60), 3, "serving window"),
    "NaN": (with_nan, 3, "missing or not finite"),
    "conflicting duplicate": (conflicting, 3, "disagree"),
    "no close": (lambda table: table.drop(columns="close"), 3, "close"),
    "words for prices": (lambda table: table.assign(close="dear"), 3, "no number"),
    "high below low": (lambda table: table.assign(high=table["low"] / 2), 3, "high lies below"),
}


@pytest.mark.parametrize("spoiled", SPOILED)
def test_spoiled_daily_candles(
    lab: Lab, cli: CommandLine, candles: Path, tmp_path: Path, spoiled: str
) -> None:
    change, code, part = SPOILED[spoiled]
    respell(candles, change)
    cli("predict", "--asof", ASOF, "--source", f"file:{candles}").refused(code, part)
    assert not any(key.startswith("predictions") for key in contents(tmp_path / "store"))


HARMLESS: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "unsorted": lambda table: table.sample(frac=1, random_state=np.random.RandomState(1)),
    "identical duplicate": lambda table: pd.concat([table, table.iloc[[-50]]]),
    "volumes in strings": lambda table: table.assign(volume=table["volume"].map(repr)),
    "microseconds": lambda table: table.assign(open_time=table["open_time"] * 1000),
}


@pytest.mark.parametrize("harmless", HARMLESS)
def test_what_can_be_read_without_repair_gives_the_same_record(
    lab: Lab, cli: CommandLine, candles: Path, harmless: str
) -> None:
    plain = cli("predict", "--asof", ASOF, "--json", "--dry-run").document
    respell(candles, HARMLESS[harmless])
    ended = cli("predict", "--asof", ASOF, "--json", "--dry-run", "--source", f"file:{candles}")
    assert ended.code == 0, ended.err
    assert ended.document["forecasts"] == plain["forecasts"]
    assert ended.document["source"]["digest"] == plain["source"]["digest"]


def test_a_truncated_file(lab: Lab, cli: CommandLine, candles: Path) -> None:
    path = candles / "BTCUSDT_1d.parquet"
    path.write_bytes(path.read_bytes()[:-500])
    cli("predict", "--asof", ASOF, "--source", f"file:{candles}").refused(3, "BTCUSDT_1d.parquet")


def test_an_hour_missing_in_the_last_days(lab: Lab, cli: CommandLine, candles: Path) -> None:
    asof_ms = int(pd.Timestamp(ASOF, tz="UTC").timestamp() * 1000)
    respell(
        candles, lambda table: table[table["open_time"] != asof_ms - 5 * 86_400_000], interval="1h"
    )
    cli("predict", "--asof", ASOF, "--source", f"file:{candles}").refused(3, "1h", "of 672")


def test_a_symbol_without_history(lab: Lab, cli: CommandLine, candles: Path) -> None:
    (candles / "BTCUSDT_1d.parquet").unlink()
    cli("predict", "--asof", ASOF, "--source", f"file:{candles}").refused(
        3, "has no BTCUSDT_1d.parquet"
    )


@pytest.mark.parametrize("source", ["file:", "ftp", "file:/nowhere/at/all"])
def test_a_source_that_is_none(lab: Lab, cli: CommandLine, source: str) -> None:
    ended = cli("predict", "--asof", ASOF, "--source", source)
    ended.refused(2 if not source.startswith("file:/") else 3)


def flip_a_byte(bundle: Path) -> None:
    path = bundle / "model_T21_X8" / "first_passage.json"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def remove_a_file(bundle: Path) -> None:
    (bundle / "model_T14_X8" / "lightgbm.txt").unlink()


def add_a_file(bundle: Path) -> None:
    (bundle / "notes.txt").write_text("hello")


def link_a_file(bundle: Path) -> None:
    (bundle / "link.json").symlink_to(bundle / "meta.json")


def change_meta(bundle: Path, **changes: object) -> None:
    path = bundle / "meta.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def drop_commit(bundle: Path) -> None:
    path = bundle / "meta.json"
    document = json.loads(path.read_text())
    del document["git_commit"]
    path.write_text(json.dumps(document))


def other_library(bundle: Path) -> None:
    packages = json.loads((bundle / "meta.json").read_text())["packages"]
    change_meta(bundle, packages={**packages, "lightgbm": "99.0.0"})


SPOILED_BUNDLES: dict[str, tuple[Callable[[Path], None], str]] = {
    "one flipped byte": (flip_a_byte, "first_passage.json: changed"),
    "a missing file": (remove_a_file, "lightgbm.txt: missing"),
    "an extra file": (add_a_file, "notes.txt: not in its manifest"),
    "a link": (link_a_file, "is a link"),
    "a newer schema": (lambda bundle: change_meta(bundle, schema_version=2), "Update ForecastLab"),
    "a missing field": (drop_commit, "git_commit"),
    "another major version": (other_library, "lightgbm 99.0.0"),
    "another name": (lambda bundle: change_meta(bundle, name="impostor"), "impostor"),
    "no manifest": (lambda bundle: (bundle / "meta.json").unlink(), "no bundle"),
}


@pytest.mark.parametrize("spoiled", SPOILED_BUNDLES)
def test_spoiled_bundles_do_not_speak(
    lab: Lab, cli: CommandLine, tmp_path: Path, spoiled: str
) -> None:
    spoil, part = SPOILED_BUNDLES[spoiled]
    spoil(lab.models / lab.bundle)
    if (lab.models / lab.bundle / "meta.json").exists():
        write_champion(lab.models, lab.bundle)
    cli("predict", "--asof", ASOF).refused(4, part)
    assert not any(key.startswith("predictions") for key in contents(tmp_path / "store"))


def test_changed_answers_are_refused(lab: Lab, cli: CommandLine) -> None:
    """A bundle whose hashes fit but whose models answer otherwise: the known answers catch it."""
    import hashlib

    bundle = lab.models / lab.bundle
    path = bundle / "model_T21_X8" / "first_passage.json"
    document = json.loads(path.read_text())
    document["level"] = 0.1
    data = json.dumps(document, sort_keys=True, indent=2).encode() + b"\n"
    path.write_bytes(data)
    files = json.loads((bundle / "meta.json").read_text())["files"]
    files["model_T21_X8/first_passage.json"] = {
        "sha256": hashlib.sha256(data).hexdigest(),
        "bytes": len(data),
    }
    change_meta(bundle, files=files)
    cli("bundles", "verify", lab.bundle).refused(4, "known answers")


def test_a_store_of_another_kind_is_refused(lab: Lab, cli: CommandLine) -> None:
    cli("predict", "--asof", ASOF)
    cli("predict", "--source", "simulated").refused(2, "--store")


def test_no_champion_names_the_way(lab: Lab, cli: CommandLine) -> None:
    (lab.models / "champions.toml").write_text("# nothing")
    cli("predict", "--asof", ASOF).refused(2, "forecastlab train")
