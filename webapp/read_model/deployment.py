"""Everything of one deployment in a store, as the pages read it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, TypeVar

import pandas as pd

from forecastlab.contracts import keys
from forecastlab.contracts.canonical import Json, parse_document
from forecastlab.contracts.errors import DataMalformed
from forecastlab.contracts.incidents import (
    CLOSED,
    OPENED,
    Incident,
    IncidentClosed,
    IncidentOpened,
    in_order,
    parse_incident_key,
)
from forecastlab.contracts.manifest import CARD, EVIDENCE, MANIFEST, Manifest
from forecastlab.contracts.records import ForecastRecord, Outcome, RunReport
from forecastlab.contracts.registry import RegistryEvent, RegistryState, fold
from forecastlab.contracts.table_bounds import demand_bounded
from forecastlab.contracts.verdicts import META, VERDICT, BacktestMeta, VerdictFile
from webapp.read_model.ledger import joined, ledger, oof_ledger
from webapp.read_model.parsed import Changing, CreatedOnce
from webapp.read_model.problems import Problem
from webapp.read_model.reader import StoreReader

T = TypeVar("T")

MOST: Final = 10_000
"""Records that a page shows at most: the newest. An hourly deployment makes 8,760 a year."""

Area = Literal["analyses", "explanations", "health", "messages", "notes", "shadow"]
"""Documents of which the pages know no schema: they are shown field by field."""


@dataclass(frozen=True)
class Loose:
    """A document without a schema: its key, its name within its area, its fields."""

    key: str
    name: str
    fields: dict[str, Json]


@dataclass(frozen=True)
class BacktestRun:
    """An evaluation or a search under `backtest/`.

    Attributes:
        files: the names of its files, ascending.
        meta: None while it runs, where it was cut short, and for a search.
        verdict: None likewise.
    """

    name: str
    prefix: str
    files: tuple[str, ...]
    meta: BacktestMeta | None
    verdict: VerdictFile | None


class Deployment:
    """What a store holds of one deployment; documents are parsed once and kept."""

    def __init__(self, reader: StoreReader, name: str) -> None:
        self.name = name
        self._reader = reader
        self._records = CreatedOnce(reader, _record)
        self._outcomes = CreatedOnce(reader, _outcome)
        self._runs = CreatedOnce(reader, lambda data, key: RunReport.parse(data, what=key))
        self._events = CreatedOnce(reader, lambda data, key: RegistryEvent.parse(data, what=key))
        self._manifests = CreatedOnce(reader, lambda data, key: Manifest.parse(data, what=key))
        self._verdicts = CreatedOnce(reader, lambda data, key: VerdictFile.parse(data, what=key))
        self._metas = CreatedOnce(reader, lambda data, key: BacktestMeta.parse(data, what=key))
        self._texts = CreatedOnce(reader, _text)
        self._tables = CreatedOnce(reader, read_table)
        self._ledger: tuple[tuple[object, ...], pd.DataFrame] = ((), joined([]))
        self._opened = CreatedOnce(reader, lambda data, key: IncidentOpened.parse(data, what=key))
        self._closed = CreatedOnce(reader, lambda data, key: IncidentClosed.parse(data, what=key))
        self._loose = Changing(reader, lambda data, key: parse_document(data, what=key))

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What could not be read lately, here and in what all deployments share."""
        mine = keys.scope(self.name)
        others = "deployments/"
        return tuple(
            one
            for one in self._reader.problems
            if (mine and one.key.startswith(mine)) or not one.key.startswith(others)
        )

    def newest_asof(self) -> str | None:
        """Return the name of the newest sealed as-of, without reading the record."""
        found = self._json_keys(keys.records(self.name))
        return found[-1].rpartition("/")[2].removesuffix(".json") if found else None

    def records(self, newest: int = MOST) -> tuple[ForecastRecord, ...]:
        """Return the newest sealed records, oldest first."""
        return self._newest_records(keys.records(self.name), newest)

    def backfills(self, newest: int = MOST) -> tuple[ForecastRecord, ...]:
        """Return the newest hindsight records of all bundles, oldest first."""
        found = self._json_keys(keys.backfills(self.name))
        by_asof = sorted(found, key=lambda key: key.rpartition("/")[2])
        return tuple(self._records.read(by_asof[-newest:]).values())

    def outcomes(self, candidate: str, newest: int = MOST) -> dict[str, Outcome]:
        """Return as-of name -> the realised label of a candidate."""
        found = self._json_keys(keys.outcomes(self.name, candidate))
        read = self._outcomes.read(found[-newest:])
        return {one.asof_date: one for one in read.values()}

    def ledger(self) -> pd.DataFrame:
        """Return all forecasts as one table: sealed, in hindsight, and out of fold.

        The out-of-fold ones are those of the bundle behind the newest record. The table is shared
        by all sessions: it is never written to.
        """
        records, backfills = self.records(), self.backfills()
        candidates = sorted({name for one in (*records, *backfills) for name in one.forecasts})
        outcomes = {name: self.outcomes(name) for name in candidates}
        newest = (records or backfills)[-1:]
        oof = self.oof(newest[0].bundle.name) if newest else None
        state = (
            *(len(one) for one in (records, backfills, *outcomes.values())),
            *(one.asof_date for one in newest),
            oof is not None,
        )
        if state != self._ledger[0]:
            parts = [ledger(backfills, outcomes), ledger(records, outcomes)]
            if oof is not None:
                bundle = newest[0].bundle.name
                manifest = self.manifest(bundle)
                entries = manifest.candidates if manifest else {}
                parts.insert(0, oof_ledger(oof, bundle, entries, newest[0].interval))
            self._ledger = (state, joined(parts))
        return self._ledger[1]

    def conflicts(self) -> tuple[str, ...]:
        """Return the keys of second, different answers."""
        return self._reader.keys(f"{keys.scope(self.name)}predictions/conflicts/")

    def runs(self, newest: int = 500) -> tuple[RunReport, ...]:
        """Return the newest attempts, oldest first."""
        found = self._json_keys(keys.runs(self.name))
        return tuple(self._runs.read(found[-newest:]).values())

    def incidents(self, newest: int = 50) -> tuple[Incident, ...]:
        """Return the incidents, what is open first, then by their last change, newest first."""
        prefix = keys.alerts(self.name)
        found = {
            key: parse_incident_key(key.removeprefix(prefix)) for key in self._json_keys(prefix)
        }
        named = {key: one for key, one in found.items() if one is not None}
        opened = self._opened.read([key for key, one in named.items() if one.part == OPENED])
        closed = self._closed.read([key for key, one in named.items() if one.part == CLOSED])
        ends = {(one.rule, one.number): one for one in closed.values()}
        return in_order(opened.values(), ends)[:newest]

    def events(self) -> tuple[RegistryEvent, ...]:
        """Return the registry's events, oldest first."""
        return tuple(self._events.read(self._json_keys(keys.registry(self.name))).values())

    def registry(self, *, at: datetime | None = None) -> RegistryState | None:
        """Return what was live at an instant (None: now); None where the events do not add up."""
        state = None
        with self._reader.listed(keys.registry(self.name)):
            state = fold(self.events(), at=at)
        return state  # noqa: RET504 - `listed` keeps what fails, and None stands

    def manifest(self, bundle: str) -> Manifest | None:
        """Return a bundle's `meta.json`, where the store holds it."""
        return self._one(self._manifests, f"{keys.bundle(bundle)}{MANIFEST}")

    def card(self, bundle: str) -> str | None:
        """Return a bundle's model card, where the store holds it."""
        return self._one(self._texts, f"{keys.bundle(bundle)}{CARD}")

    def oof(self, bundle: str) -> pd.DataFrame | None:
        """Return a bundle's out-of-fold forecasts, where the store holds its evidence."""
        return self.table(f"{keys.bundle(bundle)}{EVIDENCE}")

    def backtests(self) -> tuple[BacktestRun, ...]:
        """Return the evaluations and searches, by name."""
        prefix = f"{keys.scope(self.name)}backtest/"
        files: dict[str, list[str]] = {}
        for key in self._reader.keys(prefix):
            run, _, file = key.removeprefix(prefix).partition("/")
            files.setdefault(run, []).append(file)
        return tuple(self._backtest(run, tuple(names)) for run, names in sorted(files.items()))

    def documents(self, area: Area, newest: int = 100) -> tuple[Loose, ...]:
        """Return the newest documents of an area, by key; none where it is not written yet."""
        shared = area == "shadow"
        prefix = f"shadow/{self.name}/" if shared else f"{keys.scope(self.name)}{area}/"
        found = []
        for key in self._json_keys(prefix)[-newest:]:
            fields = self._loose.read(key)
            if fields is not None:
                found.append(Loose(key, key.removeprefix(prefix).removesuffix(".json"), fields))
        return tuple(found)

    def text(self, key: str) -> str | None:
        """Return a text that is created once, such as a report; None where there is none."""
        return self._one(self._texts, key)

    def table(self, key: str) -> pd.DataFrame | None:
        """Return a Parquet or CSV table that is created once; None where there is none."""
        return self._one(self._tables, key)

    def _newest_records(self, prefix: str, newest: int) -> tuple[ForecastRecord, ...]:
        return tuple(self._records.read(self._json_keys(prefix)[-newest:]).values())

    def _json_keys(self, prefix: str) -> Sequence[str]:
        return [key for key in self._reader.keys(prefix) if key.endswith(".json")]

    def _backtest(self, run: str, files: tuple[str, ...]) -> BacktestRun:
        prefix = keys.backtest(self.name, run)
        is_evaluation = VERDICT in files
        return BacktestRun(
            name=run,
            prefix=prefix,
            files=files,
            meta=self._one(self._metas, f"{prefix}{META}")
            if is_evaluation and META in files
            else None,
            verdict=self._one(self._verdicts, f"{prefix}{VERDICT}") if is_evaluation else None,
        )

    @staticmethod
    def _one(cache: CreatedOnce[T], key: str) -> T | None:
        return cache.read([key]).get(key)


