"""Promotion and rollback: verify first, one event, and `status --at` tells what was live."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from forecastlab.contracts.bundle_files import file_entry
from forecastlab.contracts.manifest import CARD, MANIFEST, Manifest
from tests.e2e.conftest import Lab
from tests.e2e.test_bad_input import flip_a_byte
from tests.e2e.test_predict import ASOF
from tests.support.command_line import CommandLine


@pytest.fixture
def second(lab: Lab) -> str:
    """A second, equal bundle under its own name."""
    name = f"{lab.bundle}_2"
    folder = lab.models / name
    shutil.copytree(lab.models / lab.bundle, folder)
    manifest = Manifest.parse((folder / MANIFEST).read_bytes(), what="a test")
    card = (folder / CARD).read_text().replace(lab.bundle, name).encode()
    (folder / CARD).write_bytes(card)
    files = {**manifest.files, CARD: file_entry(card)}
    (folder / MANIFEST).write_bytes(
        manifest.model_copy(update={"name": name, "files": files}).stored()
    )
    return name


def champion(cli: CommandLine, *more: str) -> str | None:
    return cli("status", "--json", *more).document["champion"]


def test_promote_rollback_and_what_was_live_when(lab: Lab, cli: CommandLine, second: str) -> None:
    assert cli("promote", lab.bundle, "--why", "first").code == 0
    assert cli("promote", second, "--why", "second").code == 0
    promoted_at = cli("status", "--json").document["events"][1]["at"]
    assert champion(cli) == second
    rolled = cli("rollback", "--why", "drill", "--json")
    assert rolled.document["kind"] == "rolled_back"
    assert champion(cli) == lab.bundle
    assert champion(cli, "--at", promoted_at) == second
    assert champion(cli, "--at", "2020-01-01") is None
    record = cli("predict", "--asof", ASOF, "--json").document
    assert record["bundle"]["name"] == lab.bundle


def test_refusals_leave_the_champion_in_place(
    lab: Lab, cli: CommandLine, second: str, tmp_path: Path
) -> None:
    cli("promote", lab.bundle, "--why", "first")
    flip_a_byte(lab.models / second)
    cli("promote", second, "--why", "broken").refused(4, "changed")
    cli("promote", "nothing", "--why", "typo").refused(4, "bundles list")
    cli("promote", lab.bundle, "--why", "again").refused(2, "champion already")
    cli("promote", second, "--why", "  ").refused(4)
    cli("rollback", "--why", "nowhere to go").refused(2, "no earlier champion")
    cli("rollback", "--to", second, "--why", "never was").refused(2, "never was the champion")
    assert champion(cli) == lab.bundle
    assert len(list((tmp_path / "store/registry").rglob("*.json"))) == 1


def test_a_rollback_target_is_verified_first(lab: Lab, cli: CommandLine, second: str) -> None:
    cli("promote", lab.bundle, "--why", "first")
    cli("promote", second, "--why", "second")
    flip_a_byte(lab.models / lab.bundle)
    cli("rollback", "--why", "drill").refused(4, "changed")
    assert champion(cli) == second


def test_another_champion_on_a_sealed_day_is_kept_apart(
    lab: Lab, cli: CommandLine, second: str, tmp_path: Path
) -> None:
    cli("predict", "--asof", ASOF)
    cli("promote", second, "--why", "second")
    ended = cli("predict", "--asof", ASOF)
    assert ended.code == 0
    assert "kept apart" in ended.out
    assert len(list((tmp_path / "store/predictions/conflicts").iterdir())) == 1
