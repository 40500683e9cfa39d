"""`make bench` knows every benchmark; its results are read whole, and accepted with care."""

from __future__ import annotations

import argparse
import ast
import importlib
import json
import socket
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from benchmarks import accept
from benchmarks.__main__ import LEFT_OUT, summary
from benchmarks.catalogue import APART, BENCHMARKS
from benchmarks.http_load import framed, load
from benchmarks.program import Findings, perform
from benchmarks.result_table import result_text
from benchmarks.results import (
    BUSY_CORES,
    BenchmarkResult,
    Machine,
    Target,
    number,
    read_result,
    write_result,
)
from forecastlab.contracts.errors import DataMalformed, DataUnavailable, GateRefused, RemoteFailed
from tests.support.imports import ROOT, sources

RESULTS = ROOT / "docs" / "results"
SHELLS = {"__main__", "accept"}
"""Programs of the folder that measure nothing."""


def machine(**changed: Any) -> Machine:
    known: dict[str, Any] = {
        "cores": 2,
        "architecture": "x86_64",
        "processor": None,
        "memory_gib": 8.0,
        "kernel": "Linux 6",
        "python": "3.11.7",
        "load": 0.1,
        "others_cores": 0.0,
        "versions": {},
        "gpu": None,
        "commit": None,
    }
    return Machine(**{**known, **changed})


def result(benchmark: str = "serving", **changed: Any) -> BenchmarkResult:
    known: dict[str, Any] = {
        "benchmark": benchmark,
        "started_at": "2026-01-02T03:04:05Z",
        "seconds": 1.5,
        "quick": False,
        "command": f"python -m benchmarks.{benchmark}",
        "machine": machine(),
        "measured": {"requests_per_second_ratio": 10.3, "p50_ms": 0.25},
        "targets": {"requests_per_second_ratio": Target(at_least=20)},
        "tables": {"rounds": [{"side": "ours", "p50_ms": 0.25}]},
    }
    return BenchmarkResult(**{**known, **changed})


def run_of(folder: Path, *, without: str = "", **changed: Any) -> Path:
    """Write a whole run, each result changed alike."""
    for name in BENCHMARKS:
        if name != without:
            write_result(folder, result(name, **changed))
    return folder


def test_every_benchmark_is_in_the_catalogue() -> None:
    programs = {
        name.removeprefix("benchmarks.")
        for name, source in sources("benchmarks").items()
        if any(
            isinstance(one, ast.FunctionDef) and one.name == "main"
            for one in ast.parse(source).body
        )
    }
    assert not BENCHMARKS.keys() & APART.keys()
    assert programs - SHELLS == BENCHMARKS.keys() | APART.keys()


