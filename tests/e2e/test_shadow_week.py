"""A simulated week of an hourly deployment in shadow: it passes, and each broken one fails by name.

The candles, the clock, the windows, the documents and the outcomes are those of 168 hourly runs;
only the members' answers are made up, for a network that is trained in a test's time says nothing.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from forecastlab.bootstrap import Choice, chosen_settings, open_demo
from forecastlab.contracts import keys
from forecastlab.contracts.intervals import asof_name
from forecastlab.contracts.manifest import SeriesEntry, ServingEntry
from forecastlab.contracts.ports import ABSENT
from forecastlab.contracts.records import ForecastRecord, Outcome
from forecastlab.contracts.registry import RegistryEvent
from forecastlab.contracts.shadow import ShadowAnswer, ShadowChallenger, ShadowDocument
from forecastlab.usecases import shadow_run
from forecastlab.usecases.serving_window import Needed
from forecastlab.usecases.shadow_answer import Answered
from forecastlab.usecases.shadow_report import ShadowReport, shadow_report
from forecastlab.usecases.shadow_run import run_shadow
from forecastlab.usecases.update import serving_needs, update
from forecastlab.usecases.workspace import Workspace
from tests.support.documents import record_document
from tests.support.memory_store import MemoryStore
from tests.support.shadows import (
    CHALLENGER,
    CHAMPION,
    HOURLY,
    ZEROS,
    answer,
    failed,
    lively,
    member,
    table,
)

HOURS = 168
HOUR = timedelta(hours=1)
FIRST = datetime(2019, 6, 3, tzinfo=UTC)
SERVING = ServingEntry(
    daily_candles=60,
    shortest=60,
    whole_days=28,
    series=(
        SeriesEntry(symbol="BTCUSDT", interval="1d"),
        SeriesEntry(symbol="BTCUSDT", interval="1h"),
    ),
)
FILES = SimpleNamespace(
    name=CHALLENGER,
    manifest=SimpleNamespace(
        symbol="BTCUSDT",
        interval="1h",
        serving=SERVING,
        recipe=SimpleNamespace(recipe=None, features=SimpleNamespace(funding=False)),
        training=SimpleNamespace(cut_off="2019-06-01T00Z"),
    ),
)


def record(opened: datetime, up: float) -> ForecastRecord:
    """A live record of the champion's."""
    document = record_document()
    forecast = document["forecasts"]["T21_X8"]
    forecast |= {"pred_label": int(up > 0.5), "pred_proba": table(up), "base_rate": table(0.5)}
    forecast |= {"prediction_set": {"level": 0.8, "labels": [0, 1]}, "method": "lightgbm"}
    forecast |= {"members": {"lightgbm": table(up)}, "resolves_on": f"{opened + 5 * HOUR:%F}"}
    changes = {
        "deployment": HOURLY,
        "interval": "1h",
        "asof_date": asof_name(opened, "1h"),
        "as_of": opened + HOUR,
        "created_at": opened + HOUR + timedelta(minutes=2),
        "bundle": {"name": CHAMPION, "digest": ZEROS},
        "forecasts": {"H5": forecast},
    }
    return ForecastRecord.model_validate({**document, **changes})


def open_desk(store: Path) -> tuple[Workspace, Callable[[datetime], None]]:
    workspace, set_clock = open_demo(chosen_settings(Choice(HOURLY, "simulated", str(store))))
    bundles = cast("Any", SimpleNamespace(find=lambda _: FILES))
    return replace(workspace, bundles=bundles), set_clock


