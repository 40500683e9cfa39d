"""Code that would run what it reads: banned wherever the project's code stands."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

import pytest

from tests.support.imports import sources

BANNED_MODULES: Final = {"_pickle", "cloudpickle", "dill", "marshal", "pickle", "shelve"}
BANNED_CALLS: Final = {
    *("eval", "exec", "os.popen", "os.system", "joblib.dump", "joblib.load", "torch.load"),
    *("pandas.read_pickle", "yaml.load", "yaml.unsafe_load"),
}
BANNED_METHODS: Final = {"to_pickle", "read_pickle"}
BANNED_KEYWORDS: Final = {"allow_pickle", "shell"}
"""Keywords that may be given only as False."""


def banned(source: str) -> Iterator[str]:
    """Find what is banned in one module; imported names are traced to where they come from."""
    tree = ast.parse(source)
    origins = dict(_imported(tree))
    for name, origin in origins.items():
        if origin.split(".")[0] in BANNED_MODULES or origin in BANNED_CALLS:
            yield f"import of {origin} as {name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from _banned_in(node, origins)


def _imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                bound = alias.asname or alias.name.split(".")[0]
                yield bound, alias.name if alias.asname else bound
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def _banned_in(call: ast.Call, origins: dict[str, str]) -> Iterator[str]:
    first, *rest = ast.unparse(call.func).split(".")
    called = ".".join([origins.get(first, first), *rest])
    if called.removeprefix("builtins.") in BANNED_CALLS or (rest and rest[-1] in BANNED_METHODS):
        yield f"line {call.lineno}: {called}"
    for keyword in call.keywords:
        if keyword.arg in BANNED_KEYWORDS and ast.unparse(keyword.value) != "False":
            yield f"line {call.lineno}: {called}({ast.unparse(keyword)})"


def test_nothing_banned_is_used() -> None:
    modules = sources("src", "scripts", "webapp", "benchmarks")
    assert len(modules) > 50
    found = {name: list(banned(source)) for name, source in modules.items()}
    assert {name: ones for name, ones in found.items() if ones} == {}


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "import joblib as j\nj.load(path)",
        "from joblib import dump",
        "import torch\ntorch.load(path)",
        "from marshal import loads",
        "def f():\n    import shelve",
        "eval(text)",
        "exec(text)",
        "import builtins\nbuiltins.eval(text)",
        "import os\nos.system(text)",
        "from os import system as run",
        "import subprocess\nsubprocess.run(text, shell=True)",
        "import subprocess\nsubprocess.Popen(text, shell=asked)",
        "import numpy as np\nnp.load(path, allow_pickle=True)",
        "import pandas as pd\npd.read_pickle(path)",
        "frame.to_pickle(path)",
    ],
)
def test_a_planted_use_is_found(source: str) -> None:
    assert len(list(banned(source))) == 1


@pytest.mark.parametrize(
    "source",
    [
        "from joblib import Parallel, delayed",
        "import json\njson.load(file)",
        "import subprocess\nsubprocess.run(['git'], shell=False)",
        "import numpy as np\nnp.load(path, allow_pickle=False)",
        "model.eval()",
    ],
)
def test_what_is_allowed_is_not_found(source: str) -> None:
    assert list(banned(source)) == []
