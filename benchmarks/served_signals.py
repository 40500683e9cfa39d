"""Serve the shipped bundles of the signals as `forecastlab serve` does, without a limit.

python -m benchmarks.served_signals PORT FOLDER
"""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

from benchmarks.shipped_world import SIGNALS, open_shipped
from forecastlab.api.app import create_app
from forecastlab.api.metrics import Metrics
from forecastlab.api.server import listen, run, server_for
from forecastlab.api.signals import Signals
from forecastlab.settings.serve import Limits


def serve(port: int, folder: Path) -> None:
    """Serve until SIGTERM."""
    metrics, limits = Metrics(), Limits(rate=0)
    part = Signals(open_shipped(folder, SIGNALS), metrics)
    app = create_app([part], limits=limits, metrics=metrics)
    run(server_for(app, limits=limits), listen("127.0.0.1", port))


if __name__ == "__main__":
    with suppress(SystemExit):
        serve(int(sys.argv[1]), Path(sys.argv[2]))
