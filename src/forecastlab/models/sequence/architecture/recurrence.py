"""A long short-term memory layer of many models at once.

Source: Hochreiter and Schmidhuber (1997), with the forget gate of Gers, Schmidhuber and Cummins
(2000); gates in the order of torch: input, forget, candidate, output.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from forecastlab.models.sequence.architecture.stacked import uniform

State = tuple[Tensor, Tensor]
"""Hidden and cell state, each of shape (M, batch, hidden)."""


class StackedLstm(nn.Module):
    """One LSTM layer of M models, read forward or both ways.

    On a GPU all models and directions take each time step together: one matrix product of shape
    (M · directions, batch, 4 · hidden). On a CPU, where a step's arithmetic and not its launch is
    what costs, each model runs torch's own LSTM (a sixth of the time of the steps), and so does
    the network that is exported, whence the ONNX operator of that name. Both give the same numbers.

    Attributes:
        stepped: whether to take the steps together; None leaves the choice to the device.
    """

    def __init__(
        self, inputs: int, hidden: int, generator: torch.Generator, *, both_ways: bool = False
    ) -> None:
        super().__init__()
        self.stepped: bool | None = None
        self.hidden = hidden
        self.directions = 2 if both_ways else 1
        bound = 1 / math.sqrt(hidden)
        ways = (1, self.directions)
        self.into = nn.Parameter(uniform((*ways, inputs, 4 * hidden), bound, generator))
        self.over = nn.Parameter(uniform((*ways, hidden, 4 * hidden), bound, generator))
        self.bias = nn.Parameter(uniform((*ways, 1, 4 * hidden), bound, generator))

    def forward(self, x: Tensor, first: State | None = None) -> Tensor:
        """Return the hidden states, shape (M, time, batch, directions · hidden).

        Args:
            x: shape (M, time, batch, inputs).
            first: the states before the first candle, in every direction; zeros where absent.
        """
        if first is None:
            zeros = x.new_zeros(x.shape[0], x.shape[2], self.hidden)
            first = (zeros, zeros)
        if self.stepped if self.stepped is not None else x.device.type != "cpu":
            return self._together(x, first)
        return torch.stack([self._alone(model, x[model], first) for model in range(x.shape[0])])

    def _together(self, x: Tensor, first: State) -> Tensor:
        models, time, batch, _ = x.shape
        read = x.unsqueeze(1)
        if self.directions == 2:
            read = torch.cat([read, read.flip(2)], dim=1)
        into, over = self.into.flatten(0, 1), self.over.flatten(0, 1)
        gates = torch.baddbmm(self.bias.flatten(0, 1), read.flatten(2, 3).flatten(0, 1), into)
        gates = gates.view(models * self.directions, time, batch, -1).transpose(0, 1).contiguous()
        hidden, cell = (one.repeat_interleave(self.directions, 0) for one in first)
        states: Tensor = _Recurrence.apply(gates, over, hidden, cell)  # type: ignore[no-untyped-call]
        states = states.view(time, models, self.directions, batch, self.hidden)
        ways = [states[:, :, 0]] + [states[:, :, way].flip(0) for way in range(1, self.directions)]
        return torch.cat(ways, dim=-1).transpose(0, 1)

    def _alone(self, model: int, x: Tensor, first: State) -> Tensor:
        """Run torch's LSTM for one model: (time, batch, inputs) to (time, batch, states)."""
        weights = []
        for way in range(self.directions):
            bias = self.bias[model, way, 0]
            weights += [self.into[model, way].T.contiguous(), self.over[model, way].T.contiguous()]
            weights += [bias, torch.zeros_like(bias)]
        state = [one[model].expand(self.directions, -1, -1).contiguous() for one in first]
        both_ways = self.directions == 2
        states: Tensor = torch.lstm(
            x, state, weights, True, 1, 0.0, self.training, both_ways, False
        )[0]
        return states


class _Recurrence(torch.autograd.Function):
    """Step through time, with the gradient written out: a step back takes six operations.

    Left to autograd it takes about thirty, and the gradient of the weights one product per step
    instead of one in all.
    """

    @staticmethod
    @torch.amp.custom_fwd(device_type="cuda", cast_inputs=torch.float32)  # type: ignore[untyped-decorator]
    def forward(ctx: Any, gates: Tensor, over: Tensor, hidden: Tensor, cell: Tensor) -> Tensor:
        """Return the hidden states (time, N, batch, H) for gates' inputs (time, N, batch, 4 H)."""
        size = hidden.shape[-1]
        active = torch.empty_like(gates)
        cells = gates.new_empty(len(gates) + 1, *cell.shape)
        states = gates.new_empty(len(gates) + 1, *hidden.shape)
        cells[0], states[0] = cell, hidden
        for now in range(len(gates)):
            step = torch.baddbmm(gates[now], states[now], over, out=active[now])
            step[..., : 2 * size].sigmoid_()
            step[..., 2 * size : 3 * size].tanh_()
            step[..., 3 * size :].sigmoid_()
            let_in, keep, candidate, let_out = step.chunk(4, -1)
            torch.mul(keep, cells[now], out=cells[now + 1]).addcmul_(let_in, candidate)
            torch.tanh(cells[now + 1], out=states[now + 1]).mul_(let_out)
        ctx.save_for_backward(active, cells, states, over)
        return states[1:]

    @staticmethod
    @torch.amp.custom_bwd(device_type="cuda")  # type: ignore[untyped-decorator]
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the gradients of gates' inputs, weights and first states."""
        active, cells, states, over = ctx.saved_tensors
        let_in, keep, candidate, let_out = active.chunk(4, -1)
        bent = cells[1:].tanh()
        # What a gate's input does to the cell; the output gate's, to the hidden state.
        slopes = torch.cat(
            [
                candidate * let_in * (1 - let_in),
                cells[:-1] * keep * (1 - keep),
                let_in * (1 - candidate * candidate),
                bent * let_out * (1 - let_out),
            ],
            dim=-1,
        )
        through = let_out * (1 - bent * bent)
        into, back = torch.empty_like(active), over.transpose(1, 2)
        on_state, on_cell = torch.zeros_like(states[0]), torch.zeros_like(cells[0])
        for now in range(len(active) - 1, -1, -1):
            on_state = on_state + grad[now]
            on_cell = torch.addcmul(on_cell, on_state, through[now])
            torch.mul(
                torch.cat([on_cell, on_cell, on_cell, on_state], -1), slopes[now], out=into[now]
            )
            on_state = torch.bmm(into[now], back)
            on_cell = on_cell * keep[now]
        before = states[:-1].transpose(0, 1).flatten(1, 2)
        on_over = torch.bmm(before.transpose(1, 2), into.transpose(0, 1).flatten(1, 2))
        return into, on_over, on_state, on_cell
