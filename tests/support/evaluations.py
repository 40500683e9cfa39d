"""Made-up evaluations: out-of-fold forecasts of 1970 with what was measured of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from forecastlab.contracts.config import Recipe
from forecastlab.contracts.manifest import EvaluationEntry
from forecastlab.contracts.verdicts import CandidateVerdict, VerdictFile
from forecastlab.evaluation.splits import walk_forward
from forecastlab.models.base_rate import expanding_rate, trailing_rate
from forecastlab.models.prequential import run_prequential
from forecastlab.report.series import CandidateSeries
from forecastlab.usecases.candidate_verdict import Examined, examine
from forecastlab.usecases.measure import measure
from forecastlab.usecases.walk_forward import OutOfFold
from tests.support.out_of_fold import CLASSES, end_of, out_of_fold
from tests.support.workspaces import small_recipe

CANDIDATE = "T5_X8"
ZEROS = "sha256:" + "0" * 64


def made_up_recipe(prior_looks: int = 0) -> Recipe:
    """Return the shipped recipe with its scored days in 1970."""
    recipe = small_recipe()
    train = recipe.train.model_copy(
        update={"oof_from": date(1970, 1, 1), "score_from": date(1970, 4, 1)}
    )
    trials = recipe.trials.model_copy(update={"prior_looks": prior_looks})
    return recipe.model_copy(update={"train": train, "trials": trials})


def made_up_oof(days: int = 600, *, labels: np.ndarray | None = None, seed: int = 0) -> OutOfFold:
    """Return two members' forecasts, `clever` and `noisy`; given labels replace the drawn ones."""
    rows, members = out_of_fold(days, horizon=5, seed=seed)
    if labels is not None:
        rows = rows.assign(label=np.where(rows["label"].isna(), np.nan, labels))
    resolved, as_of = rows.loc[rows["label"].notna()], pd.DatetimeIndex(rows["as_of"])
    rates = {
        "expanding": expanding_rate(resolved, as_of, CLASSES).set_axis(rows.index),
        "trailing_year": trailing_rate(resolved, as_of, CLASSES).set_axis(rows.index),
    }
    first, last = rows.index[0].to_pydatetime(), rows.index[-1].to_pydatetime()
    folds = walk_forward(first, last, step=21, interval="1d")
    return OutOfFold(CANDIDATE, folds, rows, members, rates)


def measured(found: OutOfFold, recipe: Recipe) -> Examined:
    """Publish and measure, as `evaluate` does."""
    prequential = run_prequential(found.rows, found.members, horizon=5, until=end_of(found.rows))
    return Examined(found, prequential, measure(found, prequential, recipe))


def examined(
    found: OutOfFold, *, looks: int = 1, prior_looks: int = 0
) -> tuple[CandidateVerdict, CandidateSeries]:
    """Return what an evaluation states of the forecasts, and the series of its charts."""
    recipe = made_up_recipe(prior_looks)
    return examine(measured(found, recipe), recipe, looks=looks)


def verdict_file(candidates: dict[str, CandidateVerdict], **changes: Any) -> VerdictFile:
    """Return the verdict file of these candidates."""
    document = VerdictFile(
        run="made_up_19710801",
        deployment="made_up",
        symbol="BTCUSDT",
        interval="1d",
        recipe_digest=ZEROS,
        quick=False,
        source="file",
        data_digest=ZEROS,
        first_open="1970-01-01",
        cut_off="1971-08-01",
        candidates=candidates,
    )
    return document.model_copy(update=changes)


def evaluation_entry(**changes: Any) -> EvaluationEntry:
    """Return a measured evaluation, changed in some fields."""
    one = measured(made_up_oof(300), made_up_recipe())
    return replace(one, evaluation=one.evaluation.model_copy(update=changes)).evaluation
