"""Promotion and rollback: verify first, one event, and `status --at` tells what was live."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from forecastlab.contracts.manifest import MANIFEST
from forecastlab.usecases.promotion import chosen
from tests.e2e.conftest import Lab
from tests.e2e.test_bad_input import flip_a_byte
from tests.e2e.test_predict import ASOF
from tests.support.command_line import CommandLine


def champion(cli: CommandLine, *more: str) -> str | None:
    return cli("status", "--json", *more).document["champion"]


@pytest.fixture
def unaudited(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the audit out, which takes seconds: the first test shows that a promotion passes it."""
    monkeypatch.setattr(chosen, "promotion_gates", lambda _: {})


def test_promote_rollback_and_what_was_live_when(lab: Lab, cli: CommandLine, second: str) -> None:
    assert cli("promote", lab.bundle, "--why", "first").code == 0
    assert cli("promote", second, "--why", "second", "--force").code == 0
    promoted_at = cli("status", "--json").document["events"][1]["at"]
    assert champion(cli) == second
    rolled = cli("rollback", "--why", "drill", "--json")
    assert rolled.document["kind"] == "rolled_back"
    assert champion(cli) == lab.bundle
    assert champion(cli, "--at", promoted_at) == second
    assert champion(cli, "--at", "2020-01-01") is None
    record = cli("predict", "--asof", ASOF, "--json").document
    assert record["bundle"]["name"] == lab.bundle


@pytest.mark.usefixtures("unaudited")
def test_refusals_leave_the_champion_in_place(
    lab: Lab, cli: CommandLine, second: str, tmp_path: Path
) -> None:
    cli("promote", lab.bundle, "--why", "first")
    flip_a_byte(lab.models / second)
    cli("promote", second, "--why", "broken").refused(4, "changed")
    cli("promote", "nothing", "--why", "typo").refused(4, "bundles list")
    cli("promote", lab.bundle, "--why", "again").refused(2, "champion already")
    cli("promote", second, "--why", "  ").refused(2, "needs a reason")
    cli("rollback", "--why", "nowhere to go").refused(2, "no earlier champion")
    cli("rollback", "--to", second, "--why", "never was").refused(2, "no earlier champion")
    assert champion(cli) == lab.bundle
    assert len(list((tmp_path / "store/registry").rglob("*.json"))) == 1


@pytest.mark.usefixtures("unaudited")
def test_a_rollback_target_is_verified_first(lab: Lab, cli: CommandLine, second: str) -> None:
    cli("promote", lab.bundle, "--why", "first")
    cli("promote", second, "--why", "second", "--force")
    flip_a_byte(lab.models / lab.bundle)
    cli("rollback", "--why", "drill").refused(4, "changed")
    assert champion(cli) == second


@pytest.mark.usefixtures("unaudited")
def test_a_second_rollback_goes_further_back_not_forth(
    lab: Lab, cli: CommandLine, second: str
) -> None:
    for name in (lab.bundle, second):
        cli("promote", name, "--why", "next", "--force")
    cli("rollback", "--why", "once")
    cli("rollback", "--why", "twice").refused(2, "no earlier champion")
    assert champion(cli) == lab.bundle


def test_a_manifest_that_changed_is_not_the_champion(lab: Lab, cli: CommandLine) -> None:
    """Every file's hash is in the manifest; the manifest's own is where it was named."""
    path = lab.models / lab.bundle / MANIFEST
    path.write_bytes(path.read_bytes().replace(b'"log_loss_skill": 0.', b'"log_loss_skill": 0.9'))
    cli("predict", "--asof", ASOF).refused(4, "champions.toml")
    cli("bundles", "verify", lab.bundle)
    status = cli("status", "--json")
    assert status.code == 4
    assert "champions.toml" in status.document["refused"]


@pytest.mark.usefixtures("unaudited")
def test_a_registered_bundle_that_changed_is_refused(lab: Lab, cli: CommandLine) -> None:
    cli("promote", lab.bundle, "--why", "first")
    path = lab.models / lab.bundle / MANIFEST
    path.write_bytes(path.read_bytes().replace(b'"git_commit": "', b'"git_commit": "0'))
    cli("predict", "--asof", ASOF).refused(4, "the registry")
    cli("predict", "--asof", ASOF, "--bundle", lab.bundle).refused(4, "the registry")


def test_status_asks_the_bundle_that_would_speak(lab: Lab, cli: CommandLine) -> None:
    assert cli("status", "--json").document["speaks"] == lab.bundle
    flip_a_byte(lab.models / lab.bundle)
    ended = cli("status", "--json")
    assert ended.code == 4
    assert "changed" in ended.document["refused"]


def test_instants_with_an_offset_are_understood(lab: Lab, cli: CommandLine) -> None:
    shown = cli("status", "--at", "2025-10-01T12:00:00+08:00").out
    assert "2025-10-01 04:00 UTC" in shown


@pytest.mark.usefixtures("unaudited")
def test_another_champion_on_a_sealed_day_is_kept_apart(
    lab: Lab, cli: CommandLine, second: str, tmp_path: Path
) -> None:
    cli("predict", "--asof", ASOF)
    cli("promote", second, "--why", "second", "--force")
    ended = cli("predict", "--asof", ASOF)
    assert ended.code == 0
    assert "kept apart" in ended.out
    assert "predictions/conflicts/" in ended.out
    assert "second answer" in ended.err
    assert cli("predict", "--asof", ASOF).code == 0
    assert len(list((tmp_path / "store/predictions/conflicts").iterdir())) == 1


@pytest.mark.usefixtures("unaudited")
@pytest.mark.parametrize("back", [False, True])
def test_a_champion_speaks_where_it_does_not_ship(
    lab: Lab, cli: CommandLine, second: str, gcs_location: str, back: bool
) -> None:
    """Trained and promoted on a laptop, or returned to; the job's image holds other bundles."""
    on_bucket = ("--store", gcs_location)
    assert cli("promote", second, "--why", "better", *on_bucket).code == 0
    if back:
        assert cli("promote", lab.bundle, "--why", "first", "--force", *on_bucket).code == 0
        rolled = cli("rollback", "--to", second, "--why", "drill", *on_bucket)
        assert rolled.code == 0, rolled.err
    shutil.rmtree(lab.models / second)
    ended = cli("predict", "--asof", ASOF, "--json", *on_bucket)
    assert ended.code == 0, ended.err
    assert ended.document["bundle"]["name"] == second
