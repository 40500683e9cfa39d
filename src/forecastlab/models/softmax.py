"""Logs to probabilities."""

from __future__ import annotations

import numpy as np


def softmax(logs: np.ndarray) -> np.ndarray:
    """Return exp(logs) normalised over the last axis, without overflow.

    scipy's own would cost every start 0.2 s of import.

    >>> softmax(np.log([[1.0, 3.0]])).round(9).tolist()
    [[0.25, 0.75]]
    """
    shares = np.exp(logs - logs.max(axis=-1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=-1, keepdims=True))
