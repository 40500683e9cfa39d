"""What a benchmark ran on."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from benchmarks.results import BUSY_CORES, Machine
from tests.support.imports import ROOT

LIBRARIES: Final = (
    *("fastapi", "joblib", "lightgbm", "numpy", "onnxruntime", "pandas", "plotly", "pyarrow"),
    *("pydantic", "scikit-learn", "scipy", "streamlit", "torch", "uvicorn", "xgboost"),
)
LOOKS: Final = 3
_STAT: Final = Path("/proc/stat")


def describe_machine(*, others_cores: float | None, load: float | None) -> Machine:
    """Describe this machine, with what was seen of its load."""
    return Machine(
        cores=os.cpu_count() or 1,
        architecture=platform.machine(),
        processor=_processor(),
        memory_gib=_memory_gib(),
        kernel=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        load=load,
        others_cores=others_cores,
        versions=_versions(),
        gpu=_gpu(),
        commit=_commit(),
    )


def load_average() -> float | None:
    """Return the processes that ran on average in the last minute, where the system tells."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def cores_of_others(seconds: float) -> float | None:
    """Return how many cores are in use while nothing of a benchmark runs; Linux only.

    Where it looks busy it looks again: what the benchmark itself has just ended needs a moment.
    """
    looks: list[float] = []
    while len(looks) < LOOKS:
        seen = _cores_in_use(seconds)
        if seen is None:
            return None
        looks.append(seen)
        if seen <= BUSY_CORES:
            break
    return min(looks)


def _cores_in_use(seconds: float) -> float | None:
    before = _busy_s()
    if before is None:
        return None
    began = time.perf_counter()
    time.sleep(seconds)
    return round(((_busy_s() or before) - before) / (time.perf_counter() - began), 2)


def _busy_s() -> float | None:
    """Return the processor time that all programs have used since the start of the system."""
    if not _STAT.exists():
        return None
    names = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
    ticks = map(int, _STAT.read_text(encoding="ascii").split("\n", 1)[0].split()[1:9])
    spent = dict(zip(names, ticks, strict=True))
    return sum(spent[name] for name in names if name not in {"idle", "iowait"}) / os.sysconf(
        "SC_CLK_TCK"
    )


def _processor() -> str | None:
    told = Path("/proc/cpuinfo")
    lines = told.read_text(encoding="utf-8").splitlines() if told.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or None


def _memory_gib() -> float | None:
    try:
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None
    return round(size / 2**30, 1)


def _versions() -> dict[str, str]:
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _gpu() -> str | None:
    query = ("--query-gpu=name", "--format=csv,noheader")
    return ", ".join((_said("nvidia-smi", *query) or "").splitlines()) or None


def _commit() -> str | None:
    head = _said("git", "rev-parse", "--short", "HEAD")
    changed = _said("git", "status", "--porcelain", "--untracked-files=no")
    return f"{head}+" if head and changed else head


def _said(program: str, *arguments: str) -> str | None:
    """Return what a program prints; None where it is missing, fails or prints nothing."""
    path = shutil.which(program)
    if path is None:
        return None
    done = subprocess.run(
        [path, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
    )
    return done.stdout.strip() or None if done.returncode == 0 else None
