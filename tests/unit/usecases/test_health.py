"""Each step of a health check means what it says: spoiled bundles fail where it is said why."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecastlab.bootstrap import Choice, chosen_settings, open_workspace
from forecastlab.contracts import keys
from forecastlab.contracts.errors import BundleRefused, ConfigError, ForecastLabError, UsageError
from forecastlab.contracts.registry import RegistryEvent
from forecastlab.features.build import build_features
from forecastlab.usecases.bundle_checks import check_features, check_predictions
from forecastlab.usecases.health import (
    CONFIGURATION_EVENT,
    daily_health,
    deployment_of,
    health,
    keep,
    refuse_unhealthy,
)
from forecastlab.usecases.open_bundle import OpenBundle, load_bundle
from forecastlab.usecases.workspace import Workspace
from tests.support.command_line import CommandLine
from tests.support.imports import ROOT
from tests.support.shipped_bundles import (
    EVERY,
    FULL,
    PRODUCTION,
    SHIPPED,
    SMALL,
    copy_shipped,
    restamp,
    rewrite,
    workspace_of,
)

STEPS = [
    *("present", "manifest", "files", "names", "libraries", "load", "features", "ensemble"),
    *("predictions", "known_answers", "cases", "bullish", "neutral", "bearish", "order"),
    *("serving", "pipeline", "end_to_end"),
]

MODELS = {*STEPS[5:15], "pipeline", "end_to_end"}
"""The steps that need a bundle that loads."""


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return copy_shipped(tmp_path)


@pytest.fixture
def place(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    return workspace_of(models, tmp_path / "store", monkeypatch)


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    return CommandLine(capsys, monkeypatch)


@pytest.mark.parametrize("name", SHIPPED)
def test_the_shipped_bundles_are_healthy(place: Workspace, name: str) -> None:
    found = health(place, name)
    assert [step.name for step in found.steps] == STEPS
    assert {step.mark for step in found.steps} == {"passed"}, found.failed
    assert found.passed and found.summary == f"{len(STEPS)} passed"
    reading = found.reading
    assert reading is not None
    assert (reading.market, reading.asof, reading.candidate) == (
        "simulated",
        "2025-10-04",
        "T21_X8",
    )
    assert 0 < reading.bull_prob < 1 and reading.direction in {"bullish", "neutral", "bearish"}
    assert (reading.regime is None) == (name == SMALL)
    assert found.load_s and found.pipeline_s and found.forecast_s


@pytest.mark.parametrize("name", EVERY)
def test_every_bundle_that_is_shipped_is_healthy_and_needs_no_candles(
    cli: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    workspace_of(PRODUCTION, tmp_path / "store", monkeypatch)
    ended = cli("health", name, "--json")
    assert ended.code == 0, ended.err
    assert {step["mark"] for step in ended.document["steps"]} == {"passed"}


def test_the_case_scores_ascend_and_are_those_that_the_bundle_published(place: Workspace) -> None:
    facts = {step.name: step.facts for step in health(place, FULL).steps}
    answers = json.loads(
        (Path(place.bundles.as_found(FULL)[0]) / "known_answers.json").read_bytes()
    )
    ups = sorted(row[2] for row in answers["answers"]["T14_X8"]["published"])
    for side, pinned in {"bearish": ups[0], "neutral": ups[32], "bullish": ups[-1]}.items():
        assert f"P(up) {pinned:.4f}, pinned {pinned:.4f}" in facts[side]
    assert f"T14_X8 {ups[0]:.4f} ≤ {ups[32]:.4f} ≤ {ups[-1]:.4f}" in facts["order"]


def flip_a_byte(bundle: Path) -> None:
    path = bundle / "model_T21_X8" / "first_passage.json"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def from_the_other_version(bundle: Path) -> None:
    shutil.copy(bundle.parent / SMALL / "known_answers.json", bundle / "known_answers.json")


def the_other_version_whole(bundle: Path) -> None:
    shutil.rmtree(bundle)
    shutil.copytree(bundle.parent / SMALL, bundle)


def newer_schema(bundle: Path) -> None:
    rewrite(bundle / "meta.json", lambda document: document.update(schema_version=2))


def traversal(bundle: Path) -> None:
    def named(document: dict[str, Any]) -> None:
        document["files"]["../../etc/passwd"] = document["files"].pop("model_T14_X8/rule.json")

    rewrite(bundle / "meta.json", named)


def a_link(bundle: Path) -> None:
    (bundle / "more.json").symlink_to(bundle / "meta.json")


def wrong_library(bundle: Path) -> None:
    restamp(bundle, lambda document: document["packages"].update({"xgboost-cpu": "99.0.0"}))


def wrong_version(bundle: Path) -> None:
    restamp(bundle, lambda document: document.update(version="20250930"))


def reordered_features(bundle: Path) -> None:
    restamp(bundle, lambda document: document["features"]["flow"].reverse())


def renamed_feature(bundle: Path) -> None:
    restamp(bundle, lambda document: document["features"]["regime"][0].update(name="atr"))


def other_method(bundle: Path) -> None:
    restamp(bundle, lambda document: document["candidates"]["T14_X8"].update(method="pool"))


def swapped_candidates(bundle: Path) -> None:
    one, other, aside = (bundle / name for name in ("model_T14_X8", "model_T21_X8", "aside"))
    one.rename(aside)
    other.rename(one)
    aside.rename(other)
    restamp(bundle)


def doctored_answer(bundle: Path) -> None:
    """Swap the answers to two as-ofs, the greatest and the smallest P(up)."""

    def doctored(document: dict[str, Any]) -> None:
        rows = document["answers"]["T14_X8"]["published"]
        ups = [row[2] for row in rows]
        top, low = ups.index(max(ups)), ups.index(min(ups))
        rows[top], rows[low] = rows[low], rows[top]

    rewrite(bundle / "known_answers.json", doctored)
    restamp(bundle)


def columns_of_another_set(bundle: Path) -> None:
    """Let a booster's JSON list its columns in another order than the booster has them."""
    rewrite(
        bundle / "model_T14_X8" / "lightgbm.json", lambda document: document["columns"].reverse()
    )
    restamp(bundle)


