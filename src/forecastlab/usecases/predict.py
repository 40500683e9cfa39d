"""Make and seal the forecast of one as-of candle."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime

from forecastlab.contracts.device import DeviceName
from forecastlab.contracts.errors import UsageError
from forecastlab.contracts.intervals import (
    DURATION,
    Interval,
    asof_name,
    interval_of,
    last_closed_open,
    parse_asof,
)
from forecastlab.contracts.records import BundleReference, ForecastRecord, Mode, Runtime
from forecastlab.usecases.champion import Chosen, choose, seat_first_champion
from forecastlab.usecases.forecast import forecast
from forecastlab.usecases.inference import Asking, asking
from forecastlab.usecases.laddered import fetch_what_is_there, on_a_rung, version_of_chosen
from forecastlab.usecases.open_bundle import OpenBundle
from forecastlab.usecases.publish import Published, publish, refuse_older_than_newest
from forecastlab.usecases.runs import Attempt
from forecastlab.usecases.serving_window import (
    Needed,
    ServingWindow,
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
    workspace.device()  # a device that is demanded and absent fails here, before any work
    workspace.check_pin()
    interval = interval_of(workspace.deployment)
    asof_open = settle_asof(request.asof, started_at, interval)
    attempt.asof_date = asof_name(asof_open, interval)
    with attempt.timed("bundle"):
        chosen = choose(workspace, request.bundle)
    refuse_before_cut_off(chosen, asof_open)
    refuse_older_than_newest(workspace.store, workspace.deployment, attempt.asof_date)
    with attempt.timed("update"):
        _update(workspace, chosen, asof_open)
        chosen = on_a_rung(workspace, chosen, asof_open)
        refuse_before_cut_off(chosen, asof_open)
        window = _window(workspace, chosen.bundle.needed, asof_open)
    with attempt.timed("forecast"):
        record = make_record(
            *(workspace, chosen, window),
            created_at=started_at,
            began=began,
            asking=asking(workspace),
        )
    with attempt.timed("publish"):
        workspace.pin_store()
        seat_first_champion(workspace, chosen)
        workspace.bundles.show_in_store(chosen.bundle.files)
        published = publish(workspace.store, record)
    attempt.result = published.publication
    if record.degraded:
        attempt.fields["degraded"] = list(record.degraded)
    return published


def settle_asof(asof: str | None, now: datetime, interval: Interval = "1d") -> datetime:
    """Return the as-of candle's open: the one asked for, or the one that closed last.

    Raises:
        UsageError: the candle asked for is not closed at `now`.

    >>> from datetime import UTC
    >>> settle_asof(None, datetime(2025, 10, 1, 0, 5, tzinfo=UTC)).date().isoformat()
    '2025-09-30'
    """
    newest = last_closed_open(now, interval)
    if asof is None:
        return newest
    asof_open = parse_asof(asof, interval)
    if asof_open > newest:
        close = asof_open + DURATION[interval]
        raise UsageError(
            f"The candle {asof} closes at {close:%Y-%m-%d %H:%M} UTC, in the future.",
            remedy=f"The newest as-of is {asof_name(newest, interval)}.",
        )
    return asof_open


def refuse_before_cut_off(chosen: Chosen, asof_open: datetime) -> None:
    """Refuse an as-of that the bundle was trained beyond; the cut-off candle itself is allowed.

    Raises:
        UsageError: the as-of lies before the bundle's cut-off.
    """
    manifest = chosen.bundle.files.manifest
    cut_off = parse_asof(manifest.training.cut_off, manifest.interval)
    if asof_open < cut_off:
        raise UsageError(
            f"{asof_name(asof_open, manifest.interval)} lies before the cut-off"
            f" {manifest.training.cut_off} of {manifest.name}: the bundle has seen what came"
            " after.",
            remedy="Its out-of-fold forecasts are in the bundle's evidence/oof.parquet.",
        )


def _update(workspace: Workspace, chosen: Chosen, asof_open: datetime) -> None:
    """Fetch what the forecast reads; what a lower version can do without may be missing."""
    if workspace.lake is None:
        return
    needs = serving_needs(chosen.bundle.needed, asof_open)
    if version_of_chosen(chosen) is None:
        update(workspace, needs)
    else:
        fetch_what_is_there(workspace, needs)


def _window(workspace: Workspace, needed: Needed, asof_open: datetime) -> ServingWindow:
    market = read_market(workspace.archive, needed, asof_open, asof_open)
    symbol, interval = needed.symbol, needed.interval
    in_window = market.as_of(needed.as_of(asof_open)).candles(symbol, interval)
    if not len(in_window) and not len(workspace.archive.read(symbol, interval, None, asof_open)):
        raise _before_the_data(needed, asof_open)
    return serving_window(market, needed, asof_open)


def _before_the_data(needed: Needed, asof_open: datetime) -> UsageError:
    asof, symbol = asof_name(asof_open, needed.interval), needed.symbol
    return UsageError(
        f"{asof} lies before the first candle of {symbol}.",
        remedy=f"Choose a later --asof, or a --source that holds {symbol} {needed.interval}"
        f" before {asof}.",
    )


def make_record(
    workspace: Workspace,
    chosen: Chosen,
    window: ServingWindow,
    *,
    created_at: datetime,
    began: float,
    mode: Mode | None = None,
    asking: Asking | None = None,
) -> ForecastRecord:
    """Forecast from a window and write the record, not yet chained; nothing is stored.

    Args:
        asking: how members are asked; None: here, under the switches of the workspace.
    """
    manifest = chosen.bundle.files.manifest
    asof = asof_name(window.asof_open, manifest.interval)
    as_of = chosen.bundle.needed.as_of(window.asof_open)
    said = forecast(chosen.bundle, window, asking or Asking(switches=workspace.switches))
    return ForecastRecord(
        deployment=manifest.deployment,
        symbol=manifest.symbol,
        interval=manifest.interval,
        asof_date=asof,
        as_of=as_of,
        created_at=created_at,
        mode=mode or _mode(workspace, as_of + DURATION[manifest.interval], created_at),
        previous=None,
        bundle=BundleReference(
            name=manifest.name, digest=chosen.bundle.files.digest, override=chosen.override
        ),
        source=window.reference(workspace.source_kind),
        close=window.close,
        forecasts=said.forecasts,
        regime=said.regime,
        quantiles=said.quantiles,
        position_scale=said.position_scale,
        degraded=(*said.degraded, *chosen.degraded, *workspace.device().degraded),
        runtime=Runtime(
            path=said.asked.path if said.asked else "local",
            fallback_reason=said.asked.reason if said.asked else None,
            device=_computed_on(chosen.bundle),
            duration_s=round(time.monotonic() - began, 4),
            versions=chosen.bundle.runtime_versions,
        ),
    )


def _computed_on(bundle: OpenBundle) -> DeviceName:
    """Say which device the networks' sessions use; every other member computes on the CPU.

    A GPU that is there and idle made nothing: at batch 1 it is no faster than the CPU, so that
    sessions are opened on the CPU.
    """
    members = (model for one in bundle.forecasters.values() for model in one.members.values())
    providers = {one for model in members for one in getattr(model, "providers", ())}
    return "cuda" if "CUDAExecutionProvider" in providers else "cpu"


def _mode(workspace: Workspace, next_close: datetime, now: datetime) -> Mode:
    """Say `live` while the next candle is still open, on a source that is now; else `late`."""
    timely = now < next_close
    return "live" if timely and workspace.source_kind != "file" else "late"
