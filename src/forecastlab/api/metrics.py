"""What the service counts and measures, for Prometheus; its components write to it."""

from __future__ import annotations

from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

_LATENCY_S: Final = (
    *(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
)
_SCORES: Final = tuple(step / 20 for step in range(1, 20))


class Metrics:
    """Counters of one service, in a registry of their own.

    Labels take few values by design: routes as they are declared, never paths as they were asked.

    >>> metrics = Metrics()
    >>> metrics.score("direction_1h_ETHUSDT", 0.61)
    >>> b'forecastlab_score_count{deployment="direction_1h_ETHUSDT"} 1.0' in metrics.text()
    True
    """

    def __init__(self) -> None:
        registry = CollectorRegistry()
        self._registry = registry
        self._requests = Counter(
            "forecastlab_requests", "Requests.", ("route", "code"), registry=registry
        )
        self._latency = Histogram(
            "forecastlab_request_seconds",
            "Seconds from a request's head to the end of its answer.",
            ("route",),
            buckets=_LATENCY_S,
            registry=registry,
        )
        self._scores = Histogram(
            "forecastlab_score",
            "Probabilities and scores answered, in [0, 1].",
            ("deployment",),
            buckets=_SCORES,
            registry=registry,
        )
        self._enrichments = Counter(
            "forecastlab_enrichments",
            "Signals that a model was asked about, by the outcome.",
            ("version", "outcome"),
            registry=registry,
        )
        self._enrichment_errors = Counter(
            "forecastlab_enrichment_errors",
            "Signals whose inputs were there and whose model could not be asked.",
            ("symbol",),
            registry=registry,
        )
        self._references = Counter(
            "forecastlab_references",
            "Reference series that a feature set asked for, by whether they were there.",
            ("symbol", "found"),
            registry=registry,
        )
        self._upstream = Counter(
            "forecastlab_upstream", "Series asked of the source.", ("outcome",), registry=registry
        )
        self._in_flight = Gauge("forecastlab_in_flight", "Requests under way.", registry=registry)
        self._ready = Gauge("forecastlab_ready", "1 while /readyz says so.", registry=registry)
        ProcessCollector(registry=registry)

    def request(self, route: str, code: int, seconds: float) -> None:
        """Count a request that was answered."""
        self._requests.labels(route, code).inc()
        self._latency.labels(route).observe(seconds)

    def score(self, deployment: str, value: float) -> None:
        """Count a probability, or a score in [0, 1], that was answered."""
        self._scores.labels(deployment).observe(value)

    def enrichment(self, version: str, *, done: bool) -> None:
        """Count a signal that a model of this version was asked about."""
        self._enrichments.labels(version, "success" if done else "failure").inc()

    def enrichment_error(self, symbol: str) -> None:
        """Count a signal whose model could not be asked though its inputs were there."""
        self._enrichment_errors.labels(symbol).inc()

    def reference(self, symbol: str, *, found: bool) -> None:
        """Count a reference series that a feature set asked for."""
        self._references.labels(symbol, "yes" if found else "no").inc()

    def upstream(self, *, done: bool) -> None:
        """Count a series that was asked of the candles' source."""
        self._upstream.labels("success" if done else "failure").inc()

    def text(self, *, in_flight: int = 0, ready: bool = False) -> bytes:
        """Write all of it in Prometheus' text format."""
        self._in_flight.set(in_flight)
        self._ready.set(ready)
        return generate_latest(self._registry)
