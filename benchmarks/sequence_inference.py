"""Time one forecast of a network by ONNX Runtime against torch, at equal threads, after a warm-up.

Both run the same exported network of the default size at batch 1; blocks of calls alternate, and
the ratio is that of the medians. Also: what a start pays (import, session), and one forecast from
feature rows on, as serving asks for it. Networks are untrained but for drawn heads: the time does
not depend on the weights.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Final

import numpy as np
import onnxruntime
import pandas as pd
import torch

from benchmarks.program import Findings, perform
from benchmarks.results import Row, Target, number
from forecastlab.models.sequence.architecture.lstm import LstmShape
from forecastlab.models.sequence.architecture.tft import TftShape
from forecastlab.models.sequence.export import SeedMean, exported
from forecastlab.models.sequence.graph import INPUT, OUTPUT, open_session
from forecastlab.models.sequence.model import LstmModel, Reading, SequenceModel, TftModel
from forecastlab.models.sequence.scaling import Scaling

TARGETS: Final = {"lstm_ratio": Target(at_least=3)}
"""The LSTM by ONNX Runtime over torch eager, batch 1."""

SIZES: Final = {"columns": 20, "symbols": 5, "heads": 2, "classes": 3, "hidden": 32}
NETWORKS: Final[dict[str, tuple[LstmShape | TftShape, type[SequenceModel], int]]] = {
    "lstm": (LstmShape(**SIZES, layers=1), LstmModel, 48),
    "tft": (TftShape(**SIZES, attention=4), TftModel, 96),
}
BLOCKS: Final = 15
CALLS: Final = 60
DAY_MS: Final = 86_400_000


def make(kind: str) -> tuple[SeedMean, SequenceModel]:
    """Return a network in torch and the member that serves it."""
    shape, member, length = NETWORKS[kind]
    network = shape.build(1)
    for name, one in network.named_parameters():
        if name.startswith("heads."):
            torch.nn.init.normal_(one, std=0.1)
    module = SeedMean([network], torch.eye(shape.symbols)[0], (shape.heads, shape.classes))
    names = tuple(f"f{place}" for place in range(shape.columns))
    ones = np.ones(shape.columns, dtype="float32")
    scaling = Scaling(names, names, ones * 0, ones)
    windows = np.random.default_rng(0).normal(size=(64, length, shape.columns))
    graph = exported(module, windows.astype("float32"), np.zeros((shape.heads, shape.classes)))
    reading = Reading(length, DAY_MS, 0, ("T21_X8", "T14_X8"), "T21_X8", (-1, 0, 1))
    history = {"ir": graph.ir, "opset": graph.opset}
    return module, member(reading, scaling, (0.0, 0.0, 0.0), graph.graph, history)


def measure(asked: argparse.Namespace) -> Findings:
    """Time every network."""
    blocks = 2 if asked.quick else BLOCKS
    rows = [timed(kind, asked.threads, blocks) for kind in NETWORKS]
    figures = ("ratio", "torch_ms", "onnx_ms", "member_ms", "load_ms", "bytes")
    measured = {f"{row['kind']}_{name}": number(row, name) for row in rows for name in figures}
    measured |= {"import_ms": import_ms(), "threads": asked.threads}
    return Findings(measured, {"networks": rows})


def timed(kind: str, threads: int, blocks: int) -> Row:
    """Time both sides of one network at batch 1."""
    module, member = make(kind)
    torch.set_num_threads(threads)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    providers = ["CPUExecutionProvider"]
    session = onnxruntime.InferenceSession(member.graph, options, providers=providers)
    random, length = np.random.default_rng(1), member.window
    window = random.normal(size=(1, length, SIZES["columns"])).astype("float32")
    tensor = torch.from_numpy(window)
    opens = pd.date_range("2025-01-01", periods=length, tz="UTC", unit="ms")
    rows = pd.DataFrame(window[0].astype("float64"), index=opens, columns=list(member.columns))

    def by_torch() -> object:
        with torch.inference_mode():
            return module(tensor)

    sides: dict[str, Callable[[], object]] = {
        "torch": by_torch,
        "onnx": lambda: session.run([OUTPUT], {INPUT: window}),
        "member": lambda: member.predict_proba(rows),
    }
    times = medians_ms(sides, blocks)
    return {
        "kind": kind,
        "bytes": len(member.graph),
        **{f"{name}_ms": round(value, 4) for name, value in times.items()},
        "ratio": round(times["torch"] / times["onnx"], 2),
        "load_ms": load_ms(member),
    }


def medians_ms(sides: dict[str, Callable[[], object]], blocks: int) -> dict[str, float]:
    """Return the median time of a call, over blocks that alternate after a warm-up."""
    for work in sides.values():
        for _ in range(CALLS):
            work()
    found: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(blocks):
        for name, work in sides.items():
            begin = time.perf_counter()
            for _ in range(CALLS):
                work()
            found[name].append((time.perf_counter() - begin) / CALLS * 1000)
    return {name: statistics.median(times) for name, times in found.items()}


def load_ms(member: SequenceModel) -> float:
    """Return what a start pays to open the session."""
    open_session.cache_clear()
    begin = time.perf_counter()
    type(member).load(member.dump())
    return round((time.perf_counter() - begin) * 1000, 2)


def import_ms() -> float:
    """Return what a start pays to import ONNX Runtime once numpy is there."""
    code = (
        "import numpy, time; begin = time.perf_counter(); import onnxruntime;"
        " print(time.perf_counter() - begin)"
    )
    times = [
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)
        for _ in range(5)
    ]
    return round(statistics.median(times) * 1000, 1)


def options(parser: argparse.ArgumentParser) -> None:
    """Add what this benchmark alone asks."""
    parser.add_argument("--threads", type=int, default=1)


def main() -> int:
    """Measure, print, and write where `--out` says."""
    return perform(__file__, __doc__, measure, targets=TARGETS, options=options)


if __name__ == "__main__":
    sys.exit(main())
