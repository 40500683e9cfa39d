"""Layers of many models at once: the first axis of every parameter counts the models.

A network is built for one model; the trainer runs it with the stacked parameters of many.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

Drop = Callable[[Tensor], Tensor]
"""Dropout while training; the identity where a network forecasts."""


def uniform(shape: tuple[int, ...], bound: float, generator: torch.Generator) -> Tensor:
    """Draw from [−bound, bound)."""
    return (torch.rand(shape, generator=generator) * 2 - 1) * bound


class StackedLinear(nn.Module):
    """An affine map per model: (M, …, inputs) to (M, …, outputs).

    `zero` starts it at zero: a network whose last layer this is forecasts the base rates until it
    has learnt something.
    """

    def __init__(
        self, inputs: int, outputs: int, generator: torch.Generator, *, zero: bool = False
    ) -> None:
        super().__init__()
        bound = 0.0 if zero else 1 / math.sqrt(inputs)
        self.weight = nn.Parameter(uniform((1, inputs, outputs), bound, generator))
        self.bias = nn.Parameter(torch.zeros(1, 1, outputs))

    def forward(self, x: Tensor) -> Tensor:
        """Map the last axis; the axes between the first and the last are rows."""
        flat = torch.baddbmm(self.bias, x.flatten(1, -2), self.weight)
        return flat.view(*x.shape[:-1], -1)


class AttentionPool(nn.Module):
    """A weighted mean over time whose weights are scored from the states (additive attention)."""

    def __init__(self, inputs: int, generator: torch.Generator) -> None:
        super().__init__()
        self.score = StackedLinear(inputs, 1, generator)

    def forward(self, states: Tensor) -> Tensor:
        """Pool (M, time, batch, inputs) to (M, batch, inputs)."""
        shares: Tensor = self.score(states).softmax(dim=1)
        return (states * shares).sum(dim=1)
