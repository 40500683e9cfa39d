"""The arrows between the layers, read from every import in the source."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Final

import pytest

from tests.support.imports import Import, imports, reached, sources

PROJECT: Final = "forecastlab"
PURE: Final = ("targets", "features", "evaluation", "models", "report", "analyst")
CORE: Final = {"contracts", *PURE}

SHOWN: Final = {"contracts", "evaluation", "report"}
"""Whose results and wording the shells show; they neither build features nor fit models."""

ARROWS: Final[Mapping[str, set[str]]] = {
    "contracts": set(),
    "targets": {"contracts"},
    "features": {"contracts"},
    "evaluation": {"contracts"},
    "models": {"contracts", "targets", "features", "evaluation"},
    "report": {"contracts", "evaluation"},
    "analyst": {"contracts"},
    "usecases": CORE,
    "adapters": {"contracts"},
    "settings": {"contracts"},
    "bootstrap": CORE | {"adapters", "settings", "usecases"},
    "cli": {"api", "bootstrap", "settings", "usecases", *SHOWN},
    "__main__": {"cli"},
    "api": {"bootstrap", "settings", "usecases", *SHOWN},
}
"""Layer -> the other layers that it may import, at any depth of its code."""

PLAIN: Final = {
    *("__future__", "abc", "bisect", "collections", "contextlib", "copy", "dataclasses"),
    *(
        "datetime",
        "decimal",
        "enum",
        "fractions",
        "functools",
        "graphlib",
        "hashlib",
        "heapq",
        "itertools",
    ),
    *("json", "math", "numbers", "numpy", "operator", "pandas", "re", "statistics", "string"),
    *("textwrap", "types", "typing", "unicodedata"),
}
"""Modules that can touch neither files, network, clock, environment nor processes."""

LIBRARIES: Final[Mapping[str, set[str]]] = {
    # pathlib for the type of a port's argument; tomllib parses text that is handed in.
    "contracts": PLAIN | {"pathlib", "pydantic", "tomllib"},
    "targets": PLAIN,
    "features": PLAIN,
    "evaluation": PLAIN | {"scipy"},
    # io and warnings for torch's exporter, which writes to a buffer and deprecates itself.
    "models": PLAIN
    | {"io", "lightgbm", "onnx", "onnxruntime", "scipy", "torch", "warnings", "xgboost"},
    "report": PLAIN | {"html"},
    "analyst": PLAIN | {"pydantic", "unicodedata"},
}
"""Layer -> every library that it may import; layers that are not named may import any."""

OUTSIDE: Final = {
    *("binance", "fcntl", "http", "httpx", "os", "random", "requests", "shutil", "socket"),
    *("sqlite3", "subprocess", "tempfile", "urllib"),
}
"""What the use cases reach only through a port."""

SERVICE_LIBRARIES: Final = {
    *("fastapi", "httptools", "msgspec", "prometheus_client", "starlette", "uvicorn", "uvloop"),
}
"""What the extra `serve` brings, and a base install lacks."""

IMPURE_CALLS: Final = {
    *("date.today", "datetime.now", "datetime.today", "datetime.utcnow", "input", "open", "print"),
    *("Timestamp.now", "Timestamp.today", "Timestamp.utcnow"),
}
FILE_METHODS: Final = {
    *("open", "read_bytes", "read_text", "write_bytes", "write_text", "mkdir", "unlink"),
    *("read_csv", "read_parquet", "to_csv", "to_parquet", "to_feather", "read_feather", "tofile"),
}
RANDOM_STATE: Final = {"BitGenerator", "Generator", "PCG64", "SeedSequence"}


def layer(module: str) -> str:
    return f"{module}.".split(".")[1]


def is_ours(one: Import) -> bool:
    return one.target.split(".")[0] == PROJECT


def broken_arrows(modules: Mapping[str, str]) -> Iterator[str]:
    for name, found in imports(modules).items():
        here = layer(name)
        if not here:
            continue
        if here not in ARROWS:
            yield f"{name} belongs to no layer"
            continue
        for one in found:
            if is_ours(one):
                there = layer(one.target)
                if there not in {here, *ARROWS[here]}:
                    yield f"{name}:{one.line} imports {one.target}"
            elif not _library_allowed(here, one.target.split(".")[0]):
                yield f"{name}:{one.line} imports {one.target}"


def _library_allowed(here: str, library: str) -> bool:
    if here == "usecases":
        return library not in OUTSIDE
    return here not in LIBRARIES or library in LIBRARIES[here]


def impure_calls(modules: Mapping[str, str]) -> Iterator[str]:
    """Find calls that read a clock, a file or global randomness in the layers that may not."""
    for name, source in modules.items():
        here = layer(name)
        if here not in {*CORE, "usecases"}:
            continue
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call) and _is_impure(node, pure=here in CORE):
                yield f"{name}:{node.lineno} calls {ast.unparse(node.func)}"


def _is_impure(call: ast.Call, *, pure: bool) -> bool:
    path = _dotted(call.func)
    if path[-1] == "default_rng" or ("random" in path[1:-1] and path[-1] not in RANDOM_STATE):
        return path[-1] != "default_rng" or not (call.args or call.keywords)
    if ".".join(path[-2:]) in IMPURE_CALLS:
        return True
    return pure and len(path) > 1 and path[-1] in FILE_METHODS


def _dotted(node: ast.expr) -> list[str]:
    """Return the names of `a.b.c`; of `f(x).c` the last ones only, after an empty one."""
    if isinstance(node, ast.Attribute):
        return [*_dotted(node.value), node.attr]
    return [node.id] if isinstance(node, ast.Name) else [""]


def first_cycle(modules: Mapping[str, str]) -> list[str]:
    """Return the modules of one import cycle, or none; imports inside functions count."""
    graph = {
        name: {one.target for one in found if one.runs and one.target in modules} - {name}
        for name, found in imports(modules).items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def web_reaches(modules: Mapping[str, str]) -> Iterator[str]:
    graph = imports(modules)
    for name in modules:
        if name.split(".")[0] == "webapp":
            for module in sorted(reached(name, graph)):
                if module.split(".")[0] == PROJECT and layer(module) in {"features", "models"}:
                    yield f"{name} reaches {module}"


def test_arrows_hold() -> None:
    assert list(broken_arrows(sources("src"))) == []


def test_the_core_is_pure() -> None:
    assert list(impure_calls(sources("src"))) == []


def test_no_import_cycle() -> None:
    assert first_cycle(sources("src")) == []


def test_only_bootstrap_wires() -> None:
    both = [
        name
        for name, found in imports(sources("src", "scripts")).items()
        if {"adapters", "usecases"} <= {layer(one.target) for one in found if is_ours(one)}
    ]
    assert both
    assert {layer(name) for name in both} == {"bootstrap"}


def test_the_web_page_carries_no_models() -> None:
    assert list(web_reaches(sources("src", "webapp"))) == []


def test_no_command_imports_what_it_may_not_need() -> None:
    code = f"import sys\nfrom {PROJECT}.cli import program\nprogram()\n"
    code += "print(*sorted(m for m in sys.modules if '.' not in m))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "typer" in loaded
    slow = {"aiohttp", "binance", "dask", "lightgbm", "ray", "sklearn", "torch", "xgboost"}
    assert loaded & (slow | SERVICE_LIBRARIES) == set()


def service_libraries_outside(modules: Mapping[str, str]) -> Iterator[str]:
    """Find imports of the extra `serve` where a base install would meet them: out of functions."""
    for name, source in modules.items():
        if layer(name) != "api":
            top = ast.Module([one for one in ast.parse(source).body if not _defines(one)], [])
            for one in imports({name: ast.unparse(top)})[name]:
                if one.runs and one.target.split(".")[0] in SERVICE_LIBRARIES:
                    yield f"{name} imports {one.target}"


def _defines(node: ast.stmt) -> bool:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)


def test_only_the_service_needs_its_libraries() -> None:
    assert list(service_libraries_outside(sources("src"))) == []


def test_a_planted_service_library_is_found() -> None:
    planted = {f"{PROJECT}.adapters.x": "import msgspec\ndef f():\n    import fastapi"}
    assert list(service_libraries_outside(planted)) == [f"{PROJECT}.adapters.x imports msgspec"]
    assert list(service_libraries_outside({f"{PROJECT}.api.x": "import fastapi"})) == []


PLANTED = {
    "contracts import a layer": ("contracts.x", "from forecastlab.targets import base"),
    "contracts import an ML library": ("contracts.x", "import lightgbm"),
    "evaluation imports models": ("evaluation.x", "from forecastlab.models.base import Model"),
    "inside a function": ("targets.x", "def f():\n    import forecastlab.features"),
    "for types only": (
        "features.x",
        "if TYPE_CHECKING:\n    from forecastlab.models.base import Model",
    ),
    "adapter imports a use case": ("adapters.x", "import forecastlab.usecases.predict"),
    "use case imports an adapter": ("usecases.x", "from forecastlab.adapters import clocks"),
    "use case opens the network": ("usecases.x", "import requests"),
    "feature reads the environment": ("features.x", "from os import environ"),
    "model logs": ("models.x", "import logging"),
    "cli imports an adapter": ("cli.x", "from forecastlab.adapters.clocks import SystemClock"),
    "no layer": ("helpers.x", "import math"),
}


@pytest.mark.parametrize(("module", "source"), PLANTED.values(), ids=PLANTED)
def test_a_planted_import_is_found(module: str, source: str) -> None:
    assert len(list(broken_arrows({f"{PROJECT}.{module}": source}))) == 1


def test_an_allowed_import_is_not_found() -> None:
    source = "import numpy\nfrom forecastlab.contracts.candles import Market"
    assert list(broken_arrows({f"{PROJECT}.features.x": source})) == []


@pytest.mark.parametrize(
    "call",
    [
        "datetime.now(UTC)",
        "pd.Timestamp.now()",
        "datetime.date.today()",
        "open('x')",
        "path.read_text()",
        "pd.read_parquet(path)",
        "frame.to_csv(path)",
        "np.random.default_rng()",
        "np.random.normal()",
        "np.random.seed(1)",
        "print(1)",
    ],
)
def test_a_planted_call_is_found(call: str) -> None:
    assert len(list(impure_calls({f"{PROJECT}.models.x": call}))) == 1


@pytest.mark.parametrize(
    "call",
    ["np.random.default_rng(seed).normal()", "random.normal()", "self.clock.now()", "opened.get()"],
)
def test_a_pure_call_is_not_found(call: str) -> None:
    assert list(impure_calls({f"{PROJECT}.models.x": call})) == []


def test_a_planted_cycle_is_found() -> None:
    modules = {
        f"{PROJECT}.models.a": f"from {PROJECT}.models import b",
        f"{PROJECT}.models.b": f"def f():\n    from {PROJECT}.models.a import g",
    }
    assert {f"{PROJECT}.models.a", f"{PROJECT}.models.b"} == set(first_cycle(modules))


def test_a_planted_path_from_the_web_to_models_is_found() -> None:
    modules = {
        "webapp.views": f"import {PROJECT}.usecases.read",
        f"{PROJECT}.usecases.read": f"from {PROJECT}.models import base",
        f"{PROJECT}.models.base": "",
    }
    assert list(web_reaches(modules)) == [f"webapp.views reaches {PROJECT}.models.base"]
