"""Directions over HTTP: the earlier contract's keys, bad input, and a switch under load."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forecastlab.adapters.remote_inference import HttpInference
from forecastlab.api.metrics import Metrics
from forecastlab.api.predict import Prediction
from forecastlab.contracts.errors import BundleRefused
from forecastlab.usecases.adjust_score import Chance, adjust
from forecastlab.usecases.champion import choose
from forecastlab.usecases.inference import Local, Remote
from forecastlab.usecases.live_bundle import LiveBundle
from forecastlab.usecases.open_bundle import OpenBundle, open_bundle
from forecastlab.usecases.workspace import Workspace
from tests.support.direction_bundle import END, Made, direction_bundle, leaning
from tests.support.prediction import (
    as_body,
    changed,
    live_bundle,
    original_features,
    predicting,
    promote,
    request,
    without_columns,
    workspace_of,
)
from tests.support.service import Service, answer_of, running, serving, wait_until

JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def made() -> Made:
    return direction_bundle()


@pytest.fixture(scope="module")
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture(scope="module")
def service(
    made: Made, metrics: Metrics, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    workspace = workspace_of(tmp_path_factory.mktemp("predict"), made)
    promote(workspace, made)
    with predicting([live_bundle(workspace)], metrics=metrics) as found:
        yield found


def predicted(service: Service, document: object, path: str = "/predict") -> Any:
    answer = service.post(path, document)
    assert answer.status == 200, answer.body
    assert answer.headers["content-type"] == "application/json"
    return answer.document


def without_times(document: dict[str, Any]) -> dict[str, Any]:
    return {name: one for name, one in document.items() if name != "latency_ms"}


def test_the_earlier_contract_holds(made: Made, service: Service) -> None:
    """The request of the design document, as its client sends it, and the keys that it reads."""
    body = {"sell_score": 45.0, "buy_score": 38.0, "features": original_features(made)}
    found = service.ask("POST", "/predict", as_body(body), {"Content-Type": "text/plain"}).document
    assert found["success"] is True
    assert found["stacking_mode"] is False
    assert 0 < found["bull_prob"] < 1
    assert found["bull_prob"] == round(found["heads"]["H5"]["bull_prob"], 4)
    assert {"ca_bull_prob", "tft_bull_prob", "ca_feature_coverage"} <= found.keys()
    for member in ("lgb", "xgb", "lstm"):
        assert found[f"{member}_skipped_reason"]
        assert f"{member}_bull_prob" not in found


def test_a_stack_answers_with_its_keys(made: Made, service: Service) -> None:
    found = predicted(service, request(made), "/ml/predict")
    members = {"lgb": "lgb", "xgb": "xgb", "lstm": "lstm", "tft": "tft", "ca": "cross_lgb"}
    assert found["stacking_mode"] is True
    assert found["stacking_bull_prob"] == found["heads"]["H5"]["bull_prob"]
    for name, stacked in members.items():
        assert found[f"{name}_bull_prob"] == found[f"stacking_{stacked}_prob"]
    assert found["stacking_feature_coverage_73"] == found["stacking_feature_coverage_94"] == 1.0


def test_every_horizon_is_told_with_its_members_as_they_are(made: Made, service: Service) -> None:
    found = predicted(service, request(made))
    assert found["bundle"] == {"name": made.name, "digest": made.verified.digest}
    assert found["schema"] == request(made)["schema"]
    assert found["as_of"] == "2018-07-10T00:00:00Z"
    assert found["latency_ms"] > 0
    assert list(found["heads"]) == ["H5", "H12", "H24"]
    for name, head in found["heads"].items():
        there = made.forecasters[name].forecast(made.rows(), made.newest)
        assert head["horizon"] == int(name[1:])
        assert head["method"] == "stack"
        assert head["bull_prob"] == pytest.approx(there.published[1].iloc[0], abs=1e-12)
        for member, table in there.members.items():
            assert head["members"][member] == pytest.approx(table[1].iloc[0], abs=1e-12)


@pytest.mark.parametrize(("lean", "side"), [(3.0, "bullish"), (-3.0, "bearish")])
def test_a_chance_from_here_and_one_from_there_are_applied_alike(
    made: Made, tmp_path: Path, lean: float, side: str
) -> None:
    leans = leaning(made, lean)
    workspace = workspace_of(tmp_path, leans)
    promote(workspace, leans)
    with predicting([live_bundle(workspace)]) as service:
        found = predicted(service, request(leans))
    there, told = found["heads"]["H5"], found["direction"]
    here = leans.forecasters["H5"].forecast(leans.rows(), leans.newest).published[1].iloc[0]
    for up in (there["bull_prob"], float(here)):
        adjusted = adjust(45.0, 38.0, Chance(up, there["base_rate"]), "relative")
        assert told["side"] == adjusted.side == side
        assert told["action"] == adjusted.action
        assert told["sell_score"] == pytest.approx(adjusted.adjusted_sell_score, abs=1e-9)
        assert told["buy_score"] == pytest.approx(adjusted.adjusted_buy_score, abs=1e-9)
    assert (told["sell_score"] < 45.0) == (side == "bullish")


def test_a_batch_is_its_single_requests(made: Made, service: Service) -> None:
    several = [request(made), request(made, 40), {"features": original_features(made)}]
    broken = changed(request(made), "ret_1", None)
    answer = predicted(service, [*several, broken], "/predict/batch")
    assert (answer["success"], answer["failed"]) == (False, 1)
    for one, told in zip(several, answer["answers"], strict=False):
        alone = predicted(service, one)
        assert told.keys() == alone.keys()
        for name, head in alone["heads"].items():
            other = told["heads"][name]
            assert other["skipped"] == head["skipped"]
            assert other["bull_prob"] == pytest.approx(head["bull_prob"], abs=1e-6)
    failed = answer["answers"][-1]
    assert (failed["success"], failed["status"]) == (False, 400)
    assert "not finite: ret_1" in failed["error"]


def test_many_at_once_are_answered_each_with_its_own(made: Made, service: Service) -> None:
    bodies = [as_body(request(made, rows, sell_score=float(rows))) for rows in range(40, 70)]
    found: dict[int, Any] = {}

    def ask(place: int) -> None:
        found[place] = service.ask("POST", "/predict", bodies[place], JSON).document

    threads = [threading.Thread(target=ask, args=(place,)) for place in range(len(bodies))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for place, rows in enumerate(range(40, 70)):
        skipped = found[place]["heads"]["H5"]["skipped"]
        assert skipped["tft"] == f"insufficient_rows({rows}<96)"
        if found[place]["direction"]["side"] == "neutral":
            assert found[place]["direction"]["sell_score"] == rows


SHAPE = b'{"features":{"columns":["ret_1"],"data":'


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "Invalid JSON"),
        (b"{", "Invalid JSON"),
        (b"\xff\xfe", "Invalid JSON"),
        (b'{"features":{"columns":["\xff"],"data":[[1]]}}', "Invalid JSON"),
        (b"null", "Expected `object`, got `null`"),
        (b"[]", "Expected `object`, got `array`"),
        (b"1", "Expected `object`, got `int`"),
        (b"{}", "missing required field `features`"),
        (b'{"features":null}', "Missing or invalid 'features' (need orient='split')"),
        (b'{"features":[]}', "Missing or invalid 'features' (need orient='split')"),
        (b'{"features":{"columns":["a"]}}', "missing required field `data`"),
        (b'{"x":' + b"[" * 100_000, "nested too deeply"),
        (b'{"features":' + b"[" * 100_000, "got `array`"),
        (SHAPE + b"[[1e999]]}}", "Number out of range"),
        (SHAPE + b"[[" + b"9" * 400 + b"]]}}", "Number out of range"),
        (SHAPE + b'[["1"]]}}', "got `str`"),
        (SHAPE + b"[[true]]}}", "got `bool`"),
        (SHAPE + b"[[NaN]]}}", "Invalid JSON"),
        (SHAPE + b"[1]}}", "Expected `array`, got `int`"),
        (SHAPE + b'[[0.1]],"index":["a"]}}', "Expected `int`, got `str`"),
        (SHAPE + b'[[0.1]]},"sell_score":null}', "`$.sell_score`"),
        (SHAPE + b'[[0.1]]},"sell_score":-1}', "the sell score -1.0"),
        (SHAPE + b"[[0.1]]}}", "No member of"),
        (SHAPE + b"[]}}", "0 rows"),
        (SHAPE + b"[[]]}}", "not every row has 1 values"),
    ],
)
def test_a_body_that_cannot_be_meant_is_refused(service: Service, body: bytes, told: str) -> None:
    service.ask("POST", "/predict", body, JSON).refused(400, told)
    # It has killed nobody.
    assert service.get("/readyz").status == 200


def test_too_many_rows_or_requests_are_refused(made: Made, service: Service) -> None:
    rows = as_body({"features": {"columns": ["ret_1"], "data": [[0.1]] * 2001}})
    service.ask("POST", "/predict", rows, JSON).refused(400, "2001 rows, where 1 to 2000")
    one = {"features": {"columns": ["ret_1"], "data": [[0.1]]}}
    service.post("/predict/batch", [one] * 65).refused(400, "65 requests, where 1 to 64")
    service.post("/predict/batch", []).refused(400, "0 requests")
    service.post("/predict/batch", one).refused(400, "Expected `array`, got `object`")
    service.ask("POST", "/predict", b" " * (5 << 20), JSON).refused(413)


def test_columns_that_do_not_fit_are_listed(made: Made, service: Service) -> None:
    odd = without_columns(request(made), ["ret_1"])
    odd["features"]["columns"][0] = "surprise"
    told = "missing: btc_ret_1, ret_1; unknown: surprise"
    service.post("/predict", odd).refused(400, told)


def test_another_schema_is_refused_with_the_one_that_is_served(
    made: Made, service: Service
) -> None:
    other = {**request(made), "schema": "direction_1h_ETHUSDT@sha256:00"}
    answer = service.post("/predict", other)
    answer.refused(409, "is not served")
    assert answer.document["schema"] == request(made)["schema"]
    assert answer.document["bundle"]["digest"] == made.verified.digest
    elsewhere = {**request(made), "schema": "direction_1h_BTCUSDT"}
    service.post("/predict", elsewhere).refused(409, "No model of direction_1h_BTCUSDT")


def test_a_deployment_without_a_digest_takes_the_earlier_names(
    made: Made, service: Service
) -> None:
    named = {"schema": "direction_1h_ETHUSDT", "features": original_features(made)}
    unnamed = {"features": original_features(made)}
    answers = [without_times(predicted(service, one)) for one in (named, unnamed)]
    assert answers[0] == answers[1]


def test_scores_are_counted(made: Made, service: Service, metrics: Metrics) -> None:
    predicted(service, request(made))
    text = metrics.text().decode()
    counted = 'forecastlab_score_count{deployment="direction_1h_ETHUSDT"}'
    assert float(text.partition(counted)[2].split("\n")[0]) >= 1


def test_info_and_health_tell_what_answers(made: Made, service: Service) -> None:
    info = service.get("/info").document["components"]["predict"]["deployments"]
    told = info["direction_1h_ETHUSDT"]
    assert told["schema"] == request(made)["schema"]
    assert told["columns"] == request(made)["features"]["columns"]
    assert told["rows"] == {
        "cross": 96,
        "direction": 48,
        "direction/scaled": 1,
        "direction_cross": 1,
    }
    assert told["device"] == "cpu"
    health = service.get("/health").document["components"]["predict"]
    assert health["status"] == "ok"
    assert health["deployments"]["direction_1h_ETHUSDT"]["bundle"] == made.name


def test_no_model_is_503_and_never_a_half(made: Made, tmp_path: Path) -> None:
    workspace = workspace_of(tmp_path, made)
    part = Prediction([live_bundle(workspace)], Metrics(), follow_s=0.05)
    with running([part], wait=False) as (service, _):
        wait_until(lambda: service.get("/livez").status == 200)
        service.post("/predict", request(made)).refused(503, "No model of direction_1h_ETHUSDT")
        service.get("/readyz").refused(503, "waiting for predict")
        service.get("/health").refused(503, "predict")
        promote(workspace, made)
        wait_until(lambda: service.get("/readyz").status == 200)
        assert predicted(service, request(made))["success"] is True


def test_a_service_that_was_not_asked_to_predict_waits_for_no_model(
    made: Made, tmp_path: Path
) -> None:
    live = live_bundle(workspace_of(tmp_path, made))
    part = Prediction([live], Metrics(), demanded=False)
    with running([part]) as (service, _):
        assert service.get("/health").document["status"] == "ok"
        service.post("/predict", request(made)).refused(503, "No model of direction_1h_ETHUSDT")


def test_models_that_are_switched_off_answer_nothing(made: Made, tmp_path: Path) -> None:
    workspace = workspace_of(tmp_path, made)
    promote(workspace, made)
    part = Prediction([live_bundle(workspace)], Metrics(), switched_off=True)
    with running([part]) as (service, _):
        service.post("/predict", request(made)).refused(503, "ML_ENABLED=0")
        service.post("/predict/batch", {"requests": [request(made)]}).refused(503, "ML_ENABLED=0")


def test_who_asks_while_it_loads_is_told_at_once(made: Made, tmp_path: Path) -> None:
    workspace, may_go_on = workspace_of(tmp_path, made), threading.Event()
    promote(workspace, made)

    def slow(one: Workspace) -> OpenBundle:
        may_go_on.wait(20)
        return choose(one, None).bundle

    part = Prediction([LiveBundle(workspace, examine=slow)], Metrics())
    with running([part], wait=False) as (service, _):
        wait_until(lambda: service.get("/livez").status == 200)
        service.post("/predict", request(made)).refused(503, "No model")
        service.get("/readyz").refused(503, "waiting for predict")
        may_go_on.set()
        wait_until(lambda: service.get("/readyz").status == 200)
        assert predicted(service, request(made))["success"] is True


def test_the_command_serves_a_bundle_that_it_has_examined(made: Made, tmp_path: Path) -> None:
    made.write(tmp_path / "models")
    digest = made.verified.digest
    told = f'[{made.recipe.name}]\nbundle = "{made.name}"\ndigest = "{digest}"\n'
    (tmp_path / "models" / "champions.toml").write_text(told)
    settings: dict[str, Any] = {
        "FORECASTLAB_MODELS": str(tmp_path / "models"),
        "FORECASTLAB_DEPLOYMENT": made.recipe.name,
        "FORECASTLAB_SIMULATED_NOW": END.isoformat(),
    }
    with serving("--source", "simulated", folder=tmp_path, part="predict", **settings) as (one, _):
        found = predicted(one, request(made))
    assert found["bundle"] == {"name": made.name, "digest": digest}


def test_the_projects_own_client_is_understood(made: Made, service: Service) -> None:
    """What the forecast's client sends is answered as its members here answer."""
    bundle = open_bundle(made.verified)
    there = Remote(HttpInference(f"{service.url}/predict", deadline_s=20.0)).answers(
        bundle, made.rows(), made.newest, {}
    )
    here = Local().answers(bundle, made.rows(), made.newest, {})
    assert there.path == "remote"
    for candidate, members in here.tables.items():
        for name, table in members.items():
            other = there.tables[candidate][name]
            np.testing.assert_allclose(table, other[table.columns], rtol=0, atol=1e-9)


