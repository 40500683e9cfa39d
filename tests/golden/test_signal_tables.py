"""The words of docs/signal.md are true of the committed comparison and the shipped bundles."""

from __future__ import annotations

from typing import Final

import pytest

from forecastlab.contracts.manifest import Manifest
from forecastlab.contracts.version_scores import SeedNoise, SignalEvidence, VersionTable
from forecastlab.report.version_table import seed_table
from tests.support.imports import ROOT

RESULTS: Final = ROOT / "docs" / "results" / "versions.json"


def comparison() -> VersionTable:
    return VersionTable.parse(RESULTS.read_bytes(), what="versions.json")


def evidence() -> dict[str, SignalEvidence]:
    found = {}
    for path in (ROOT / "models" / "production").glob("signal_1h_*/meta.json"):
        manifest = Manifest.parse(path.read_bytes(), what=str(path))
        one = SignalEvidence.model_validate(manifest.signal)
        found[one.scores.version] = one
    return found


def seeds() -> dict[str, SeedNoise]:
    return {name: one.seed_noise for name, one in evidence().items()}


def test_the_bundles_were_scored_as_the_table_was() -> None:
    """The same walk-forward twice: in training, and in the comparison on the shared as-ofs."""
    table = {one.version: one for one in comparison().versions}
    assert {*table} == {*evidence()}
    for name, one in evidence().items():
        assert one.scores.recipe_digest == table[name].recipe_digest
        assert one.scores.auc.value == pytest.approx(table[name].auc.value, abs=2e-4)


def test_the_words_are_still_true() -> None:
    """The page says in words what these verdicts say; who changes one changes the other."""
    table = {one.version: one for one in comparison().versions}
    assert {one.verdict for one in table.values()} == {"not_distinguishable"}
    ranks = {name: one.ranks for name, one in table.items()}
    assert ranks == {
        "v2_7": "better",
        "v2_6": "not_distinguishable",
        "v1": "not_distinguishable",
    }
    for one in table.values():
        assert one.net_return_strongest.ci95 is not None
        assert one.net_return_strongest.ci95[1] < 0


def test_a_version_without_a_shipped_bundle_is_left_out_of_the_seeds() -> None:
    only = {"v1": seeds()["v1"]}
    assert seed_table(only, comparison()).count("\n") == 3
