"""Models: what was live when, who waits, and what a bundle is made of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from forecastlab.contracts.manifest import MANIFEST, Manifest
from forecastlab.contracts.registry import RegistryEvent, fold
from tests.support.dashboard_store import BUNDLE, ZEROS
from tests.support.imports import ROOT
from webapp.views import members, models
from webapp.views.wording import Words

DAY = timedelta(days=1)
BEGAN = datetime(2025, 10, 1, tzinfo=UTC)


def story(*told: tuple[str, str, str | None]) -> tuple[RegistryEvent, ...]:
    """Return one event a day: kind, bundle, the champion before."""
    return tuple(
        RegistryEvent.model_validate(
            {
                "sequence": place,
                "kind": kind,
                "deployment": "d",
                "bundle": bundle,
                "bundle_digest": ZEROS,
                "previous": previous,
                "at": BEGAN + place * DAY,
                "by": "somebody",
                "why": "<b>why</b>",
            }
        )
        for place, (kind, bundle, previous) in enumerate(told, start=1)
    )


EVENTS = story(
    ("registered", "a", None),
    ("promoted", "a", None),
    ("registered", "b", None),
    ("promoted", "b", "a"),
    ("rolled_back", "a", "b"),
    ("registered", "c", None),
    ("registered", "d", None),
    ("retired", "d", None),
)


@pytest.fixture(scope="module")
def manifest() -> Manifest:
    path: Path = ROOT / "models" / "production" / BUNDLE / MANIFEST
    return Manifest.parse(path.read_bytes(), what=MANIFEST)


def test_what_was_live_when() -> None:
    assert models.reigns(EVENTS) == (
        models.Reign("a", BEGAN + 2 * DAY, BEGAN + 4 * DAY),
        models.Reign("b", BEGAN + 4 * DAY, BEGAN + 5 * DAY),
        models.Reign("a", BEGAN + 5 * DAY, None),
    )
    for reign in models.reigns(EVENTS):
        assert fold(EVENTS, at=reign.since).champion == reign.bundle


def test_roles_are_the_registrys(words: Words) -> None:
    table = models.bundle_table(fold(EVENTS), {}, words)
    assert dict(zip(table["Bundle"], table["Role"], strict=True)) == {
        "a": "★ champion",
        "b": "rolled back from",
        "c": "challenger",
        "d": "retired",
    }


def test_what_was_rolled_back_from_is_not_proposed_for_promotion(words: Words) -> None:
    """It spoke, so that it is in no shadow any more and its promotion would be refused."""
    lines = models.command_lines("d", fold(EVENTS[:5]), "store", words)
    assert "forecastlab promote NAME --why" in lines


def test_the_timeline_draws_each_reign_and_each_event(words: Words) -> None:
    now = BEGAN + 30 * DAY
    figure = models.timeline(EVENTS, now, words, UTC)
    reigns = [one for one in figure.data if one.mode == "lines"]
    assert [one.y[0] for one in reigns] == ["a", "b", "a"]
    assert str(reigns[-1].x[-1])[:10] == "2025-10-31"
    marks = {one.name: len(one.x) for one in figure.data if one.mode == "markers"}
    assert marks == {"registered": 4, "promoted": 2, "rolled back": 1, "retired": 1}
    symbols = [one.marker.symbol for one in figure.data if one.mode == "markers"]
    assert len(set(symbols)) == len(symbols)
    assert "<b>" not in str(figure)


def test_a_clock_behind_the_last_event_draws_no_line_backwards(words: Words) -> None:
    figure = models.timeline(EVENTS, BEGAN, words, UTC)
    last = [one for one in figure.data if one.mode == "lines"][-1]
    assert last.x[0] == last.x[-1]


def test_bundles_without_a_manifest_stand_in_the_table(words: Words, manifest: Manifest) -> None:
    table = models.bundle_table(fold(EVENTS), {"a": manifest, "b": None}, words)
    assert list(table["Bundle"]) == ["d", "c", "b", "a"]
    assert table["T21_X8: skill [95 %]"].iloc[-1] == "▲ +7.0 % [+2.0 %, +12.1 %]"


def test_commands_are_quoted_for_a_shell(words: Words) -> None:
    lines = models.command_lines("d; rm -rf x", fold(EVENTS), "a folder", words)
    assert "--deployment 'd; rm -rf x' --store 'a folder'" in lines
    assert "forecastlab promote c --why" in lines


@pytest.mark.parametrize(
    ("gates", "rows"),
    [
        ({}, []),
        ({"verify": "passed"}, [("verify", "✓ passed", "")]),
        ({"verify": "refused"}, [("verify", "✗ failed", "")]),
        (
            {"audit": {"L1": {"passed": True, "comparisons": 7, "findings": []}}},
            [("audit L1", "✓ passed", "comparisons 7")],
        ),
        (
            {"audit": {"L1": {"passed": False, "comparisons": 7, "findings": ["rsi at t"]}}},
            [("audit L1", "✗ failed", "comparisons 7; rsi at t")],
        ),
        ({"delta": {"largest": 0.01}}, [("delta", "–", "largest 0.01")]),
        ({"force": True}, [("force", "✓ passed", "")]),
        ({"span": 14}, [("span", "14", "")]),
    ],
)
def test_gates_of_any_form(gates: dict[str, Any], rows: list[Any], words: Words) -> None:
    assert [tuple(row) for row in models.gate_table(gates, words).itertuples(index=False)] == rows


@pytest.mark.parametrize(
    ("method", "stack", "found"),
    [
        ("a", None, {"a": 1.0, "b": 0.0}),
        ("b+calibration", None, {"a": 0.0, "b": 1.0}),
        ("pool", None, {"a": 0.5, "b": 0.5}),
        ("stack", {"weights": {"a": 0.7, "b": -0.1}}, {"a": 0.7, "b": -0.1}),
        ("stack+calibration", {"weights": {"a": 0.7, "b": 0.1}}, {"a": 0.7, "b": 0.1}),
        ("stack", None, None),
        ("stack", {"weights": {"a": 0.7}}, None),
        ("stack", {"weights": {"a": float("nan"), "b": 1.0}}, None),
        ("stack", {"weights": [0.7, 0.3]}, None),
        ("unheard_of", None, None),
    ],
)
def test_weights(method: str, stack: Any, found: Any) -> None:
    assert members.weights(method, ("a", "b"), stack) == found


def test_a_negative_weight_points_left(words: Words) -> None:
    figure = members.weight_figure({"a": 0.7, "b": -0.2}, words)
    assert tuple(figure.data[0].x) == (0.7, -0.2)
    assert figure.layout.xaxis.range[0] < -0.2
    assert len(members.weight_figure(None, words).data) == 0


def test_members_and_their_gains(manifest: Manifest, words: Words) -> None:
    entry = manifest.candidates["T21_X8"]
    table = members.member_table(manifest, "T21_X8", words)
    assert list(table["Member"]) == ["first_passage", "lightgbm"]
    assert list(table["Spoke on"]) == ["100.0 %", "0.0 %"]
    figure = members.gain_figure(entry, words)
    drawn = {name: x for one in figure.data for name, x in zip(one.y, one.x, strict=True)}
    assert drawn["lightgbm"] == pytest.approx(0.0813, abs=1e-4)
    assert len(drawn) == len(entry.evaluation.baselines) + len(entry.evaluation.members)
    features = members.feature_table(manifest, words)
    assert len(features) == sum(len(one) for one in manifest.features.values())
