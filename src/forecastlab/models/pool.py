"""The equal-weight pool of several members."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from forecastlab.evaluation.scores import CLIP
from forecastlab.models.softmax import softmax


def equal_weight_pool(members: Sequence[np.ndarray]) -> np.ndarray:
    """Return the normalised geometric mean: the mean of log probabilities, renormalised.

    Probabilities enter as max(p, CLIP), so that one member's zero is no veto.

    Args:
        members: at least one table of probabilities, each of shape (rows, classes).

    Returns:
        Shape (rows, classes); rows sum to 1.

    >>> equal_weight_pool([np.array([[0.2, 0.8]]), np.array([[0.8, 0.2]])]).round(3).tolist()
    [[0.5, 0.5]]
    """
    logs = np.mean([np.log(np.maximum(table, CLIP)) for table in members], axis=0)
    return softmax(logs)