@pytest.mark.parametrize("name", [*BENCHMARKS, *APART])
def test_every_benchmark_tells_of_itself_and_takes_the_same_options(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    module = importlib.import_module(f"benchmarks.{name}")
    monkeypatch.setattr("sys.argv", [name, "--help"])
    with pytest.raises(SystemExit) as ended:
        module.main()
    said = capsys.readouterr().out
    assert ended.value.code == 0
    assert f"FOLDER/{name}.json" in said
    assert "--quick" in said
    assert module.__doc__.splitlines()[0] in said


def test_a_result_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = write_result(tmp_path / "new", result())
    assert path == tmp_path / "new" / "serving.json"
    found = read_result(path)
    assert found == result()
    assert found.figure("p50_ms") == 0.25
    assert found.verdict("requests_per_second_ratio") == "missed"
    assert found.verdict("p50_ms") is None
    assert number(found.table("rounds")[0], "p50_ms") == 0.25


@pytest.mark.parametrize(
    "field", ["cores", *sorted(BenchmarkResult.model_fields.keys() - {"schema_version"})]
)
def test_a_missing_field_is_named(tmp_path: Path, field: str) -> None:
    path = write_result(tmp_path, result())
    document = json.loads(path.read_bytes())
    del (document["machine"] if field == "cores" else document)[field]
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(DataMalformed, match=field):
        read_result(path)


def test_a_figure_that_was_not_measured_is_an_error_that_names_those_that_were() -> None:
    with pytest.raises(DataUnavailable, match=r"no figure 'p98_ms'.*p50_ms.*benchmarks.serving"):
        result().figure("p98_ms")
    with pytest.raises(DataUnavailable, match=r"no table 'memory'.*rounds"):
        result().table("memory")
    with pytest.raises(DataMalformed, match="no number 'side'"):
        number({"side": "ours"}, "side")
    with pytest.raises(DataUnavailable, match=r"python -m benchmarks\.nothing --out"):
        read_result(Path("nowhere/nothing.json"))


def test_a_table_shows_the_target_and_whether_it_is_met() -> None:
    text = result_text(result())
    assert "| requests_per_second_ratio |     10.3 | ≥ 20   | missed |" in text
    assert "other programs used 0 cores" in text


def test_what_is_committed_can_be_read_and_belongs_to_a_benchmark() -> None:
    known = [one for one in RESULTS.glob("*.json") if "measured" in json.loads(one.read_bytes())]
    assert known
    for path in known:
        found = read_result(path)
        assert found.benchmark == path.stem
        assert path.stem in {*BENCHMARKS, *APART}
        assert found.targets.keys() <= found.measured.keys()
        assert not found.quick


def test_a_target_that_was_not_measured_counts_as_missed(tmp_path: Path) -> None:
    """In small `audit` measures one of its two recipes."""
    write_result(tmp_path, result(targets={"p98_ms": Target(at_most=1), "p50_ms": Target()}))
    page = summary(tmp_path, ["serving"], {})
    assert "- 1 of 2 targets met\n- missed: serving.p98_ms\n" in page


@pytest.mark.parametrize(
    ("error", "code"),
    [(RemoteFailed("it is silent", remedy="."), 70), (DataUnavailable("no GPU", remedy="."), 3)],
)
def test_a_server_that_does_not_answer_is_a_fault_and_no_lack_of_the_machine(
    error: DataUnavailable, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: argparse.Namespace) -> Findings:
        raise error

    monkeypatch.setattr("sys.argv", ["serving", "--quick"])
    assert perform("serving.py", None, fail) == code
    assert (code in LEFT_OUT) == (code == 3)


def test_a_refusal_is_an_error_and_no_answer() -> None:
    def refuse() -> None:
        line, _ = listening.accept()
        with line:
            for status in (b"503 Busy", b"503 Busy", b"200 OK"):
                line.recv(4096)
                line.sendall(b"HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n" % status)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = Thread(target=refuse)
        server.start()
        seen = load(listening.getsockname()[1], [framed("GET", "/")], 1, requests=3, seconds=20)
        server.join()
    assert seen.errors == ["503", "503"]
    assert len(seen.times_ms) == 1


def test_a_run_of_two_states_of_the_code_is_refused(tmp_path: Path) -> None:
    run = run_of(tmp_path / "run", machine=machine(commit="58f15e6"))
    write_result(run, result("grid", machine=machine(commit="58f15e6+")))
    with pytest.raises(GateRefused, match=r"of several states of the code: 58f15e6, 58f15e6\+"):
        accept.accept(run, tmp_path / "results")


def test_a_calm_and_whole_run_is_accepted(tmp_path: Path) -> None:
    into = tmp_path / "results"
    assert set(accept.accept(run_of(tmp_path / "run"), into)) == BENCHMARKS.keys()
    assert read_result(into / "serving.json") == result()


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"without": "grid"}, "it lacks grid"),
        ({"quick": True}, "in small: .*serving"),
        (
            {"machine": machine(others_cores=BUSY_CORES + 0.1)},
            "beside serving other programs used 0.3",
        ),
    ],
)
def test_a_run_in_doubt_is_refused_and_accepted_by_force(
    tmp_path: Path, changed: dict[str, Any], why: str
) -> None:
    run, into = run_of(tmp_path / "run", **changed), tmp_path / "results"
    with pytest.raises(GateRefused, match=why):
        accept.accept(run, into)
    assert not into.exists()
    before = write_result(into, result("grid", seconds=7.0))
    accept.accept(run, into, force=True)
    assert (into / "serving.json").exists()
    assert (read_result(before).seconds == 7.0) == (changed.get("without") == "grid")


def test_an_unknown_result_is_refused(tmp_path: Path) -> None:
    run = run_of(tmp_path / "run")
    write_result(run, result("made_up"))
    with pytest.raises(GateRefused, match="nobody knows made_up"):
        accept.accept(run, tmp_path / "results")


def test_what_needs_a_gpu_is_not_missed(tmp_path: Path) -> None:
    assert "sequence_training_gpu" in APART
    run = run_of(tmp_path / "run")
    write_result(run, result("sequence_training_gpu", machine=machine(gpu="H200")))
    assert "sequence_training_gpu" in accept.accept(run, tmp_path / "results")


def test_the_newest_run_is_chosen(tmp_path: Path) -> None:
    with pytest.raises(DataUnavailable, match="make bench"):
        accept.newest(tmp_path)
    for name in ("2026-01-02T030405Z", "2025-12-31T235959Z"):
        (tmp_path / name).mkdir()
    assert accept.newest(tmp_path).name == "2026-01-02T030405Z"
    with pytest.raises(DataUnavailable, match="holds no result"):
        accept.accept(tmp_path, tmp_path / "results")
