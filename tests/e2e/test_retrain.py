"""Retraining on schedule: who is due, what is trained, and which challenger may speak by now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from forecastlab.bootstrap import Choice, chosen_settings, open_workspace, provenance
from forecastlab.contracts.errors import GateRefused
from forecastlab.contracts.intervals import asof_name
from forecastlab.contracts.operations import Operations, Policy
from forecastlab.contracts.provenance import Provenance
from forecastlab.usecases import retrain as retraining
from forecastlab.usecases.promote import enter_shadow, promote, rollback
from forecastlab.usecases.promotion import chosen
from forecastlab.usecases.retire import retire
from forecastlab.usecases.retrain import Retrained, RetrainRequest, retrain
from forecastlab.usecases.train import TrainRequest
from forecastlab.usecases.workspace import Workspace
from tests.e2e.conftest import Lab
from tests.e2e.test_predict import contents
from tests.support.command_line import CommandLine
from tests.support.workspaces import CUT_OFF, LAST, recipe_text, small_recipe

ALONE = 'symbols = ["BTCUSDT"]'
FIVE = 'symbols = ["BTCUSDT", "ETHUSDT", "BNBUSDT", "SOLUSDT", "ADAUSDT"]'


@pytest.fixture
def configs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the deployment's recipe, of one symbol and small members."""
    folder = tmp_path / "configs"
    folder.mkdir()
    (folder / "reversal.toml").write_text(recipe_text().replace(FIVE, ALONE))
    monkeypatch.setenv("FORECASTLAB_CONFIGS", str(folder))
    monkeypatch.setattr(chosen, "promotion_gates", lambda _: {})
    return folder


@pytest.fixture
def workspace(lab: Lab) -> Workspace:
    return open_workspace(chosen_settings(Choice()))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[TrainRequest]:
    """Training takes minutes, and other tests are about it: note what it was asked for."""
    requests: list[TrainRequest] = []

    def train(_: Workspace, request: TrainRequest, __: Provenance) -> Any:
        requests.append(request)
        return SimpleNamespace(name=f"trained_{len(requests)}")

    monkeypatch.setattr(retraining, "train", train)
    return requests


class Shelf:
    """Bundles of which one was trained on more."""

    def __init__(self, find: Callable[[str], Any]) -> None:
        self.find = find

    def first_champion(self, deployment: str) -> None:
        return None


def run(workspace: Workspace, policy: Policy, *, gates: Any = None, **how: Any) -> Retrained:
    recipe = small_recipe().model_copy(update={"operations": Operations(policy=policy)})
    gates = gates or (lambda state, bundle: {})
    return retrain(workspace, RetrainRequest(recipe, **how), provenance(), gates=gates)


@pytest.mark.parametrize(
    ("policy", "due_days"), [("daily", 1), ("weekly", 7), ("monthly", 30), ("fixed", None)]
)
def test_who_is_due(
    lab: Lab, workspace: Workspace, asked: list[TrainRequest], policy: Policy, due_days: int | None
) -> None:
    """The test market goes on for forty days after the bundle's cut-off."""
    found = run(workspace, policy)
    [due] = found.due
    assert (due.newest, due.cut_off) == (lab.bundle, asof_name(CUT_OFF, "1d"))
    assert due.is_due == (due_days is not None)
    if due_days is None:
        assert asked == [] and due.next_asof is None
        return
    assert due.next_asof == asof_name(CUT_OFF + retraining.PERIOD[policy], "1d")
    [request] = asked
    assert request.until == asof_name(LAST, "1d") and request.into_store
    assert found.trained == ("trained_1",)


@pytest.mark.parametrize(("days", "is_due"), [(40, True), (41, False)])
def test_a_bundle_is_due_on_the_very_day(
    workspace: Workspace,
    asked: list[TrainRequest],
    monkeypatch: pytest.MonkeyPatch,
    days: int,
    is_due: bool,
) -> None:
    monkeypatch.setitem(retraining.PERIOD, "weekly", timedelta(days=days))
    assert run(workspace, "weekly").due[0].is_due is is_due


def test_a_fixed_policy_trains_when_told_to(
    workspace: Workspace, asked: list[TrainRequest]
) -> None:
    assert run(workspace, "fixed", force_due=True, quick=True).trained == ("trained_1",)
    assert asked[0].quick


