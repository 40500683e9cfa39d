"""The gates of the temporal fusion transformer: what lets a network skip what it does not need.

Source: Lim, Arik, Loeff and Pfister (2021), Temporal Fusion Transformers, section 4.1.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from forecastlab.models.sequence.architecture.stacked import Drop, StackedLinear


class StackedNorm(nn.Module):
    """Layer normalisation of the last axis, with each model's own scale and shift."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        self.scale = nn.Parameter(torch.ones(1, 1, width))
        self.shift = nn.Parameter(torch.zeros(1, 1, width))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (M, …, width)."""
        between = [1] * (x.dim() - 3)
        scale, shift = (one.view(one.shape[0], 1, *between, -1) for one in (self.scale, self.shift))
        return nn.functional.layer_norm(x, (self.width,)) * scale + shift


class GatedSkip(nn.Module):
    """LayerNorm(skip + GLU(x)): a gate near zero leaves only the skip."""

    def __init__(self, inputs: int, width: int, generator: torch.Generator) -> None:
        super().__init__()
        self.gate = StackedLinear(inputs, 2 * width, generator)
        self.norm = StackedNorm(width)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """Add the gated x to the skip."""
        normed: Tensor = self.norm(skip + nn.functional.glu(self.gate(x), dim=-1))
        return normed


class GatedResidual(nn.Module):
    """The gated residual network: a skip, beside two layers behind a gate; width in, width out."""

    def __init__(self, width: int, generator: torch.Generator, *, context: bool = False) -> None:
        super().__init__()
        self.first = StackedLinear(width, width, generator)
        self.context = StackedLinear(width, width, generator) if context else None
        self.second = StackedLinear(width, width, generator)
        self.skip = GatedSkip(width, width, generator)

    def forward(self, x: Tensor, drop: Drop, context: Tensor | None = None) -> Tensor:
        """Map (M, …, width); a context broadcasts against x."""
        inner = self.first(x)
        if self.context is not None and context is not None:
            inner = inner + self.context(context)
        mapped: Tensor = self.skip(drop(self.second(nn.functional.elu(inner))), x)
        return mapped
