"""Publish the same walk-forward without each member, to see which are missed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import numpy as np
import pandas as pd

from forecastlab.contracts.canonical import Json, rounded
from forecastlab.contracts.config import Recipe, midnight
from forecastlab.evaluation.ablation import Ablation, ablate
from forecastlab.evaluation.scores import LOG_LOSS, Forecasts
from forecastlab.models.prequential import Prequential
from forecastlab.targets.catalogue import target_from_name
from forecastlab.usecases.measure import publish_out_of_fold
from forecastlab.usecases.walk_forward import OutOfFold

_DIGITS = 6


def ablate_members(
    found: OutOfFold, prequential: Prequential, recipe: Recipe, *, until: datetime
) -> Ablation:
    """Return what the published forecast of one candidate loses without each member.

    The rule is run again, block by block, on the members that are left; no member is fitted again.
    The days that the evaluation scores count: before them the rule has too little to choose from.

    Args:
        prequential: what is published with all members.

    Raises:
        DataUnavailable: too few of the scored rows have resolved.
    """
    first = pd.Timestamp(midnight(recipe.train.score_from))
    known = (found.rows["label"].notna() & (found.rows.index >= first)).to_numpy()
    labels = found.rows.loc[known, "label"].astype("int64")

    def losses(members: tuple[str, ...]) -> np.ndarray:
        if len(members) == len(found.members):
            table = prequential.probabilities
        else:
            left = replace(found, members={name: found.members[name] for name in members})
            table = publish_out_of_fold(left, recipe, until=until).probabilities
        return LOG_LOSS.rows(Forecasts.of(table.loc[known], labels))

    horizon = target_from_name(found.candidate).horizon
    return ablate(tuple(found.members), losses, horizon=horizon)


def ablation_document(found: Ablation) -> dict[str, Json]:
    """Return an ablation as a manifest states it: member -> what its removal costs.

    >>> ablation_document(Ablation(()))
    {}
    """
    return {
        one.member: {
            "beside": list(one.beside),
            "cost": rounded(one.cost, _DIGITS),
            "standard_error": rounded(one.standard_error, _DIGITS),
            "dropped": one.dropped,
        }
        for one in found.removals
    }
