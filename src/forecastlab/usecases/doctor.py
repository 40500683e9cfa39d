"""Is everything there that tomorrow's forecast needs? Each check tells facts, and the remedy.

Nothing is written but one scratch object of the store, with which its preconditions are tried.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final

from forecastlab.contracts.device import GPU_UNAVAILABLE
from forecastlab.contracts.errors import (
    EXIT_DONE,
    DataStale,
    ForecastLabError,
    StoreUnavailable,
    UsageError,
)
from forecastlab.contracts.intervals import DURATION, interval_of, parse_asof
from forecastlab.usecases.alerts import list_incidents
from forecastlab.usecases.champion import OVERRIDE
from forecastlab.usecases.check import Check
from forecastlab.usecases.health import health
from forecastlab.usecases.host_checks import check_hosts
from forecastlab.usecases.inference_probe import probe_inference
from forecastlab.usecases.publish import newest_sealed, sealed
from forecastlab.usecases.store_probe import try_preconditions
from forecastlab.usecases.surroundings import Surroundings
from forecastlab.usecases.workspace import Workspace

LEAST_FREE_BYTES: Final = 200 * 10**6
"""Below this a day's candles, a bundle's copy and the logs may not fit any more."""

Finding = tuple[str, str]
"""Facts, and a remedy where something is worth doing though nothing failed."""


@dataclass(frozen=True)
class Examination:
    """All checks, in the order in which they were made."""

    checks: tuple[Check, ...]

    @property
    def failed(self) -> tuple[Check, ...]:
        """The checks that failed."""
        return tuple(check for check in self.checks if check.status == "failed")

    @property
    def exit_code(self) -> int:
        """3 where a record is stale, else the first failure's code, else 0."""
        codes = [check.exit_code for check in self.failed]
        stale = [check.exit_code for check in self.failed if check.name.startswith(FRESHNESS)]
        return next(iter(stale + codes), EXIT_DONE)


FRESHNESS: Final = "freshness"


def doctor(
    workspaces: Sequence[Workspace], surroundings: Surroundings, *, fresh: timedelta | None = None
) -> Examination:
    """Examine the deployments of `workspaces`, which share everything else.

    Args:
        fresh: the greatest age of the newest record's as-of; None only tells the age.
    """
    one, several = workspaces[0], len(workspaces) > 1
    checks = [
        *check_hosts(surroundings.hosts, one.wall),
        _check("store", partial(_store, one)),
        _check("preconditions", partial(_preconditions, one)),
        *(
            _check(f"disk {at}", partial(_disk, free))
            for at, free in surroundings.free_bytes.items()
        ),
        _check("device", partial(_device, one)),
        *_secrets(surroundings.secrets),
    ]
    for each in workspaces:
        of = f" {each.deployment}" if several else ""
        checks += [
            _check(f"bundle{of}", partial(_bundle, each)),
            _check(f"registry{of}", partial(_registry, each)),
            _check(f"override{of}", partial(_override, each)),
            _check(f"{FRESHNESS}{of}", partial(_freshness, each, fresh)),
            _check(f"incidents{of}", partial(_incidents, each)),
        ]
        if each.inference is not None:
            probe = partial(probe_inference, each, each.inference)
            checks.append(_check(f"inference server{of}", probe))
    return Examination(tuple(checks))


def parse_age(text: str) -> timedelta:
    """Read an age: a number, and m, h or d.

    Raises:
        UsageError: it is none.

    >>> parse_age("26h")
    datetime.timedelta(days=1, seconds=7200)
    """
    units = {"m": "minutes", "h": "hours", "d": "days"}
    found = re.fullmatch(r"([0-9]{1,4})([mhd])", text)
    if found is None or int(found[1]) == 0:
        raise UsageError(f"--fresh {text!r} is no age.", remedy="Write it as 90m, 26h or 2d.")
    return timedelta(**{units[found[2]]: int(found[1])})


def _check(name: str, look: Callable[[], Finding]) -> Check:
    try:
        facts, remedy = look()
    except ForecastLabError as error:
        return Check(name, "failed", error.facts, error.remedy, error.exit_code)
    return Check(name, "note" if remedy else "ok", facts, remedy)


def _store(workspace: Workspace) -> Finding:
    records = newest_sealed(workspace.store, workspace.deployment)
    workspace.check_pin()
    return f"{workspace.store.location} answers; newest record {records or 'none yet'}", ""


