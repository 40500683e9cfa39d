"""Code in a process of its own, in what a base install holds, timed."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tests.support.imports import ROOT

HIDDEN: Final = ("dask", "sklearn", "torch")
"""What a base install lacks; lightgbm and pandas import the first two where they find them."""

FORECASTLAB: Final = "import runpy; runpy.run_module('forecastlab', run_name='__main__')"
"""The command line; its arguments follow."""

_HIDE: Final = """
import sys
from importlib.machinery import PathFinder

class Base(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        found = name.partition(".")[0] not in hidden
        return super().find_spec(name, path, target) if found else None

sys.meta_path[sys.meta_path.index(PathFinder)] = Base
"""


@dataclass(frozen=True)
class Ran:
    """What a process took from start to end, and what it printed."""

    wall_s: float
    cpu_s: float
    said: str


def run_base(
    code: str,
    *arguments: str,
    changed: Mapping[str, str] | None = None,
    hidden: tuple[str, ...] = HIDDEN,
    codes: tuple[int, ...] = (0,),
) -> Ran:
    """Run code to its end, without settings but the changed ones; bytecode is written.

    Raises:
        CalledProcessError: its exit code is none of `codes`.
    """
    command = [sys.executable, "-c", f"hidden = {hidden!r}\n{_HIDE}{code}", *arguments]
    before, began = _children_s(), time.perf_counter()
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=_environment() | dict(changed or {}),
        check=False,
        stdout=subprocess.PIPE,
        text=True,
    )
    wall_s = time.perf_counter() - began
    if done.returncode not in codes:
        raise subprocess.CalledProcessError(done.returncode, command, done.stdout)
    return Ran(wall_s, _children_s() - before, done.stdout)


def _environment() -> dict[str, str]:
    kept = {name: text for name, text in os.environ.items() if not name.startswith("FORECASTLAB_")}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    return kept


def _children_s() -> float:
    """Return the processor time of the children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
