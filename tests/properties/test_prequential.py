"""What is published at a block depends on nothing that was unknown at its first as-of."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from forecastlab.models.prequential import run_prequential
from tests.support.out_of_fold import CLASSES, end_of, out_of_fold

HORIZON = 5
ROWS, MEMBERS = out_of_fold(days=260, horizon=HORIZON, step=13, seed=4)


def sharpened(table: pd.DataFrame, power: float) -> pd.DataFrame:
    return (table**power).div((table**power).sum(axis=1), axis=0)


# Overconfident members make stack and calibration worth choosing: every stage is exercised.
WORLD = {
    "noisy": MEMBERS["noisy"],
    "brash": sharpened(MEMBERS["clever"], 4),
    "brasher": sharpened(MEMBERS["clever"], 6),
}
BASE = run_prequential(ROWS, WORLD, horizon=HORIZON, until=end_of(ROWS)).published


@settings(max_examples=25, deadline=None)
@given(block=st.integers(0, 19), seed=st.integers(0, 10_000))
def test_the_unknown_changes_nothing_that_was_published(block: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    start = ROWS.loc[ROWS["fold"] == block, "as_of"].iloc[0]
    unknown = (ROWS["resolves_at"] >= start).to_numpy()
    rows = ROWS.copy()
    rows.loc[unknown, "label"] = random.choice([*CLASSES, np.nan], int(unknown.sum()))
    elsewhere = unknown & (ROWS["fold"] != block).to_numpy()
    members = {}
    for name, table in WORLD.items():
        poisoned = random.dirichlet([0.3, 0.3, 0.3], len(ROWS))
        members[name] = table.mask(np.tile(elsewhere[:, None], 3), poisoned)
    found = run_prequential(rows, members, horizon=HORIZON, until=end_of(ROWS)).published

    own = ROWS["fold"] == block
    shown = [f"p_{label}" for label in CLASSES] + ["method"] + [f"set_{label}" for label in CLASSES]
    pd.testing.assert_frame_equal(found.loc[own, shown], BASE.loc[own, shown], check_exact=True)


def test_the_world_of_this_test_exercises_choice_stack_and_calibration() -> None:
    assert {"pool", "noisy", "stack+calibration"} <= set(BASE["method"])
    assert BASE[[f"set_{label}" for label in CLASSES]].to_numpy().mean() < 1
