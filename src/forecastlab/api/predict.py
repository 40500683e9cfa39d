"""Directions over HTTP: `POST /predict`, `/ml/predict` and `/predict/batch`."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from threading import Event, Thread
from typing import Any, Final

import msgspec
from fastapi import APIRouter, Request, Response

from forecastlab.api.batching import Batches, Job, Outcome
from forecastlab.api.failure import ApiError, status_of, told
from forecastlab.api.metrics import Metrics
from forecastlab.api.predict_wire import (
    MOST_REQUESTS,
    BatchAnswer,
    PredictAnswer,
    PredictRequest,
    Question,
    read_question,
    read_questions,
)
from forecastlab.bootstrap import open_workspace
from forecastlab.contracts.errors import ForecastLabError
from forecastlab.settings import Settings
from forecastlab.usecases.direction_answer import DirectionAnswer, answer_document
from forecastlab.usecases.live_bundle import LiveBundle, may_pass
from forecastlab.usecases.served_bundle import ServedBundle
from forecastlab.usecases.shards import with_own_override
from forecastlab.usecases.workspace import Workspace

_log = logging.getLogger(__name__)

DEFAULT: Final = "direction_1h_ETHUSDT"
"""The deployment that a request without a schema means: the earlier system knew no other."""

FOLLOW_S: Final = 15.0
"""Seconds from one look at the registry to the next."""

_ONE: Final = "one"
_MANY: Final = "many"

Said = Mapping[str, Any] | Exception


class Prediction:
    """The part of the service that forecasts directions.

    Args:
        lives: the bundles that answer, one for each deployment.
        demanded: whether they were asked for by name. Where they were not, a service without a
            model has other things to do, and is ready.
    """

    name = "predict"

    def __init__(
        self,
        lives: Sequence[LiveBundle],
        metrics: Metrics,
        *,
        follow_s: float = FOLLOW_S,
        demanded: bool = True,
        switched_off: bool = False,
    ) -> None:
        self._lives = {one.deployment: one for one in lives}
        self._metrics = metrics
        self._follow_s = follow_s
        self._demanded = demanded
        self._switched_off = switched_off
        self._batches = Batches(self._outcomes)
        self._started, self._ending = Event(), Event()
        self._follower = Thread(target=self._follow, name="follow", daemon=True)

    @property
    def ready(self) -> bool:
        """Whether a bundle answers, if one has to."""
        return not self._demanded or self._answers

    @property
    def _answers(self) -> bool:
        return any(one.loaded for one in self._lives.values())

    def start(self) -> None:
        """Load the champions; one that is not there yet is waited for.

        Raises:
            BundleRefused, ConfigError: no bundle can be loaded, and time will not mend it.
        """
        # First of all, so that who asks meanwhile is told that there is no model yet.
        self._batches.start()
        self._started.set()
        errors = []
        for one in self._lives.values():
            try:
                one.follow()
            except ForecastLabError as error:
                _log.warning("%s is not served: %s", one.deployment, error)
                errors.append(error)
        lasting = [error for error in errors if not may_pass(error)]
        if lasting and not self._answers:
            raise lasting[0]
        self._follower.start()

    def stop(self) -> None:
        """End the threads."""
        self._ending.set()
        self._batches.stop()

    def health(self) -> Mapping[str, object]:
        """Say how each deployment's bundle is; `failed` where one has to answer and none does."""
        deployments = {name: one.health() for name, one in self._lives.items()}
        well = all(one["status"] == "ok" for one in deployments.values())
        idle = not self._demanded and not self._answers
        status = "ok" if well or idle else "degraded" if self._answers else "failed"
        return {"status": status, "deployments": deployments}

    def info(self) -> Mapping[str, object]:
        """Say which bundles answer, with which columns and where they compute."""
        return {
            "default": DEFAULT,
            "deployments": {name: one.info() for name, one in self._lives.items()},
        }

    def routers(self) -> Sequence[APIRouter]:
        """Return the routes."""
        router = APIRouter(tags=["predict"])
        body = _body(_request_schema())
        for path in ("/predict", "/ml/predict"):
            router.add_api_route(
                path,
                self._predict,
                methods=["POST"],
                response_model=PredictAnswer,
                openapi_extra=body,
                summary="Forecast the direction",
                operation_id=path.strip("/").replace("/", "_"),
            )
        many = {
            "type": "array",
            "items": _request_schema(),
            "minItems": 1,
            "maxItems": MOST_REQUESTS,
        }
        router.add_api_route(
            "/predict/batch",
            self._predict_batch,
            methods=["POST"],
            response_model=BatchAnswer,
            openapi_extra=_body(many),
            summary="Forecast several directions",
        )
        return (router,)

    async def _predict(self, request: Request) -> Response:
        """Forecast the direction over every horizon, from features that the caller computed."""
        answer = await self._asked(request, _ONE)
        return Response(answer, media_type="application/json")

    async def _predict_batch(self, request: Request) -> Response:
        """Answer several requests at once, each as if it had come alone."""
        answer = await self._asked(request, _MANY)
        return Response(answer, media_type="application/json")

    async def _asked(self, request: Request, kind: str) -> bytes:
        if not self._started.is_set() or self._ending.is_set():
            raise ApiError(503, "No model is loaded now.")
        if self._switched_off:
            raise ApiError(503, "The models are switched off (ML_ENABLED=0).")
        return await self._batches.ask(await request.body(), kind)

    def _outcomes(self, jobs: Sequence[Job]) -> list[Outcome]:
        """Answer the questions of many jobs together."""
        questions: list[Question] = []
        places: list[range | Exception] = []
        for job in jobs:
            try:
                one = job.kind == _ONE
                found = [read_question(job.body)] if one else read_questions(job.body)
            except ApiError as error:
                places.append(error)
            else:
                places.append(range(len(questions), len(questions) + len(found)))
                questions += found
        said = self._said(questions)
        return [
            where if isinstance(where, Exception) else _outcome(job, [said[at] for at in where])
            for job, where in zip(jobs, places, strict=True)
        ]

    def _said(self, questions: Sequence[Question]) -> list[Said]:
        """Return what is said to each question, those of one deployment asked together."""
        found: list[Said] = [{}] * len(questions)
        with ExitStack() as leases:
            asked: dict[str, list[int]] = {}
            served: dict[str, ServedBundle] = {}
            for place, one in enumerate(questions):
                name = _deployment(one)
                try:
                    if name not in served:
                        served[name] = leases.enter_context(self._live(one).lease())
                    if _is_strict(one):
                        _refuse_another(served[name], str(one.schema))
                except (ApiError, ForecastLabError) as error:
                    found[place] = error
                else:
                    asked.setdefault(name, []).append(place)
            for name, places in asked.items():
                requests = [
                    questions[at].request(strict=_is_strict(questions[at])) for at in places
                ]
                answers = served[name].answers(requests, self._lives[name].now())
                for place, answer in zip(places, answers, strict=True):
                    found[place] = self._told(served[name], answer)
        return found

    def _live(self, question: Question) -> LiveBundle:
        name = _deployment(question)
        if name in self._lives:
            return self._lives[name]
        others = ", ".join(self._lives) or "none"
        # A caller that states no schema asks for the model; another one asks the wrong service.
        status = 503 if question.schema is None else 409
        raise ApiError(status, f"No model of {name} is served here; those served: {others}.")

    def _told(self, served: ServedBundle, answer: DirectionAnswer | ForecastLabError) -> Said:
        if isinstance(answer, ForecastLabError):
            return answer
        self._metrics.score(served.schema.deployment, answer.lead.up)
        return {
            **answer_document(answer),
            "bundle": {"name": served.name, "digest": served.digest},
            "schema": served.schema.name,
        }

    def _follow(self) -> None:
        while not self._ending.wait(self._follow_s):
            for one in self._lives.values():
                try:
                    one.follow()
                except ForecastLabError as error:
                    _log.warning("%s is not served yet: %s", one.deployment, error)
                except Exception:  # noqa: BLE001 - a thread's shell: a bug must not end it
                    _log.exception("the registry of %s cannot be followed", one.deployment)


