"""Training of many networks as one batched module.

All networks have one shape; each has its own rows, first weights, order of batches and early
stopping, and none sees another: trained together or one by one they come out the same, but for the
rounding of float32 sums (1e-4 in the weights after a few epochs). Dropout and augmentation draw the
same numbers for every model of a step, so that what a model draws does not depend on its company.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call

from forecastlab.contracts.errors import ConfigError
from forecastlab.models.sequence.architecture.stacked import Drop
from forecastlab.models.sequence.batches import Batch, Tables, padded
from forecastlab.models.sequence.optimizer import StackedAdamW
from forecastlab.models.sequence.tasks import Task


class Shape(Protocol):
    """The size of a network; builds one."""

    def build(self, seed: int) -> nn.Module:
        """Draw a network's first weights."""
        ...


@dataclass(frozen=True)
class Schedule:
    """How networks are trained; the learners' configs say what each entry means."""

    length: int
    epochs: int
    patience: int
    batch: int
    learning_rate: float
    weight_decay: float
    dropout: float
    label_smoothing: float
    focal_gamma: float
    augment_noise: float
    device: str
    precision: str
    threads: int


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained network.

    Attributes:
        parameters: all of them in one row, on the CPU.
        epochs: epochs behind them; 0 if none was better than the base rates.
        stop_losses: log loss on the stopping block, before the first epoch and after each.
    """

    parameters: Tensor
    epochs: int
    stop_losses: tuple[float, ...]


def choose_device(asked: str) -> tuple[str, str]:
    """Return the device to train on, and why it was chosen.

    Raises:
        ConfigError: `cuda` was asked for and there is none, or `asked` is no device.
    """
    if asked not in {"auto", "cpu", "cuda"}:
        raise ConfigError(
            f"There is no device {asked!r}.", remedy="Choose among auto, cpu and cuda."
        )
    there = torch.cuda.is_available()
    if asked == "cuda" and not there:
        raise ConfigError(
            f"The device cuda was asked for, but torch {torch.__version__} sees none.",
            remedy="Train on the device cpu or auto, or install a CUDA build of torch.",
        )
    if asked == "cpu" or not there:
        why = "asked for" if asked == "cpu" else f"torch {torch.__version__} sees no CUDA device"
        return "cpu", why
    name = torch.cuda.get_device_name()
    return "cuda", f"asked for: {name}" if asked == "cuda" else f"torch sees {name}"


def train(
    tasks: Sequence[Task],
    shape: Shape,
    schedule: Schedule,
    *,
    seeds: Sequence[int],
    stopped: Callable[[int], None] = lambda models: None,  # noqa: ARG005 - who counts, names it
) -> list[list[Trained]]:
    """Train a network of every task from every seed, all of them together.

    Args:
        tasks: all with the same columns, heads and classes.
        stopped: told how many models an epoch finished.

    Returns:
        One list for each task, in the order of the seeds.
    """
    with _settled(schedule):
        run = _Run.start(tasks, shape, schedule, seeds)
        run.stop_or_go_on()
        for epoch in range(1, schedule.epochs + 1):
            run.train_epoch(epoch)
            stopped(run.stop_or_go_on())
            if not len(run.alive):
                break
        stopped(len(run.alive))
    found = iter(run.results())
    return [[next(found) for _ in seeds] for _ in tasks]


@contextmanager
def _settled(schedule: Schedule) -> Iterator[None]:
    """Fix what changes the last bits (threads, algorithms), and put it back afterwards."""
    threads, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    torch.set_num_threads(schedule.threads)
    # Without CUBLAS_WORKSPACE_CONFIG, cuBLAS cannot promise what torch then demands: a warning.
    torch.use_deterministic_algorithms(True, warn_only=schedule.device != "cpu")
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(strict, warn_only=warn_only)


@dataclass
class _Run:
    """A training under way; `alive` numbers the models that have not stopped yet."""

    schedule: Schedule
    network: nn.Module
    tables: Tables
    seeds: list[int]
    task: Tensor
    alive: Tensor
    parameters: Tensor
    adam: StackedAdamW
    best: Tensor
    losses: list[list[float]]

    @classmethod
    def start(
        cls, tasks: Sequence[Task], shape: Shape, schedule: Schedule, seeds: Sequence[int]
    ) -> _Run:
        networks = [shape.build(seed) for seed in seeds]
        first = torch.stack([flattened(one) for one in networks]).to(schedule.device)
        parameters = first.repeat(len(tasks), 1)
        numbers = torch.arange(len(parameters), device=schedule.device)
        return cls(
            schedule,
            networks[0].train(),
            Tables.of(tasks, schedule.length, schedule.device),
            list(seeds) * len(tasks),
            numbers // len(seeds),
            numbers,
            parameters,
            StackedAdamW.start(
                parameters,
                decayed=_weights(networks[0]).to(parameters),
                learning_rate=schedule.learning_rate,
                weight_decay=schedule.weight_decay,
            ),
            parameters.clone(),
            [[] for _ in range(len(parameters))],
        )

    def train_epoch(self, epoch: int) -> None:
        """Take every living model once through its windows, in its own order."""
        size, part, tasks = self.schedule.batch, self.tables.fit, self.task[self.alive]
        orders = [
            np.random.default_rng([self.seeds[model], epoch]).permutation(part.counts[task])
            for model, task in zip(self.alive.tolist(), tasks.tolist(), strict=True)
        ]
        order = padded(orders, size).to(self.schedule.device)
        noise = torch.Generator(self.schedule.device)
        for step in range(order.shape[1] // size):
            picked = order[:, step * size : (step + 1) * size]
            noise.manual_seed(epoch * 1_000_003 + step)
            batch = self.tables.batch(part, tasks, picked)
            parameters = self.parameters.requires_grad_()
            losses = _loss(self._odds(parameters, batch, noise), batch, self.schedule)
            gradient = torch.autograd.grad(losses.sum(), parameters)[0]
            self.parameters = parameters.detach()
            moving = (picked >= 0).any(dim=1, keepdim=True)
            self.adam.step(self.parameters, gradient, moving)

    def stop_or_go_on(self) -> int:
        """Score the stopping block and keep what is best; return how many lost patience."""
        stays = []
        for place, (model, loss) in enumerate(
            zip(self.alive.tolist(), self._stop_losses(), strict=True)
        ):
            self.losses[model].append(loss)
            since = len(self.losses[model]) - 1 - _best(self.losses[model])
            if not since:
                self.best[model] = self.parameters[place]
            stays.append(since < self.schedule.patience)
        keep = torch.tensor(stays, device=self.alive.device)
        if not all(stays):
            self.alive, self.parameters = self.alive[keep], self.parameters[keep]
            self.adam = self.adam.take(keep)
        return stays.count(False)

    def results(self) -> Iterator[Trained]:
        """Yield every model at its best epoch."""
        for best, losses in zip(self.best.cpu(), self.losses, strict=True):
            yield Trained(best, _best(losses), tuple(losses))

    @torch.no_grad()
    def _stop_losses(self) -> list[float]:
        part, tasks = self.tables.stop, self.task[self.alive]
        order = padded([np.arange(part.counts[task]) for task in tasks.tolist()], 1)
        total = torch.zeros(len(tasks), dtype=torch.float64)
        count = torch.zeros(len(tasks), dtype=torch.float64)
        for picked in torch.split(order.to(self.schedule.device), self.schedule.batch, dim=1):
            batch = self.tables.batch(part, tasks, picked)
            true, known = _true(self._odds(self.parameters, batch, None).log_softmax(-1), batch)
            total -= (true * known).sum((1, 2)).cpu()
            count += known.sum((1, 2)).cpu()
        losses: list[float] = (total / count).tolist()
        return losses

    def _odds(self, parameters: Tensor, batch: Batch, noise: torch.Generator | None) -> Tensor:
        """Return log odds, the base rates' included, float32, (M, batch, heads, classes)."""
        windows = batch.windows
        if noise is not None and self.schedule.augment_noise:
            drawn = torch.empty_like(windows[:1]).normal_(generator=noise)
            windows = windows + self.schedule.augment_noise * drawn
        drop = _dropout(self.schedule.dropout, noise)
        mixed = self.schedule.precision == "mixed"
        with torch.autocast(self.schedule.device, dtype=torch.bfloat16, enabled=mixed):
            named = unflattened(self.network, parameters)
            odds: Tensor = functional_call(self.network, named, (windows, batch.symbols, drop))
        return odds.float() + batch.base


