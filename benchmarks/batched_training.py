"""Many networks trained as one batched module, and one by one: what both take and end at.

The loop trains torch's own `nn.LSTM` (cuDNN on a GPU) with its AdamW, on the same rows, batches and
epochs, without dropout, which would draw differently; the transformer's loop is the batched trainer
with one network at a time. `looped` of the networks are looped and extrapolated to all, since each
takes the same number of steps. On a CPU times are the processor's, in which other programs' load
does not show.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

# cuBLAS promises the same bits only with a fixed workspace, which it reads when torch is loaded.
os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.results import Row
from forecastlab.models.sequence.architecture.lstm import LstmNetwork, LstmShape
from forecastlab.models.sequence.architecture.tft import TftShape
from forecastlab.models.sequence.learner import Lstm, Tft
from forecastlab.models.sequence.tasks import Task, Windows
from forecastlab.models.sequence.training import Schedule, Shape, train

COLUMNS: Final = 20
HEADS: Final = 2
CLASSES: Final = 3
HIDDEN: Final = 32
SEEDS: Final = 2
LENGTHS: Final = {"lstm": 48, "tft": 96}
LEARNERS: Final = {"lstm": Lstm, "tft": Tft}


@dataclass(frozen=True)
class Case:
    """How many networks of what kind are trained, and on what; `models` is even: two seeds."""

    kind: str
    models: int
    looped: int
    windows: int
    epochs: int
    device: str = "cpu"
    batch: int = 64
    threads: int = 1


def schedule(case: Case) -> Schedule:
    """Return the default sizes; nothing stops before the last epoch, so that all do equal work."""
    return Schedule(
        length=LENGTHS[case.kind],
        epochs=case.epochs,
        patience=case.epochs + 1,
        batch=case.batch,
        learning_rate=1e-3,
        weight_decay=0.1,
        dropout=0.0,
        label_smoothing=0.0,
        focal_gamma=0.0,
        augment_noise=0.0,
        device=case.device,
        precision="float32",
        threads=case.threads,
    )


def shape_of(kind: str) -> Shape:
    """Return the network of the default size."""
    sizes = {"columns": COLUMNS, "symbols": 5, "heads": HEADS, "classes": CLASSES}
    if kind == "lstm":
        return LstmShape(**sizes, hidden=HIDDEN, layers=1)
    return TftShape(**sizes, hidden=HIDDEN, attention=4)


def make_task(windows: int, length: int, seed: int) -> Task:
    """Draw a task; a fifth of its windows stops."""
    random = np.random.default_rng(seed)
    table = random.normal(size=(windows + length - 1, COLUMNS)).astype("float32")
    last = np.arange(length - 1, len(table))
    happened = random.integers(0, CLASSES, size=(windows, HEADS))
    symbol = random.integers(0, 5, size=windows)
    cut = windows * 4 // 5
    fit, stop = (
        Windows(last[part], symbol[part], happened[part]) for part in (slice(cut), slice(cut, None))
    )
    base = np.log(np.full((5, HEADS, CLASSES), 1 / CLASSES)).astype("float32")
    return Task(table, fit, stop, base)


class Plain(nn.Module):
    """The same network in torch's own layers, for the loop."""

    def __init__(self, network: LstmNetwork) -> None:
        super().__init__()
        self.lstm = nn.LSTM(COLUMNS, HIDDEN, bidirectional=True)
        own = dict(network.named_parameters())
        with torch.no_grad():
            for way, end in enumerate(("", "_reverse")):
                for name, value in (
                    ("weight_ih", own["layers.0.into"][0, way].T),
                    ("weight_hh", own["layers.0.over"][0, way].T),
                    ("bias_ih", own["layers.0.bias"][0, way, 0]),
                    ("bias_hh", torch.zeros(4 * HIDDEN)),
                ):
                    getattr(self.lstm, f"{name}_l0{end}").copy_(value)
        self.score = _linear(own, "pool.score")
        self.before = nn.ModuleList(_linear(own, f"before.{head}") for head in range(HEADS))
        self.heads = nn.ModuleList(_linear(own, f"heads.{head}") for head in range(HEADS))

    def forward(self, windows: Tensor) -> Tensor:
        """Map (length, batch, columns) to (batch, heads, classes)."""
        states = self.lstm(windows)[0]
        pooled = (states * self.score(states).softmax(0)).sum(0)
        pairs = zip(self.before, self.heads, strict=True)
        return torch.stack([head(nn.functional.gelu(one(pooled))) for one, head in pairs], 1)


def _linear(own: dict[str, nn.Parameter], name: str) -> nn.Linear:
    weight = own[f"{name}.weight"][0].T
    layer = nn.Linear(weight.shape[1], weight.shape[0])
    with torch.no_grad():
        layer.weight.copy_(weight)
        layer.bias.copy_(own[f"{name}.bias"][0, 0])
    return layer


