"""Make and seal the forecast of one as-of candle."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime

from forecastlab.contracts.errors import UsageError
from forecastlab.contracts.intervals import DURATION, asof_name, last_closed_open, parse_asof
from forecastlab.contracts.manifest import ServingEntry
from forecastlab.contracts.records import BundleReference, ForecastRecord, Mode, Runtime
from forecastlab.usecases.champion import Chosen, choose, seat_first_champion
from forecastlab.usecases.forecast import forecast
from forecastlab.usecases.publish import Published, publish, refuse_older_than_newest
from forecastlab.usecases.runs import Attempt
from forecastlab.usecases.serving_window import (
    ServingWindow,
    first_needed,
    read_market,
    serving_window,
)
from forecastlab.usecases.update import serving_needs, update
from forecastlab.usecases.workspace import Workspace


@dataclass(frozen=True)
class PredictRequest:
    """What was asked: an as-of (None: the last closed) and a bundle (None: the champion)."""

    asof: str | None = None
    bundle: str | None = None


def predict(workspace: Workspace, request: PredictRequest, attempt: Attempt) -> Published:
    """Update, cut the view at the as-of, forecast with the chosen bundle, and seal the record.

    Raises:
        UsageError: the as-of is in the future, before the data, before the bundle's cut-off, or
            older than the newest record and not sealed.
        DataStale: the as-of candle is not there yet.
        DataUnavailable: the serving window is not whole, or the source cannot be reached.
        BundleRefused: the bundle does not verify.
        RecordConflict: the same inputs gave another answer than the sealed record.
    """
    began, started_at = time.monotonic(), workspace.clock.now()
    workspace.check_pin()
    asof_open = settle_asof(request.asof, started_at)
    attempt.asof_date = asof_name(asof_open, "1d")
    with attempt.timed("bundle"):
        chosen = choose(workspace, request.bundle)
    refuse_before_cut_off(chosen, asof_open)
    refuse_older_than_newest(workspace.store, workspace.deployment, attempt.asof_date)
    with attempt.timed("update"):
        window = _updated_window(workspace, chosen.bundle.files.manifest.serving, asof_open, chosen)
    with attempt.timed("forecast"):
        record = make_record(workspace, chosen, window, created_at=started_at, began=began)
    with attempt.timed("publish"):
        workspace.pin_store()
        seat_first_champion(workspace, chosen)
        workspace.bundles.show_in_store(chosen.bundle.files)
        published = publish(workspace.store, record)
    attempt.result = published.publication
    return published


def settle_asof(asof: str | None, now: datetime) -> datetime:
    """Return the as-of candle's open: the one asked for, or the one that closed last.

    Raises:
        UsageError: the candle asked for is not closed at `now`.

    >>> from datetime import UTC
    >>> settle_asof(None, datetime(2025, 10, 1, 0, 5, tzinfo=UTC)).date().isoformat()
    '2025-09-30'
    """
    newest = last_closed_open(now, "1d")
    if asof is None:
        return newest
    asof_open = parse_asof(asof, "1d")
    if asof_open > newest:
        close = asof_open + DURATION["1d"]
        raise UsageError(
            f"The candle {asof} closes at {close:%Y-%m-%d %H:%M} UTC, in the future.",
            remedy=f"The newest as-of is {asof_name(newest, '1d')}.",
        )
    return asof_open


def refuse_before_cut_off(chosen: Chosen, asof_open: datetime) -> None:
    """Refuse an as-of that the bundle was trained beyond; the cut-off candle itself is allowed.

    Raises:
        UsageError: the as-of lies before the bundle's cut-off.
    """
    manifest = chosen.bundle.files.manifest
    cut_off = parse_asof(manifest.training.cut_off, "1d")
    if asof_open < cut_off:
        raise UsageError(
            f"{asof_name(asof_open, '1d')} lies before the cut-off {manifest.training.cut_off} of"
            f" {manifest.name}: the bundle has seen what came after.",
            remedy="Its out-of-fold forecasts are in the bundle's evidence/oof.parquet.",
        )


def _updated_window(
    workspace: Workspace, needs: ServingEntry, asof_open: datetime, chosen: Chosen
) -> ServingWindow:
    symbol = chosen.bundle.files.manifest.symbol
    first = first_needed(asof_open, needs)
    if workspace.lake is not None:
        update(workspace, serving_needs(symbol, first))
    market = read_market(workspace.archive, symbol, first, asof_open)
    in_window = market.as_of(asof_open + DURATION["1d"]).candles(symbol, "1d")
    if not len(in_window) and not len(workspace.archive.read(symbol, "1d", None, asof_open)):
        raise _before_the_data(symbol, asof_open)
    return serving_window(market, symbol, asof_open, needs)


def _before_the_data(symbol: str, asof_open: datetime) -> UsageError:
    asof = asof_name(asof_open, "1d")
    return UsageError(
        f"{asof} lies before the first candle of {symbol}.",
        remedy=f"Choose a later --asof, or a --source that holds {symbol} 1d before {asof}.",
    )


def make_record(
    workspace: Workspace,
    chosen: Chosen,
    window: ServingWindow,
    *,
    created_at: datetime,
    began: float,
    mode: Mode | None = None,
) -> ForecastRecord:
    """Forecast from a window and write the record, not yet chained; nothing is stored."""
    manifest = chosen.bundle.files.manifest
    asof = asof_name(window.asof_open, "1d")
    as_of = window.asof_open + DURATION["1d"]
    forecasts = forecast(chosen.bundle, window)
    return ForecastRecord(
        deployment=manifest.deployment,
        symbol=manifest.symbol,
        interval=manifest.interval,
        asof_date=asof,
        as_of=as_of,
        created_at=created_at,
        mode=mode or _mode(workspace, as_of, created_at),
        previous=None,
        bundle=BundleReference(
            name=manifest.name, digest=chosen.bundle.files.digest, override=chosen.override
        ),
        source=window.reference(workspace.source_kind),
        close=window.close,
        forecasts=forecasts,
        runtime=Runtime(
            duration_s=round(time.monotonic() - began, 4), versions=chosen.bundle.runtime_versions
        ),
    )


def _mode(workspace: Workspace, as_of: datetime, now: datetime) -> Mode:
    """Say `live` while the next candle is still open, on a source that is now; else `late`."""
    timely = now < as_of + DURATION["1d"]
    return "live" if timely and workspace.source_kind != "file" else "late"
