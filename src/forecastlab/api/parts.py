"""The parts that the service is made of."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from forecastlab.api.analyst import AnalystPart
from forecastlab.api.component import Component
from forecastlab.api.klines import Klines
from forecastlab.api.metrics import Metrics
from forecastlab.api.predict import prediction
from forecastlab.api.signals import signals
from forecastlab.bootstrap import open_workspace
from forecastlab.bootstrap.analyst import open_analyst
from forecastlab.settings import Settings


def service_parts(settings: Settings, metrics: Metrics) -> tuple[Component, ...]:
    """Return the service's components, in the order in which they start.

    Raises:
        ConfigError: a setting names nothing that exists.
    """
    # A caller waits no longer than that, and meanwhile its series keeps others from the exchange.
    deadline_s = min(settings.binance_deadline_s, settings.serve.limits.request_s / 2)
    patient = replace(settings, binance_deadline_s=deadline_s)
    workspace = open_workspace(patient, quiet=True)
    analyst = AnalystPart(partial(open_analyst, settings, workspace.store))
    return (
        Klines(workspace, metrics, within_s=0.8 * settings.serve.limits.request_s),
        prediction(settings, metrics),
        signals(patient, metrics),
        analyst,
    )
