"""The bidirectional LSTM with one head per horizon."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from forecastlab.models.sequence.architecture.recurrence import StackedLstm
from forecastlab.models.sequence.architecture.stacked import AttentionPool, Drop, StackedLinear


@dataclass(frozen=True)
class LstmShape:
    """Size of the network; `symbols` is unused, for what is pooled has one base rate each."""

    columns: int
    symbols: int
    heads: int
    classes: int
    hidden: int
    layers: int

    def build(self, seed: int) -> LstmNetwork:
        """Draw a network's first weights."""
        return LstmNetwork(self, torch.Generator().manual_seed(seed))


class LstmNetwork(nn.Module):
    """Layers that read the window both ways, an attention pool over time, and the heads.

    Each head is an affine map of its own hidden layer; its last map starts at zero.
    """

    def __init__(self, shape: LstmShape, generator: torch.Generator) -> None:
        super().__init__()
        self.shape = shape
        widths = [shape.columns] + [2 * shape.hidden] * (shape.layers - 1)
        self.layers = nn.ModuleList(
            StackedLstm(width, shape.hidden, generator, both_ways=True) for width in widths
        )
        self.pool = AttentionPool(2 * shape.hidden, generator)
        self.before = nn.ModuleList(
            StackedLinear(2 * shape.hidden, shape.hidden, generator) for _ in range(shape.heads)
        )
        self.heads = nn.ModuleList(
            StackedLinear(shape.hidden, shape.classes, generator, zero=True)
            for _ in range(shape.heads)
        )

    def forward(self, windows: Tensor, symbols: Tensor, drop: Drop) -> Tensor:  # noqa: ARG002 - as every network
        """Return the log odds that the window adds to the base rates, (M, batch, heads, classes).

        Args:
            windows: scaled features, shape (M, length, batch, columns).
            symbols: which symbol each window is of, one-hot, (M, batch or 1, symbols); unused.
            drop: dropout.
        """
        states = windows
        for layer in self.layers:
            states = drop(layer(states))
        pooled = self.pool(states)
        odds = [
            head(drop(nn.functional.gelu(before(pooled))))
            for before, head in zip(self.before, self.heads, strict=True)
        ]
        return torch.stack(odds, dim=2)