def answers_without_a_set(bundle: Path) -> None:
    rewrite(bundle / "known_answers.json", lambda document: document["features"].pop("flow"))
    restamp(bundle)


def repeated_asof(bundle: Path) -> None:
    def repeated(document: dict[str, Any]) -> None:
        opens = document["features"]["flow"]["opens"]
        opens[1] = opens[0]

    rewrite(bundle / "known_answers.json", repeated)
    restamp(bundle)


ASKED = {"features", "predictions", "known_answers", "cases", "serving"}
"""The steps that read the known answers."""

CHAMPION = {"names"}
"""A restamped manifest is not the one that champions.toml names."""

SPOILED: dict[str, tuple[Callable[[Path], None], set[str], str]] = {
    "flipped byte": (flip_a_byte, {"files", "serving"}, "first_passage.json: changed"),
    "file of another version": (
        from_the_other_version,
        {"files", "serving"},
        "known_answers.json: changed",
    ),
    "another version whole": (the_other_version_whole, {"names", "serving"}, f"name {FULL}"),
    "newer schema": (newer_schema, {"manifest", "files", "serving"}, "schema version 2"),
    "traversal": (traversal, {"manifest", "files", "serving"}, "'../../etc/passwd'"),
    "a link": (a_link, {"present", "serving"}, "is a link"),
    "wrong library": (wrong_library, {*CHAMPION, "libraries", "load", "serving"}, "xgboost 99.0.0"),
    "wrong version": (wrong_version, CHAMPION, "its name ends 20250930_2"),
    "reordered features": (reordered_features, {*CHAMPION, "features"}, "another order"),
    "renamed feature": (renamed_feature, {*CHAMPION, "features"}, "lacks ['atr']"),
    "other method": (other_method, {*CHAMPION, "ensemble"}, "publishes first_passage"),
    "swapped candidates": (
        swapped_candidates,
        {*CHAMPION, "known_answers", "bullish", "neutral", "bearish", "serving"},
        "known answers",
    ),
    "doctored answer": (
        doctored_answer,
        {*CHAMPION, "known_answers", "bullish", "bearish", "order", "serving"},
        "scores its bullish case below",
    ),
    "answers without a set": (
        answers_without_a_set,
        {*CHAMPION, *ASKED},
        "has no rows of flow",
    ),
    "repeated as-of": (repeated_asof, {*CHAMPION, *ASKED}, "flow repeats an as-of"),
    "columns of another set": (
        columns_of_another_set,
        {*CHAMPION, "load", "serving"},
        "was fitted on",
    ),
}


