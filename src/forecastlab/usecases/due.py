"""Is there a forecast to make? Asked of the store and this machine's clock, without the network."""

from __future__ import annotations

import logging

from forecastlab.contracts.errors import ForecastLabError
from forecastlab.contracts.intervals import asof_name, interval_of, last_closed_open
from forecastlab.usecases.publish import newest_sealed
from forecastlab.usecases.workspace import Workspace

log = logging.getLogger(__name__)


def is_due(workspace: Workspace) -> bool:
    """Say whether the candle that closed last has no sealed forecast; in doubt it is due."""
    interval = interval_of(workspace.deployment)
    newest = asof_name(last_closed_open(workspace.wall.now(), interval), interval)
    try:
        sealed = newest_sealed(workspace.store, workspace.deployment)
    except ForecastLabError as error:
        log.warning("the store cannot be asked what is due: %s", error)
        return True
    return sealed is None or sealed < newest
