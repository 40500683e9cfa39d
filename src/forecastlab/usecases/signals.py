"""Make the signals of one as-of: a score for each symbol, or the reason why there is none."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import pandas as pd

from forecastlab.contracts.candles import MarketView
from forecastlab.contracts.canonical import rounded
from forecastlab.contracts.degradations import missing_features
from forecastlab.contracts.errors import DataUnavailable, ForecastLabError, UsageError
from forecastlab.contracts.intervals import DURATION, Interval, asof_name, floor_open
from forecastlab.contracts.signals import HIGHEST, NoSignal, Signal
from forecastlab.contracts.switches import MODELS_OFF
from forecastlab.features.build import build_features
from forecastlab.features.signal import FOUR_HOURS, series_read
from forecastlab.features.signal_cross import structural_zeros
from forecastlab.features.wilder import WINDOW
from forecastlab.usecases.champion import Chosen
from forecastlab.usecases.ladder import inputs_at, step_down
from forecastlab.usecases.laddered import (
    LADDER,
    Ladder,
    fetch_what_is_there,
    open_ladder,
    read_what_is_there,
)
from forecastlab.usecases.predict import refuse_before_cut_off, settle_asof
from forecastlab.usecases.serving_window import Series, refuse_rejected
from forecastlab.usecases.signal_events import tell_error, tell_inputs, tell_no_signal, tell_signal
from forecastlab.usecases.stand_ins import StoodIn, with_stand_ins
from forecastlab.usecases.training_materials import feature_key
from forecastlab.usecases.update import Need
from forecastlab.usecases.workspace import Workspace

INTERVAL: Final[Interval] = "1h"

WINDOW_READ: Final = WINDOW * DURATION["4h"] + timedelta(days=2)
"""What signals read: 100 four-hour candles, and room for the holes that windows may span."""

_DIGITS: Final = 4


@dataclass(frozen=True, eq=False)
class _Moment:
    """One as-of, what was known then, and since when the signals are being made."""

    view: MarketView
    asof_open: datetime
    created_at: datetime
    fetched_s: float

    @property
    def asof_date(self) -> str:
        return asof_name(self.asof_open, INTERVAL)

    def latency_ms(self, began: float) -> float:
        return round((self.fetched_s + time.monotonic() - began) * 1000, 1)


def generate(
    workspace: Workspace,
    symbols: Sequence[str] = (),
    *,
    asof: str | None = None,
    ladder: Ladder | None = None,
) -> tuple[Signal | NoSignal, ...]:
    """Make a signal for each symbol, from the best version that what is at hand allows.

    Nothing is stored. One symbol without a signal does not keep the others from theirs.

    Args:
        symbols: those of the deployment's `[operations]` where none is named.
        asof: the as-of candle; None for the one that closed last.
        ladder: the bundles, where the caller keeps them open.

    Raises:
        UsageError: a symbol is none of the deployment's, the as-of is in the future or before the
            bundle's cut-off, or there is no bundle to ask.
        BundleRefused: the bundle that is to speak does not verify.
    """
    bundles = ladder or open_ladder(workspace)
    began, now = time.monotonic(), workspace.clock.now()
    _refuse_one_version(workspace, bundles)
    named = _named(workspace, bundles, symbols)
    asof_open = settle_asof(asof, now, INTERVAL)
    refuse_before_cut_off(bundles.chosen[0], asof_open)
    view = _view(workspace, bundles, named, asof_open)
    moment = _Moment(view, asof_open, now, time.monotonic() - began)
    return tuple(_signal(workspace, bundles, symbol, moment) for symbol in named)


def _signal(
    workspace: Workspace, bundles: Ladder, symbol: str, moment: _Moment
) -> Signal | NoSignal:
    began = time.monotonic()
    recipe = bundles.chosen[0].bundle.files.manifest.recipe
    inputs = inputs_at(moment.view, symbol, recipe.features.references)
    if bundles.versions[0] == "v2_7":
        tell_inputs(inputs, four_hours=inputs.four_hours)
    rung = step_down(inputs, bundles.rungs, bundles.without)
    if rung.version is None or not workspace.switches.enabled:
        reason = MODELS_OFF if not workspace.switches.enabled else "; ".join(rung.reasons)
        nothing = _nothing(symbol, moment, reason, began)
        tell_no_signal(nothing)
        return nothing
    try:
        _refuse_rejected(moment, symbol)
    except DataUnavailable as error:
        nothing = _nothing(symbol, moment, error.facts, began)
        tell_no_signal(nothing)
        return nothing
    try:
        chosen = bundles.of(rung.version)
        signal, features = _asked(chosen, symbol, moment, began)
    except ForecastLabError as error:
        nothing = _nothing(symbol, moment, error.facts, began)
        nothing = nothing.model_copy(update={"model_error": True})
        tell_error(nothing, version=rung.version)
        return nothing
    stepped = rung.version != bundles.versions[0]
    told = tuple(f"{LADDER}{one}" for one in rung.reasons) if stepped else ()
    said = {
        "degraded": (*told, *chosen.degraded, *signal.degraded),
        "missing_reference_symbols": rung.missing_references,
    }
    whole = signal.model_copy(update=said)
    tell_signal(whole, features=features)
    return whole


def _asked(chosen: Chosen, symbol: str, moment: _Moment, began: float) -> tuple[Signal, int]:
    """Ask a bundle about a symbol; return the signal and how many features it read.

    Raises:
        DataUnavailable: a value without a stand-in is missing.
        UsageError: the as-of lies before the bundle's cut-off, which each version has of its own.
    """
    refuse_before_cut_off(chosen, moment.asof_open)
    manifest = chosen.bundle.files.manifest
    recipe = manifest.recipe
    [(candidate, forecaster)] = chosen.bundle.forecasters.items()
    key = feature_key(recipe, recipe.features.set)
    found = with_stand_ins(recipe, moment.view, symbol, build_features(moment.view, symbol, key))
    rows = _whole(found, symbol).iloc[[-1]]
    opens = pd.DatetimeIndex([moment.asof_open]).as_unit("ms")
    said = forecaster.forecast({recipe.features.set: rows}, opens)
    up = float(said.published[1].iloc[0])
    counts = dict(zip(forecaster.rates.classes, forecaster.rates.counts, strict=True))
    entry = manifest.candidates[candidate]
    as_of = moment.asof_open + DURATION[INTERVAL]
    signal = Signal(
        symbol=symbol,
        as_of=as_of,
        asof_date=moment.asof_date,
        created_at=moment.created_at,
        score=round(HIGHEST * up, _DIGITS),
        base_rate=round(HIGHEST * counts[1] / max(sum(counts.values()), 1), _DIGITS),
        base_rate_symbol=manifest.symbol,
        probability=rounded(up),
        candidate=candidate,
        verdict=entry.evaluation.verdict,
        research_only=entry.research_only,
        model_version=str(recipe.recipe),
        bundle=manifest.name,
        digest=chosen.bundle.files.digest,
        data_age_s=round((moment.created_at - as_of).total_seconds(), 3),
        degraded=found.notes,
        missing=found.missing,
        structural=tuple(one for one in structural_zeros(symbol) if one in rows.columns),
        latency_ms=moment.latency_ms(began),
    )
    return signal, len(rows.columns)


def _refuse_rejected(moment: _Moment, symbol: str) -> None:
    """Refuse, as for a record, own candles of which one was rejected: that is no hole to span."""
    own = [
        moment.view.candles(symbol, one)
        for one in (INTERVAL, FOUR_HOURS)
        if moment.view.has(symbol, one)
    ]
    refuse_rejected(own, _first_read(moment.view.as_of))


def _first_read(as_of: datetime) -> datetime:
    # On the grid of both intervals: before it no four-hour candle would ever be at hand.
    return floor_open(as_of - WINDOW_READ, FOUR_HOURS)


def _whole(found: StoodIn, symbol: str) -> pd.DataFrame:
    """Return the rows, if the newest one has every value that the model reads."""
    newest = found.rows.iloc[-1]
    missing = [str(name) for name in found.rows.columns[newest.isna()]]
    if found.obstacle is not None or missing:
        reason = found.obstacle or missing_features(missing)
        raise DataUnavailable(
            f"{symbol}: {reason}.", remedy="Run `forecastlab update`; nothing stands in for these."
        )
    return found.rows


def _nothing(symbol: str, moment: _Moment, reason: str, began: float) -> NoSignal:
    return NoSignal(
        symbol=symbol,
        as_of=moment.asof_open + DURATION[INTERVAL],
        asof_date=moment.asof_date,
        created_at=moment.created_at,
        reason=reason,
        latency_ms=moment.latency_ms(began),
    )


def _view(
    workspace: Workspace, bundles: Ladder, symbols: Sequence[str], asof_open: datetime
) -> MarketView:
    """Return what is at hand of every series that a version reads, brought up to date."""
    as_of = asof_open + DURATION[INTERVAL]
    series: dict[Series, None] = {}
    for chosen in bundles.chosen:
        recipe = chosen.bundle.files.manifest.recipe
        for symbol in symbols:
            read = series_read(str(recipe.recipe), symbol, recipe.features.references)
            series |= dict.fromkeys(read)
    first = _first_read(as_of)
    if workspace.lake is not None:
        fetch_what_is_there(workspace, [Need(*one, first) for one in series])
    return read_what_is_there(workspace, tuple(series), first, as_of).as_of(as_of)


def _named(workspace: Workspace, bundles: Ladder, symbols: Sequence[str]) -> tuple[str, ...]:
    recipe = bundles.chosen[0].bundle.files.manifest.recipe
    known = workspace.operations.symbols or recipe.operations.symbols or (recipe.symbol,)
    strangers = [one for one in symbols if one not in known]
    if strangers:
        raise UsageError(
            f"{workspace.deployment} makes no signal for {', '.join(strangers)}.",
            remedy=f"Choose among {', '.join(known)}.",
        )
    return tuple(dict.fromkeys(symbols or known))


def _refuse_one_version(workspace: Workspace, bundles: Ladder) -> None:
    if bundles.versions[0] == "":
        raise UsageError(
            f"{workspace.deployment} makes forecasts, no signals.",
            remedy="Name a deployment with versions, as --deployment signal_1h.",
        )
