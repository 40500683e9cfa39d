"""The document that describes the service is true: schemathesis tries it, route by route."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from forecastlab.api.guard import OPEN
from tests.support.imports import ROOT
from tests.support.service import Service, serving
from tests.support.signal_service import copy_bundles

KEY = "a-key-of-the-test"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("served")
    with serving(
        *("--source", "simulated"),
        folder=folder,
        key=KEY,
        FORECASTLAB_API_KEYS=KEY,
        FORECASTLAB_API_RATE="0",
        FORECASTLAB_SIMULATED_NOW="2025-10-01T00:05:00",
        # Signals are made by the shipped bundles.
        FORECASTLAB_MODELS=str(copy_bundles(folder)),
        FORECASTLAB_CONFIGS=str(ROOT / "config"),
        part="signals",
    ) as (service, _):
        yield service


@pytest.fixture(scope="module")
def document(served: Service) -> Any:
    return served.get("/openapi.json").document


def operations(document: Any) -> Iterator[tuple[str, Any]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def has_example(document: Any, content: Any) -> bool:
    """Say whether a body shows an example: its own, or its schema's."""
    schema = content.get("schema", {})
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if "items" in schema and has_example(document, {"schema": schema["items"]}):
        return True
    return bool({"example", "examples"} & {*content, *schema})


def test_every_route_has_its_examples(document: Any) -> None:
    without = []
    for name, operation in operations(document):
        answer = operation["responses"]["200"]["content"]
        without += [f"{name} 200" for one in answer.values() if not has_example(document, one)]
        body = operation.get("requestBody", {}).get("content", {})
        without += [f"{name} body" for one in body.values() if not has_example(document, one)]
        without += [
            f"{name} {one['name']}"
            for one in operation.get("parameters", [])
            if one["in"] == "path" and not has_example(document, one)
        ]
    assert without == []


def test_every_route_tells_of_failures_in_the_one_shape(document: Any) -> None:
    for name, operation in operations(document):
        for code in ("4XX", "5XX"):
            content = operation["responses"][code]["content"]["application/json"]
            assert content["schema"] == {"$ref": "#/components/schemas/Failure"}, name
        assert "422" not in operation["responses"], name
        assert operation["description"], name


def test_the_key_is_named_but_for_the_probes(document: Any) -> None:
    assert document["components"]["securitySchemes"]["key"]["name"] == "X-API-Key"
    assert document["security"] == [{"key": []}]
    open_ones = {name.split()[1] for name, one in operations(document) if one.get("security") == []}
    assert open_ones == OPEN


def test_schemathesis_finds_nothing(served: Service, document: Any, tmp_path: Path) -> None:
    """Every check that it has, on examples, on edges, and on chance; the same each time."""
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{served.url}/openapi.json"),
        *("--header", f"X-API-Key: {KEY}", "--phases", "examples,coverage,fuzzing"),
        *("--max-examples", "15", "--seed", "1", "--generation-database", "none", "--no-color"),
        *("--request-timeout", "10", "--warnings", "off"),
        # Those need a model, and are tried where there is one.
        *("--exclude-path-regex", "predict"),
    ]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    tried = [name for name, _ in operations(document) if "predict" not in name]
    assert f"Tested: {len(tried)}" in done.stdout
