"""Signals over HTTP: made on request, the newest ones, and which model makes them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from threading import Event, Thread
from time import monotonic
from typing import Annotated, Any, Final, TypeVar

import msgspec
from fastapi import APIRouter, Body, Query, Response
from fastapi.openapi.models import Example

from forecastlab.api.failure import ApiError
from forecastlab.api.metrics import Metrics
from forecastlab.api.signal_errors import SignalErrors
from forecastlab.api.signal_model import ModelAnswer, model_document
from forecastlab.api.signals_wire import (
    SYMBOL,
    GenerateAnswer,
    GenerateRequest,
    ListAnswer,
    Strategy,
    entry,
    summary,
)
from forecastlab.bootstrap import open_workspace
from forecastlab.bootstrap.served import with_candles_in_memory
from forecastlab.contracts.errors import DataError, DataUnavailable, ForecastLabError, UsageError
from forecastlab.contracts.intervals import DURATION, asof_name
from forecastlab.contracts.signals import NoSignal, Signal
from forecastlab.contracts.switches import MODELS_OFF
from forecastlab.settings import Settings
from forecastlab.usecases.live_ladder import LiveLadder, Standing
from forecastlab.usecases.predict import settle_asof
from forecastlab.usecases.resting_source import RestingSource, rested
from forecastlab.usecases.shards import with_own_override
from forecastlab.usecases.signal_list import MadeSignals, signal_page
from forecastlab.usecases.signals import INTERVAL, generate
from forecastlab.usecases.single_flight import AsyncSingleFlight
from forecastlab.usecases.workspace import Workspace

_log = logging.getLogger(__name__)

DEPLOYMENT: Final = "signal_1h"
"""The deployment whose bundles make the signals."""

FOLLOW_S: Final = 15.0
"""Seconds from one look at the registry to the next."""

MOST_LISTED: Final = 100
_FARTHEST: Final = 1_000_000

PREFIXES: Final = ("/v1", "/api/v1")
"""What the routes' paths begin with; callers of the earlier system know both."""

NO_RULES: Final = "strategy_type: rules_only asks no model, and there are no rules here"
"""The reason of a signal that was wanted from rules alone."""

_BODIES: Final[dict[str, Example]] = {
    "all symbols": {"value": {}},
    "one symbol": {"value": {"market": "SOLUSDT"}},
}

T = TypeVar("T")


