"""One port, three ways: the members here, those of a server, and whichever is healthy."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecastlab.adapters.breaker import StoredBreaker
from forecastlab.adapters.clocks import FixedClock
from forecastlab.contracts.errors import RemoteFailed
from forecastlab.contracts.inference import POLICY, InferenceAccess
from forecastlab.contracts.operations import Operations
from forecastlab.contracts.switches import Switches
from forecastlab.contracts.wire_schema import wire_schema
from forecastlab.models.sequence.model import SequenceModel
from forecastlab.usecases.inference import FirstHealthy, Local, MemberAnswers, Remote, asking
from forecastlab.usecases.inference_probe import probe_inference
from forecastlab.usecases.open_bundle import OpenBundle, load_bundle
from tests.support.direction_bundle import Made, direction_bundle
from tests.support.inference_server import Change, Scripted, moved
from tests.support.memory_store import MemoryStore

# The bundle is fitted in the first test's time.
pytestmark = pytest.mark.timeout(300)

NOW = datetime(2025, 10, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def made() -> Made:
    return direction_bundle()


@pytest.fixture(scope="module")
def bundle(made: Made) -> OpenBundle:
    return load_bundle(made.verified)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def breaker(store: MemoryStore) -> StoredBreaker:
    return StoredBreaker(store, "inference", POLICY, FixedClock(NOW))


def newest(made: Made, count: int = 96) -> tuple[dict[str, pd.DataFrame], pd.DatetimeIndex]:
    rows = made.rows(count)
    return rows, pd.DatetimeIndex(rows["direction"].index[-1:])


def equal(one: MemberAnswers, other: MemberAnswers) -> bool:
    pairs = [
        (table, other.tables[candidate][member])
        for candidate, members in one.tables.items()
        for member, table in members.items()
    ]
    assert len(pairs) == 15
    return one.skipped == other.skipped and all(a.equals(b) for a, b in pairs)


def answers(
    made: Made, bundle: OpenBundle, server: Scripted, store: MemoryStore, count: int = 96
) -> MemberAnswers:
    rows, opens = newest(made, count)
    return FirstHealthy(Remote(server), breaker(store)).answers(bundle, rows, opens, {})


def test_the_members_here_say_what_the_forecasters_say(made: Made, bundle: OpenBundle) -> None:
    rows, opens = newest(made)
    here = Local().answers(bundle, rows, opens, {})
    assert (here.path, here.reason) == ("local", None)
    for name, forecaster in bundle.forecasters.items():
        said = forecaster.forecast(rows, opens)
        again = forecaster.combine(here.tables[name], here.skipped[name])
        assert said.published.equals(again.published)
        assert (said.method, said.sets) == (again.method, again.sets)


def test_a_server_gives_what_the_members_here_give(made: Made, bundle: OpenBundle) -> None:
    rows, opens = newest(made)
    here = Local().answers(bundle, rows, opens, {})
    there = Remote(Scripted(bundle)).answers(bundle, rows, opens, {})
    assert there.path == "remote"
    for candidate, members in here.tables.items():
        for member, table in members.items():
            other = there.tables[candidate][member]
            np.testing.assert_allclose(other, table, rtol=0, atol=1e-12)
            assert other.columns.equals(table.columns)
            assert other.index.equals(opens)


@pytest.mark.parametrize(("known", "sent"), [(130, 96), (96, 96), (60, 60)])
def test_the_newest_96_rows_are_sent_or_all_there_are(
    made: Made, bundle: OpenBundle, store: MemoryStore, known: int, sent: int
) -> None:
    server = Scripted(bundle)
    rows, opens = newest(made, known)
    FirstHealthy(Remote(server), breaker(store)).answers(bundle, rows, opens, {})
    (question,) = server.questions
    features = question["features"]
    assert len(features["index"]) == len(features["data"]) == sent
    assert features["index"][-1] == opens[0].timestamp() * 1000
    schema = wire_schema(bundle.files.manifest)
    assert (question["schema"], tuple(features["columns"])) == (schema.name, schema.columns)


def patient_with_holes(bundle: OpenBundle) -> OpenBundle:
    """Return the bundle with networks whose windows may lack candles, as the shipped ones' may."""

    def patient(model: Any) -> Any:
        if not isinstance(model, SequenceModel):
            return model
        return replace(model, reading=replace(model.reading, max_gap=12))

    forecasters = {
        name: replace(one, members={key: patient(model) for key, model in one.members.items()})
        for name, one in bundle.forecasters.items()
    }
    return replace(bundle, forecasters=forecasters)