def prediction(settings: Settings, metrics: Metrics) -> Prediction:
    """Wire the part for the directions among the deployments that the settings name.

    Where they name none, `DEFAULT` is served as soon as it has a champion.

    Raises:
        ConfigError: a setting names nothing that exists.
    """
    named = settings.deployments or (settings.deployment,)
    wired = [open_workspace(replace(settings, deployment=name), quiet=True) for name in named]
    directions = [one for one in wired if _is_direction(one)]
    served = directions or [open_workspace(replace(settings, deployment=DEFAULT), quiet=True)]
    rows = settings.serve.limits.rows
    # An override of another deployment is none of these; alone, a direction's own still speaks.
    own = [with_own_override(one) for one in served]
    lives = [LiveBundle(one, device=settings.device, most_rows=rows) for one in own]
    follow_s = settings.serve.follow_s
    return Prediction(
        lives,
        metrics,
        follow_s=follow_s,
        demanded=bool(directions),
        switched_off=not settings.switches.enabled,
    )


def _is_direction(workspace: Workspace) -> bool:
    recipe = workspace.recipe()
    if recipe is None:
        return workspace.deployment.startswith("direction_")
    return recipe.target.kind == "direction"


def _deployment(question: Question) -> str:
    return (question.schema or DEFAULT).partition("@")[0]


def _is_strict(question: Question) -> bool:
    return question.schema is not None and "@" in question.schema


def _refuse_another(served: ServedBundle, schema: str) -> None:
    if schema != served.schema.name:
        raise ApiError(
            409,
            f"{schema} is not served; {served.name} reads another schema.",
            more={
                "schema": served.schema.name,
                "bundle": {"name": served.name, "digest": served.digest},
            },
        )


def _outcome(job: Job, said: Sequence[Said]) -> Outcome:
    latency = {"latency_ms": round((time.perf_counter() - job.began) * 1000, 3)}
    if job.kind == _ONE:
        one = said[0]
        return one if isinstance(one, Exception) else msgspec.json.encode({**one, **latency})
    answers = [_failed(one) if isinstance(one, Exception) else {**one, **latency} for one in said]
    failed = sum(isinstance(one, Exception) for one in said)
    return msgspec.json.encode({"success": not failed, "failed": failed, "answers": answers})


def _failed(error: Exception) -> dict[str, Any]:
    if isinstance(error, ApiError):
        return {"success": False, "error": error.error, "status": error.status, **error.more}
    if not isinstance(error, ForecastLabError):
        raise error
    return {"success": False, "error": told(error), "status": status_of(error)}


def _body(schema: Mapping[str, Any]) -> dict[str, Any]:
    content = {"application/json": {"schema": dict(schema)}}
    return {"requestBody": {"required": True, "content": content}}


def _request_schema() -> dict[str, Any]:
    """Return the request's schema in one piece: a reference would point outside of the document."""
    schema = PredictRequest.model_json_schema()
    tables = schema.pop("$defs")
    schema["properties"]["features"] = tables["FeatureTable"]
    return schema
