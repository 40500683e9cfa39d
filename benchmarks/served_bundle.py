"""Serve the bundle in a folder as `forecastlab serve` does, with no limit on how often one asks.

python -m benchmarks.served_bundle PORT FOLDER
"""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

from forecastlab.api.app import create_app
from forecastlab.api.metrics import Metrics
from forecastlab.api.predict import Prediction
from forecastlab.api.server import listen, run, server_for
from forecastlab.bootstrap import open_workspace
from forecastlab.settings import read_settings
from forecastlab.settings.serve import Limits
from forecastlab.usecases.champion import choose
from forecastlab.usecases.live_bundle import LiveBundle


def serve(port: int, folder: Path) -> None:
    """Serve until SIGTERM."""
    settings = read_settings(
        {
            "FORECASTLAB_DEPLOYMENT": "direction_1h_ETHUSDT",
            "FORECASTLAB_STORE": str(folder / "store"),
            "FORECASTLAB_SOURCE": "simulated",
            "PRODUCTION_DIR": str(next((folder / "models").iterdir())),
        }
    )
    live = LiveBundle(
        open_workspace(settings, quiet=True), examine=lambda one: choose(one, None).bundle
    )
    metrics, limits = Metrics(), Limits(rate=0)
    app = create_app([Prediction([live], metrics)], limits=limits, metrics=metrics)
    run(server_for(app, limits=limits), listen("127.0.0.1", port))


if __name__ == "__main__":
    with suppress(SystemExit):
        serve(int(sys.argv[1]), Path(sys.argv[2]))