def test_rows_before_a_hole_reach_the_server_as_they_do_the_members_here(
    made: Made, bundle: OpenBundle, store: MemoryStore
) -> None:
    """Two candles without a row: the window of 96 rows spans 98 candles."""
    bundle = patient_with_holes(bundle)
    server, whole = Scripted(bundle), made.rows(98)
    hole = whole["direction"].index[40:42]
    rows = {name: table.drop(hole, errors="ignore") for name, table in whole.items()}
    opens = pd.DatetimeIndex(rows["direction"].index[-1:])
    said = FirstHealthy(Remote(server), breaker(store)).answers(bundle, rows, opens, {})
    assert "tft" in said.tables["H5"]
    assert (said.path, said.reason) == ("remote", None)
    assert len(server.questions[0]["features"]["index"]) == 98


def test_an_honest_server_is_believed_and_moves_no_bit(
    made: Made, bundle: OpenBundle, store: MemoryStore
) -> None:
    rows, opens = newest(made)
    said = answers(made, bundle, Scripted(bundle), store)
    assert (said.path, said.reason) == ("remote", None)
    assert equal(said, Local().answers(bundle, rows, opens, {}))
    assert store.written == []


def test_a_member_that_is_skipped_here_is_not_asked_for_there(
    made: Made, bundle: OpenBundle, store: MemoryStore
) -> None:
    said = answers(made, bundle, Scripted(bundle), store, count=60)
    assert said.path == "remote"
    assert said.skipped["H5"] == {"tft": "insufficient_rows(60<96)"}


def put(path: str, value: object) -> Change:
    """Return a change of one place of the answer."""

    def change(answer: dict[str, Any]) -> None:
        *parents, last = path.split(".")
        for name in parents:
            answer = answer[name]
        answer[last] = value

    return change


def without(path: str) -> Change:
    def change(answer: dict[str, Any]) -> None:
        *parents, last = path.split(".")
        for name in parents:
            answer = answer[name]
        del answer[last]

    return change


TREE_LIE, NETWORK_LIE = 2e-6, 2e-4
LIES: dict[str, tuple[Change, str, str]] = {
    **{
        f"{member} by a little": (
            moved("H12", member, by),
            "disagrees",
            f"disagrees(H12.{member} by {by:.1g})",
        )
        for member, by in {
            **dict.fromkeys(("lightgbm", "lightgbm_cross", "xgboost"), TREE_LIE),
            **dict.fromkeys(("lstm", "tft"), NETWORK_LIE),
        }.items()
    },
    "a member less": (without("heads.H5.members.tft"), "malformed", "malformed(without H5.tft)"),
    "a head less": (without("heads.H24"), "malformed", "malformed(without H24)"),
    "no heads": (without("heads"), "malformed", "malformed(without heads)"),
    "heads in a list": (put("heads", []), "malformed", "malformed(without heads)"),
    "no success": (put("success", False), "malformed", "malformed(no success)"),
    "success in words": (put("success", "true"), "malformed", "malformed(no success)"),
    "an empty object": (lambda answer: answer.clear(), "malformed", "malformed(no success)"),
    **{
        f"{value!r} for a probability": (
            put("heads.H5.members.lstm", value),
            "malformed",
            "malformed(H5.lstm is no probability)",
        )
        for value in (None, "0.5", True, [0.5], -0.1, 1.1, 10**200)
    },
    "another bundle": (
        put("bundle.digest", "sha256:" + "f" * 64),
        "another_bundle",
        "another_bundle(ffffffffffff)",
    ),
    "a bundle with a script in it": (
        put("bundle.digest", "<script>alert(1)</script>"),
        "another_bundle",
        "another_bundle(no digest)",
    ),
    "no digest": (without("bundle.digest"), "another_bundle", "another_bundle(no digest)"),
    "no bundle": (without("bundle"), "malformed", "malformed(without bundle)"),
    "other columns": (
        put("schema", "direction_1h_ETHUSDT@sha256:0"),
        "another_bundle",
        "another_bundle(other columns)",
    ),
}


