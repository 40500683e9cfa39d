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
TOOLS: Final[list[str]] = DECLARED["dependency-groups"]["tools"]
AUDIT: Final[list[str]] = DECLARED["dependency-groups"]["audit"]

MODEL_LIBRARIES: Final = {
    *("lightgbm", "xgboost", "xgboost-cpu", "onnxruntime", "onnxruntime-gpu", "scikit-learn"),
    *("onnx", "onnxscript", "torch"),
}
TRAINING_LIBRARIES: Final = {"onnx", "onnxscript", "scikit-learn", "torch"}

LINUX: Final = {"sys_platform": "linux", "python_version": "3.11", "python_full_version": "3.11.0"}
PINNED: Final = re.compile(
    r"^(?P<name>[a-z0-9-]+)==(?P<version>[^ ;]+)(?P<rest>.*(?:\n    .*)*)", re.MULTILINE
)
SHAPE: Final = re.compile(r"(    # .*|[a-z0-9-]+==\S+ \\|    --hash=sha256:[0-9a-f]{64}( \\)?)")


LOCKS: Final = {
    "tools": "requirements/tools.lock",
    "base": "requirements/base.lock",
    "dev": "requirements/dev.lock",
    "audit": "requirements/audit.lock",
    "job-cpu": "requirements/job-cpu.lock",
    "job-gpu": "requirements/job-gpu.lock",
    "web": "webapp/requirements-web.txt",
}


def lock(name: str) -> str:
    return (ROOT / LOCKS[name]).read_text(encoding="utf-8")


def pins(text: str) -> dict[str, str]:
    return {found["name"]: found["version"] for found in PINNED.finditer(text)}


def with_extras(*extras: str) -> list[str]:
    """Return what the base and these extras ask for, extras of extras spelled out."""
    asked = [*BASE]
    for text in (text for extra in extras for text in EXTRAS[extra]):
        one = Requirement(text)
        own = canonicalize_name(one.name) == DECLARED["project"]["name"]
        asked += with_extras(*sorted(one.extras)) if own else [text]
    return asked


def without(requirements: list[str], *names: str) -> list[str]:
    return [text for text in requirements if Requirement(text).name not in names]


def unmet(requirements: list[str], locked: dict[str, str]) -> list[str]:
    """Return the requirements that the lock does not satisfy on Linux."""
    wanted = [Requirement(text) for text in requirements]
    asked = [one for one in wanted if one.marker is None or one.marker.evaluate(LINUX)]
    found = [(one, locked.get(canonicalize_name(one.name))) for one in asked]
    return [str(one) for one, at in found if at is None or not one.specifier.contains(at)]


WANTED: Final = {
    "tools": TOOLS,
    "audit": AUDIT,
    "base": BASE,
    # torch stands outside, for its builds differ by machine: the Makefile installs it by name.
    "dev": without(with_extras("dev"), "torch"),
    "job-cpu": with_extras("cloud", "serve", "notify", "analyst"),
    "job-gpu": without(with_extras("cloud", "serve", "notify", "analyst", "gpu"), "onnxruntime"),
    "web": without(
        with_extras("cloud", "web"),
        *("google-cloud-run", "joblib", "python-binance", *MODEL_LIBRARIES),
    ),
}


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_meets_what_is_declared(name: str) -> None:
    assert unmet(WANTED[name], pins(lock(name))) == [], "run `make lock`"


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_holds_pins_and_hashes_and_nothing_else(name: str) -> None:
    """No index, no host, no folder: the same lock serves every mirror."""
    text = lock(name)
    assert [line for line in text.splitlines() if not SHAPE.fullmatch(line)] == []
    assert all("--hash=sha256:" in found["rest"] for found in PINNED.finditer(text))
    assert not re.search(r"://|@ |/(?!(base|dev)\.lock)", text)


def test_dev_holds_the_versions_of_base() -> None:
    base, dev = pins(lock("base")), pins(lock("dev"))
    assert base.items() <= dev.items()


@pytest.mark.parametrize("name", ["job-cpu", "job-gpu", "web"])
def test_an_image_holds_the_versions_that_the_tests_ran_with(name: str) -> None:
    image, dev = pins(lock(name)), pins(lock("dev"))
    # The CUDA builds are other packages, which no test machine holds.
    shared = image.keys() & dev.keys()
    assert len(shared) > 40
    assert {one: image[one] for one in shared} == {one: dev[one] for one in shared}


def test_the_torch_that_the_tests_install_is_the_declared_one() -> None:
    declared = next(text for text in EXTRAS["train"] if text.startswith("torch"))
    assert f"'{declared}'" in (ROOT / "Makefile").read_text(encoding="utf-8")


def test_the_base_install_is_light() -> None:
    heavy = {"torch", "scikit-learn", "xgboost", "nvidia-nccl-cu12", "dask", "ray"}
    assert heavy & pins(lock("base")).keys() == set()


def test_the_cpu_image_holds_no_training_library() -> None:
    assert TRAINING_LIBRARIES & pins(lock("job-cpu")).keys() == set()


def test_the_gpu_image_speaks_cuda_12_alone() -> None:
    """The driver that an L4 comes with runs no CUDA 13; and two runtimes are one module."""
    held = pins(lock("job-gpu"))
    assert {"onnxruntime-gpu": "1.26.0", "torch": "2.10.0"}.items() <= held.items()
    assert "onnxruntime" not in held
    nvidia = [name for name in held if name.startswith("nvidia-")]
    assert [name for name in nvidia if not name.endswith("-cu12")] == []
    assert "nvidia-cudnn-cu12" in nvidia


def test_the_web_image_holds_no_model_library() -> None:
    held = pins(lock("web")).keys()
    assert MODEL_LIBRARIES & held == set()
    assert {"streamlit", "plotly", "google-cloud-storage"} <= held


def test_an_extra_of_an_extra_is_spelled_out() -> None:
    assert set(with_extras("train", "web")) < set(with_extras("dev"))


def test_an_unmet_requirement_is_found() -> None:
    locked = {"numpy": "2.1.0", "xgboost-cpu": "3.2.0"}
    asked = ["numpy>=2.2", "rich>=14", "uv", "xgboost-cpu>=3.2 ; sys_platform == 'linux'"]
    assert unmet(asked, locked) == ["numpy>=2.2", "rich>=14", "uv"]
    assert unmet(["xgboost>=3.2 ; sys_platform != 'linux'"], locked) == []


IMPORTED_AS: Final = {
    # Namespace of them both, and of what they both need: google.auth, google.api_core.
    "google-cloud-run": "google",
    "google-cloud-storage": "google",
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
