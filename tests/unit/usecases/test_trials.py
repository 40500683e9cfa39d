from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from forecastlab.contracts.config import TrialsTable
from forecastlab.contracts.errors import DataMalformed
from forecastlab.contracts.ports import ABSENT
from forecastlab.contracts.trials import TrialEntry, TrialLedger
from forecastlab.usecases.trials import (
    Look,
    count_looks,
    export_trials,
    read_trials,
    record_trials,
    trial_entry,
)
from tests.support.evaluations import ZEROS, evaluation_entry, made_up_recipe
from tests.support.memory_store import MemoryStore

EVALUATION = evaluation_entry()
LOOK = Look(
    "evaluate", made_up_recipe(), "file", ZEROS, datetime(2025, 10, 1, tzinfo=UTC), "c0ffee"
)
ENTRY = trial_entry(LOOK, "T5_X8", EVALUATION)
OTHER = "sha256:" + "f" * 64


def changed(**changes: Any) -> TrialEntry:
    return ENTRY.model_copy(update=changes)


def test_a_repeat_is_the_same_look() -> None:
    store = MemoryStore()
    assert record_trials(store, [ENTRY]) == 1
    later = changed(
        command="train", created_at=datetime(2026, 1, 1, tzinfo=UTC), git_commit="another"
    )
    assert record_trials(store, [later]) == 0
    assert read_trials(store) == (ENTRY,)


@pytest.mark.parametrize(
    "changes",
    [
        {"candidate": "T6_X8"},
        {"recipe_digest": OTHER},
        {"data_digest": OTHER},
        {"last": "1970-09-01"},
        {"scores": {**ENTRY.scores, "log_loss": 0.5}},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_another_config_span_data_or_score_is_another_look(changes: dict[str, Any]) -> None:
    store = MemoryStore()
    assert record_trials(store, [ENTRY, changed(**changes)]) == 2
    assert len(store.list("trials/")) == 2


def test_an_entry_says_what_was_seen() -> None:
    assert (ENTRY.first, ENTRY.last, ENTRY.rows) == (
        EVALUATION.first,
        EVALUATION.last,
        EVALUATION.rows,
    )
    assert ENTRY.verdict == EVALUATION.verdict
    members = {f"log_loss[{one.reference}]" for one in EVALUATION.members}
    assert members == {"log_loss[clever]", "log_loss[noisy]"}
    assert members | {"log_loss", "brier", "log_loss[expanding]"} <= ENTRY.scores.keys()


def test_prior_looks_do_not_make_another_recipe() -> None:
    recipe = made_up_recipe()
    more = recipe.model_copy(update={"trials": TrialsTable(prior_looks=99)})
    assert more.digest == recipe.digest


def test_looks_are_counted_where_days_and_symbol_are_shared() -> None:
    entries = [
        ENTRY,
        changed(candidate="T6_X8"),
        changed(deployment="another", recipe_digest=OTHER),
        changed(first="1969-01-01", last=ENTRY.first),
        changed(first="1969-01-01", last="1969-12-31"),
        changed(first="1971-01-01", last="1971-12-31"),
        changed(symbol="ETHUSDT"),
        changed(source="simulated"),
        changed(source="binance", data_digest=OTHER),
    ]
    assert count_looks(entries, ENTRY) == 5
    assert count_looks(entries, entries[-2]) == 1


def test_an_export_loses_no_entry() -> None:
    here, there = MemoryStore(), MemoryStore()
    record_trials(here, [ENTRY])
    record_trials(there, [changed(candidate="T6_X8"), ENTRY])
    first = export_trials(there, None)
    both = export_trials(here, first)
    assert both == first
    assert [one.digest for one in both.entries] == sorted(one.digest for one in both.entries)
    assert TrialLedger.parse(both.stored(), what="ledger") == both
    assert len(export_trials(here, None).entries) == 1


def test_what_was_committed_first_stands() -> None:
    store = MemoryStore()
    record_trials(store, [changed(created_at=datetime(2026, 1, 1, tzinfo=UTC))])
    assert export_trials(store, TrialLedger(entries=(ENTRY,))).entries == (ENTRY,)


def test_an_edited_entry_is_refused() -> None:
    store = MemoryStore()
    record_trials(store, [ENTRY])
    key = store.list("trials/")[0]
    kinder = changed(scores={**ENTRY.scores, "log_loss": 0.1})
    edited = MemoryStore()
    edited.put(key, kinder.stored(), if_generation=ABSENT)
    with pytest.raises(DataMalformed, match="was changed after it was written"):
        read_trials(edited)
