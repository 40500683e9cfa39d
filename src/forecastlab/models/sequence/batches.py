"""The tasks' tables on one device, and batches of windows out of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import one_hot, pad

from forecastlab.models.sequence.tasks import Task, Windows


@dataclass(frozen=True, eq=False)
class Batch:
    """Windows of every model; the first axis counts the models.

    Attributes:
        windows: (M, length, batch, columns).
        symbols: one-hot, (M, batch, symbols).
        happened: classes, −1 where not known, (M, batch, heads).
        base: log class frequencies, (M, batch, heads, classes).
    """

    windows: Tensor
    symbols: Tensor
    happened: Tensor
    base: Tensor


@dataclass(frozen=True, eq=False)
class Part:
    """One part (`fit` or `stop`) of every task, side by side, shorter ones padded.

    `counts` are the numbers of windows; a padded one is never picked.
    """

    last: Tensor
    symbol: Tensor
    happened: Tensor
    counts: tuple[int, ...]

    @classmethod
    def of(cls, parts: Sequence[Windows], device: str) -> Part:
        """Stack the parts of the tasks on a device."""

        def stacked(name: str) -> Tensor:
            arrays = [torch.from_numpy(getattr(one, name)) for one in parts]
            return _side_by_side(arrays).to(device)

        counts = tuple(len(one.last) for one in parts)
        return cls(stacked("last"), stacked("symbol"), stacked("happened"), counts)


@dataclass(frozen=True, eq=False)
class Tables:
    """Every task's rows and windows on one device; models of the same task share them."""

    rows: Tensor
    stride: int
    base: Tensor
    fit: Part
    stop: Part
    steps_back: Tensor

    @classmethod
    def of(cls, tasks: Sequence[Task], length: int, device: str) -> Tables:
        """Move the tasks to a device."""
        tables = _side_by_side([torch.from_numpy(one.table) for one in tasks])
        return cls(
            tables.flatten(0, 1).to(device),
            tables.shape[1],
            torch.from_numpy(np.stack([one.base for one in tasks])).to(device),
            Part.of([one.fit for one in tasks], device),
            Part.of([one.stop for one in tasks], device),
            torch.arange(1 - length, 1, device=device),
        )

    def batch(self, part: Part, tasks: Tensor, picked: Tensor) -> Batch:
        """Return the picked windows of every model.

        Args:
            tasks: each model's task, (M,).
            picked: numbers of windows of the part, −1 for none, (M, batch).
        """
        there, own = picked.clamp(min=0), tasks.unsqueeze(1)
        last, symbol = part.last[own, there], part.symbol[own, there]
        begin = (tasks * self.stride).view(-1, 1, 1)
        places = last.unsqueeze(1) + self.steps_back.view(1, -1, 1) + begin
        windows = self.rows.index_select(0, places.flatten()).view(*places.shape, -1)
        happened = part.happened[own, there].masked_fill((picked < 0).unsqueeze(-1), -1)
        symbols = one_hot(symbol, self.base.shape[1]).to(windows.dtype)
        return Batch(windows, symbols, happened, self.base[own, symbol])


def padded(orders: Sequence[np.ndarray], multiple: int) -> Tensor:
    """Return orders of different lengths side by side, −1 where one has ended.

    >>> padded([np.array([2, 0, 1]), np.array([0])], 2).tolist()
    [[2, 0, 1, -1], [0, -1, -1, -1]]
    """
    longest = max(len(one) for one in orders)
    width = -(-longest // multiple) * multiple
    table = np.full((len(orders), width), -1, dtype="int64")
    for place, one in enumerate(orders):
        table[place, : len(one)] = one
    return torch.from_numpy(table)


def _side_by_side(tables: Sequence[Tensor]) -> Tensor:
    longest = max(len(one) for one in tables)
    fills = [(0, 0) * (one.dim() - 1) + (0, longest - len(one)) for one in tables]
    return torch.stack([pad(one, fill) for one, fill in zip(tables, fills, strict=True)])