def _preconditions(workspace: Workspace) -> Finding:
    return try_preconditions(workspace.store), ""


def _disk(free_bytes: Callable[[], int]) -> Finding:
    free = free_bytes()
    if free < LEAST_FREE_BYTES:
        raise StoreUnavailable(
            f"{free / 1e6:.0f} MB are free.", remedy="Free some space, or name another --store."
        )
    return f"{free / 1e9:.1f} GB are free", ""


def _device(workspace: Workspace) -> Finding:
    device = workspace.device()
    remedy = ""
    if GPU_UNAVAILABLE in device.degraded:
        remedy = (
            "Check the region's GPU quota, the job's accelerator and the image (RUNTIME=gpu);"
            " forecasts go on from the CPU, marked degraded."
        )
    return f"{device.name}: {device.why}", remedy


def _secrets(secrets: Mapping[str, str]) -> list[Check]:
    told = {name: "set" if value else "not set" for name, value in secrets.items()}
    facts = ", ".join(f"{name} {state}" for name, state in told.items()) or "the settings name none"
    spoiled = [name for name, value in secrets.items() if re.search(r"\s|^['\"]|['\"]$", value)]
    remedy = "Store it again without a line end: `printf %s … | gcloud secrets versions add …`."
    bad = [
        Check("secrets", "failed", f"{name} has white space or quotation marks in it.", remedy, 2)
        for name in spoiled
    ]
    return bad or [Check("secrets", "ok", facts)]


def _bundle(workspace: Workspace) -> Finding:
    found = health(workspace, None)
    if not found.passed:
        raise found.refusal()
    unclear = ", ".join(f"{step.name} ({step.facts})" for step in found.not_judged)
    remedy = f"Not judged: {unclear}" if unclear else ""
    return f"{found.bundle} is healthy: {found.summary}", remedy


def _registry(workspace: Workspace) -> Finding:
    champion = workspace.registry.state().champion
    if workspace.production_dir is not None:
        said = f"{OVERRIDE}={workspace.production_dir} speaks, and every record says so;"
        whose = f"the registry's champion is {champion or 'none yet'}"
        return f"{said} {whose}.", f"Unset {OVERRIDE} to return to the registry."
    shipped = workspace.bundles.first_champion(workspace.deployment)
    if champion is None:
        said = shipped.name if shipped else "nobody"
        return f"no champion yet; the first publish seats {said}", ""
    if shipped is not None and shipped.name != champion:
        return (
            f"the champion is {champion}; champions.toml names {shipped.name} and is ignored.",
            f"To let that one speak: `forecastlab promote {shipped.name} --why …`.",
        )
    return f"the champion is {champion}; champions.toml is ignored from now on", ""


def _override(workspace: Workspace) -> Finding:
    """Tell of an override that is set elsewhere, as on the deployed job: its records say so."""
    newest = newest_sealed(workspace.store, workspace.deployment)
    record = sealed(workspace.store, workspace.deployment, newest) if newest else None
    if record is None or record.bundle.override is None:
        return "the newest record is the registry's champion's, or there is none", ""
    name, how = record.bundle.name, record.bundle.override
    said = f"the newest record {newest} was made by {name}, past the registry ({how})."
    return said, "If nobody means it any more: `forecastlab cloud unpin`."


def _incidents(workspace: Workspace) -> Finding:
    """Tell what the alerts have open; each has been told of by itself, so that none fails here."""
    still = [one.opened.rule for one in list_incidents(workspace) if one.is_open]
    if not still:
        return "no incident is open", ""
    return f"open: {', '.join(still)}", "`forecastlab alerts` tells since when and why."


def _freshness(workspace: Workspace, fresh: timedelta | None) -> Finding:
    newest = newest_sealed(workspace.store, workspace.deployment)
    remedy = "Run `forecastlab daily`; `forecastlab status` and the runs tell why it did not."
    if newest is None:
        if fresh is None:
            return "there is no record yet", ""
        raise DataStale(f"There is no record of {workspace.deployment}.", remedy=remedy)
    interval = interval_of(workspace.deployment)
    age = workspace.wall.now() - (parse_asof(newest, interval) + DURATION[interval])
    hours = age / timedelta(hours=1)
    if fresh is not None and age > fresh:
        raise DataStale(
            f"The newest record is {newest}, {hours:.1f} h old;"
            f" {fresh / timedelta(hours=1):g} h are allowed.",
            remedy=remedy,
        )
    return f"the newest record is {newest}, {hours:.1f} h old", ""