@pytest.mark.parametrize("spoiled", SPOILED)
def test_a_spoiled_bundle_fails_at_the_steps_that_name_it(
    models: Path, place: Workspace, spoiled: str
) -> None:
    spoil, failing, part = SPOILED[spoiled]
    spoil(models / FULL)
    found = health(place, FULL)
    assert not found.passed
    assert {step.name for step in found.failed} == failing
    assert part in " ".join(step.facts for step in found.failed)
    loads = not failing & {"present", "manifest", "files", "load"}
    assert loads or {step.name for step in found.not_judged} >= MODELS - {"load"}
    refusal = found.refusal()
    assert refusal.exit_code == 4
    assert all(f"✗ {name}: " in refusal.facts for name in failing)


class Turned:
    """A booster that says it was fitted on the columns in another order."""

    def __init__(self, booster: Any) -> None:
        self._names = booster.feature_name()[::-1]

    def feature_name(self) -> list[str]:
        return list(self._names)


def member_of_other_columns(bundle: OpenBundle) -> OpenBundle:
    forecaster = bundle.forecasters["T14_X8"]
    model: Any = forecaster.members["lightgbm"]
    other = {**forecaster.members, "lightgbm": replace(model, columns=model.columns[::-1])}
    return replace(bundle, forecasters={"T14_X8": replace(forecaster, members=other)})


def booster_of_other_columns(bundle: OpenBundle) -> OpenBundle:
    forecaster = bundle.forecasters["T14_X8"]
    model: Any = forecaster.members["lightgbm"]
    other = {**forecaster.members, "lightgbm": replace(model, booster=Turned(model.booster))}
    return replace(bundle, forecasters={"T14_X8": replace(forecaster, members=other)})


def context_of_other_columns(bundle: OpenBundle) -> OpenBundle:
    assert bundle.context is not None
    quantiles = bundle.context.quantiles
    boosters: Any = {
        cell: Turned(one) if cell == (12, 0.5) else one for cell, one in quantiles.boosters.items()
    }
    return replace(
        bundle, context=replace(bundle.context, quantiles=replace(quantiles, boosters=boosters))
    )


@pytest.mark.parametrize(
    ("turn", "who"),
    [
        (member_of_other_columns, "the member T14_X8 lightgbm has them in another order"),
        (booster_of_other_columns, "the booster of T14_X8 lightgbm has them in another order"),
        (context_of_other_columns, r"the booster of quantile \(12, 0.5\) has them in another"),
    ],
)
def test_whoever_names_other_features_is_named(
    place: Workspace, turn: Callable[[OpenBundle], OpenBundle], who: str
) -> None:
    """Loading refuses most of these; the step looks again, by the boosters' own word."""
    with pytest.raises(BundleRefused, match=who):
        check_features(turn(load_bundle(place.bundles.find(FULL))))


