"""Time `POST /predict` against the earlier design: `python -m benchmarks.serving [--save]`.

Two servers on loopback, one process each, asked in turn by a client in a third one:

- *ours*: the service with its door, in one process;
- *the stand-in*: how the earlier system's server is built, with this project's models. Flask's
  development server and a thread for each request; models behind a global that the first request
  fills; a pandas table of every request's features, from which each model's columns are taken, with
  0 for what is missing or not finite; tables handed to the boosters; each network a session of its
  own; every library with its default number of threads; one horizon, and a mean instead of a stack.

Both hold the same five members in the shipped sizes, with drawn networks: what a forecast costs
does not depend on the weights. Both are sent the same 96 rows of 101 columns, of which the members
read 97. Ours answers three horizons, the stand-in one. A connection is kept where the server keeps
it: ours does, Flask's closes it after each answer.

The client's processor time is not the servers'. As neighbours on the machine show in every wall
clock, the processor time that a server spends on a request stands beside the requests per second.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from tests.support.imports import ROOT

RESULTS: Final = ROOT / "docs" / "results" / "serving.json"
KINDS: Final = ("ours", "stand-in")
TARGETS: Final = {"requests per second": 20.0, "p99": 0.1, "first answer ms": 100.0}

ROWS: Final = 96
BODIES: Final = 16
"""Different requests, asked in turn."""
CLIENTS: Final = 50
MANY: Final = 100
ROUNDS: Final = 3
SECONDS: Final = 6.0
STEADY_S: Final = 60.0
LONG: Final = 100_000
WARM: Final = 5_000
"""Requests after which memory is first looked at."""


def bodies() -> list[bytes]:
    """Return requests of different hours, as the earlier system's client sends them."""
    from forecastlab.contracts.wire_schema import (  # noqa: PLC0415 - the client needs no model
        split_features,
        wire_schema,
        wire_table,
    )

    made = _bundle()
    schema = wire_schema(made.verified.manifest)
    found = []
    for back in range(BODIES):
        rows = {
            name: one.iloc[: len(one) - back].iloc[-ROWS:] for name, one in made.features.items()
        }
        table = wire_table(schema, rows).round(10)
        for name in ("funding_rate", "funding_rate_ma", "oi_change", "oi_change_5"):
            table[name] = 0.0
        told = {"sell_score": 45.0, "buy_score": 38.0, "features": split_features(table)}
        found.append(json.dumps(told, separators=(",", ":")).encode())
    return found


def _bundle() -> Any:
    # torch, which draws the networks, is no library of a server.
    from tests.support.direction_bundle import direction_bundle  # noqa: PLC0415

    return direction_bundle(shipped_sizes=True, raw=True)


# --- the servers ------------------------------------------------------------------------------


def serve_ours(folder: Path, port: int) -> None:
    """Serve the bundle in a folder as `forecastlab serve` does."""
    from forecastlab.api.app import create_app  # noqa: PLC0415 - each server imports its own
    from forecastlab.api.metrics import Metrics  # noqa: PLC0415
    from forecastlab.api.predict import Prediction  # noqa: PLC0415
    from forecastlab.api.server import listen, run, server_for  # noqa: PLC0415
    from forecastlab.bootstrap import open_workspace  # noqa: PLC0415
    from forecastlab.settings import read_settings  # noqa: PLC0415
    from forecastlab.settings.serve import Limits  # noqa: PLC0415
    from forecastlab.usecases.champion import choose  # noqa: PLC0415
    from forecastlab.usecases.live_bundle import LiveBundle  # noqa: PLC0415

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


