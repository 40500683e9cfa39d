from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from forecastlab.evaluation.scores import log_loss
from forecastlab.models.prequential import run_prequential
from forecastlab.usecases.ablation import ablate_members, ablation_document
from tests.support.evaluations import made_up_oof, made_up_recipe
from tests.support.out_of_fold import end_of

RECIPE = made_up_recipe()
FOUND = made_up_oof(600)
UNTIL = end_of(FOUND.rows)


def test_the_rule_is_run_again_without_each_member() -> None:
    noisy_last = replace(FOUND, members={name: FOUND.members[name] for name in ("clever", "noisy")})
    whole = run_prequential(FOUND.rows, noisy_last.members, horizon=5, until=UNTIL)
    found = ablate_members(noisy_last, whole, RECIPE, until=UNTIL)
    [removal] = found.removals[:1]
    assert removal.member == "noisy"
    alone = run_prequential(FOUND.rows, {"clever": FOUND.members["clever"]}, horizon=5, until=UNTIL)
    scored = FOUND.rows.index >= "1970-04-01"
    known = FOUND.rows["label"].notna().to_numpy() & scored
    happened = np.searchsorted((-1, 0, 1), FOUND.rows.loc[known, "label"])
    losses = [
        log_loss(one.probabilities.to_numpy()[known], happened).mean() for one in (alone, whole)
    ]
    assert removal.cost == pytest.approx(losses[0] - losses[1])


def test_a_copy_is_dropped_and_what_is_clever_is_kept() -> None:
    members = {**FOUND.members, "copy": FOUND.members["clever"]}
    three = replace(FOUND, members=members)
    whole = run_prequential(FOUND.rows, members, horizon=5, until=UNTIL)
    found = ablate_members(three, whole, RECIPE, until=UNTIL)
    assert "copy" in found.dropped and "clever" not in found.dropped
    document = ablation_document(found)
    assert document["copy"]["dropped"] is True  # type: ignore[index, call-overload]
    assert list(document) == [one.member for one in found.removals]