@pytest.mark.parametrize(
    ("chances", "part"),
    [
        (lambda rows: np.tile([0.0, 0.0, 1.0], (len(rows), 1)), "class labels"),
        (lambda rows: np.full((len(rows), 3), np.nan), "no probabilit"),
        (lambda rows: np.tile([-0.2, 0.2, 1.0], (len(rows), 1)), "no probabilit"),
        (lambda rows: np.full((len(rows), 3), 0.3), "no probabilit"),
    ],
)
def test_a_member_that_gives_no_probabilities_fails(
    place: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    chances: Callable[[pd.DataFrame], np.ndarray],
    part: str,
) -> None:
    bundle = load_bundle(place.bundles.find(FULL))
    model: Any = bundle.forecasters["T14_X8"].members["lightgbm"]

    def said(self: Any, rows: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame(chances(rows), index=rows.index, columns=list(self.classes))

    monkeypatch.setattr(type(model), "predict_proba", said)
    with pytest.raises(ForecastLabError, match=part):
        check_predictions(bundle)


def test_features_that_cannot_be_computed_fail_the_pipeline(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "forecastlab.usecases.rehearsal.build_features",
        lambda *given: build_features(*given) * float("nan"),
    )
    marks = {step.name: step.mark for step in health(place, FULL).steps}
    assert (marks["pipeline"], marks["end_to_end"]) == ("failed", "not_judged")
    assert {marks[name] for name in STEPS[:-2]} == {"passed"}


@pytest.mark.parametrize("feature_set", ["flow", "variance"])
def test_a_member_that_is_skipped_on_a_whole_window_fails_end_to_end(
    place: Workspace, monkeypatch: pytest.MonkeyPatch, feature_set: str
) -> None:
    def broken(view: Any, symbol: str, key: Any) -> pd.DataFrame:
        table = build_features(view, symbol, key)
        return table * float("nan") if key.name == feature_set else table

    monkeypatch.setattr("forecastlab.usecases.forecast.build_features", broken)
    found = health(place, FULL)
    assert [step.name for step in found.failed] == ["end_to_end"]
    assert "missing_features" in found.failed[0].facts and found.refusal().exit_code == 4


def test_where_there_is_none_nothing_is_judged_as_passed(place: Workspace) -> None:
    found = health(place, "nothing_20250101")
    assert {step.name for step in found.failed} == {"present", "serving"}
    assert {step.mark for step in found.steps} == {"failed", "not_judged"}
    assert found.reading is None and found.opened is None


def test_without_any_candles_the_pipeline_is_not_judged(place: Workspace) -> None:
    found = health(replace(place, stand_in=None), SMALL)
    unclear = {step.name: step.facts for step in found.not_judged}
    assert set(unclear) == {"pipeline", "end_to_end"}
    assert "no daily candles of BTCUSDT" in unclear["pipeline"]
    assert found.passed and "2 not judged" in found.summary and found.pipeline_s is None


def test_a_bundle_of_another_deployment_is_a_matter_of_usage(
    place: Workspace, models: Path
) -> None:
    other = replace(place, deployment="direction_1h_BTCUSDT")
    with pytest.raises(ConfigError, match="--deployment"):
        health(other, SMALL)
    assert deployment_of(other, SMALL) == "flow_T21X8_T14X8"
    assert deployment_of(other, "nothing") == "direction_1h_BTCUSDT"
    (models / "champions.toml").unlink()
    with pytest.raises(UsageError, match="no champion"):
        health(place, None)


def registered(place: Workspace, name: str, kind: str = "registered", **changes: Any) -> None:
    event = RegistryEvent.model_validate(
        {
            "sequence": len(place.registry.events()) + 1,
            "kind": kind,
            "deployment": place.deployment,
            "bundle": name,
            "bundle_digest": place.bundles.find(name).digest,
            "previous": None,
            "at": place.wall.now(),
            "by": "a test",
            "why": "a test",
            **changes,
        }
    )
    place.registry.append(event)


def test_the_shadow_flag_is_the_registrys(place: Workspace) -> None:
    roles = {name: health(place, name).role for name in SHIPPED}
    assert roles == {SMALL: "unregistered", FULL: "first champion"}
    registered(place, SMALL, "promoted")
    registered(place, FULL)
    champion, challenger = health(place, SMALL), health(place, FULL)
    assert (champion.role, champion.shadow) == ("champion", False)
    assert (challenger.role, challenger.shadow) == ("challenger", True)
    assert health(place, None).bundle == SMALL
    assert health(place, None).override is None and challenger.override == "--bundle"


def test_a_bundle_that_the_registry_knows_by_another_digest_fails(
    place: Workspace, models: Path
) -> None:
    registered(place, SMALL, "promoted")
    restamp(models / SMALL, lambda document: document.update(git_commit="f" * 40))
    assert {step.name for step in health(place, None).failed} == {"names", "serving"}


def test_a_folder_that_overrides_the_registry_is_examined(place: Workspace, models: Path) -> None:
    elsewhere = models.parent / "elsewhere" / SMALL
    shutil.copytree(models / SMALL, elsewhere)
    found = health(replace(place, production_dir=elsewhere), None)
    assert found.passed and found.bundle == SMALL and found.path == str(elsewhere)
    assert found.override == "PRODUCTION_DIR"


def test_the_bundle_of_a_version_is_examined_or_refused_by_its_own_name(
    cli: CommandLine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    workspace_of(tmp_path / "models", tmp_path / "store", monkeypatch)
    monkeypatch.setenv("FORECASTLAB_CONFIGS", str(ROOT / "config"))
    monkeypatch.setenv("FORECASTLAB_DEPLOYMENT", "signal_1h")
    of_signal = [name for name in EVERY if name.startswith("signal_1h_v")]
    for name in of_signal:
        shutil.copytree(PRODUCTION / name, tmp_path / "models" / name)
    monkeypatch.setenv("ML_MODEL_VERSION", "v9")
    cli("health").refused(2, "v9")
    monkeypatch.setenv("ML_MODEL_VERSION", "V1")
    found = cli("health", "--json").document
    assert found["bundle"] in of_signal and found["version"].startswith("v1_")
    assert found["override"] == "ML_MODEL_VERSION"
    place = open_workspace(chosen_settings(Choice(deployment="signal_1h", source="simulated")))
    caplog.set_level(logging.INFO, "forecastlab.events")
    refuse_unhealthy(place)
    [event] = told(caplog, CONFIGURATION_EVENT)
    assert event["model_version"] == "v1"  # as signals name it, and as it was asked for
    (tmp_path / "models" / found["bundle"] / "model_card.md").write_text("another")
    refused = cli("health", "--json")
    assert refused.code == 4 and refused.document["bundle"] == found["bundle"]


def told(caplog: pytest.LogCaptureFixture, event: str) -> list[dict[str, Any]]:
    fields = [getattr(record, "fields", {}) for record in caplog.records]
    return [one for one in fields if one.get("event") == event]


def test_a_service_starts_with_what_was_examined_and_says_so_once(
    place: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "forecastlab.events")
    found = refuse_unhealthy(place)
    assert found.opened is not None and found.opened.files.name == FULL
    [event] = told(caplog, CONFIGURATION_EVENT)
    assert event["model_version"] == "20250930_2" and event["bundle"] == FULL
    assert event["model_path"].endswith(FULL) and event["healthy"] is True
    assert event["bundle_digest"] == found.opened.files.digest
    assert "ML Model Configuration: Version=20250930_2, Path=" in caplog.text
    assert place.store.get(keys.health(place.deployment, found.checked_at)) is not None


def test_a_service_that_may_not_write_starts_all_the_same(place: Workspace) -> None:
    reading = place.guarded(None)
    assert refuse_unhealthy(reading).passed
    assert place.store.list("health/") == []


def test_a_service_does_not_start_with_a_spoiled_bundle(
    place: Workspace, models: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "forecastlab.events")
    reordered_features(models / FULL)
    with pytest.raises(BundleRefused, match=r"✗ features: .* another order"):
        refuse_unhealthy(place)
    assert len(told(caplog, CONFIGURATION_EVENT)) == 1
    assert {one["step"] for one in told(caplog, "health_step_failed")} >= {"features"}


def test_the_morning_examines_once_a_day_and_keeps_what_it_found(
    place: Workspace, models: Path
) -> None:
    assert daily_health(place, None) == f"{len(STEPS)} passed"
    key = keys.health(place.deployment, place.wall.now())
    stored = place.store.get(key)
    assert stored is not None and json.loads(stored.data)["passed"] is True
    assert daily_health(place, None) is None
    assert keep(place, health(place, None)) == key  # Of the same second: the first one stands.


def test_a_morning_with_a_spoiled_bundle_keeps_the_failure(place: Workspace, models: Path) -> None:
    renamed_feature(models / FULL)
    with pytest.raises(BundleRefused, match="features"):
        daily_health(place, FULL)
    stored = place.store.get(keys.health(place.deployment, place.wall.now()))
    assert stored is not None
    document = json.loads(stored.data)
    assert document["passed"] is False
    assert {one["name"] for one in document["steps"] if one["mark"] == "failed"} >= {"features"}


def test_the_command_prints_marks_and_times_and_writes_nothing(
    place: Workspace, cli: CommandLine, tmp_path: Path
) -> None:
    ended = cli("health", FULL)
    assert ended.code == 0, ended.err
    for part in (
        "✓",
        "known_answers",
        "bull_prob",
        "regime",
        "direction",
        "shadow      no",
        "load ",
    ):
        assert part in ended.out
    assert "✗" not in ended.out
    assert not (tmp_path / "store").exists()
    document = cli("health", "--json").document
    assert document["passed"] is True and document["shadow"] is False
    assert [one["name"] for one in document["steps"]] == STEPS
    assert cli("health", "--keep").code == 0
    assert list((tmp_path / "store" / "health").iterdir())


def test_the_command_shows_what_fails_and_exits_4(
    place: Workspace, cli: CommandLine, models: Path
) -> None:
    renamed_feature(models / FULL)
    ended = cli("health", FULL)
    assert ended.code == 4 and "✗ features" in ended.err and "✗" in ended.out
    assert cli("health", FULL, "--json").document["passed"] is False


def test_the_command_finds_the_deployment_of_a_named_bundle(
    place: Workspace, cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORECASTLAB_DEPLOYMENT", "direction_1h_BTCUSDT")
    assert cli("health", SMALL).code == 0
    cli("health", SMALL, "--deployment", "direction_1h_BTCUSDT").refused(2, "--deployment")
