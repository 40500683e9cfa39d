"""The README's skill table is the one that the accepted verdict file gives."""

from __future__ import annotations

from pathlib import Path

from forecastlab.contracts.trials import TrialLedger
from forecastlab.contracts.verdicts import VerdictFile
from forecastlab.report.skill_table import skill_table, with_table

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "docs" / "results"


def accepted() -> VerdictFile:
    return VerdictFile.parse((RESULTS / "verdict.json").read_bytes(), what="verdict.json")


def test_the_readme_shows_it() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    # Mend with: python scripts/readme_numbers.py
    assert with_table(readme, skill_table(accepted())) == readme


def test_its_looks_are_in_the_committed_ledger() -> None:
    document = accepted()
    ledger = TrialLedger.parse((RESULTS / "trials.json").read_bytes(), what="trials.json")
    for name, one in document.candidates.items():
        entries = [
            entry
            for entry in ledger.entries
            if (entry.candidate, entry.recipe_digest, entry.data_digest, entry.last)
            == (name, document.recipe_digest, document.data_digest, one.evaluation.last)
            and entry.scores["log_loss"] == one.evaluation.log_loss
        ]
        assert entries
        assert {entry.verdict for entry in entries} == {one.evaluation.verdict}
    digests = [entry.digest for entry in ledger.entries]
    assert digests == sorted(set(digests))