def _record(data: bytes, key: str) -> ForecastRecord:
    record = ForecastRecord.parse(data, what=key)
    if record.asof_date != _asof_of(key):
        raise _misplaced(key, record.asof_date)
    return record


def _outcome(data: bytes, key: str) -> Outcome:
    outcome = Outcome.parse(data, what=key)
    if outcome.asof_date != _asof_of(key):
        raise _misplaced(key, outcome.asof_date)
    return outcome


def _asof_of(key: str) -> str:
    return key.rpartition("/")[2].removesuffix(".json")


def _misplaced(key: str, asof: str) -> DataMalformed:
    return DataMalformed(
        f"{key} holds the as-of {asof}.", remedy="Restore it from a copy; it is never repaired."
    )


def _text(data: bytes, key: str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise DataMalformed(
            f"{key} is no UTF-8 text: {error}.", remedy="Restore it from a copy."
        ) from error


def read_table(data: bytes, key: str) -> pd.DataFrame:
    """Read a CSV or Parquet object.

    Raises:
        DataMalformed: it is neither, or too large to be unpacked.
    """
    # Imported only where a table is read.
    import pyarrow as pa  # noqa: PLC0415
    from pyarrow.parquet import ParquetFile  # noqa: PLC0415

    # ValueError is what pandas raises for empty and torn CSV.
    try:
        if key.endswith(".csv"):
            return pd.read_csv(io.BytesIO(data))
        file = ParquetFile(pa.BufferReader(data))
        demand_bounded(file.metadata.num_rows, len(file.schema_arrow.names))
        # Without its metadata: pandas would believe whatever stands there.
        table: pd.DataFrame = file.read().replace_schema_metadata(None).to_pandas()
    except (pa.ArrowException, ValueError, OSError, OverflowError) as error:
        first_line = str(error).strip().split("\n")[0]
        raise DataMalformed(
            f"{key} is no readable table: {first_line}", remedy="Restore it from a copy."
        ) from error
    return table
