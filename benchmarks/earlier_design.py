"""How the earlier system's server is built, with this project's models: what serving is beside.

Flask's development server and a thread for each request; models behind a global that the first
request fills; a pandas table of every request's features, from which each model's columns are
taken, with 0 for what is missing or not finite; tables handed to the boosters; each network a
session of its own; every library with its default number of threads; one horizon, and a mean
instead of a stack.

    python -m benchmarks.earlier_design PORT FOLDER
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

ROWS: Final = 96
HORIZON: Final = "H5"


@dataclass
class Lazy:
    """The models: nothing until the first request, then everything."""

    folder: Path
    members: dict[str, Any] = field(default_factory=dict)

    def load(self) -> None:
        """Read the models of the first horizon; no lock, as there."""
        import onnxruntime  # noqa: PLC0415 - as in the design, the first request pays

        from forecastlab.adapters.bundle_shelf import BundleShelf  # noqa: PLC0415
        from forecastlab.adapters.local_store import LocalStore  # noqa: PLC0415
        from forecastlab.usecases.open_bundle import open_bundle  # noqa: PLC0415

        shelf = BundleShelf(self.folder / "models", LocalStore(self.folder / "store"))
        forecaster = open_bundle(shelf.find(next(iter(shelf.names())))).forecasters[HORIZON]
        found: dict[str, Any] = {}
        for name, model in forecaster.members.items():
            machine: Any = getattr(model, "booster", None)
            graph = getattr(model, "graph", None)
            if graph is not None:
                providers = ["CPUExecutionProvider"]
                machine = onnxruntime.InferenceSession(graph, providers=providers)
            elif name == "xgboost":
                machine.set_param({"nthread": os.cpu_count()})
            found[name] = (model, machine)
        self.members = found

    def predict(self, table: pd.DataFrame) -> dict[str, Any]:
        """Return every member's probability of a rise, and their mean."""
        if not self.members:
            self.load()
        said = {
            name: _asked(name, model, machine, table)
            for name, (model, machine) in self.members.items()
        }
        return {
            "success": True,
            "bull_prob": round(float(np.mean(list(said.values()))), 4),
            **{f"{name}_bull_prob": round(one, 4) for name, one in said.items()},
        }


def serve(port: int, folder: Path) -> None:
    """Serve the bundle in a folder until SIGTERM."""
    from flask import Flask, jsonify, request  # noqa: PLC0415 - Lazy alone needs none
    from flask.typing import ResponseReturnValue  # noqa: PLC0415

    # The design's server logs each request, which costs it time that is not the design's.
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    app, models = Flask("earlier-design"), Lazy(folder)

    @app.get("/readyz")
    def ready() -> ResponseReturnValue:
        return jsonify({"status": "ok"})

    @app.post("/predict")
    def predict() -> ResponseReturnValue:
        told = request.get_json(force=True)["features"]
        table = pd.DataFrame(told["data"], columns=told["columns"], index=told.get("index"))
        if len(table) < ROWS:
            return jsonify({"success": False, "error": f"features must have {ROWS} rows"}), 400
        return jsonify(models.predict(table))

    app.run(host="127.0.0.1", port=port, threaded=True)


def _asked(name: str, model: Any, machine: Any, table: pd.DataFrame) -> float:
    filled = table.reindex(columns=list(model.columns), fill_value=0.0)
    filled = filled.replace([np.inf, -np.inf], np.nan).fillna(0.0)
    if name.startswith("lightgbm"):
        return _rise(model.start, float(machine.predict(filled.iloc[[-1]], raw_score=True)[0]))
    if name == "xgboost":
        import xgboost  # noqa: PLC0415 - loaded with the models

        row = xgboost.DMatrix(filled.iloc[[-1]])
        return _rise(model.start, float(machine.predict(row, output_margin=True)[0]))
    return _network(model, machine, filled)


def _rise(start: Sequence[float], raw: float) -> float:
    return float(1 / (1 + np.exp(-(start[1] - start[0] + raw))))


def _network(model: Any, session: Any, table: pd.DataFrame) -> float:
    scaling = model.scaling
    values = table[list(scaling.kept)].tail(model.window).to_numpy(dtype="float32")
    scaled = np.clip((values - scaling.mean) / scaling.sd, -scaling.clip, scaling.clip)
    odds = session.run(None, {"windows": scaled[None].astype("float32")})[0][0, 0]
    logs = np.array(model.offset) + odds
    return float(np.exp(logs[1]) / np.exp(logs).sum())


if __name__ == "__main__":
    with suppress(SystemExit):
        serve(int(sys.argv[1]), Path(sys.argv[2]))
