"""What a boosted model is made of: its trees, as text."""

from __future__ import annotations

import re
from typing import Any

from forecastlab.models.base import Model

_LIGHTGBM_TREE = re.compile(r"^Tree=\d+\n(.*?)(?=^Tree=|^end of trees)", re.MULTILINE | re.DOTALL)

_SPLIT = re.compile(r"^split_feature=\d|\d:\[", re.MULTILINE)


def tree_texts(model: Model) -> list[str] | None:
    """Return the trees of a boosted model, in order; None of any other model.

    Equal trees have equal texts, wherever they stand.
    """
    booster: Any = getattr(model, "booster", None)
    if booster is None:
        return None
    if hasattr(booster, "get_dump"):
        return [str(one) for one in booster.get_dump()]
    found: list[str] = _LIGHTGBM_TREE.findall(booster.model_to_string())
    return found


def column_names(booster: Any) -> tuple[str, ...] | None:
    """Return the columns that a booster itself says it was fitted on, in its order.

    None of what is no booster.
    """
    if booster is None:
        return None
    if hasattr(booster, "get_dump"):
        return tuple(booster.feature_names or ())
    return tuple(booster.feature_name())


def splits(tree: str) -> bool:
    r"""Say whether a tree splits at all: one that does not says the same of every row.

    >>> splits("num_leaves=1\nsplit_feature=\n"), splits("num_leaves=2\nsplit_feature=0\n")
    (False, True)
    >>> splits("0:leaf=0.1"), splits("0:[x<1] yes=1,no=2\n1:leaf=0.1\n2:leaf=0.2")
    (False, True)
    """
    # LightGBM names the features of its splits, XGBoost writes each split in brackets.
    return _SPLIT.search(tree) is not None