def loop_one(task: Task, seed: int, how: Schedule) -> list[float]:
    """Train one network as one would without the batched trainer; return the stopping losses."""
    network = LstmShape(COLUMNS, 5, HEADS, CLASSES, HIDDEN, 1).build(seed)
    plain = Plain(network).to(how.device)
    decayed = [one for one in plain.parameters() if one.dim() > 1]
    others = [one for one in plain.parameters() if one.dim() == 1]
    groups = [
        {"params": decayed, "weight_decay": how.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    adam = torch.optim.AdamW(groups, lr=how.learning_rate, fused=how.device == "cuda")
    table = torch.from_numpy(task.table).to(how.device)
    back = torch.arange(1 - how.length, 1, device=how.device).unsqueeze(1)
    last, happened = (
        torch.from_numpy(one).to(how.device) for one in (task.fit.last, task.fit.happened)
    )
    losses = [_stop_loss(plain, task, table, back)]
    for epoch in range(1, how.epochs + 1):
        order = np.random.default_rng([seed, epoch]).permutation(len(task.fit.last))
        for picked in torch.split(torch.from_numpy(order).to(how.device), how.batch):
            odds = plain(table[last[picked] + back])
            loss = nn.functional.cross_entropy(odds.flatten(0, 1), happened[picked].flatten())
            adam.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            nn.utils.clip_grad_norm_(plain.parameters(), 1.0)
            adam.step()
        losses.append(_stop_loss(plain, task, table, back))
    return losses


@torch.no_grad()
def _stop_loss(plain: Plain, task: Task, table: Tensor, back: Tensor) -> float:
    total = 0.0
    parts = (torch.from_numpy(one).to(table.device) for one in (task.stop.last, task.stop.happened))
    for last, happened in zip(*(torch.split(one, 256) for one in parts), strict=True):
        odds = plain(table[last + back]).flatten(0, 1)
        total += nn.functional.cross_entropy(odds, happened.flatten(), reduction="sum").item()
    return total / task.stop.happened.size


def timed(device: str, work: Callable[[], Any]) -> tuple[float, Any]:
    """Return seconds and the result, after what the device still does.

    On a CPU they are those of the processor, in which other programs' load does not show.
    """
    clock = time.perf_counter if device == "cuda" else time.process_time
    _wait(device)
    begin = clock()
    result = work()
    _wait(device)
    return clock() - begin, result


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def train_both(case: Case) -> Row:
    """Time both sides; half the loop before and half after, so that the load meets both."""
    torch.set_num_threads(case.threads)
    how, shape = schedule(case), shape_of(case.kind)
    tasks = [make_task(case.windows, how.length, n) for n in range(case.models // SEEDS)]
    models = [(task, seed) for task in tasks for seed in range(SEEDS)][: case.looped]
    half = len(models) // 2
    most = LEARNERS[case.kind].on_cpu if case.device == "cpu" else case.models
    size = max(most // SEEDS, 1)
    # The first steps of either side load kernels and choose algorithms.
    _batched(tasks[:1], shape, replace(how, epochs=1), 1)
    _looped(models[:1], shape, replace(how, epochs=1))
    before_s, before = timed(case.device, lambda: _looped(models[:half], shape, how))
    batched_s, found = timed(case.device, lambda: _batched(tasks, shape, how, size))
    after_s, after = timed(case.device, lambda: _looped(models[half:], shape, how))
    loop_s = (before_s + after_s) / len(models) * case.models
    difference = np.abs(np.array(before + after) - np.array(found[: len(models)])).max()
    return {
        **asdict(case),
        "together": size * SEEDS,
        "length": how.length,
        "columns": COLUMNS,
        "hidden": HIDDEN,
        "loop_s": round(loop_s, 2),
        "batched_s": round(batched_s, 2),
        "ratio": round(loop_s / batched_s, 2),
        "greatest_loss_difference": float(difference),
    }


def _looped(models: list[tuple[Task, int]], shape: Shape, how: Schedule) -> list[list[float]]:
    """Return the stopping losses of networks trained one by one."""
    if isinstance(shape, LstmShape):
        return [loop_one(task, seed, how) for task, seed in models]
    alone = (train([task], shape, how, seeds=[seed])[0][0] for task, seed in models)
    return [list(one.stop_losses) for one in alone]


def _batched(tasks: list[Task], shape: Shape, how: Schedule, size: int) -> list[list[float]]:
    """Return the stopping losses of networks trained together, `size` tasks in one module."""
    parts = (tasks[begin : begin + size] for begin in range(0, len(tasks), size))
    found = [row for part in parts for row in train(part, shape, how, seeds=range(SEEDS))]
    return [list(one.stop_losses) for row in found for one in row]
