"""Variable selection: at each candle, how much each variable counts.

Source: Lim, Arik, Loeff and Pfister (2021), Temporal Fusion Transformers, section 4.2.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from forecastlab.models.sequence.architecture.gating import GatedSkip
from forecastlab.models.sequence.architecture.stacked import Drop, StackedLinear, uniform


class VariableSelection(nn.Module):
    """Embeds every variable, maps each by its own gated residual network, and mixes the results.

    The weights of the mixture are a softmax of one gated residual network of all embeddings and the
    static context. An embedding is affine in its variable, so the maps that read it are too: they
    are applied to the embedding's weights, which gives the same function without ever forming the
    (variables · width) wide embedding of every candle.
    """

    def __init__(self, variables: int, width: int, generator: torch.Generator) -> None:
        super().__init__()
        self.width = width
        each, bound = (1, variables), 1 / math.sqrt(width)
        wide = 1 / math.sqrt(variables * width)
        self.slope = nn.Parameter(uniform((*each, 1, width), 1.0, generator))
        self.level = nn.Parameter(uniform((*each, 1, width), bound, generator))
        self.mixing = nn.Parameter(uniform((*each, width, width), wide, generator))
        self.mixing_skip = nn.Parameter(uniform((*each, width, variables), wide, generator))
        self.mixing_context = StackedLinear(width, width, generator)
        self.mixing_second = StackedLinear(width, width, generator)
        self.mixing_gate = GatedSkip(width, variables, generator)
        self.first = nn.Parameter(uniform((*each, width, width), bound, generator))
        self.first_bias = nn.Parameter(torch.zeros(*each, 1, width))
        self.second = nn.Parameter(uniform((*each, width, width), bound, generator))
        self.second_bias = nn.Parameter(torch.zeros(*each, 1, width))
        self.gate = nn.Parameter(uniform((*each, width, 2 * width), bound, generator))
        self.gate_bias = nn.Parameter(torch.zeros(*each, 1, 2 * width))
        self.scale = nn.Parameter(torch.ones(*each, 1, width))
        self.shift = nn.Parameter(torch.zeros(*each, 1, width))

    def forward(self, x: Tensor, context: Tensor, drop: Drop) -> Tensor:
        """Return the selected variables, (M, time, batch, width), of x (M, time, batch, variables).

        `context` has the shape (M, batch or 1, width).
        """
        weights = self._weights(x, context, drop)
        mapped = self._mapped(x, drop)
        by_variable = weights.permute(0, 3, 1, 2).flatten(2, 3).unsqueeze(-1)
        mixed = (mapped * by_variable).sum(dim=1)
        return mixed.view(*x.shape[:3], self.width)

    def _weights(self, x: Tensor, context: Tensor, drop: Drop) -> Tensor:
        """Return each variable's share, (M, time, batch, variables); shares sum to 1."""
        inner = _affine(x, self.slope @ self.mixing, self.level @ self.mixing)
        inner = inner + self.mixing_context(context).unsqueeze(1)
        skip = _affine(x, self.slope @ self.mixing_skip, self.level @ self.mixing_skip)
        second = drop(self.mixing_second(nn.functional.elu(inner)))
        scores: Tensor = self.mixing_gate(second, skip)
        return scores.softmax(dim=-1)

    def _mapped(self, x: Tensor, drop: Drop) -> Tensor:
        """Return every variable's own gated residual network, (M, variables, rows, width)."""
        each = x.permute(0, 3, 1, 2).flatten(2, 3).unsqueeze(-1)
        inner = each * (self.slope @ self.first) + (self.level @ self.first + self.first_bias)
        second = drop(_bmm(nn.functional.elu(inner), self.second, self.second_bias))
        gated = nn.functional.glu(_bmm(second, self.gate, self.gate_bias), dim=-1)
        skip = each * self.slope + self.level
        normed = nn.functional.layer_norm(skip + gated, (self.width,))
        return normed * self.scale + self.shift


def _affine(x: Tensor, slopes: Tensor, levels: Tensor) -> Tensor:
    """Map (M, time, batch, variables) by slopes and levels, each (M, variables, 1, outputs)."""
    flat = torch.baddbmm(levels.sum(dim=1), x.flatten(1, 2), slopes.squeeze(2))
    return flat.view(*x.shape[:3], -1)


def _bmm(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Map (M, variables, rows, inputs), each variable by its own weights."""
    flat = torch.baddbmm(bias.flatten(0, 1), x.flatten(0, 1), weight.flatten(0, 1))
    return flat.view(*x.shape[:3], -1)