def flattened(network: nn.Module) -> Tensor:
    """Return a network's parameters in one row."""
    return torch.cat([one.detach().flatten() for one in network.parameters()])


def rebuilt(shape: Shape, parameters: Tensor) -> nn.Module:
    """Return the network that has these parameters."""
    network = shape.build(0)
    own = unflattened(network, parameters.unsqueeze(0))
    network.load_state_dict(own)
    return network


def unflattened(network: nn.Module, rows: Tensor) -> dict[str, Tensor]:
    """Return the parameters of many networks of one shape by name, from one row each."""
    names, own = zip(*network.named_parameters(), strict=True)
    pieces = torch.split(rows, [one.numel() for one in own], dim=1)
    return {
        name: piece.reshape(len(rows), *one.shape[1:])
        for name, one, piece in zip(names, own, pieces, strict=True)
    }


def _weights(network: nn.Module) -> Tensor:
    """Return which parameters are weights; biases and scales, one per output, do not decay."""
    return torch.cat(
        [torch.full((one.numel(),), one.shape[-2] > 1) for one in network.parameters()]
    )


def _dropout(rate: float, noise: torch.Generator | None) -> Drop:
    """Return dropout that draws the same for every model, or the identity without noise."""
    if noise is None or not rate:
        return lambda x: x

    def drop(x: Tensor) -> Tensor:
        kept = torch.empty_like(x[:1]).bernoulli_(1 - rate, generator=noise)
        return x * kept / (1 - rate)

    return drop


def _true(likely: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
    """Return the log probability of what happened and whether it is known, (M, batch, heads)."""
    # A product, since the gradient of picking by index adds in any order on a GPU.
    which = nn.functional.one_hot(batch.happened.clamp(min=0), likely.shape[-1])
    return (likely * which).sum(-1), batch.happened >= 0


def _loss(odds: Tensor, batch: Batch, schedule: Schedule) -> Tensor:
    """Return each model's loss, the mean over its known labels, (M,)."""
    likely = odds.log_softmax(-1)
    true, known = _true(likely, batch)
    loss = -true
    if schedule.focal_gamma:
        # What is already well forecast counts for less.
        loss = loss * (1 - true.exp()).clamp(min=1e-6) ** schedule.focal_gamma
    if schedule.label_smoothing:
        # Towards the base rates, not equal odds: that is what a network without knowledge says.
        soft = -(batch.base.softmax(-1) * likely).sum(-1)
        loss = (1 - schedule.label_smoothing) * loss + schedule.label_smoothing * soft
    return (loss * known).sum((1, 2)) / known.sum((1, 2)).clamp(min=1)


def _best(losses: Sequence[float]) -> int:
    """Return the epoch of the lowest loss, the first of equals."""
    return min(range(len(losses)), key=losses.__getitem__)
