"""LightGBM boosters as text: fitted on one thread, read back strictly.

The library is imported where a booster is made: a command that needs none pays 0.1 s less.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from forecastlab.contracts.errors import BundleRefused
from forecastlab.models.lightgbm_text import checked_text

if TYPE_CHECKING:
    import lightgbm


def fit_booster(
    matrix: np.ndarray,
    aim: np.ndarray,
    columns: tuple[str, ...],
    parameters: Mapping[str, Any],
    *,
    rounds: int,
    seed: int,
) -> lightgbm.Booster:
    """Fit a fixed number of rounds; deterministic under `seed`.

    Args:
        matrix: shape (rows, columns).
        aim: what the objective in `parameters` aims at, shape (rows,).
    """
    import lightgbm  # noqa: PLC0415 - see above

    alone = {"seed": seed, "deterministic": True, "force_row_wise": True, "num_threads": 1}
    return lightgbm.train(
        {**parameters, **alone, "verbosity": -1},
        lightgbm.Dataset(matrix, aim, feature_name=list(columns)),
        num_boost_round=rounds,
    )


def booster_text(booster: lightgbm.Booster) -> bytes:
    """Return a booster as LightGBM's own text."""
    return booster.model_to_string().encode()


def read_booster(
    files: Mapping[str, bytes], name: str, columns: tuple[str, ...]
) -> lightgbm.Booster:
    """Read a booster back.

    Raises:
        BundleRefused: the file is missing, broken, or of a booster on other columns.
    """
    import lightgbm  # noqa: PLC0415 - see above
    from lightgbm.basic import LightGBMError  # noqa: PLC0415

    try:
        booster = lightgbm.Booster(model_str=checked_text(files[name]))
        fitted_on = tuple(booster.feature_name())
    except (KeyError, ValueError, LightGBMError) as error:
        raise BundleRefused(
            f"{name} holds no booster ({error}).", remedy="Restore the bundle."
        ) from error
    if fitted_on != columns:
        raise BundleRefused(
            f"{name} was fitted on {', '.join(fitted_on)}, not on {', '.join(columns)}.",
            remedy="Restore the bundle.",
        )
    return booster


def grown_trees(booster: lightgbm.Booster) -> int:
    """Count the trees that split; one that does not is a constant."""
    return sum(tree["num_leaves"] > 1 for tree in booster.dump_model()["tree_info"])
