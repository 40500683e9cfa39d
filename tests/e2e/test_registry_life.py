"""The registry when things go wrong: the champion keeps serving, and nothing is lost."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from forecastlab.adapters.local_store import LocalStore
from forecastlab.bootstrap import Choice, chosen_settings, open_workspace
from forecastlab.contracts.errors import GateRefused, StoreUnavailable
from forecastlab.contracts.manifest import MANIFEST
from forecastlab.contracts.operations import Operations
from forecastlab.usecases import retire, train
from forecastlab.usecases.drill import Drill, refuse_slow
from forecastlab.usecases.promotion import chosen
from forecastlab.usecases.workspace import Workspace
from tests.e2e.conftest import Lab
from tests.e2e.test_predict import ASOF, contents
from tests.support.command_line import CommandLine
from tests.support.workspaces import CUT_OFF

REGISTRY = "store/registry/flow_T21X8_T14X8"


@pytest.fixture(autouse=True)
def no_audit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The audit takes seconds, and other tests are about it."""
    monkeypatch.setattr(chosen, "promotion_gates", lambda _: {})


def force(cli: CommandLine, name: str) -> Any:
    ended = cli("promote", name, "--why", "a test", "--force", "--json")
    assert ended.code == 0, ended.err
    return ended.document


def test_history_tells_who_when_why_and_what_the_gates_said(
    lab: Lab, cli: CommandLine, second: str
) -> None:
    assert cli("promote", lab.bundle, "--why", "first").code == 0
    cli("promote", second, "--why", "too early").refused(5, "shadow", "--force")
    force(cli, second)
    events = cli("history", "--json").document
    assert [(one["kind"], one["forced"]) for one in events] == [
        ("promoted", False),
        ("promoted", True),
    ]
    assert events[1]["gates"]["shadow"]["passed"] is False
    assert "never was in shadow" in events[1]["gates"]["shadow"]["reason"]
    assert events[1]["gates"]["refit"]["max_dp"] == {"T14_X8": 0.0, "T21_X8": 0.0}
    assert "refit ✓" in events[1]["summary"]
    shown = cli("history").out
    assert "promoted (forced)" in shown
    assert "forced past shadow ✗ (it never was in shadow" in shown


def test_status_names_the_way_back_the_watch_and_who_waits(
    lab: Lab, cli: CommandLine, second: str
) -> None:
    cli("promote", lab.bundle, "--why", "first")
    assert cli("status", "--json").document["watched_until"] is None
    assert cli("bundles", "register", second).code == 0
    cli("bundles", "register", second).refused(2, "registered already")
    assert cli("status", "--json").document["challengers"] == [second]
    told = cli("promote", second, "--why", "a test", "--force").out
    # Without its deployment the command would roll back the default one.
    assert "watched until" in told
    assert "forecastlab rollback --deployment flow_T21X8_T14X8 --why" in told
    now = cli("status", "--json").document
    assert now["previous"] == lab.bundle
    assert now["watched_until"] > now["since"]
    assert now["challengers"] == []


def test_the_list_says_what_each_bundle_is(lab: Lab, cli: CommandLine, second: str) -> None:
    def roles() -> dict[str, str]:
        return {one["name"]: one["role"] for one in cli("bundles", "list", "--json").document}

    assert roles() == {lab.bundle: "unregistered", second: "unregistered"}
    cli("promote", lab.bundle, "--why", "first")
    cli("bundles", "register", second)
    assert roles() == {lab.bundle: "champion", second: "challenger"}
    force(cli, second)
    assert roles() == {lab.bundle: "former", second: "champion"}
    cli("rollback", "--why", "a test")
    assert roles() == {lab.bundle: "champion", second: "rolled back from"}
    [row] = [one for one in cli("bundles", "list", "--json").document if one["name"] == second]
    assert row["recipe_digest"].startswith("sha256:")
    assert set(row["verdicts"]) == {"T21_X8", "T14_X8"}
    other = cli("bundles", "list", "--deployment", "another", "--json").document
    assert {one["role"] for one in other} == {"champion", "rolled back from"}, "each in its own"


