from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pandas as pd
import pytest
import torch
from onnx import helper

from forecastlab.contracts.canonical import canonical_bytes, digest
from forecastlab.contracts.errors import BundleRefused, DataMalformed, GateRefused
from forecastlab.models.sequence import export
from forecastlab.models.sequence.architecture.lstm import LstmShape
from forecastlab.models.sequence.export import OPSET, SeedMean, exported
from forecastlab.models.sequence.graph import read_header
from forecastlab.models.sequence.learner import Lstm
from forecastlab.models.sequence.model import LstmModel, SequenceModel
from tests.support.sequences import LENGTH, SYMBOLS, feature_rows, training_set

LEARNER = Lstm(SYMBOLS, length=LENGTH, hidden=4, epochs=2, learning_rate=0.02, max_gap=1)
ROWS = feature_rows(40, seed=5)


@pytest.fixture(scope="module")
def model() -> SequenceModel:
    return LEARNER.fit(training_set(250), seed=1)


@pytest.fixture
def files(model: SequenceModel) -> dict[str, bytes]:
    return model.dump()


def test_rows_that_end_no_window_are_not_forecast(model: SequenceModel) -> None:
    said = model.predict_proba(ROWS)
    assert said.index.equals(ROWS.index[LENGTH - 1 :])
    short = model.predict_proba(ROWS.iloc[: LENGTH - 1])
    assert short.empty
    assert list(short.columns) == [-1, 0, 1]
    assert model.predict_proba(ROWS.iloc[:0]).empty


def test_a_window_may_miss_what_its_gap_allows(model: SequenceModel) -> None:
    opens = pd.DatetimeIndex(ROWS.index)
    one, two = ROWS.drop(opens[[20]]), ROWS.drop(opens[[20, 21]])
    assert len(model.predict_proba(one)) == len(one) - LENGTH + 1
    assert len(model.predict_proba(two)) == len(two) - 2 * (LENGTH - 1)
    for rows in (one, two, ROWS):
        complete = model.complete(pd.DatetimeIndex(rows.index))
        assert model.predict_proba(rows).index.equals(rows.index[complete])


def test_only_the_window_counts(model: SequenceModel) -> None:
    said = model.predict_proba(ROWS)
    for row in (LENGTH - 1, 20):
        window = ROWS.iloc[row - LENGTH + 1 : row + 1]
        np.testing.assert_allclose(
            model.predict_proba(window), said.loc[[ROWS.index[row]]], atol=1e-6
        )
    early = ROWS.copy()
    early.iloc[: 20 - LENGTH + 1, :2] = 3.0
    pd.testing.assert_frame_equal(model.predict_proba(early).iloc[-20:], said.iloc[-20:])
    # The as-of row is the window's last.
    last = ROWS.copy()
    last.iloc[-1, 0] += 1
    assert not model.predict_proba(last).iloc[-1].equals(said.iloc[-1])


def test_rows_out_of_order_are_refused(model: SequenceModel) -> None:
    for rows in (ROWS.iloc[::-1], pd.concat([ROWS, ROWS.tail(1)])):
        with pytest.raises(DataMalformed, match="ascend"):
            model.predict_proba(rows)


def test_a_value_far_out_is_clipped_as_in_training(model: SequenceModel) -> None:
    far, farther = ROWS.copy(), ROWS.copy()
    far.iloc[-1, 0], farther.iloc[-1, 0] = 1e3, 1e9
    pd.testing.assert_frame_equal(model.predict_proba(far), model.predict_proba(farther))


def test_a_copy_for_another_process_opens_its_own_session(model: SequenceModel) -> None:
    model.predict_proba(ROWS)
    assert "session" in model.__dict__
    assert "session" not in model.__getstate__()
    on_cpu = model.on(["CPUExecutionProvider"])
    assert on_cpu.session.get_providers() == ["CPUExecutionProvider"]
    pd.testing.assert_frame_equal(on_cpu.predict_proba(ROWS), model.predict_proba(ROWS))


