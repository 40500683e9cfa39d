"""ONNX graphs without torch: their header, and the session that runs them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from forecastlab.contracts.errors import BundleRefused

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

INPUT: Final = "windows"
"""The graph's input: scaled windows, float32, (batch, length, columns)."""

OUTPUT: Final = "odds"
"""The graph's output: log odds without the base rates', (batch, heads, classes)."""

CPU: Final = ("CPUExecutionProvider",)

_FOLDER_OF_WEIGHTS: Final = "session.model_external_initializers_file_folder_path"

_IR_VERSION: Final = 1
_OPSET_IMPORT: Final = 8
_DOMAIN: Final = 1
_VERSION: Final = 2


@lru_cache(maxsize=8)
def open_session(graph: bytes, providers: tuple[str, ...] = CPU) -> InferenceSession:
    """Open a session of one thread: at batch 1, a second one costs more than it does.

    Candidates that are heads of one network share its graph, and so the session.

    Raises:
        BundleRefused: this ONNX Runtime does not read the graph.
    """
    # 0.1 s that only a command which forecasts with networks should pay.
    import onnxruntime  # noqa: PLC0415
    from onnxruntime.capi import onnxruntime_pybind11_state as state  # noqa: PLC0415

    refusals = (state.Fail, state.InvalidArgument, state.InvalidGraph, state.InvalidProtobuf)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # A graph may name files that hold its weights; those of the working folder are none of it.
    options.add_session_config_entry(_FOLDER_OF_WEIGHTS, "/dev/null/none")
    try:
        return onnxruntime.InferenceSession(graph, options, providers=list(providers))
    except (*refusals, state.NotImplemented, state.NoSuchFile, RuntimeError) as error:
        raise BundleRefused(
            f"onnxruntime {onnxruntime.__version__} does not read the graph ({error}).",
            remedy="Restore the bundle; one from a newer library needs a newer onnxruntime.",
        ) from error


def read_header(graph: bytes) -> tuple[int, int]:
    """Return the IR version and the opset of the default domain, without the package onnx.

    Raises:
        ValueError: the bytes are no ONNX model.

    >>> read_header(bytes([8, 8, 66, 2, 16, 17]))
    (8, 17)
    """
    ir, opset = 0, 0
    for field, value in _fields(graph):
        if field == _IR_VERSION and isinstance(value, int):
            ir = value
        elif field == _OPSET_IMPORT and isinstance(value, bytes):
            entry = dict(_fields(value))
            if not entry.get(_DOMAIN):
                opset = int(entry.get(_VERSION, 0))
    if not ir or not opset:
        raise ValueError("no ONNX model: it names neither an IR version nor an opset")
    return ir, opset


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield the numbers and values of a protobuf message's fields (wire types 0, 1, 2 and 5)."""
    place = 0
    while place < len(message):
        tag, place = _varint(message, place)
        kind = tag & 7
        if kind == 0:
            value, place = _varint(message, place)
            yield tag >> 3, value
            continue
        if kind == 2:
            size, place = _varint(message, place)
        elif kind in {1, 5}:
            size = 8 if kind == 1 else 4
        else:
            raise ValueError("no ONNX model: an unknown wire type")
        if place + size > len(message):
            raise ValueError("no ONNX model: it ends too early")
        yield tag >> 3, message[place : place + size]
        place += size


def _varint(message: bytes, place: int) -> tuple[int, int]:
    value, shift = 0, 0
    while place < len(message) and shift < 64:
        byte = message[place]
        value |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            return value, place
    raise ValueError("no ONNX model: it ends too early")
