"""The bill of materials lists exactly what the locks hold; what ships may be shipped."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from copy import deepcopy
from functools import cache
from importlib.metadata import PackageNotFoundError, metadata
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import jsonschema
import pytest
from license_expression import get_spdx_licensing
from referencing import Registry, Resource

from scripts.make_sbom import LOCKS, SHIPPED, document, licence_table, licences, pins
from tests.support.imports import ROOT

FREE: Final = {
    *("0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0", "CNRI-Python"),
    *("ISC", "LLVM-exception", "MIT", "MIT-0", "MIT-CMU", "PSF-2.0", "Unlicense", "Zlib"),
}
"""Licences that ask no more than to be named."""

UNCHANGED: Final = {"MPL-2.0"}
"""Free to ship beside MIT as long as its own files are not changed; none is."""

OF_THE_GPU: Final = {"LicenseRef-NVIDIA-Proprietary"}
"""Only in the GPU image, which whoever wants it builds; nobody is handed it."""

TOOLS: Final = {"GPL-3.0-only"}
"""Of programs that developers run, and that no code here is linked with."""

KNOWN: Final = licences(ROOT)


def lock(name: str) -> str:
    return (ROOT / LOCKS[name]).read_text(encoding="utf-8")


@cache
def made(name: str) -> Any:
    return json.loads(document(name, lock(name), KNOWN))


def parts(expression: str) -> set[str]:
    return set(re.split(r" (?:AND|OR|WITH) ", expression))


@pytest.mark.parametrize("name", LOCKS)
def test_it_lists_exactly_the_packages_of_a_lock(name: str) -> None:
    components = made(name)["components"]
    found = {
        one["name"]: (one["version"], sorted(h["content"] for h in one["hashes"]), one["purl"])
        for one in components
    }
    pinned = {
        one.name: (one.version, sorted(one.hashes), f"pkg:pypi/{one.name}@{one.version}")
        for one in pins(lock(name))
    }
    assert found == pinned
    # Counted apart from the script's own reading of a lock.
    assert len(pinned) == len(re.findall(r"^\S+==", lock(name), re.MULTILINE))
    assert sum(len(one[1]) for one in found.values()) == lock(name).count("--hash=sha256:")
    stated = {one["name"]: one["licenses"][0]["expression"] for one in components}
    assert stated == {one: KNOWN[one] for one in pinned}


@pytest.mark.parametrize("name", LOCKS)
def test_it_is_a_cyclonedx_document(name: str) -> None:
    folder = files("cyclonedx.schema") / "_res"

    def schema(kind: str) -> Any:
        return json.loads((folder / f"{kind}.SNAPSHOT.schema.json").read_text(encoding="utf-8"))

    others = {f"{one}.SNAPSHOT.schema.json": schema(one) for one in ("spdx", "jsf-0.82")}
    resources = [(key, Resource.from_contents(one)) for key, one in others.items()]
    base = "http://cyclonedx.org/schema/"
    registry: Registry[Any] = Registry().with_resources(
        [(f"{base}{key}", one) for key, one in resources] + resources
    )
    checker = jsonschema.Draft7Validator(schema("bom-1.6"), registry=registry)
    few = deepcopy(made(name))
    for one in few["components"]:  # thousands of them are alike
        del one["hashes"][2:]
    assert [one.message for one in checker.iter_errors(few)] == []
    few["components"][0]["type"] = "nonsense"
    assert not checker.is_valid(few)


def test_the_same_lock_gives_the_same_bytes(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "make_sbom.py"), "--out", tmp_path],
        env={"PYTHONHASHSEED": "1"},
        check=True,
        capture_output=True,
    )
    for name in LOCKS:
        other = document(name, lock(name), KNOWN)
        assert (tmp_path / f"{name}.cdx.json").read_text(encoding="utf-8") == other


def test_every_package_has_a_licence_and_no_other_is_named() -> None:
    locked = {one.name for name in LOCKS for one in pins(lock(name))}
    assert set(KNOWN) == locked
    spdx = get_spdx_licensing()
    for expression in {one for one in KNOWN.values() if not one.startswith("LicenseRef-")}:
        assert spdx.validate(expression).errors == []


def test_what_an_installed_package_says_is_what_is_stated() -> None:
    compared = []
    for name, expression in KNOWN.items():
        try:
            own = metadata(name).get("License-Expression")
        except PackageNotFoundError:
            continue
        if own:
            compared.append(name)
            assert own == expression, name
    assert len(compared) > 60


def test_what_ships_is_free_to_ship() -> None:
    for name in SHIPPED:
        allowed = FREE | UNCHANGED | (OF_THE_GPU if name == "job-gpu" else set())
        for one in pins(lock(name)):
            assert parts(KNOWN[one.name]) <= allowed, one.name
    assert {one for text in KNOWN.values() for one in parts(text)} <= (
        FREE | UNCHANGED | OF_THE_GPU | TOOLS
    )


def test_the_table_names_every_package_once() -> None:
    _, *lines = licence_table(ROOT)
    named = [name.strip("() ") for line in lines for name in line.split(": ", 1)[1].split(",")]
    assert sorted(named) == sorted(KNOWN)