def test_retiring(lab: Lab, cli: CommandLine, second: str) -> None:
    cli("retire", lab.bundle, "--why", "it would speak next").refused(2, "is the champion")
    cli("promote", lab.bundle, "--why", "first")
    cli("retire", lab.bundle, "--why", "it speaks").refused(2, "is the champion")
    cli("retire", "nothing", "--why", "typo").refused(4, "no bundle")
    cli("retire", "../models", "--why", "a path").refused(4)
    force(cli, second)
    cli("retire", lab.bundle, "--why", " ").refused(2, "needs a reason")
    assert cli("retire", lab.bundle, "--why", "bad candles", "--json").document["kind"] == "retired"
    cli("retire", lab.bundle, "--why", "again").refused(2, "retired already")
    cli("rollback", "--why", "nowhere to go").refused(2, "no earlier champion")
    cli("rollback", "--to", lab.bundle, "--why", "it is gone").refused(2, "is retired")
    cli("promote", lab.bundle, "--why", "it is gone", "--force").refused(2, "is retired")
    assert cli("status", "--json").document["champion"] == second


def test_a_damaged_bundle_can_be_retired(lab: Lab, cli: CommandLine, second: str) -> None:
    cli("promote", lab.bundle, "--why", "first")
    cli("bundles", "register", second)
    shutil.rmtree(lab.models / second)
    assert cli("retire", second, "--why", "its files are gone").code == 0


def test_the_last_rung_of_a_ladder_stays(
    lab: Lab, cli: CommandLine, second: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retire, "_version", lambda _, name: "v1" if name == second else "v2")
    ladder = property(lambda _: Operations(ladder=("v2", "v1")))
    monkeypatch.setattr(Workspace, "operations", ladder)
    cli("promote", lab.bundle, "--why", "first")
    cli("bundles", "register", second)
    cli("retire", second, "--why", "not needed").refused(2, "last bundle of v1")


def test_a_name_that_the_registry_knows_is_not_taken_again(
    lab: Lab, cli: CommandLine, second: str
) -> None:
    """Its files lie in another machine's folder: the next training there must not share it."""
    cli("promote", lab.bundle, "--why", "first")
    cli("bundles", "register", second)
    shutil.rmtree(lab.models / second)
    workspace = open_workspace(chosen_settings(Choice()))
    for key in workspace.store.list(f"bundles/{second}/"):
        (lab.models.parent / "store" / key).unlink()
    recipe = SimpleNamespace(bundle_name="flow_T21X8_T14X8")
    parts = cast(Any, SimpleNamespace(recipe=recipe, cut_off=CUT_OFF))
    assert train._free_name(workspace, parts) == f"{lab.bundle}_3"


@pytest.mark.parametrize("damage", ["corrupt", "missing"])
def test_a_damaged_registry_refuses_changes_and_the_champion_keeps_serving(
    lab: Lab, cli: CommandLine, second: str, tmp_path: Path, damage: str
) -> None:
    cli("promote", lab.bundle, "--why", "first")
    cli("bundles", "register", second)
    folder = tmp_path / REGISTRY
    if damage == "corrupt":
        (folder / "00000002.json").write_bytes(b'{"schema_version": 1,')
    else:
        (folder / "00000002.json").rename(folder / "00000003.json")
    before = contents(folder)
    for change in (
        ("promote", second, "--force"),
        ("rollback",),
        ("retire", second),
        ("bundles", "register", second),
    ):
        cli(*change, "--why", "a test").refused(3, "registry", "Restore")
    cli("history").refused(3, "registry")
    record = cli("predict", "--asof", ASOF, "--json").document
    assert record["bundle"]["name"] == lab.bundle
    assert any("registry" in one for one in record["degraded"])
    status = cli("status", "--json")
    assert status.code == 3 and "damaged" in status.err
    assert status.document["speaks"] == lab.bundle
    assert len(status.document["events"]) == 1
    assert contents(folder) == before, "events are never repaired"


def test_a_registry_damaged_from_the_start_does_not_seat_someone_else(
    lab: Lab, cli: CommandLine, second: str, tmp_path: Path
) -> None:
    cli("promote", second, "--why", "first")
    (tmp_path / REGISTRY / "00000001.json").write_bytes(b"")
    cli("predict", "--asof", ASOF).refused(3, "Nobody can say who is champion", "PRODUCTION_DIR")
    assert not (tmp_path / "store/predictions").exists()