@dataclass
class Lazy:
    """The earlier design's models: nothing until the first request, then everything."""

    folder: Path
    members: dict[str, Any] = field(default_factory=dict)

    def load(self) -> None:
        """Read the models of the first horizon; no lock, as there."""
        import onnxruntime  # noqa: PLC0415 - as in the design, the first request pays

        from forecastlab.adapters.bundle_shelf import BundleShelf  # noqa: PLC0415
        from forecastlab.adapters.local_store import LocalStore  # noqa: PLC0415
        from forecastlab.usecases.open_bundle import open_bundle  # noqa: PLC0415

        shelf = BundleShelf(self.folder / "models", LocalStore(self.folder / "store"))
        forecaster = open_bundle(shelf.find(next(iter(shelf.names())))).forecasters["H5"]
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
        said: dict[str, float] = {}
        for name, (model, machine) in self.members.items():
            own = _filled(table, model)
            if name.startswith("lightgbm"):
                raw = machine.predict(own.iloc[[-1]], raw_score=True)
                said[name] = _rise(model.start, float(raw[0]))
            elif name == "xgboost":
                import xgboost  # noqa: PLC0415 - loaded with the models

                row = xgboost.DMatrix(own.iloc[[-1]])
                said[name] = _rise(model.start, float(machine.predict(row, output_margin=True)[0]))
            else:
                said[name] = _network(model, machine, own)
        return {
            "success": True,
            "bull_prob": round(float(np.mean(list(said.values()))), 4),
            **{f"{name}_bull_prob": round(one, 4) for name, one in said.items()},
        }


def _filled(table: pd.DataFrame, model: Any) -> pd.DataFrame:
    own = table.reindex(columns=list(model.columns), fill_value=0.0)
    return own.replace([np.inf, -np.inf], np.nan).fillna(0.0)


def _rise(start: Sequence[float], raw: float) -> float:
    return float(1 / (1 + np.exp(-(start[1] - start[0] + raw))))


def _network(model: Any, session: Any, table: pd.DataFrame) -> float:
    scaling = model.scaling
    values = table[list(scaling.kept)].tail(model.window).to_numpy(dtype="float32")
    scaled = np.clip((values - scaling.mean) / scaling.sd, -scaling.clip, scaling.clip)
    odds = session.run(None, {"windows": scaled[None].astype("float32")})[0][0, 0]
    logs = np.array(model.offset) + odds
    return float(np.exp(logs[1]) / np.exp(logs).sum())


def serve_stand_in(folder: Path, port: int) -> None:
    """Serve by the earlier design."""
    import logging  # noqa: PLC0415 - the design's server logs each request, which costs it time

    from flask import Flask, jsonify, request  # noqa: PLC0415 - no dependency of the project
    from flask.typing import ResponseReturnValue  # noqa: PLC0415

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    app, models = Flask("stand-in"), Lazy(folder)

    @app.get("/readyz")
    def ready() -> ResponseReturnValue:
        return jsonify({"status": "ok"})

    @app.post("/predict")
    def predict() -> ResponseReturnValue:
        told = request.get_json(force=True)["features"]
        table = pd.DataFrame(told["data"], columns=told["columns"], index=told.get("index"))
        if len(table) < ROWS:
            return jsonify({"success": False, "error": "features must have 96 rows"}), 400
        return jsonify(models.predict(table))

    app.run(host="127.0.0.1", port=port, threaded=True)


# --- the client -------------------------------------------------------------------------------


@dataclass
class Load:
    """What a load of requests saw."""

    seconds: float = 0.0
    times_ms: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        """Answers a second."""
        return len(self.times_ms) / self.seconds

    def quantile(self, share: float) -> float:
        """Return a quantile of the times."""
        return float(np.quantile(self.times_ms, share)) if self.times_ms else float("nan")


def load(
    port: int, sent: Sequence[bytes], clients: int, *, seconds: float = 0.0, requests: int = 0
) -> Load:
    """Ask with so many clients at once, for some seconds or until so many were answered."""
    return asyncio.run(_load(port, sent, clients, seconds=seconds, requests=requests))


