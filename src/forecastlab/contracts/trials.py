"""The trial ledger: one entry for every look at a block of test labels, created once."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import AwareDatetime, Field

from forecastlab.contracts.canonical import canonical_bytes, digest, rounded
from forecastlab.contracts.ports import SourceKind
from forecastlab.contracts.records import Digest, Document, Verdict

SCORE_DIGITS: Final = 6
"""Significant digits of a score: repeats on other machines must not look like other trials."""


class TrialEntry(Document):
    """One look: what was learnt, which days were scored on which candles, and what came out.

    `first` and `last` are the scored as-of dates. The identity of a look is everything but who
    looked when (`command`, `created_at`, `git_commit`): a repeat is the same look, while changed
    code that changes a score is another.
    """

    schema_version: Literal[1] = 1
    command: str
    deployment: str
    symbol: str
    candidate: str
    recipe_digest: Digest
    source: SourceKind
    data_digest: Digest
    first: str
    last: str
    rows: int = Field(ge=0)
    scores: dict[str, float]
    verdict: Verdict
    created_at: AwareDatetime
    git_commit: str

    @property
    def digest(self) -> str:
        """The digest of the look's identity, which names the entry."""
        who = {"schema_version", "command", "created_at", "git_commit"}
        return digest(canonical_bytes(self.model_dump(mode="json", exclude=who)))

    def overlaps(self, first: str, last: str) -> bool:
        """Say whether the look scored a day of [first, last]."""
        return self.first <= last and self.last >= first


class TrialLedger(Document):
    """Many entries in one document: what is committed, ordered by their digests."""

    schema_version: Literal[1] = 1
    entries: tuple[TrialEntry, ...]


def ledger_score(value: float) -> float:
    """Round a score as the ledger keeps it.

    >>> ledger_score(1.01234567)
    1.01235
    """
    return rounded(value, SCORE_DIGITS)
