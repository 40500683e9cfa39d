"""Time until the dashboard shows: `python -m benchmarks.dashboard [--days N] [--json]`.

A server on a store of so many daily records, a real browser on its pages: from process start to
healthy, to the first chart of the first visitor and of the second, and between pages. In the same
run a page that is a title and one chart tells what streamlit, plotly and this machine cost alone.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from benchmarks.cold_start import machine, spread
from tests.support import dashboard_store
from tests.support.imports import ROOT
from tests.support.memory_store import MemoryStore

TARGETS_S: Final = {"start": 3.0, "first visitor": 2.0, "page switch": 1.0}
BARE: Final = """import plotly.graph_objects as go
import streamlit as st
st.title("Bare")
st.plotly_chart(go.Figure(go.Bar(y=[1, 2, 3])))
"""
SERVER: Final = (
    *("--server.address=127.0.0.1", "--server.headless=true", "--server.fileWatcherType=none"),
    "--browser.gatherUsageStats=false",
)
DRAWN: Final = "document.querySelectorAll('.js-plotly-plot .main-svg').length > 0"
SWITCHES: Final = ("history", "track_record", "history", "track_record")
PATIENCE_S: Final = 120


@contextmanager
def server(command: Sequence[str], store: Path) -> Iterator[tuple[str, float]]:
    """Run a server; give its address and the seconds until it was healthy."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *command, f"--server.port={port}", *SERVER],
        cwd=ROOT,
        env={**os.environ, "FORECASTLAB_STORE": str(store)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        address = f"http://127.0.0.1:{port}"
        while not healthy(address):
            if process.poll() is not None or time.perf_counter() - began > PATIENCE_S:
                raise RuntimeError(f"{' '.join(command)} did not come up")
            time.sleep(0.02)
        yield address, time.perf_counter() - began
    finally:
        process.terminate()
        process.wait(timeout=10)


def healthy(address: str) -> bool:
    """Say whether the server answers."""
    try:
        with urllib.request.urlopen(f"{address}/_stcore/health", timeout=1) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def visit(browser: Any, address: str) -> tuple[Any, float]:
    """Open the first page as a new visitor; return it and the seconds until a chart is there."""
    page = browser.new_context().new_page()
    page.set_default_timeout(PATIENCE_S * 1000)
    began = time.perf_counter()
    page.goto(address)
    page.wait_for_function(DRAWN)
    return page, time.perf_counter() - began


def switch(page: Any, name: str) -> float:
    """Go to another page by the sidebar; return the seconds until its title and a chart stand."""
    before = page.locator("h1").first.inner_text()
    link = page.locator(f'a[href$="/{name}"]').first
    began = time.perf_counter()
    link.click()
    script = "before => document.querySelector('h1')?.innerText !== before && " + DRAWN
    page.wait_for_function(script, arg=before)
    return time.perf_counter() - began


def measured(browser: Any, command: Sequence[str], store: Path, *, pages: bool) -> dict[str, Any]:
    """Start a server, visit it twice and switch pages; return the seconds of each."""
    with server(command, store) as (address, start):
        _, first = visit(browser, address)
        page, second = visit(browser, address)
        switches = [switch(page, name) for name in SWITCHES] if pages else []
    return {"start": start, "first visitor": first, "second visitor": second, "switches": switches}


def measure(days: int, runs: int) -> dict[str, Any]:
    """Alternate the bare page, `streamlit run` and the dashboard's own start."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - the module stays importable

    found: dict[str, list[dict[str, Any]]] = {"bare": [], "streamlit run": [], "dashboard": []}
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        memory = MemoryStore()
        dashboard_store.full(memory, datetime.now(UTC), count=days)
        store = dashboard_store.on_disk(memory, Path(folder) / "store")
        bare = Path(folder) / "bare.py"
        bare.write_text(BARE, encoding="utf-8")
        commands = {
            "bare": ["-m", "streamlit", "run", str(bare)],
            "streamlit run": ["-m", "streamlit", "run", "webapp/app.py"],
            "dashboard": ["webapp"],
        }
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        for _ in range(runs):
            for name, command in commands.items():
                one = measured(browser, command, store, pages=name != "bare")
                found[name].append(one)
    return {name: summary(ones) for name, ones in found.items()} | {"records": days}


def summary(ones: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the spread of each duration over the runs; switches of all runs together."""
    kinds = ("start", "first visitor", "second visitor")
    table = {kind: spread([one[kind] for one in ones]) for kind in kinds}
    switches = [seconds for one in ones for seconds in one["switches"]]
    return table | ({"page switch": spread(switches)} if switches else {})


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=1096, help="daily records in the store")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    result = measure(chosen.days, chosen.runs) | {"machine": machine(Path(sys.executable))}
    if chosen.json:
        print(json.dumps(result, indent=2))
        return
    print(f"{result['records']} records; median seconds of {chosen.runs} runs (least – greatest)")
    for name in ("bare", "streamlit run", "dashboard"):
        for kind, one in result[name].items():
            target = TARGETS_S.get(kind) if name == "dashboard" else None
            goal = f"  target {target}" if target else ""
            spread_text = f"{one['median']:6.2f} ({one['min']:.2f} – {one['max']:.2f})"
            print(f"{name:14} {kind:15} {spread_text}{goal}")
    seconds = [result[name]["first visitor"]["median"] for name in ("dashboard", "bare")]
    print(f"first visitor, dashboard to bare page: {seconds[0] / seconds[1]:.2f}")


if __name__ == "__main__":
    main()
