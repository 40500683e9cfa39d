"""docs/cloud.md: its costs follow from the YAML, and its commands exist."""

from __future__ import annotations

import re
import tomllib
from typing import Any, Final

import pytest
from typer.main import get_command

from forecastlab.cli import program
from tests.support.deployment import DEPLOY, filled_in
from tests.support.imports import ROOT

PAGE: Final = (ROOT / "docs" / "cloud.md").read_text(encoding="utf-8")
ROWS: Final = re.findall(r"^\| ([a-z-]+) \| (\d+) \| (\d+) \| ([\d.]+) \|$", PAGE, re.MULTILINE)


def price(unit: str) -> float:
    (found,) = re.findall(rf"([\d.]+) per {unit}", PAGE)
    return float(found)


def limits(name: str) -> dict[str, Any]:
    job = filled_in(f"run/{name}.yaml")
    task = job["spec"]["template"]["spec"]["template"]["spec"]
    return task["containers"][0]["resources"]["limits"]  # type: ignore[no-any-return]


@pytest.mark.parametrize(("name", "runs", "seconds", "said"), ROWS)
def test_a_cost_is_runs_times_seconds_times_price(
    name: str, runs: str, seconds: str, said: str
) -> None:
    has = limits(name)
    a_second = (
        int(has["cpu"]) * price("vCPU-second")
        + int(has["memory"].removesuffix("Gi")) * price("GiB-second")
        + int(has.get("nvidia.com/gpu", 0)) * price("L4-second")
    )
    assert float(said) == pytest.approx(int(runs) * int(seconds) * a_second, abs=0.005)


def test_every_job_has_its_cost() -> None:
    jobs = {path.stem for path in (DEPLOY / "run").glob("*.yaml")} - {"web"}
    assert {row[0] for row in ROWS} == jobs


def test_the_sums_are_those_of_the_table() -> None:
    cost = {row[0]: float(row[3]) for row in ROWS}
    gpu, cpu = (f"{cost[one] + cost['doctor']:.1f}" for one in ("daily-gpu", "daily-cpu"))
    assert f"**{gpu} (GPU) or {cpu} (CPU) USD a month**" in PAGE


def test_every_cloud_command_that_it_names_exists() -> None:
    commands = get_command(program()).commands["cloud"].commands  # type: ignore[attr-defined]
    named = set(re.findall(r"forecastlab cloud ([a-z-]+)", PAGE))
    assert named == set(commands)


def test_what_a_pip_install_names_is_declared() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    known = set(extras["project"]["optional-dependencies"])
    [asked] = re.findall(r"install -e '\.\[([a-z,]+)\]'", PAGE)
    assert set(asked.split(",")) <= known
    assert {"cloud", "web"} <= set(asked.split(",")), "it ends with `forecastlab dashboard`"
