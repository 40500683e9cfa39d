"""The locks pin and hash all that the project asks for, and name no machine."""

from __future__ import annotations

import re
import sys
import tomllib
from typing import Final

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.imports import ROOT, imports, sources

DECLARED: Final = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
BASE: Final[list[str]] = DECLARED["project"]["dependencies"]
EXTRAS: Final[dict[str, list[str]]] = DECLARED["project"]["optional-dependencies"]
DEV: Final = EXTRAS["dev"]
TOOLS: Final[list[str]] = DECLARED["dependency-groups"]["tools"]

LINUX: Final = {"sys_platform": "linux", "python_version": "3.11", "python_full_version": "3.11.0"}
PINNED: Final = re.compile(
    r"^(?P<name>[a-z0-9-]+)==(?P<version>[^ ;]+)(?P<rest>.*(?:\n    .*)*)", re.MULTILINE
)
SHAPE: Final = re.compile(r"(    # .*|[a-z0-9-]+==\S+ \\|    --hash=sha256:[0-9a-f]{64}( \\)?)")


def lock(name: str) -> str:
    return (ROOT / "requirements" / f"{name}.lock").read_text(encoding="utf-8")


def pins(text: str) -> dict[str, str]:
    return {found["name"]: found["version"] for found in PINNED.finditer(text)}


def unmet(requirements: list[str], locked: dict[str, str]) -> list[str]:
    """Return the requirements that the lock does not satisfy on Linux."""
    wanted = [Requirement(text) for text in requirements]
    asked = [one for one in wanted if one.marker is None or one.marker.evaluate(LINUX)]
    found = [(one, locked.get(canonicalize_name(one.name))) for one in asked]
    return [str(one) for one, at in found if at is None or not one.specifier.contains(at)]


@pytest.mark.parametrize(
    ("name", "requirements"), [("tools", TOOLS), ("base", BASE), ("dev", [*BASE, *DEV])]
)
def test_a_lock_meets_what_is_declared(name: str, requirements: list[str]) -> None:
    assert unmet(requirements, pins(lock(name))) == [], "run `make lock`"


@pytest.mark.parametrize("name", ["tools", "base", "dev"])
def test_a_lock_holds_pins_and_hashes_and_nothing_else(name: str) -> None:
    """No index, no host, no folder: the same lock serves every mirror."""
    text = lock(name)
    assert [line for line in text.splitlines() if not SHAPE.fullmatch(line)] == []
    assert all("--hash=sha256:" in found["rest"] for found in PINNED.finditer(text))
    assert not re.search(r"://|@ |/(?!base\.lock)", text)


def test_dev_holds_the_versions_of_base() -> None:
    base, dev = pins(lock("base")), pins(lock("dev"))
    assert base.items() <= dev.items()


def test_the_base_install_is_light() -> None:
    heavy = {"torch", "scikit-learn", "xgboost", "nvidia-nccl-cu12", "dask", "ray"}
    assert heavy & pins(lock("base")).keys() == set()


def test_an_unmet_requirement_is_found() -> None:
    locked = {"numpy": "2.1.0", "xgboost-cpu": "3.2.0"}
    asked = ["numpy>=2.2", "rich>=14", "uv", "xgboost-cpu>=3.2 ; sys_platform == 'linux'"]
    assert unmet(asked, locked) == ["numpy>=2.2", "rich>=14", "uv"]
    assert unmet(["xgboost>=3.2 ; sys_platform != 'linux'"], locked) == []


IMPORTED_AS: Final = {
    "python-binance": "binance",
    "python-dotenv": "dotenv",
    "xgboost-cpu": "xgboost",
}


def test_every_library_that_src_imports_is_declared() -> None:
    declared = {
        IMPORTED_AS.get(name, name).replace("-", "_")
        for group in (BASE, *(EXTRAS[name] for name in EXTRAS.keys() - {"dev"}))
        for name in (Requirement(text).name for text in group)
    }
    found = imports(sources("src")).values()
    imported = {one.target.split(".")[0] for module in found for one in module}
    assert imported - declared - {*sys.stdlib_module_names, "forecastlab"} == set()