class Signals:
    """The part of the service that makes signals.

    Without any bundle it is ready and answers 503: a service has other things to do.
    """

    name = "signals"

    def __init__(
        self,
        workspace: Workspace,
        metrics: Metrics,
        *,
        live: LiveLadder | None = None,
        follow_s: float = FOLLOW_S,
    ) -> None:
        self._source = RestingSource(workspace, told=self._told)
        self._workspace = with_candles_in_memory(rested(workspace, self._source))
        self._metrics = metrics
        self._live = live or LiveLadder(workspace)
        self._follow_s = follow_s
        self._made = MadeSignals()
        self._errors = SignalErrors()
        self._flights: AsyncSingleFlight[bytes] = AsyncSingleFlight()
        # One at a time: each finds the candles that the one before it has fetched.
        self._maker = ThreadPoolExecutor(1, thread_name_prefix="signals")
        # Records are read beside it, so that a slow exchange keeps nobody from a list.
        self._reader = ThreadPoolExecutor(2, thread_name_prefix="signal-list")
        self._started = False
        self._ending = Event()
        self._follower = Thread(target=self._follow, name="follow-signals", daemon=True)

    @property
    def ready(self) -> bool:
        """Whether a bundle answers, or there is none that could."""
        return self._started and (self._live.loaded or self._live.absent)

    def start(self) -> None:
        """Open the ladder; a bundle that is not there yet is waited for.

        Raises:
            BundleRefused: the bundle that is to speak is not sound.
            UsageError: the environment asks for a version or a file that is not there.
        """
        try:
            self._live.follow()
        except ForecastLabError as error:
            if self._live.lasts(error):
                raise
            _log.warning("%s is not served: %s", DEPLOYMENT, error)
        self._started = True
        self._follower.start()

    def stop(self) -> None:
        """End the threads."""
        self._ending.set()
        for threads in (self._maker, self._reader):
            threads.shutdown(wait=False, cancel_futures=True)

    def health(self) -> Mapping[str, object]:
        """Say how the bundles, their answers and the source are."""
        found = self._live.health()
        if not self._workspace.switches.enabled:
            found = {**found, "status": _at_best_degraded(found), "models": MODELS_OFF}
        if (trouble := self._errors.trouble()) is not None:
            found = {**found, "status": _at_best_degraded(found), "ml_enrichment_error": trouble}
        if self._source.error is None:
            return found
        return {
            **found,
            "status": _at_best_degraded(found),
            "last_error": self._source.error.facts,
        }

    def info(self) -> Mapping[str, object]:
        """Say which bundles answer, for which symbols."""
        if not self._live.loaded:
            return {"deployment": DEPLOYMENT, "bundle": None}
        standing = self._live.current()
        files = standing.live.bundle.files
        return {
            "deployment": DEPLOYMENT,
            "bundle": {"name": files.name, "digest": files.digest},
            "versions": list(standing.ladder.versions),
            "symbols": list(self._symbols(standing)),
            "most_listed": MOST_LISTED,
        }

    def routers(self) -> Sequence[APIRouter]:
        """Return the routes, under both of their addresses."""
        router = APIRouter(tags=["signals"])
        routes: tuple[tuple[str, str, Callable[..., Any], type], ...] = (
            ("POST", "/signals/generate", self._generate, GenerateAnswer),
            ("GET", "/signals/list", self._list, ListAnswer),
            ("GET", "/model", self._model, ModelAnswer),
        )
        for prefix in PREFIXES:
            for method, path, endpoint, answer in routes:
                router.add_api_route(
                    f"{prefix}{path}",
                    endpoint,
                    methods=[method],
                    response_model=answer,
                    operation_id=f"{prefix}{path}".strip("/").replace("/", "_"),
                    openapi_extra=self._known_symbols() if method == "POST" else None,
                )
        return (router,)

    def _known_symbols(self) -> dict[str, Any]:
        """Name the symbols in the document, beside the model of the body, which knows none."""
        symbols = list(self._workspace.operations.symbols)
        known = {"properties": {"market": {"enum": [*symbols, None]}}} if symbols else {}
        return {"requestBody": {"content": {"application/json": {"schema": known}}}}

    async def _generate(
        self, asked: Annotated[GenerateRequest | None, Body(openapi_examples=_BODIES)] = None
    ) -> Response:
        """Score each symbol as of the hour that closed last, or say why there is no score.

        An empty body means all symbols. A symbol without a score is no failure: its `signal` is
        null, and `reason` says why. Equal requests at one time share one computation.
        """
        wanted = asked or GenerateRequest()
        key = (wanted.market, wanted.strategy_type)
        make = partial(self._answer, wanted.market, wanted.strategy_type)
        return _json(await self._flights.do(key, partial(_in_thread, self._maker, make)))

    async def _list(
        self,
        market: Annotated[str | None, Query(pattern=SYMBOL, description="One symbol only.")] = None,
        limit: Annotated[int, Query(ge=1, le=MOST_LISTED)] = 10,
        offset: Annotated[int, Query(ge=0, le=_FARTHEST)] = 0,
    ) -> Response:
        """Give the newest signals: those that this service made, and the hourly run's records.

        `origin` says which; of one symbol and hour the service keeps what it made last, until it
        ends.
        """
        read = partial(self._listed, market, limit=limit, offset=offset)
        return _json(await _in_thread(self._reader, read))

    async def _model(self) -> Response:
        """Say which bundle is live, since when and why, and which ones stand below it."""
        standing = self._live.current()
        document = model_document(
            standing,
            switches=self._workspace.switches,
            missing=self._live.missing(standing),
            symbols=self._symbols(standing),
        )
        return _json(msgspec.json.encode(document))

    def _answer(self, market: str | None, strategy: Strategy) -> bytes:
        began, standing = monotonic(), self._live.current()
        known = self._symbols(standing)
        if market is not None and market not in known:
            told = f"{DEPLOYMENT} makes no signal for {market}; it does for {', '.join(known)}."
            raise ApiError(400, told, more={"symbols": list(known)})
        symbols = known if market is None else (market,)
        if strategy == "rules_only":
            made: Sequence[Signal | NoSignal] = self._without_a_model(symbols)
        else:
            made = self._asked(standing, symbols)
        files = standing.live.bundle.files
        entries = [entry(one, standing.ladder.versions) for one in made]
        shared = ("as_of", "asof_date", "created_at", "data_age_s")
        return msgspec.json.encode(
            {
                "success": True,
                "deployment": DEPLOYMENT,
                **{name: entries[0][name] for name in shared},
                "model_version": standing.ladder.versions[0],
                "bundle": {"name": files.name, "digest": files.digest},
                "signals": entries,
                **summary(entries),
                "source_error": None if self._source.error is None else self._source.error.facts,
                "latency_ms": round((monotonic() - began) * 1000, 1),
            }
        )

    def _asked(self, standing: Standing, symbols: Sequence[str]) -> tuple[Signal | NoSignal, ...]:
        """Make signals, remember and count them."""
        try:
            made = generate(self._workspace, symbols, ladder=standing.ladder)
        except UsageError as error:
            # The caller's part was looked at before; this is the bundle's, or the clock's.
            raise DataUnavailable(error.facts, remedy=error.remedy) from error
        self._made.keep(made)
        self._errors.note(made)
        for one in made:
            self._count(one, standing)
        return made

    def _without_a_model(self, symbols: Sequence[str]) -> tuple[NoSignal, ...]:
        now = self._workspace.clock.now()
        asof_open = settle_asof(None, now, INTERVAL)
        return tuple(
            NoSignal(
                symbol=symbol,
                as_of=asof_open + DURATION[INTERVAL],
                asof_date=asof_name(asof_open, INTERVAL),
                created_at=now,
                reason=NO_RULES,
                latency_ms=0.0,
            )
            for symbol in symbols
        )

    def _count(self, one: Signal | NoSignal, standing: Standing) -> None:
        if isinstance(one, NoSignal):
            if one.model_error:
                self._metrics.enrichment_error(one.symbol)
            if one.reason != MODELS_OFF:
                self._metrics.enrichment(standing.ladder.versions[0], done=False)
            return
        self._metrics.enrichment(one.model_version, done=True)
        self._metrics.score(DEPLOYMENT, one.probability)
        if standing.ladder.versions[0] == "v2_7":
            references = standing.live.bundle.files.manifest.recipe.features.references
            for symbol in references:
                if symbol != one.symbol:
                    found = symbol not in one.missing_reference_symbols
                    self._metrics.reference(symbol, found=found)

    def _listed(self, market: str | None, *, limit: int, offset: int) -> bytes:
        page = signal_page(self._workspace, self._made, market, limit=limit, offset=offset)
        ladder = self._workspace.operations.ladder
        return msgspec.json.encode(
            {
                "success": True,
                "signals": [entry(one, ladder) for one in page.entries],
                "total_count": page.generated + page.sealed,
                "generated": page.generated,
                "sealed": page.sealed,
                "limit": limit,
                "offset": offset,
            }
        )

    def _symbols(self, standing: Standing) -> tuple[str, ...]:
        recipe = standing.live.bundle.files.manifest.recipe
        named = self._workspace.operations.symbols or recipe.operations.symbols
        return named or (recipe.symbol,)

    def _told(self, error: DataError | None) -> None:
        self._metrics.upstream(done=error is None)

    def _follow(self) -> None:
        while not self._ending.wait(self._follow_s):
            try:
                self._live.follow()
            except ForecastLabError as error:
                _log.warning("%s is not served yet: %s", DEPLOYMENT, error)
            except Exception:  # noqa: BLE001 - a thread's shell: a bug must not end it
                _log.exception("the registry of %s cannot be followed", DEPLOYMENT)


def signals(settings: Settings, metrics: Metrics) -> Signals:
    """Wire the part for `DEPLOYMENT`, whichever deployments the settings name.

    Raises:
        ConfigError: a setting names nothing that exists.
        BundleRefused: the bundle of an override does not verify.
    """
    own = replace(settings, deployment=DEPLOYMENT)
    workspace = with_own_override(open_workspace(own, quiet=True))
    return Signals(workspace, metrics, follow_s=settings.serve.follow_s)


def _at_best_degraded(found: Mapping[str, object]) -> object:
    return "degraded" if found["status"] == "ok" else found["status"]


def _in_thread(threads: ThreadPoolExecutor, call: Callable[[], T]) -> asyncio.Future[T]:
    return asyncio.get_running_loop().run_in_executor(threads, call)


def _json(body: bytes) -> Response:
    return Response(body, media_type="application/json")
