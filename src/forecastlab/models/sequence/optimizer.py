"""AdamW of many models at once: each has its own gradient norm, its own step count, its own pauses.

Source: Loshchilov and Hutter (2019), Decoupled weight decay regularization, algorithm 2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

_BETA_1: Final = 0.9
_BETA_2: Final = 0.999
_EPSILON: Final = 1e-8
_GREATEST_NORM: Final = 1.0


@dataclass
class StackedAdamW:
    """State of the optimizer; every tensor's first axis counts the models.

    Attributes:
        mean, square: running means of the gradient and of its square, (M, parameters).
        steps: steps taken by each model, (M, 1).
        decayed: which parameters decay, (parameters,).
    """

    mean: Tensor
    square: Tensor
    steps: Tensor
    decayed: Tensor
    learning_rate: float
    weight_decay: float

    @classmethod
    def start(
        cls, parameters: Tensor, *, decayed: Tensor, learning_rate: float, weight_decay: float
    ) -> StackedAdamW:
        """Return the state before the first step."""
        nothing, steps = torch.zeros_like(parameters), parameters.new_zeros(len(parameters), 1)
        return cls(nothing, nothing.clone(), steps, decayed, learning_rate, weight_decay)

    @torch.no_grad()
    def step(self, parameters: Tensor, gradient: Tensor, moving: Tensor) -> None:
        """Move `parameters` (M, parameters) in place; models that are not `moving` (M, 1) rest."""
        norm = gradient.norm(dim=1, keepdim=True)
        gradient = gradient * (_GREATEST_NORM / norm.clamp(min=_GREATEST_NORM))
        now = moving.to(gradient.dtype)
        self.steps += now
        self.mean.lerp_(gradient, (1 - _BETA_1) * now)
        self.square.lerp_(gradient * gradient, (1 - _BETA_2) * now)
        # A model that has not moved yet would divide by zero; its pace is 0 all the same.
        taken = self.steps.clamp(min=1)
        size = (self.square / _unbiased(_BETA_2, taken)).sqrt_().add_(_EPSILON)
        pace = self.learning_rate * now
        parameters.mul_(1 - pace * self.weight_decay * self.decayed)
        parameters.sub_(pace / _unbiased(_BETA_1, taken) * self.mean / size)

    def take(self, models: Tensor) -> StackedAdamW:
        """Return the state of some of the models."""
        parts = (self.mean[models], self.square[models], self.steps[models])
        return StackedAdamW(*parts, self.decayed, self.learning_rate, self.weight_decay)


def _unbiased(beta: float, steps: Tensor) -> Tensor:
    """Return 1 − beta^steps, without the rounding of a difference of float32 numbers near 1."""
    return -torch.expm1(steps * math.log(beta))
