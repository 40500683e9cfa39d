"""The temporal fusion transformer, read at the as-of candle, with one head per horizon.

Source: Lim, Arik, Loeff and Pfister (2021), Temporal Fusion Transformers for interpretable
multi-horizon time series forecasting, International Journal of Forecasting 37. What the paper
feeds its decoder are inputs known ahead; there are none here, so that attention asks from the last
candle only and the horizons are heads.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from forecastlab.models.sequence.architecture.gating import GatedResidual, GatedSkip
from forecastlab.models.sequence.architecture.recurrence import StackedLstm
from forecastlab.models.sequence.architecture.stacked import Drop, StackedLinear
from forecastlab.models.sequence.architecture.variable_selection import VariableSelection


@dataclass(frozen=True)
class TftShape:
    """Size of the network; `attention` heads divide `hidden`."""

    columns: int
    symbols: int
    heads: int
    classes: int
    hidden: int
    attention: int

    def build(self, seed: int) -> TftNetwork:
        """Draw a network's first weights."""
        return TftNetwork(self, torch.Generator().manual_seed(seed))


class TftNetwork(nn.Module):
    """Static context → variable selection → LSTM → static enrichment → attention → heads."""

    def __init__(self, shape: TftShape, generator: torch.Generator) -> None:
        super().__init__()
        self.shape = shape
        width = shape.hidden
        self.embedding = StackedLinear(shape.symbols, width, generator)
        # One static covariate leaves nothing to select: its own gated residual network remains.
        self.static = GatedResidual(width, generator)
        self.contexts = nn.ModuleDict(
            {
                name: GatedResidual(width, generator)
                for name in ("select", "enrich", "state", "cell")
            }
        )
        self.select = VariableSelection(shape.columns, width, generator)
        self.recurrent = StackedLstm(width, width, generator)
        self.recurrent_skip = GatedSkip(width, width, generator)
        self.enrich = GatedResidual(width, generator, context=True)
        self.attention = InterpretableAttention(width, shape.attention, generator)
        self.attention_skip = GatedSkip(width, width, generator)
        self.position_wise = GatedResidual(width, generator)
        self.last_skip = GatedSkip(width, width, generator)
        self.heads = nn.ModuleList(
            StackedLinear(width, shape.classes, generator, zero=True) for _ in range(shape.heads)
        )

    def forward(self, windows: Tensor, symbols: Tensor, drop: Drop) -> Tensor:
        """Return the log odds that the window adds to the base rates, (M, batch, heads, classes).

        Args:
            windows: scaled features, shape (M, length, batch, columns).
            symbols: which symbol each window is of, one-hot, (M, batch or 1, symbols).
            drop: dropout.
        """
        static = self.static(self.embedding(symbols), drop)
        context = {name: network(static, drop) for name, network in self.contexts.items()}
        selected = self.select(windows, context["select"], drop)
        first = [context[name].expand(-1, windows.shape[2], -1) for name in ("state", "cell")]
        states = self.recurrent(selected, (first[0], first[1]))
        local = self.recurrent_skip(drop(states), selected)
        enriched = self.enrich(local, drop, context["enrich"].unsqueeze(1))
        last = enriched[:, -1]
        attended = self.attention_skip(drop(self.attention(last, enriched)), last)
        final = self.last_skip(self.position_wise(attended, drop), local[:, -1])
        return torch.stack([head(final) for head in self.heads], dim=2)


class InterpretableAttention(nn.Module):
    """Several heads share one map of the values, so that their mean weight is one importance."""

    def __init__(self, width: int, heads: int, generator: torch.Generator) -> None:
        super().__init__()
        self.heads, self.size = heads, width // heads
        self.query = StackedLinear(width, width, generator)
        self.key = StackedLinear(width, width, generator)
        self.value = StackedLinear(width, self.size, generator)
        self.out = StackedLinear(self.size, width, generator)

    def forward(self, asked: Tensor, states: Tensor) -> Tensor:
        """Return (M, batch, width): what the last candle reads from (M, time, batch, width)."""
        query = self.query(asked).unsqueeze(1).unflatten(-1, (self.heads, self.size))
        key = self.key(states).unflatten(-1, (self.heads, self.size))
        score = (query * key).sum(dim=-1) / math.sqrt(self.size)
        weights = score.softmax(dim=1).mean(dim=-1, keepdim=True)
        read: Tensor = self.out((weights * self.value(states)).sum(dim=1))
        return read
