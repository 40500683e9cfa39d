"""The one format of a benchmark's result, its one writer and its one reader.

`python -m benchmarks.NAME --out FOLDER` writes `FOLDER/NAME.json`; `make bench-accept` puts a run's
files in `docs/results/`, from which `make docs` writes every figure:

    serving = read_result(Path("docs/results/serving.json"))
    serving.figure("requests_per_second_ratio")     # a float, or an error that says what is missing
    serving.verdict("requests_per_second_ratio")    # "met", "missed", or None without a target
    [number(row, "p99_ms") for row in serving.table("rounds")]
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import AwareDatetime, Field

from forecastlab.contracts.errors import DataMalformed, DataUnavailable
from forecastlab.contracts.records import Document

Scalar: TypeAlias = bool | int | float | str | None
Row: TypeAlias = dict[str, Scalar]
Standing = Literal["met", "missed"]

BUSY_CORES: Final = 0.2
"""Cores that other programs may use beside a benchmark; more, and its figures are not kept."""


class Machine(Document):
    """What figures depend on. None stands where a value was not recorded.

    Attributes:
        processor: its model, as the system names it.
        kernel: the operating system and its release.
        load: running processes, averaged over the minute before the start.
        others_cores: cores that other programs used right before the start, or right after the end
            where that is more; Linux only.
        versions: of the libraries that matter and are installed.
        gpu: the names of the GPUs that its driver lists; None where it lists none.
        commit: of the code, with `+` behind it where tracked files differ from it.
    """

    cores: int
    architecture: str
    processor: str | None
    memory_gib: float | None
    kernel: str | None
    python: str
    load: float | None
    others_cores: float | None
    versions: dict[str, str]
    gpu: str | None
    commit: str | None

    @property
    def busy(self) -> bool:
        """Whether other programs took part of the machine, as far as was recorded."""
        return (self.others_cores or 0.0) > BUSY_CORES


class Target(Document):
    """What a figure should be: at most, or at least, so much."""

    at_most: float | None = None
    at_least: float | None = None

    def standing(self, figure: float) -> Standing:
        """Say whether a figure meets it.

        >>> Target(at_least=20).standing(10.3)
        'missed'
        """
        low = self.at_least is None or figure >= self.at_least
        high = self.at_most is None or figure <= self.at_most
        return "met" if low and high else "missed"

    def __str__(self) -> str:
        """Write it as a table shows it.

        >>> str(Target(at_most=1.5))
        '≤ 1.5'
        """
        bounds = (("≥", self.at_least), ("≤", self.at_most))
        return ", ".join(f"{sign} {bound:g}" for sign, bound in bounds if bound is not None)


class BenchmarkResult(Document):
    """What one benchmark measured.

    Attributes:
        seconds: how long the whole benchmark took; None where it was not recorded.
        quick: whether it ran at its smallest sizes; such figures say only that it works.
        command: what regenerates the file, without its `--out`.
        measured: the figures, each with its unit in its name (`_s`, `_ms`, `_mb`, `_ratio`).
        targets: those of some of the figures, by their names.
        tables: rows of scalars, for what is more than a figure.
    """

    schema_version: Literal[1] = 1
    benchmark: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    started_at: AwareDatetime
    seconds: float | None
    quick: bool
    command: str
    machine: Machine
    measured: dict[str, float]
    targets: dict[str, Target]
    tables: dict[str, list[Row]]

    def figure(self, name: str) -> float:
        """Return a figure.

        Raises:
            DataUnavailable: it was not measured.
        """
        if name not in self.measured:
            raise self._missing("figure", name, self.measured)
        return self.measured[name]

    def table(self, name: str) -> list[Row]:
        """Return a table's rows.

        Raises:
            DataUnavailable: there is no such table.
        """
        if name not in self.tables:
            raise self._missing("table", name, self.tables)
        return self.tables[name]

    def verdict(self, name: str) -> Standing | None:
        """Say whether a figure meets its target; None where it has none.

        Raises:
            DataUnavailable: it was not measured.
        """
        target = self.targets.get(name)
        return target.standing(self.figure(name)) if target else None

    def _missing(self, what: str, name: str, there: Mapping[str, object]) -> DataUnavailable:
        return DataUnavailable(
            f"The result of {self.benchmark} has no {what} {name!r}; it has"
            f" {', '.join(there) or 'none'}.",
            remedy=f"Measure again: {self.command} --out docs/results",
        )


def number(row: Row, name: str) -> float:
    """Return a number of a table's row.

    Raises:
        DataMalformed: the row has no such number.

    >>> number({"p99_ms": 170.85}, "p99_ms")
    170.85
    """
    value = row.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise DataMalformed(
            f"A row with {', '.join(row)} has no number {name!r}.",
            remedy="Measure again: make bench.",
        )
    return float(value)


def write_result(folder: Path, result: BenchmarkResult) -> Path:
    """Write a result as `folder/<benchmark>.json`; return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{result.benchmark}.json"
    text = json.dumps(result.model_dump(mode="json"), indent=1, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")
    return path


def read_result(path: Path) -> BenchmarkResult:
    """Read a result.

    Raises:
        DataUnavailable: there is none.
        DataMalformed: a field is missing, unknown, or not what it should be.
    """
    try:
        stored = path.read_bytes()
    except FileNotFoundError as error:
        raise DataUnavailable(
            f"{path} is not there.",
            remedy=f"Measure it: python -m benchmarks.{path.stem} --out {path.parent}",
        ) from error
    return BenchmarkResult.parse(stored, what=str(path))