async def _load(
    port: int, sent: Sequence[bytes], clients: int, *, seconds: float, requests: int
) -> Load:
    found, began = Load(), time.perf_counter()
    until = began + (seconds or 3600.0)

    def goes_on() -> bool:
        done = requests and len(found.times_ms) + len(found.errors) >= requests
        return time.perf_counter() < until and not done

    async def client(number: int) -> None:
        reader: asyncio.StreamReader | None = None
        writer: asyncio.StreamWriter | None = None
        place = number
        while goes_on():
            begin = time.perf_counter()
            try:
                if reader is None or writer is None:
                    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
                writer.write(sent[place % len(sent)])
                status, kept = await asyncio.wait_for(_answer(reader), 60)
            except (OSError, asyncio.IncompleteReadError, TimeoutError, ValueError) as error:
                found.errors.append(repr(error))
                status, kept = 200, False
            else:
                found.times_ms.append((time.perf_counter() - begin) * 1000)
            if status != 200:
                found.errors.append(str(status))
            if not kept and writer is not None:
                writer.close()
                reader = writer = None
            place += 1
        if writer is not None:
            writer.close()

    await asyncio.gather(*(client(number) for number in range(clients)))
    found.seconds = time.perf_counter() - began
    return found


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bool]:
    """Read one answer; return its status, and whether the connection is kept."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    version, status = head.split(b" ", 2)[:2]
    size = int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
    await reader.readexactly(size)
    kept = version == b"http/1.1" and b"connection: close" not in head
    return int(status), kept


def framed(body: bytes) -> bytes:
    """Return a body as it is sent."""
    head = (
        "POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


# --- the measurement --------------------------------------------------------------------------


@dataclass(frozen=True)
class Running:
    """A server that runs."""

    port: int
    process: subprocess.Popen[bytes]

    @property
    def cpu_s(self) -> float:
        """Processor time that it has spent, all its threads together."""
        stat = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii")
        user, system = stat.rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    @property
    def resident_mb(self) -> float:
        """Memory that it holds."""
        pages = Path(f"/proc/{self.process.pid}/statm").read_text(encoding="ascii").split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE") / 1e6


@contextmanager
def server(kind: str, folder: Path) -> Iterator[Running]:
    """Run a server until the context ends; it is waited for until it is ready."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "benchmarks.serving", "--serve", kind, str(port), str(folder)]
    log = (folder / f"{kind}.log").open("wb")
    process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 120
        while not _is_ready(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit((folder / f"{kind}.log").read_text(errors="replace"))
            time.sleep(0.005)
        yield Running(port, process)
    finally:
        process.terminate()
        process.wait(timeout=20)
        log.close()


def _is_ready(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5) as line:
        line.sendall(b"GET /readyz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        return b" 200 " in line.recv(4096)
    return False


def measure(*, long: bool, steady_s: float) -> dict[str, Any]:
    """Alternate both servers under the same load."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _bundle().write(folder / "models")
        sent = [framed(one) for one in bodies()]
        found: dict[str, Any] = {kind: {"rounds": []} for kind in KINDS}
        with server("ours", folder) as ours, server("stand-in", folder) as theirs:
            servers = dict(zip(KINDS, (ours, theirs), strict=True))
            for kind, one in servers.items():
                first = load(one.port, sent, 1, requests=1)
                found[kind]["first_answer_ms"] = round(first.times_ms[0], 1)
                load(one.port, sent, 4, seconds=2.0)
            for _ in range(ROUNDS):
                for kind, one in servers.items():
                    found[kind]["rounds"].append(_round(one, sent))
        with server("ours", folder) as ours:
            found["steady"] = _steady(ours, sent, steady_s)
            if long:
                found["long"] = _long(ours, sent)
    return {**found, "payload": f"{ROWS} x 101, {len(sent[0])} bytes", **_ratios(found)}


def _round(one: Running, sent: Sequence[bytes]) -> dict[str, float]:
    cpu_s = one.cpu_s
    seen = load(one.port, sent, CLIENTS, seconds=SECONDS)
    answered = max(len(seen.times_ms), 1)
    return {
        "per_second": round(seen.per_second, 1),
        "p50_ms": round(seen.quantile(0.5), 2),
        "p99_ms": round(seen.quantile(0.99), 2),
        "cpu_ms": round((one.cpu_s - cpu_s) / answered * 1000, 3),
        "errors": len(seen.errors),
    }


def _steady(one: Running, sent: Sequence[bytes], seconds: float) -> dict[str, Any]:
    seen = load(one.port, sent, MANY, seconds=seconds)
    return {
        "clients": MANY,
        "seconds": round(seen.seconds, 1),
        "answers": len(seen.times_ms),
        "errors": len(seen.errors),
        "p99_ms": round(seen.quantile(0.99), 1),
    }


def _long(one: Running, sent: Sequence[bytes]) -> dict[str, Any]:
    load(one.port, sent, 8, requests=WARM)
    seen = [round(one.resident_mb, 1)]
    errors = 0
    for _ in range(4):
        errors += len(load(one.port, sent, 8, requests=LONG // 4).errors)
        seen.append(round(one.resident_mb, 1))
    return {"requests": LONG, "errors": errors, "resident_mb": seen}


def _ratios(found: dict[str, Any]) -> dict[str, Any]:
    """Return ours against the stand-in, each the median of its rounds."""

    def middle(kind: str, what: str) -> float:
        return float(statistics.median(one[what] for one in found[kind]["rounds"]))

    return {
        "ratios": {
            "requests per second": round(
                middle("ours", "per_second") / middle("stand-in", "per_second"), 1
            ),
            "processor time": round(middle("stand-in", "cpu_ms") / middle("ours", "cpu_ms"), 1),
            "p99": round(middle("ours", "p99_ms") / middle("stand-in", "p99_ms"), 3),
        }
    }


def main() -> None:
    """Measure and print, or serve one of the sides."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--save", action="store_true", help="keep it in docs/results")
    parser.add_argument("--long", action="store_true", help=f"also memory over {LONG:,} requests")
    parser.add_argument("--steady", type=float, default=STEADY_S, help="seconds with 100 clients")
    parser.add_argument("--serve", nargs=3, metavar=("KIND", "PORT", "FOLDER"))
    asked = parser.parse_args()
    if asked.serve:
        kind, port, folder = asked.serve
        with suppress(SystemExit):
            (serve_ours if kind == "ours" else serve_stand_in)(Path(folder), int(port))
        return
    machine = {
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 1),
    }
    result = {**measure(long=asked.long, steady_s=asked.steady), "machine": machine}
    if asked.save:
        RESULTS.write_text(json.dumps(result, indent=1) + "\n")
    if asked.json:
        print(json.dumps(result, indent=1))
        return
    show(result)


def show(result: dict[str, Any]) -> None:
    """Print the tables."""
    print(f"{result['payload']}; {CLIENTS} clients, {ROUNDS} rounds of {SECONDS:g} s")
    print(f"{result['machine']}")
    print("          first ms   req/s  p50 ms  p99 ms  cpu ms/req  errors")
    for kind in KINDS:
        for one in result[kind]["rounds"]:
            print(
                f"{kind:9} {result[kind]['first_answer_ms']:8.1f} {one['per_second']:7.1f}"
                f" {one['p50_ms']:7.1f} {one['p99_ms']:7.1f} {one['cpu_ms']:11.3f}"
                f" {one['errors']:7}"
            )
    for name, ratio in result["ratios"].items():
        target = f" (target {TARGETS[name]:g})" if name in TARGETS else ""
        print(f"{name}: {ratio:g}{target}")
    print(f"steady: {result['steady']}")
    if "long" in result:
        print(f"long: {result['long']}")


if __name__ == "__main__":
    main()
