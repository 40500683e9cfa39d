"""Time the training of many LSTMs as one batched module against a loop, in one run.

    python -m benchmarks.sequence_training [--device cpu|cuda] [--models N] [--json] [--save]

The loop trains the same networks one by one: torch's own `nn.LSTM` (cuDNN on a GPU), its AdamW, the
same rows, batches and epochs, without dropout, which would draw differently. `--looped` of the
networks are looped and extrapolated to all, since each takes the same number of steps. What both
end at is compared. `--kind tft` times the transformer; its loop is the batched trainer with one
network at a time.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

# cuBLAS promises the same bits only with a fixed workspace, which it reads when torch is loaded.
os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"
# Run as a script, Python sees this folder only; the package may not be installed on a GPU machine.
sys.path.insert(0, str(Path(__file__).parents[1] / "src"))
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import torch
from torch import Tensor, nn

from forecastlab.models.sequence.architecture.lstm import LstmNetwork, LstmShape
from forecastlab.models.sequence.architecture.tft import TftShape
from forecastlab.models.sequence.learner import Lstm, Tft
from forecastlab.models.sequence.tasks import Task, Windows
from forecastlab.models.sequence.training import Schedule, Shape, choose_device, train

RESULTS: Final = Path(__file__).parents[1] / "docs" / "results" / "sequence_training.json"
TARGET: Final = 50.0
"""Times as fast as the loop, for at least 300 LSTMs on one GPU."""

COLUMNS: Final = 20
HEADS: Final = 2
CLASSES: Final = 3
HIDDEN: Final = 32
SEEDS: Final = 2
LENGTHS: Final = {"lstm": 48, "tft": 96}
LEARNERS: Final = {"lstm": Lstm, "tft": Tft}


def schedule(kind: str, device: str, asked: argparse.Namespace) -> Schedule:
    """Return the default sizes; nothing stops before the last epoch, so that all do equal work."""
    return Schedule(
        length=LENGTHS[kind],
        epochs=asked.epochs,
        patience=asked.epochs + 1,
        batch=asked.batch,
        learning_rate=1e-3,
        weight_decay=0.1,
        dropout=0.0,
        label_smoothing=0.0,
        focal_gamma=0.0,
        augment_noise=0.0,
        device=device,
        precision=asked.precision,
        threads=asked.threads,
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


def measure(asked: argparse.Namespace) -> dict[str, Any]:
    """Time both sides; half the loop before and half after, so that the load meets both."""
    device, why = choose_device(asked.device)
    torch.set_num_threads(asked.threads)
    how, shape = schedule(asked.kind, device, asked), shape_of(asked.kind)
    tasks = [make_task(asked.windows, how.length, n) for n in range(asked.models // SEEDS)]
    models = [(task, seed) for task in tasks for seed in range(SEEDS)][: asked.looped]
    half = len(models) // 2
    most = LEARNERS[asked.kind].on_cpu if device == "cpu" else asked.models
    size = max(most // SEEDS, 1)
    # The first steps of either side load kernels and choose algorithms.
    _batched(tasks[:1], shape, replace(how, epochs=1), 1)
    _looped(models[:1], shape, replace(how, epochs=1))
    before_s, before = timed(device, lambda: _looped(models[:half], shape, how))
    batched_s, found = timed(device, lambda: _batched(tasks, shape, how, size))
    after_s, after = timed(device, lambda: _looped(models[half:], shape, how))
    loop_s = (before_s + after_s) / len(models) * asked.models
    difference = np.abs(np.array(before + after) - np.array(found[: len(models)])).max()
    gpu = device == "cuda"
    return {
        "kind": asked.kind,
        "device": device,
        "why": why,
        "name": torch.cuda.get_device_name() if gpu else platform.machine(),
        "torch": torch.__version__,
        "cores": os.cpu_count(),
        **{name: getattr(asked, name) for name in ("threads", "precision", "models", "windows")},
        "looped": len(models),
        "together": size * SEEDS,
        "length": how.length,
        "columns": COLUMNS,
        "hidden": HIDDEN,
        "batch": asked.batch,
        "epochs": asked.epochs,
        "loop_s": round(loop_s, 2),
        "batched_s": round(batched_s, 2),
        "ratio": round(loop_s / batched_s, 2),
        "target": TARGET if gpu else None,
        "greatest_loss_difference": float(difference),
        "memory_gib": round(torch.cuda.max_memory_allocated() / 2**30, 2) if gpu else None,
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


def text(result: dict[str, Any]) -> str:
    """Write the result for a person."""
    share = "" if result["looped"] == result["models"] else f", from {result['looped']} of them"
    target = f" (target {result['target']:.0f})" if result["target"] else ""
    return f"""\
{result["models"]} {result["kind"]} of {result["length"]} rows × {result["columns"]} columns, \
hidden {result["hidden"]}; {result["windows"]} windows, batch {result["batch"]}, \
{result["epochs"]} epochs
{result["device"]}: {result["name"]}, torch {result["torch"]}, {result["precision"]}, \
{result["threads"]} threads
one by one     {result["loop_s"]:9.2f} s{share}
batched        {result["batched_s"]:9.2f} s   {result["ratio"]:.2f} × as fast{target}, \
{result["together"]} in one module
greatest difference of a stopping loss {result["greatest_loss_difference"]:.0e}"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--kind", choices=sorted(LENGTHS), default="lstm")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", choices=("float32", "mixed"), default="float32")
    parser.add_argument("--models", type=int, default=16, help=f"an even number: {SEEDS} seeds")
    parser.add_argument("--looped", type=int, default=8, help="networks that the loop trains")
    parser.add_argument("--windows", type=int, default=1000)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--save", action="store_true", help="add it to the kept results")
    asked = parser.parse_args()
    result = measure(asked)
    if asked.save:
        kept = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
        RESULTS.write_text(json.dumps([*kept, result], indent=1) + "\n")
    print(json.dumps(result, indent=1) if asked.json else text(result))


if __name__ == "__main__":
    main()
