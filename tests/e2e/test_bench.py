"""A run of benchmarks, in small: results, a page for a person, and what could not be measured."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from benchmarks.results import read_result
from tests.support.imports import ROOT


def test_a_run_keeps_what_it_measured_and_says_what_it_left_out(tmp_path: Path) -> None:
    chosen = ("bootstrap", "original_table")
    ended = subprocess.run(
        [
            *(sys.executable, "-m", "benchmarks", "--quick", "--out", str(tmp_path)),
            "--only",
            *chosen,
        ],
        cwd=ROOT,
        env={**os.environ, "FORECASTLAB_TEST_DATA": "/nowhere"},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert "[1/2] bootstrap" in ended.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["README.md", "bootstrap.json"]
    found = read_result(tmp_path / "bootstrap.json")
    assert found.quick
    assert found.command == "python -m benchmarks.bootstrap --quick"
    assert found.machine.cores == os.cpu_count()
    assert found.figure("scores") == 20
    page = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "1 of 2 measured" in page
    assert "- original_table left out: This benchmark needs real candles" in page
    assert "| intervals_s |" in page