def test_a_broken_champion_ends_the_start(made: Made, tmp_path: Path) -> None:
    workspace = workspace_of(tmp_path, made)
    promote(workspace, made)
    (tmp_path / "models" / made.name / "known_answers.json").write_bytes(b"{}")
    with pytest.raises(BundleRefused, match=r"known_answers\.json: changed"):
        Prediction([live_bundle(workspace)], Metrics()).start()


def test_a_promotion_under_load_drops_no_request(made: Made, tmp_path: Path) -> None:
    """Four connections ask without a pause while the registry changes twice."""
    newer, newest = leaning(made, 1.0), leaning(made, -1.0, ordinal=3)
    workspace = workspace_of(tmp_path, made)
    promote(workspace, made)
    body, ending = as_body({**request(made)}), threading.Event()
    said: list[tuple[int, str, float]] = []
    expected = {}
    for one in (made, newer, newest):
        there = one.forecasters["H5"].forecast(one.rows(), one.newest)
        expected[one.name] = float(there.published[1].iloc[0])

    def ask(service: Service) -> None:
        connection = service.connection()
        while not ending.is_set():
            connection.request("POST", "/predict", body, JSON)
            answer = answer_of(connection)
            found = answer.document
            head = found.get("heads", {}).get("H5", {})
            name = found.get("bundle", {}).get("name", "")
            said.append((answer.status, name, head.get("bull_prob", np.nan)))
        connection.close()

    with predicting([live_bundle(workspace)], follow_s=0.02) as service:
        callers = [threading.Thread(target=ask, args=(service,)) for _ in range(4)]
        for caller in callers:
            caller.start()
        for one in (newer, newest):
            time.sleep(0.1)
            one.write(tmp_path / "models")
            promote(workspace, one)
            wait_until(lambda name=one.name: said[-1][1] == name)  # type: ignore[misc]
        ending.set()
        for caller in callers:
            caller.join()
        health = service.get("/health").document["components"]["predict"]["deployments"]
        assert health["direction_1h_ETHUSDT"]["retiring"] == []
    assert {status for status, _, _ in said} == {200}
    assert {name for _, name, _ in said} == {made.name, newer.name, newest.name}
    for _, name, up in said:
        assert up == pytest.approx(expected[name], abs=1e-6)


