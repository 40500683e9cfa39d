"""A service that predicts with made-up bundles, and the requests that it is sent."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from forecastlab.api.metrics import Metrics
from forecastlab.api.predict import Prediction
from forecastlab.bootstrap import open_workspace
from forecastlab.contracts.registry import RegistryEvent
from forecastlab.contracts.wire_schema import split_features, wire_schema, wire_table
from forecastlab.features.build import build_features
from forecastlab.features.feature import FeatureKey
from forecastlab.settings import read_settings
from forecastlab.usecases.champion import choose
from forecastlab.usecases.live_bundle import LiveBundle
from forecastlab.usecases.workspace import Workspace
from tests.support.direction_bundle import DAYS, END, SYMBOLS, Made
from tests.support.service import Service, running
from tests.support.synthetic import synthetic_market


def workspace_of(folder: Path, made: Made, **environment: str) -> Workspace:
    """Return a workspace of the bundle's deployment, on a folder of models and an empty store."""
    made.write(folder / "models")
    settings = read_settings(
        {
            "FORECASTLAB_MODELS": str(folder / "models"),
            "FORECASTLAB_STORE": str(folder / "store"),
            "FORECASTLAB_SOURCE": "simulated",
            "FORECASTLAB_SIMULATED_NOW": END.isoformat(),
            "FORECASTLAB_DEPLOYMENT": made.recipe.name,
            **environment,
        },
        folder=folder,
    )
    return open_workspace(settings)


def promote(workspace: Workspace, made: Made) -> None:
    """Let a bundle speak, without a gate."""
    state = workspace.registry.state()
    workspace.registry.append(
        RegistryEvent(
            sequence=len(workspace.registry.events()) + 1,
            kind="promoted",
            deployment=workspace.deployment,
            bundle=made.name,
            bundle_digest=made.verified.digest,
            previous=state.champion,
            at=workspace.wall.now(),
            by="a test",
            why="a test",
            gates={},
        )
    )


def live_bundle(workspace: Workspace, **options: Any) -> LiveBundle:
    """Return the bundle that follows a workspace's registry; nothing examines its evidence."""
    return LiveBundle(workspace, examine=lambda one: choose(one, None).bundle, **options)


@contextmanager
def predicting(
    lives: Sequence[LiveBundle], *, metrics: Metrics | None = None, follow_s: float = 60.0
) -> Iterator[Service]:
    """Run the service on loopback with nothing but predictions."""
    part = Prediction(lives, metrics or Metrics(), follow_s=follow_s)
    with running([part]) as (service, _):
        yield service


def features(made: Made, rows: int = 96) -> dict[str, Any]:
    """Return the `features` of a request with exactly the bundle's columns."""
    table = wire_table(wire_schema(made.verified.manifest), made.rows(rows))
    return split_features(table)


def request(made: Made, rows: int = 96, **more: Any) -> dict[str, Any]:
    """Return a request that states the bundle's schema."""
    schema = wire_schema(made.verified.manifest).name
    scores = {"sell_score": 45.0, "buy_score": 38.0}
    return {"schema": schema, "features": features(made, rows), **scores, **more}


def original_features(made: Made, rows: int = 96) -> dict[str, Any]:
    """Return what the earlier system's client sends: its 80 + 21 columns, under its names.

    Columns without a source are 0, as its training filled them.
    """
    view = synthetic_market(DAYS, SYMBOLS, seed=3).as_of(END)
    recipe = made.recipe
    key = FeatureKey("direction_cross", "raw", "1h", recipe.references)
    table = build_features(view, recipe.symbol, key).iloc[-rows:]
    close = view.candles(recipe.symbol, "1h").frame["close"].iloc[-rows - 1 :]
    asset = recipe.symbol.removesuffix("USDT").lower()
    renamed = {
        name: name.replace("target_corr", f"{asset}_corr")
        for name in table.columns
        if "target_corr" in name
    }
    here = close.iloc[1:]
    gone: dict[str, Any] = {
        "momentum_accel": table["momentum_accel_rel"] * here,
        "macd_bar_change": table["macd_bar_change_rel"] * here,
        "cum_ofi": table["ofi"].cumsum(),
        "cum_ofi_slope": 0.0,
        **dict.fromkeys(("funding_rate", "funding_rate_ma", "oi_change", "oi_change_5"), 0.0),
    }
    successors = ["momentum_accel_rel", "macd_bar_change_rel", "ofi_sum_60", "ofi_sum_60_slope"]
    sent = table.drop(columns=successors).rename(columns=renamed).assign(**gone)
    return split_features(sent.round(10))


def as_body(document: object) -> bytes:
    """Return a document as it is sent."""
    return json.dumps(document).encode()


def changed(document: Mapping[str, Any], column: str, value: object, row: int = -1) -> Any:
    """Return a request with another value in a cell."""
    copy = json.loads(json.dumps(document))
    at = copy["features"]["columns"].index(column)
    copy["features"]["data"][row][at] = value
    return copy


def without_columns(document: Mapping[str, Any], columns: Sequence[str]) -> Any:
    """Return a request without some columns."""
    copy = json.loads(json.dumps(document))
    told = copy["features"]
    kept = [place for place, name in enumerate(told["columns"]) if name not in columns]
    told["data"] = np.array(told["data"], dtype=object)[:, kept].tolist()
    told["columns"] = [told["columns"][place] for place in kept]
    return copy
