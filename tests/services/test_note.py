"""The note on a sealed forecast: once, about nothing private, and never in the forecast's way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from forecastlab.contracts import keys
from forecastlab.contracts.analysis_log import Note
from forecastlab.contracts.canonical import digest
from forecastlab.contracts.errors import DataUnavailable
from forecastlab.contracts.ports import ABSENT
from forecastlab.contracts.records import ForecastRecord, Outcome
from forecastlab.usecases.analysis.note import NoteWriter, told_of, write_note
from forecastlab.usecases.analysis.note_scores import NoteScores, note_scores
from tests.support.analyst_world import AnalystWorld
from tests.support.documents import record_document
from tests.support.faulty_http import FaultyServer, answer, slow
from tests.support.llm_server import LlmWire, asked
from tests.support.memory_store import MemoryStore

WORDS = "A quiet spell is a little more likely than usual; past skill may not last."
SAID = json.dumps({"note": WORDS, "direction": "none"})


def record() -> ForecastRecord:
    return ForecastRecord.model_validate(record_document())


@pytest.fixture
def wire() -> LlmWire:
    return LlmWire(content=SAID)


@pytest.fixture
def server(wire: LlmWire) -> Iterator[FaultyServer]:
    with FaultyServer(wire) as running:
        yield running


@pytest.fixture
def world(tmp_path: Path, server: FaultyServer) -> AnalystWorld:
    return AnalystWorld(tmp_path, server)


def written(world: AnalystWorld) -> str | None:
    writer = NoteWriter("en", world.desk)
    return write_note(world.store, record(), writer, world.clock)


def test_a_note_is_written_once(world: AnalystWorld, wire: LlmWire) -> None:
    assert written(world) == "written by fake-1017"
    assert written(world) is None
    assert wire.answered == 1
    found = world.store.get(keys.note(record().deployment, record().asof_date))
    assert found is not None
    note = Note.parse(found.data, what="note")
    assert (note.text, note.direction, note.language) == (WORDS, "none", "en")
    assert note.record_digest == digest(record().stored())
    assert note.usage is not None


def test_the_model_hears_no_date_price_market_or_name(
    world: AnalystWorld, server: FaultyServer
) -> None:
    written(world)
    sealed = record()
    told = json.dumps(asked(server.requests[0])["messages"])
    for private in (
        sealed.asof_date,
        sealed.asof_date[:4],
        sealed.symbol,
        "BTC",
        str(sealed.close),
        str(int(sealed.close)),
        sealed.deployment,
        sealed.bundle.name,
        sealed.bundle.digest[7:19],
        *sealed.forecasts,
    ):
        assert private not in told
    assert "base_rates" in told


def test_it_hears_what_the_record_says() -> None:
    first = record().forecasts["T21_X8"]
    told = told_of(record())["forecast_1"]
    assert told["verdict"] == first.skill.verdict
    assert told["probabilities"]["1"] == pytest.approx(first.pred_proba["1"], rel=0.01)


@pytest.mark.parametrize(("name", "meaning"), [("T21_X8", "0.08"), ("H5", "more than 0")])
def test_it_hears_what_a_label_means(name: str, meaning: str) -> None:
    sealed = record()
    forecasts = {name: sealed.forecasts["T21_X8"]}
    told = told_of(sealed.model_copy(update={"forecasts": forecasts}))["forecast_1"]
    assert meaning in told["rule"]
    assert name not in json.dumps(told)


def test_without_a_model_the_morning_goes_on(world: AnalystWorld, server: FaultyServer) -> None:
    for fault in (answer(503), answer(402), slow(9.0), LlmWire().says("no json")):
        world.deadline_s = 0.3
        server.always(fault)
        with pytest.raises(DataUnavailable):
            written(world)
    assert world.store.list("notes/") == []


def test_where_no_note_is_asked_for_nothing_is_asked(world: AnalystWorld) -> None:
    assert write_note(world.store, record(), None, world.clock) is None
    assert world.store.gets == []


def test_the_record_stays_as_it_was(world: AnalystWorld) -> None:
    written(world)
    assert [key for key in world.store.written if key.startswith("predictions/")] == []


def scored(world: AnalystWorld, label: int | None, **changed: object) -> NoteScores:
    sealed = record()
    written(world)
    key = keys.note(sealed.deployment, sealed.asof_date)
    store = MemoryStore()
    found = world.store.get(key)
    assert found is not None
    note = Note.parse(found.data, what="note").model_copy(
        update={"created_at": sealed.as_of + timedelta(minutes=6), **changed}
    )
    store.put(key, note.stored(), if_generation=ABSENT)
    place = keys.record(sealed.deployment, sealed.asof_date)
    store.put(place, sealed.stored(), if_generation=ABSENT)
    if label is not None:
        outcome = Outcome(
            candidate="T21_X8",
            asof_date=sealed.asof_date,
            as_of=sealed.as_of,
            resolves_at=sealed.as_of + timedelta(days=21),
            label=label,
            close=1.0,
        )
        place = keys.outcome(sealed.deployment, "T21_X8", sealed.asof_date)
        store.put(place, outcome.stored(), if_generation=ABSENT)
    return note_scores(store, sealed.deployment)


def test_its_direction_is_scored_forward_only(world: AnalystWorld) -> None:
    assert scored(world, 1, direction="up") == NoteScores(1, 0, 1, 1, 1)
    assert scored(world, 0, direction="up") == NoteScores(1, 0, 1, 1, 0)
    assert scored(world, -1, direction="down") == NoteScores(1, 0, 1, 1, 1)
    assert scored(world, None, direction="up") == NoteScores(1, 0, 1, 0, 0)
    assert scored(world, 1, direction="none") == NoteScores(1, 0, 0, 0, 0)
    late = record().as_of + timedelta(days=1)
    assert scored(world, 1, direction="up", created_at=late) == NoteScores(1, 1, 0, 0, 0)