def test_it_serves_without_torch(files: dict[str, bytes], tmp_path: Path) -> None:
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    ROWS.to_csv(tmp_path / "rows.csv")
    code = f"""
import sys
sys.modules["torch"] = None
import pandas as pd
from pathlib import Path
from forecastlab.models.catalogue import load_model
folder = Path({str(tmp_path)!r})
files = {{name: (folder / name).read_bytes() for name in ("lstm.onnx", "lstm.json")}}
rows = pd.read_csv(folder / "rows.csv", index_col=0, parse_dates=True)
print(len(load_model("lstm", files).predict_proba(rows)), "onnx" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(len(ROWS) - LENGTH + 1), "False"]


def told(
    files: dict[str, bytes], change: Callable[[dict[str, object]], object]
) -> dict[str, bytes]:
    document = json.loads(files["lstm.json"])
    change(document)
    return {**files, "lstm.json": canonical_bytes(document)}


@pytest.mark.parametrize(
    "change",
    [
        lambda document: document.update(format=2),
        lambda document: document.update(length=LENGTH + 1),
        lambda document: document.update(head="T9_X9"),
        lambda document: document.update(heads=["T5_X8", "T9_X9"]),
        lambda document: document.update(classes=[0, 1]),
        lambda document: document.update(offset=[0.0]),
        lambda document: document.update(graph="sha256:0"),
        lambda document: document["history"].update(opset=OPSET + 1),
        lambda document: document["scaling"].update(dropped=["noise", "flat"]),
        lambda document: document.pop("candle_ms"),
        lambda document: document.update(history=None),
    ],
    ids=lambda change: change.__code__.co_firstlineno,
)
def test_a_document_of_another_graph_is_refused(
    files: dict[str, bytes], change: Callable[[dict[str, object]], object]
) -> None:
    LstmModel.load(files)
    with pytest.raises(BundleRefused):
        LstmModel.load(told(files, change))


def rename_input(graph: onnx.ModelProto) -> None:
    name = graph.graph.input[0].name
    graph.graph.input[0].name = "rows"
    for node in graph.graph.node:
        node.input[:] = ["rows" if one == name else one for one in node.input]


def other_opset(graph: onnx.ModelProto) -> None:
    graph.opset_import[0].version = 16


def newer_ir(graph: onnx.ModelProto) -> None:
    graph.ir_version = 99


def other_length(graph: onnx.ModelProto) -> None:
    graph.graph.input[0].type.tensor_type.shape.dim[1].dim_value = LENGTH + 1


@pytest.mark.parametrize("change", [rename_input, other_opset, newer_ir, other_length])
@pytest.mark.parametrize("vouched", [False, True])
def test_another_graph_is_refused(
    files: dict[str, bytes], change: Callable[[onnx.ModelProto], None], vouched: bool
) -> None:
    """`vouched`: the document was changed as well, so that its digests and versions agree."""
    graph = onnx.load_from_string(files["lstm.onnx"])
    change(graph)
    spoiled = {**files, "lstm.onnx": graph.SerializeToString()}
    if vouched:
        ir, opset = graph.ir_version, graph.opset_import[0].version

        def vouch(document: dict[str, object]) -> None:
            history = document["history"]
            assert isinstance(history, dict)
            document["graph"] = digest(spoiled["lstm.onnx"])
            history.update(ir=ir, opset=opset)

        spoiled = told(spoiled, vouch)
        if change is other_opset:
            # A runtime may well read an older opset: then only the known answers can tell.
            return
    with pytest.raises(BundleRefused, match=r"lstm\.onnx|onnxruntime"):
        LstmModel.load(spoiled)


def test_the_header_is_the_one_that_onnx_reads(files: dict[str, bytes]) -> None:
    graph = onnx.load_from_string(files["lstm.onnx"])
    assert read_header(files["lstm.onnx"]) == (graph.ir_version, OPSET)
    other = helper.make_model(graph.graph, opset_imports=[helper.make_opsetid("other", 3)])
    with pytest.raises(ValueError, match="neither"):
        read_header(other.SerializeToString())


@pytest.mark.parametrize("data", [b"", b"junk", b"\x08", b"\x08\x08\x42\x7f\x10", bytes(40)])
def test_no_header_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="no ONNX model"):
        read_header(data)


class Doubling(torch.nn.Module):
    """A network whose graph is another one than what runs in torch."""

    def forward(self, windows: torch.Tensor, symbols: torch.Tensor, drop: object) -> torch.Tensor:
        odds = windows[:, -1, :, :3].unsqueeze(2)
        return odds * (1 + 1e-4) if torch.onnx.is_in_onnx_export() else odds


def test_a_graph_that_differs_from_torch_is_refused() -> None:
    windows = np.random.default_rng(0).normal(size=(20, LENGTH, 4)).astype("float32")
    module = SeedMean([Doubling()], torch.eye(2)[0], (1, 3))
    with pytest.raises(GateRefused, match="differ"):
        exported(module, windows, np.zeros((1, 3)))


@pytest.mark.parametrize("batch", [1, 2, 64, 100])
def test_the_graph_takes_any_batch(model: SequenceModel, batch: int) -> None:
    windows = np.random.default_rng(0).normal(size=(batch, LENGTH, 2)).astype("float32")
    [odds] = model.session.run(None, {"windows": windows})
    assert odds.shape == (batch, 1, 3)
    [alone] = model.session.run(None, {"windows": windows[-1:]})
    np.testing.assert_allclose(odds[-1:], alone, atol=1e-6)


def test_the_gate_asks_both_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """A graph that is right at batch 1 alone is refused: the one that the parity gate is for."""
    module = SeedMean([Doubling()], torch.eye(2)[0], (1, 3))
    windows = np.random.default_rng(0).normal(size=(20, LENGTH, 4)).astype("float32")
    asked: list[int] = []

    class Session:
        def run(self, names: list[str], feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
            asked.append(len(feeds["windows"]))
            with torch.no_grad():
                odds = module(torch.from_numpy(feeds["windows"])).numpy()
            return [odds if len(odds) == 1 else odds * 1.001]

    monkeypatch.setattr(export, "open_session", lambda graph: Session())
    with pytest.raises(GateRefused):
        exported(module, windows, np.zeros((1, 3)))
    assert set(asked) == {1, 64}


def test_a_whole_graph_is_one_file(files: dict[str, bytes]) -> None:
    graph = onnx.load_from_string(files["lstm.onnx"])
    onnx.checker.check_model(graph)
    assert not any(one.external_data for one in graph.graph.initializer)
    assert {one.op_type for one in graph.graph.node} >= {"LSTM"}


def test_seeds_are_averaged_by_their_log_odds() -> None:
    shape = LstmShape(columns=4, symbols=2, heads=2, classes=3, hidden=4, layers=1)
    networks = [shape.build(seed) for seed in (1, 2)]
    for network in networks:
        for head in network.heads:
            torch.nn.init.normal_(head.weight)
    windows = torch.randn(5, LENGTH, 4)
    symbol = torch.eye(2)[1]
    alone = [SeedMean([one], symbol, (2, 3))(windows) for one in networks]
    both = SeedMean(networks, symbol, (2, 3))(windows)
    torch.testing.assert_close(both, (alone[0] + alone[1]) / 2)
    assert both.shape == (5, 2, 3)
    assert not torch.allclose(alone[0], alone[1])