@pytest.mark.parametrize(("change", "kind", "reason"), LIES.values(), ids=LIES)
def test_a_wrong_answer_counts_as_none_and_is_told(
    made: Made, bundle: OpenBundle, store: MemoryStore, change: Change, kind: str, reason: str
) -> None:
    rows, opens = newest(made)
    server = Scripted(bundle, change)
    said = answers(made, bundle, server, store)
    assert (said.path, said.reason) == ("local", reason)
    assert equal(said, Local().answers(bundle, rows, opens, {}))
    for _ in range(2):
        answers(made, bundle, server, store)
    last = answers(made, bundle, server, store)
    if kind in POLICY.limits:
        assert last.reason is not None
        assert last.reason.startswith(f"breaker_open({kind}, until ")
        assert len(server.questions) == 3
    else:  # no outage: asked every time
        assert last.reason == reason
        assert len(server.questions) == 4


def test_a_probe_that_finds_it_well_again_closes_the_breaker(
    made: Made, bundle: OpenBundle, store: MemoryStore
) -> None:
    down = RemoteFailed("timeout(5 s)", remedy="Wait.", kind="timeout")
    server = Scripted(bundle, down)
    for _ in range(3):
        assert answers(made, bundle, server, store).reason == "timeout(5 s)"
    server.change = None
    rows, opens = newest(made)
    later = StoredBreaker(store, "inference", POLICY, FixedClock(NOW + POLICY.cool_down))
    for _ in range(2):
        said = FirstHealthy(Remote(server), later).answers(bundle, rows, opens, {})
        assert said.path == "remote"
    assert len(server.questions) == 5


def test_a_question_that_the_wire_has_no_words_for_is_not_asked(
    made: Made, bundle: OpenBundle, store: MemoryStore
) -> None:
    server = Scripted(bundle)
    rows, opens = newest(made)
    both = FirstHealthy(Remote(server), breaker(store))
    absent = {"cross": "missing_features(btc_ret_1)"}
    said = both.answers(bundle, rows, opens, absent)
    assert said.reason == "not_asked(no row of cross)"
    assert said.skipped["H5"]["tft"] == absent["cross"]
    earlier = pd.DatetimeIndex(rows["direction"].index[-2:-1])
    assert both.answers(bundle, rows, earlier, {}).reason == (
        "not_asked(another as-of than the newest row's)"
    )
    assert server.questions == []
    assert store.written == []


def workspace(bundle: OpenBundle, server: Scripted | None, *, remote: bool) -> Any:
    access = None if server is None else InferenceAccess(server, breaker(MemoryStore()))
    return SimpleNamespace(
        inference=access,
        operations=Operations(remote=remote),
        switches=Switches(stacking=False),
        deployment=bundle.files.manifest.deployment,
    )


@pytest.mark.parametrize(
    ("named", "remote", "kind"),
    [(True, True, FirstHealthy), (True, False, Local), (False, True, Local)],
)
def test_a_server_is_asked_where_it_is_named_and_allowed(
    bundle: OpenBundle, named: bool, remote: bool, kind: type
) -> None:
    server = Scripted(bundle) if named else None
    found = asking(workspace(bundle, server, remote=remote))
    assert type(found.inference) is kind
    assert found.switches == Switches(stacking=False)


def test_doctor_asks_for_a_known_answer(
    made: Made, bundle: OpenBundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    from forecastlab.usecases import inference_probe

    monkeypatch.setattr(inference_probe, "choose", lambda *_: SimpleNamespace(bundle=bundle))
    server = Scripted(bundle)
    here = workspace(bundle, server, remote=True)
    facts, remedy = probe_inference(here, here.inference)
    assert (facts, remedy) == (f"http://scripted gives the known answers of {made.name}", "")
    server.change = moved("H5", "lstm", 0.01)
    facts, remedy = probe_inference(here, here.inference)
    assert facts.startswith("http://scripted is not used: disagrees(H5.lstm by 0.01)")
    assert remedy
    here.operations = Operations(remote=False)
    assert "is not asked" in probe_inference(here, here.inference)[0]
    assert len(server.questions) == 2
