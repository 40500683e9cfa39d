"""The card says what the manifest says, and what a reader must know before believing it."""

from __future__ import annotations

from typing import Final

import pytest

from forecastlab.contracts.manifest import MANIFEST, Manifest
from forecastlab.usecases.model_card import model_card
from tests.support.imports import ROOT

SHIPPED: Final = sorted((ROOT / "models" / "production").glob(f"*/{MANIFEST}"))

SECTIONS: Final = (
    *("In short", "Use", "Trained on", "How good such forecasts have been"),
    *("Proven while it was trained", "Limits", "Check it, make it again"),
)


@pytest.fixture(params=SHIPPED, ids=lambda one: one.parent.name)
def manifest(request: pytest.FixtureRequest) -> Manifest:
    return Manifest.parse(request.param.read_bytes(), what=str(request.param))


def test_it_has_every_section_in_order(manifest: Manifest) -> None:
    card = model_card(manifest)
    places = [card.index(f"\n## {name}\n") for name in SECTIONS]
    assert places == sorted(places)
    assert "\n\n\n" not in card
    assert card.endswith("\n")


def test_every_candidate_has_its_verdict_with_an_interval(manifest: Manifest) -> None:
    card = model_card(manifest)
    for name, one in manifest.candidates.items():
        low, high = one.evaluation.ci95
        [row] = [line for line in card.splitlines() if line.startswith(f"| {name} |")]
        assert f"{one.evaluation.log_loss_skill:+.1%} [{low:+.1%}, {high:+.1%}]" in row
        better = one.evaluation.verdict == "better"
        assert ("**better than both deployable base rates**" in row) == better
        told = card.split(f"\n### {name}\n")[1].split("\n### ")[0]
        assert one.label_rule in told
        for other in (*one.evaluation.baselines, *one.evaluation.members):
            assert f"| {other.reference} | {other.log_loss:.4f} | {other.gain:+.4f} |" in told


def test_it_says_for_what_it_is_not(manifest: Manifest) -> None:
    use = model_card(manifest).split("## Use\n")[1].split("\n## ")[0]
    for word in ("Not for:", "cut-off", "orders", "advice", "risk", "personal data"):
        assert word in use
    assert "Not investment advice." in model_card(manifest)


def test_what_it_tells_to_run_names_the_bundle(manifest: Manifest) -> None:
    again = model_card(manifest).split("## Check it, make it again\n")[1]
    assert f"forecastlab bundles verify {manifest.name} " in again
    assert f"--until {manifest.training.cut_off}" in again
    assert manifest.git_commit[:12] in again


def test_a_check_that_failed_or_was_left_out_says_so(manifest: Manifest) -> None:
    gates = {
        "quick": True,
        "L6": {"passed": False, "findings": []},
        "L8": {"passed": True, "not_shown": "the bundle was trained with --quick"},
    }
    card = model_card(manifest.model_copy(update={"gates": gates}))
    assert (
        "- L6, each label looks at its own window ahead, all of it, and at nothing else: failed."
        in card
    )
    assert "finds no skill: left out (the bundle was trained with --quick)." in card
    assert "- L5" not in card
    assert "a trial, no measure of the recipe" in card