def test_a_store_that_fails_between_the_two_writes_of_a_promotion(
    lab: Lab, cli: CommandLine, second: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli("promote", lab.bundle, "--why", "first")
    put = LocalStore.put

    def failing(self: LocalStore, key: str, data: bytes, *, if_generation: str) -> str:
        if key.startswith("registry/"):
            raise StoreUnavailable("The disk is full.", remedy="Make room.")
        return put(self, key, data, if_generation=if_generation)

    with monkeypatch.context() as broken:
        broken.setattr(LocalStore, "put", failing)
        ended = cli("promote", second, "--why", "better", "--force")
        ended.refused(3, "disk is full")
    assert (tmp_path / f"store/bundles/{second}/{MANIFEST}").is_file(), "the files came first"
    assert cli("predict", "--asof", ASOF, "--json").document["bundle"]["name"] == lab.bundle
    force(cli, second)
    assert cli("status", "--json").document["champion"] == second
    assert len(contents(tmp_path / REGISTRY)) == 2


def test_files_swapped_between_versions_are_refused(
    lab: Lab, cli: CommandLine, second: str
) -> None:
    """One file, and a whole bundle under the other's name."""
    cli("promote", lab.bundle, "--why", "first")
    card = lab.models / second / "model_card.md"
    own = card.read_bytes()
    shutil.copy(lab.models / lab.bundle / "model_card.md", card)
    cli("promote", second, "--why", "swapped", "--force").refused(4, "model_card.md: changed")
    card.write_bytes(own)
    shutil.rmtree(lab.models / second)
    shutil.copytree(lab.models / lab.bundle, lab.models / second)
    cli("promote", second, "--why", "renamed", "--force").refused(4, "says that it is")
    assert cli("status", "--json").document["champion"] == lab.bundle


def test_links_and_paths_that_leave_the_bundle_are_refused(
    lab: Lab, cli: CommandLine, second: str, tmp_path: Path
) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_text("a secret")
    manifest = lab.models / second / MANIFEST
    whole = manifest.read_bytes()
    document = json.loads(whole)
    document["files"]["../outside.txt"] = {"sha256": "0" * 64, "bytes": 8}
    manifest.write_text(json.dumps(document))
    cli("promote", second, "--why", "a path", "--force").refused(4, "../outside.txt")
    manifest.write_bytes(whole)
    (lab.models / second / "link.txt").symlink_to(outside)
    cli("promote", second, "--why", "a link", "--force").refused(4, "is a link")


def test_the_drill_measures_a_rollback_and_keeps_nothing(
    lab: Lab, cli: CommandLine, second: str, tmp_path: Path
) -> None:
    cli("promote", lab.bundle, "--why", "first")
    force(cli, second)
    before = contents(tmp_path / "store")
    ended = cli("drill", "rollback", "--json")
    assert ended.code in {0, 5}, ended.err  # how fast this machine is, benchmarks say
    found = ended.document
    assert (found["champion"], found["target"]) == (second, lab.bundle)
    assert found["rehearsed"] is False
    names = [one["name"] for one in found["steps"]]
    assert names[:3] == ["load", "rollback", "forecast"]
    assert {"forecast: bundle", "forecast: publish"} <= set(names)
    assert found["seconds"] == pytest.approx(
        sum(one["seconds"] for one in found["steps"][:3]), abs=1e-3
    )
    assert contents(tmp_path / "store") == before
    assert f"{found['allowed']:g} s are allowed" in cli("drill", "rollback").out


def test_a_drill_before_the_first_rollback_is_possible(
    lab: Lab, cli: CommandLine, second: str, tmp_path: Path
) -> None:
    cli("drill", "rollback").refused(2, "no earlier champion", "--to")
    found = cli("drill", "rollback", "--to", second, "--json").document
    assert (found["champion"], found["target"]) == (lab.bundle, second)
    assert found["rehearsed"] is True
    assert contents(tmp_path / "store") == {}


@pytest.mark.parametrize("to", [(), ("--to", "named")])
def test_no_drill_past_the_registry(
    lab: Lab, cli: CommandLine, second: str, monkeypatch: pytest.MonkeyPatch, to: tuple[str, ...]
) -> None:
    """What PRODUCTION_DIR names speaks on, whatever a rollback writes."""
    monkeypatch.setenv("PRODUCTION_DIR", str(lab.models / lab.bundle))
    options = [second if one == "named" else one for one in to]
    cli("drill", "rollback", *options).refused(2, f"PRODUCTION_DIR chooses {lab.bundle}", "Unset")


def test_a_slow_rollback_is_refused() -> None:
    refuse_slow(Drill("b", "a", False, ASOF, (), 1.9))
    with pytest.raises(GateRefused, match=r"2\.10 s"):
        refuse_slow(Drill("b", "a", False, ASOF, (), 2.1))