@pytest.fixture(scope="session")
def week(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store after a week of hourly shadow runs, the champion's records beside them."""
    store = tmp_path_factory.mktemp("week") / "store"
    workspace, set_clock = open_desk(store)
    # All candles at once: what an hour may see of them is cut by its as-of, not by the lake.
    set_clock(FIRST + (HOURS + 1) * HOUR)
    needed = Needed("BTCUSDT", "1h", SERVING)
    update(workspace, serving_needs(needed, FIRST))
    set_clock(FIRST)
    for sequence, (kind, name) in enumerate(
        (("promoted", CHAMPION), ("registered", CHALLENGER)), start=1
    ):
        workspace.registry.append(
            RegistryEvent(
                sequence=sequence,
                kind=cast("Any", kind),
                deployment=HOURLY,
                bundle=name,
                bundle_digest=ZEROS,
                previous=None,
                at=FIRST,
                by="a test",
                why="a test",
            )
        )
    ours, theirs = iter(lively(HOURS)), iter(lively(HOURS, seed=1))
    with pytest.MonkeyPatch.context() as patch:
        said = lambda *_: Answered({"H5": answer(next(ours))}, ())  # noqa: E731 - one answer each
        patch.setattr(shadow_run, "shadow_answers", said)
        for place in range(HOURS):
            opened = FIRST + place * HOUR
            set_clock(opened + HOUR + timedelta(minutes=5))
            sealed = record(opened, next(theirs))
            key = keys.record(HOURLY, sealed.asof_date)
            workspace.store.put(key, sealed.stored(), if_generation=ABSENT)
            assert run_shadow(workspace) == "1 of 1 challenger(s) answered"
    return store


Change = Callable[[int, ShadowChallenger], ShadowChallenger | None]
"""An hour's place and what became of the challenger -> what shall have become of it, or nothing."""


class Week:
    """The week in memory, each time as it is to be told."""

    def __init__(self, store: Path) -> None:
        self._workspace, set_clock = open_desk(store)
        set_clock(FIRST + HOURS * HOUR + timedelta(minutes=5))
        prefix = keys.shadows(HOURLY)
        self._documents = {}
        for key in self._workspace.store.list(prefix):
            found = self._workspace.store.get(key)
            assert found is not None
            self._documents[key] = ShadowDocument.parse(found.data, what=key)

    def report(
        self,
        change: Change = lambda _, one: one,
        *,
        outcomes: Mapping[str, Outcome] | None = None,
        **options: Any,
    ) -> ShadowReport:
        store = MemoryStore()
        for asof, outcome in (outcomes or {}).items():
            store.put(keys.outcome(HOURLY, "H5", asof), outcome.stored(), if_generation=ABSENT)
        entries = list(enumerate(self._documents.items()))
        random.Random(len(entries)).shuffle(entries)
        for place, (key, document) in entries:
            told = change(place, document.challengers[0])
            if told is not None:
                changed = document.model_copy(update={"challengers": (told,)})
                store.put(key, changed.stored(), if_generation=ABSENT)
        return shadow_report(
            replace(self._workspace, store=store), CHALLENGER, **{"days": 7, **options}
        )


@pytest.fixture(scope="session")
def lived(week: Path) -> Week:
    return Week(week)


def said(
    one: ShadowChallenger, changed: Callable[[ShadowAnswer], ShadowAnswer]
) -> ShadowChallenger:
    return one.model_copy(update={"forecasts": {"H5": changed(one.forecasts["H5"])}})


def with_lstm(up: float | None) -> Change:
    def change(_: int, one: ShadowChallenger) -> ShadowChallenger:
        lstm = member("lstm", up)
        return said(one, lambda a: a.model_copy(update={"members": {**a.members, "lstm": lstm}}))

    return change


def publishing(up: float) -> Change:
    def change(_: int, one: ShadowChallenger) -> ShadowChallenger:
        return said(one, lambda a: a.model_copy(update={"pred_proba": table(up)}))

    return change


def test_a_week_passes(lived: Week) -> None:
    report = lived.report(min_bars=100)
    assert report.passed, report.reasons
    assert (report.due, report.answered, report.missing) == (HOURS, HOURS, ())
    assert (report.first, report.last) == ("2019-06-03T00Z", "2019-06-09T23Z")
    assert report.compared == HOURS
    assert report.agreement is not None and 0.3 < report.agreement < 0.7
    [scores] = report.scores
    # The label of an hour resolves five hours after its close.
    assert (scores.rows, scores.needed["log_loss"]) == (HOURS - 5, 30)
    assert scores.too_few == ("direction_auc",)
    loss = scores.scores["challenger"]["log_loss"]
    assert loss.value is not None and loss.low is not None and loss.high is not None
    assert loss.low < loss.value < loss.high
    gain = scores.gain["log_loss"]
    assert gain.low is not None and gain.high is not None
    assert gain.low < 0 < gain.high


def test_the_default_span_of_an_hourly_deployment_is_a_day(lived: Week) -> None:
    report = lived.report(days=None)
    assert (report.due, report.first) == (24, "2019-06-09T00Z")
    assert report.passed
    [scores] = report.scores
    assert (scores.rows, scores.too_few) == (19, ("log_loss", "direction_auc"))
    assert scores.gain["log_loss"].low is None


CONTROLS: dict[str, tuple[Change, str]] = {
    "dead network": (with_lstm(None), "lstm (0 of 168 answers; 168 × skipped: insufficient_rows"),
    "network frozen at .5": (with_lstm(0.5), "lstm (0 of 168 answers; 168 × frozen)"),
    "network saturated": (with_lstm(0.999), "lstm (0 of 168 answers; 168 × saturated)"),
    "forecast frozen at .5": (publishing(0.5), "frozen (equal forecasts of H5: 100 %)"),
    "forecast saturated": (publishing(0.999), "published (0 of 168 answers; 168 saturated)"),
    "missing bars": (
        lambda place, one: one if place % 3 else None,
        "coverage (112 of 168 bars)",
    ),
    "an exception": (
        lambda place, one: failed("ValueError: no") if place == 7 else one,
        "errors (2019-06-03T07Z: ValueError: no)",
    ),
}


@pytest.mark.parametrize(("change", "reason"), CONTROLS.values(), ids=CONTROLS)
def test_a_broken_challenger_fails_with_its_reason(
    lived: Week, change: Change, reason: str
) -> None:
    report = lived.report(change)
    assert not report.passed
    assert any(one.startswith(reason) for one in report.reasons), report.reasons
    document = report.as_document()
    assert document["passed"] is False
    assert document["reasons"] == list(report.reasons)


def test_missing_bars_are_named_with_the_reason(lived: Week) -> None:
    def change(place: int, one: ShadowChallenger) -> ShadowChallenger | None:
        if place == 2:
            return None
        return failed("ValueError: no") if place == 3 else one

    missing = [(one.asof, one.why) for one in lived.report(change).missing]
    assert missing == [("2019-06-03T02Z", "no shadow run"), ("2019-06-03T03Z", "ValueError: no")]


def test_a_stored_outcome_stands(lived: Week) -> None:
    asof, first = asof_name(FIRST, "1h"), lively(1)[0]
    outcome = Outcome(
        candidate="H5",
        asof_date=asof,
        as_of=FIRST + HOUR,
        resolves_at=FIRST + 6 * HOUR,
        label=1,
        close=1.0,
    )

    def loss(label: int) -> float:
        told = outcome.model_copy(update={"label": label})
        [scores] = lived.report(days=7, outcomes={asof: told}).scores
        assert scores.rows == HOURS - 5
        found = scores.scores["challenger"]["log_loss"].value
        assert found is not None
        return found

    moved = np.log(first) - np.log(1 - first)
    assert (HOURS - 5) * (loss(0) - loss(1)) == pytest.approx(moved)