def test_two_deployments_answer_by_their_schemas(made: Made, tmp_path: Path) -> None:
    other = direction_bundle("BTCUSDT")
    workspaces = [workspace_of(tmp_path, one) for one in (made, other)]
    for workspace, one in zip(workspaces, (made, other), strict=True):
        promote(workspace, one)
    with predicting([live_bundle(one) for one in workspaces]) as service:
        for one in (made, other):
            found = predicted(service, request(one))
            assert found["bundle"]["name"] == one.name
        unnamed = predicted(service, {"features": original_features(made)})
        assert unnamed["bundle"]["name"] == made.name
        wrong = {**request(other), "schema": request(made)["schema"]}
        service.post("/predict", wrong).refused(400, "missing: btc_ret_1", "unknown: eth_ret_1")
        both = predicted(service, [request(made), request(other)], "/predict/batch")
        assert [one["bundle"]["name"] for one in both["answers"]] == [made.name, other.name]


def test_the_document_shows_the_routes(service: Service) -> None:
    document = service.get("/openapi.json").document
    for path in ("/predict", "/ml/predict", "/predict/batch"):
        operation = document["paths"][path]["post"]
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        assert "$defs" not in json.dumps(schema)
        answer = operation["responses"]["200"]["content"]["application/json"]["schema"]
        assert answer["$ref"].startswith("#/components/schemas/")


def test_schemathesis_finds_nothing(made: Made, tmp_path: Path) -> None:
    """Every check but one, on the routes that need a model; the same each time.

    That what fits the schema is accepted cannot be: which columns a bundle reads, and how many rows
    of them, no schema of the document tells.
    """
    workspace, key = workspace_of(tmp_path, made), "a-key-of-the-test"
    promote(workspace, made)
    part = Prediction([live_bundle(workspace)], Metrics())
    with running([part], keys=lambda: (key,)) as (service, _):
        command = [
            *(sys.executable, "-m", "schemathesis.cli", "run", f"{service.url}/openapi.json"),
            *("--header", f"X-API-Key: {key}", "--include-path-regex", "predict"),
            *("--phases", "examples,coverage,fuzzing", "--max-examples", "15", "--seed", "1"),
            *("--exclude-checks", "positive_data_acceptance", "--request-timeout", "10"),
            *("--generation-database", "none", "--no-color", "--warnings", "off"),
        ]
        done = subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Tested: 3" in done.stdout
