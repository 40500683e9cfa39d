"""The trial ledger: note every look at test labels once, and count the looks at a span.

The best of many useless forecasts looks good by luck. What it is worth can be said only where every
look was written down, also the ones that nobody liked.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from forecastlab.contracts import keys
from forecastlab.contracts.config import Recipe
from forecastlab.contracts.errors import DataMalformed, PreconditionFailed
from forecastlab.contracts.manifest import EvaluationEntry
from forecastlab.contracts.ports import ABSENT, ObjectStore, SourceKind
from forecastlab.contracts.trials import TrialEntry, TrialLedger, ledger_score


@dataclass(frozen=True)
class Look:
    """Who looked, with what, when: what all candidates of one run share."""

    command: str
    recipe: Recipe
    source: SourceKind
    data_digest: str
    created_at: datetime
    git_commit: str


def trial_entry(look: Look, candidate: str, found: EvaluationEntry) -> TrialEntry:
    """Return the ledger entry of one candidate's evaluation."""
    losses = {one.reference: one.log_loss for one in (*found.baselines, *found.members)}
    scores = {
        "log_loss": found.log_loss,
        "brier": found.brier,
        "event_auc": found.event_auc,
        "direction_auc": found.direction_auc,
        **{f"log_loss[{name}]": loss for name, loss in losses.items()},
    }
    return TrialEntry(
        command=look.command,
        deployment=look.recipe.name,
        symbol=look.recipe.symbol,
        candidate=candidate,
        recipe_digest=look.recipe.digest,
        source=look.source,
        data_digest=look.data_digest,
        first=found.first,
        last=found.last,
        rows=found.rows,
        scores={name: ledger_score(one) for name, one in scores.items() if one is not None},
        verdict=found.verdict,
        created_at=look.created_at,
        git_commit=look.git_commit,
    )


def record_trials(store: ObjectStore, entries: Iterable[TrialEntry]) -> int:
    """Write the entries that the ledger lacks, and return how many those were."""
    new = 0
    for entry in entries:
        try:
            store.put(keys.trial(entry.digest), entry.stored(), if_generation=ABSENT)
        except PreconditionFailed:
            continue
        new += 1
    return new


def read_trials(store: ObjectStore) -> tuple[TrialEntry, ...]:
    """Return all entries of the ledger, in the order of their digests.

    Raises:
        DataMalformed: an entry does not have the digest that it is named by.
    """
    entries = []
    for key in store.list(keys.TRIALS):
        stored = store.get(key)
        if stored is None:
            continue
        entry = TrialEntry.parse(stored.data, what=key)
        if keys.trial(entry.digest) != key:
            raise DataMalformed(
                f"{key} was changed after it was written.",
                remedy="Restore it from a copy; ledger entries are never edited.",
            )
        entries.append(entry)
    return tuple(entries)


def count_looks(entries: Iterable[TrialEntry], like: TrialEntry) -> int:
    """Count the looks at the same symbol's days, whatever was forecast on them.

    Looks at the simulated market count apart from looks at real candles.
    """
    return sum(
        one.symbol == like.symbol
        and (one.source == "simulated") == (like.source == "simulated")
        and one.overlaps(like.first, like.last)
        for one in entries
    )


def export_trials(store: ObjectStore, committed: TrialLedger | None) -> TrialLedger:
    """Return the store's entries joined with those committed before: an export loses none."""
    entries = {one.digest: one for one in (committed.entries if committed else ())}
    for one in read_trials(store):
        entries.setdefault(one.digest, one)
    return TrialLedger(entries=tuple(entries[digest] for digest in sorted(entries)))
