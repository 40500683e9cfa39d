"""`make bench` runs every benchmark there is."""

from __future__ import annotations

import ast

from benchmarks.__main__ import BENCHMARKS
from tests.support.imports import sources


def test_every_benchmark_is_run() -> None:
    programs = {
        name.removeprefix("benchmarks.")
        for name, source in sources("benchmarks").items()
        if any(
            isinstance(one, ast.FunctionDef) and one.name == "main"
            for one in ast.parse(source).body
        )
    }
    assert programs - {"__main__"} == {module for module, *_ in BENCHMARKS}
