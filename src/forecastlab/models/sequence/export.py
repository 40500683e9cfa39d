"""From trained networks to one ONNX file, accepted only where it equals torch on real windows."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn

from forecastlab.contracts.errors import GateRefused
from forecastlab.models.sequence.graph import INPUT, OUTPUT, open_session, read_header
from forecastlab.models.softmax import softmax

OPSET: Final = 17
"""The oldest with layer normalisation: what is served anywhere needs no newer runtime."""

TOLERANCE: Final = 1e-5
"""Greatest difference of a probability between ONNX Runtime and torch."""

_BATCHES: Final = (1, 64)


class SeedMean(nn.Module):
    """The mean log odds of networks that differ by their seed, for one symbol.

    Reads windows (batch, length, columns), gives log odds (batch, heads, classes), without the base
    rates'. `symbol` is one-hot, `sizes` are the numbers of heads and classes.
    """

    def __init__(
        self, networks: Sequence[nn.Module], symbol: Tensor, sizes: tuple[int, int]
    ) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)
        self.sizes = sizes
        self.register_buffer("symbol", symbol.view(1, 1, -1))

    def forward(self, windows: Tensor) -> Tensor:
        """Average over the seeds."""
        read = windows.transpose(0, 1).unsqueeze(0)
        odds = [network(read, self.symbol, _identity)[0] for network in self.networks]
        # The last two sizes are spelt out, or the graph would leave them open.
        return torch.stack(odds).mean(dim=0).reshape(-1, *self.sizes)


def _identity(x: Tensor) -> Tensor:
    return x


@dataclass(frozen=True, eq=False)
class Exported:
    """An accepted graph; `apart` is its greatest difference from torch."""

    graph: bytes
    opset: int
    ir: int
    apart: float


def exported(module: SeedMean, windows: np.ndarray, offset: np.ndarray) -> Exported:
    """Write the ONNX graph and compare it with torch.

    Args:
        windows: real scaled windows, float32, (windows, length, columns), at least one.
        offset: log odds that are added to the graph's, (heads, classes).

    Raises:
        GateRefused: a probability differs by more than `TOLERANCE`.
    """
    module.eval()
    graph = _written(module, windows.shape[1:])
    apart = _greatest_difference(module, graph, windows, offset)
    if not apart <= TOLERANCE:
        raise GateRefused(
            f"the ONNX graph and torch differ by {apart:.1e} in a probability"
            f" ({TOLERANCE:.0e} is allowed).",
            remedy="Export with the versions of torch and onnxruntime that the project locks.",
        )
    ir, opset = read_header(graph)
    return Exported(graph, opset, ir, apart)


def _written(module: SeedMean, window: tuple[int, ...]) -> bytes:
    target = io.BytesIO()
    with warnings.catch_warnings():
        # torch 2.13 deprecates the exporter that traces: ten times as fast as the other, which
        # writes the same numbers. Delete when torch no longer has it.
        warnings.filterwarnings("ignore", "You are using the legacy", DeprecationWarning)
        warnings.filterwarnings("ignore", "The feature will be removed", DeprecationWarning)
        # The states before the first candle follow the batch; the comparison below shows it.
        warnings.filterwarnings(
            "ignore", "Exporting a model to ONNX with a batch_size", UserWarning
        )
        torch.onnx.export(
            module,
            (torch.zeros(1, *window),),
            # The hint of the other exporter, which writes to a path only.
            target,  # type: ignore[arg-type]
            dynamo=False,
            opset_version=OPSET,
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_axes={INPUT: {0: "batch"}, OUTPUT: {0: "batch"}},
        )
    return target.getvalue()


def _greatest_difference(
    module: SeedMean, graph: bytes, windows: np.ndarray, offset: np.ndarray
) -> float:
    session = open_session(graph)
    apart = 0.0
    for batch in _BATCHES:
        # A short history has fewer windows than the batch: they are asked again.
        places = np.arange(max(batch, min(len(windows), 8))) % len(windows)
        for begin in range(0, len(places), batch):
            asked = windows[places[begin : begin + batch]]
            with torch.no_grad():
                ours = module(torch.from_numpy(asked)).numpy()
            theirs = session.run([OUTPUT], {INPUT: asked})[0]
            found, wanted = (_probabilities(one, offset) for one in (theirs, ours))
            apart = max(apart, float(np.abs(found - wanted).max()))
    return apart


def _probabilities(odds: np.ndarray, offset: np.ndarray) -> np.ndarray:
    return softmax(odds.astype("float64") + offset)