def test_what_is_retired_is_no_bundle_to_wait_with(
    lab: Lab, workspace: Workspace, second: str, asked: list[TrainRequest]
) -> None:
    promote(workspace, second, why="first")
    enter_shadow(workspace, lab.bundle, why="a rival")
    files = workspace.bundles.find(lab.bundle)
    later = files.manifest.model_copy(
        update={"training": files.manifest.training.model_copy(update={"cut_off": "2022-10-01"})}
    )
    find = workspace.bundles.find

    def found(name: str) -> Any:
        return SimpleNamespace(manifest=later) if name == lab.bundle else find(name)

    own = replace(workspace, bundles=cast(Any, Shelf(found)))
    assert run(own, "monthly", promote=False).due[0].newest == lab.bundle
    retire(workspace, lab.bundle, why="a test")
    assert run(own, "monthly", promote=False).due[0].newest == second


def test_the_newest_challenger_that_passes_is_promoted_and_the_others_wait(
    lab: Lab, workspace: Workspace, second: str, asked: list[TrainRequest]
) -> None:
    promote(workspace, lab.bundle, why="first")
    enter_shadow(workspace, second, why="trained")

    def no(_: Any) -> Any:
        raise GateRefused("too few bars.", remedy="Wait.")

    waits = run(workspace, "fixed", gates=lambda state, bundle: {"shadow": no})
    assert waits.promoted is None and waits.refused == {second: "too few bars."}
    left_alone = run(workspace, "fixed", promote=False)
    assert left_alone.promoted is None and left_alone.refused == {}
    passes = run(workspace, "fixed")
    assert passes.promoted is not None and passes.promoted.bundle == second
    assert workspace.registry.state().champion == second
    rollback(workspace, to=None, why="a test")
    assert run(workspace, "fixed").promoted is None, "what was rolled back from stays back"


def test_nobody_is_promoted_over_no_champion(
    lab: Lab, workspace: Workspace, second: str, asked: list[TrainRequest]
) -> None:
    enter_shadow(workspace, second, why="trained")
    assert run(workspace, "fixed").promoted is None


def test_a_broken_challenger_stops_neither_the_others_nor_the_training(
    lab: Lab, workspace: Workspace, second: str, asked: list[TrainRequest]
) -> None:
    promote(workspace, lab.bundle, why="first")
    enter_shadow(workspace, second, why="trained")
    (lab.models / second / "model_card.md").write_text("changed")
    found = run(workspace, "monthly")
    assert found.promoted is None and found.trained == ("trained_1",)


def test_the_command_trains_a_challenger_into_shadow(
    lab: Lab, cli: CommandLine, configs: Path, tmp_path: Path
) -> None:
    assert cli("promote", lab.bundle, "--why", "first").code == 0
    shipped = contents(lab.models)
    ended = cli("retrain", "--quick", "--json")
    assert ended.code == 0, ended.err
    found = ended.document["retrained"]
    name = f"flow_T21X8_T14X8_{LAST:%Y%m%d}"
    assert (found["policy"], found["trained"]) == ("monthly", [name])
    assert contents(lab.models) == shipped, "the store keeps it, for every machine"
    assert (tmp_path / f"store/bundles/{name}/meta.json").is_file()
    status = cli("status", "--json").document
    assert (status["champion"], status["challengers"]) == (lab.bundle, [name])
    again = cli("retrain", "--quick")
    assert again.code == 0
    assert "nothing is due; the next from" in again.out
    assert f"{name} stays in shadow" in again.out
    runs = cli("retrain", "--no-promote", "--json").document
    assert runs["retrained"]["refused"] == {}


def test_a_recipe_may_be_named_and_must_be_there(
    lab: Lab, cli: CommandLine, configs: Path, asked: list[TrainRequest]
) -> None:
    cli("retrain", "--deployment", "nobody").refused(2, "No recipe makes nobody")
    cli("retrain", "nothing.toml").refused(2, "cannot be read")
    cli("retrain", "--device", "abacus").refused(2, "abacus")
    fixed = configs.parent / "fixed.toml"
    text = (configs / "reversal.toml").read_text().replace('"monthly"', '"fixed"')
    fixed.write_text(text)
    assert "the policy is fixed" in cli("retrain", str(fixed)).out
    assert asked == []


def test_several_deployments_are_retrained_one_after_the_other(
    lab: Lab,
    cli: CommandLine,
    configs: Path,
    asked: list[TrainRequest],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FORECASTLAB_DEPLOYMENTS", "nobody,flow_T21X8_T14X8")
    ended = cli("retrain", "--json")
    assert ended.code == 2
    assert [one["exit_code"] for one in ended.document] == [2, 0]
    assert len(asked) == 1
