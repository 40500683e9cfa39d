"""The looks behind the accepted verdict file are in the committed trial ledger."""

from __future__ import annotations

from pathlib import Path

from forecastlab.contracts.trials import TrialLedger
from forecastlab.contracts.verdicts import VerdictFile

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "docs" / "results"


def accepted() -> VerdictFile:
    return VerdictFile.parse((RESULTS / "verdict.json").read_bytes(), what="verdict.json")


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
