"""What the documents are made of: results, bundles, recipes, a record, prices."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from benchmarks.results import BenchmarkResult, read_result
from forecastlab.contracts.config import Recipe, parse_recipe
from forecastlab.contracts.manifest import Manifest
from forecastlab.contracts.verdicts import VerdictFile
from forecastlab.contracts.version_scores import VersionTable
from forecastlab.report.cost_table import cost_table, job_size

RECORD: Final = Path("tests", "golden", "record_2025-09-30.json")
"""What the shipped bundle says of one as-of, which the tests hold it to."""


class Sources:
    """What the documents are made of, read from a checkout."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._results = root / "docs" / "results"

    def verdict(self, name: str) -> VerdictFile:
        """Read a verdict file of `docs/results/`."""
        path = self._results / f"{name}.json"
        return VerdictFile.parse(path.read_bytes(), what=str(path))

    def verdicts(self) -> tuple[VerdictFile, ...]:
        """Read the daily deployment's verdict file, then the hourly ones'."""
        hourly = sorted(path.stem for path in self._results.glob("verdict_*.json"))
        return tuple(self.verdict(name) for name in ("verdict", *hourly))

    def versions(self) -> VersionTable:
        """Read the comparison of the signal's versions."""
        path = self._results / "versions.json"
        return VersionTable.parse(path.read_bytes(), what=str(path))

    def benchmark(self, name: str) -> BenchmarkResult:
        """Read a benchmark's accepted result."""
        return read_result(self._results / f"{name}.json")

    def benchmarks(self) -> Iterator[BenchmarkResult]:
        """Read the accepted results of all benchmarks."""
        for path in sorted(self._results.glob("*.json")):
            if "measured" in json.loads(path.read_bytes()):
                yield read_result(path)

    def champions(self) -> dict[str, Manifest]:
        """Read the manifests of the first champions, by deployment."""
        folder = self._root / "models" / "production"
        named = tomllib.loads((folder / "champions.toml").read_text(encoding="utf-8"))
        return {name: self._manifest(folder / one["bundle"]) for name, one in named.items()}

    def manifests(self) -> tuple[Manifest, ...]:
        """Read the manifests of the champions and of the other versions of a signal."""
        others = sorted((self._root / "models" / "production").glob("signal_*"))
        found = (*self.champions().values(), *map(self._manifest, others))
        return tuple({one.name: one for one in found}.values())

    def recipe(self, name: str) -> Recipe:
        """Read a recipe of `config/`."""
        path = self._root / "config" / f"{name}.toml"
        return parse_recipe(path.read_text(encoding="utf-8"), what=str(path))

    def record(self) -> bytes:
        """Read the record of the shipped bundle that the tests hold it to."""
        return (self._root / RECORD).read_bytes()

    def costs(self) -> str:
        """Write what the deployment costs."""
        deploy = self._root / "deploy"
        prices = tomllib.loads((deploy / "prices.toml").read_text(encoding="utf-8"))
        sizes = {
            name: job_size((deploy / "run" / f"{name}.yaml").read_text(encoding="utf-8"))
            for name in prices["jobs"]
        }
        return cost_table(prices, sizes)

    def _manifest(self, folder: Path) -> Manifest:
        path = folder / "meta.json"
        return Manifest.parse(path.read_bytes(), what=str(path))
