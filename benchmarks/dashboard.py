"""Time until the dashboard shows.

A server on a store of so many daily records, a real browser on its pages: from process start to
healthy, to the first chart of the first visitor and of the second, and between pages. In the same
run a page that is a title and one chart tells what streamlit, plotly and this machine cost alone.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from benchmarks.cold_start import median
from benchmarks.program import Findings, perform
from benchmarks.results import Row, Target
from benchmarks.server import PORT, server
from forecastlab.contracts.errors import DataUnavailable
from tests.support import dashboard_store
from tests.support.memory_store import MemoryStore
from tests.support.optional import program, reason

TARGETS: Final = {
    "start_s": Target(at_most=3),
    "first_visitor_s": Target(at_most=2),
    "page_switch_s": Target(at_most=1),
}
BARE: Final = """import plotly.graph_objects as go
import streamlit as st
st.title("Bare")
st.plotly_chart(go.Figure(go.Bar(y=[1, 2, 3])))
"""
SERVER: Final = (
    *("--server.address=127.0.0.1", "--server.headless=true", "--server.fileWatcherType=none"),
    *("--browser.gatherUsageStats=false", f"--server.port={PORT}"),
)
DRAWN: Final = "document.querySelectorAll('.js-plotly-plot .main-svg').length > 0"
SWITCHES: Final = ("history", "track_record", "history", "track_record")
PATIENCE_S: Final = 120


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


def visited(browser: Any, command: Sequence[str], store: Path, *, pages: bool) -> Row:
    """Start a server, visit it twice and switch pages; return the seconds of each."""
    environment = {"FORECASTLAB_STORE": str(store)}
    with server(*command, *SERVER, ready="/_stcore/health", environment=environment) as one:
        _, first = visit(browser, one.address)
        page, second = visit(browser, one.address)
        switches = [switch(page, name) for name in SWITCHES] if pages else []
    found = {"start_s": one.ready_s, "first_visitor_s": first, "second_visitor_s": second}
    if switches:
        found["page_switch_s"] = statistics.median(switches)
    return {name: round(seconds, 3) for name, seconds in found.items()}


def measure(asked: argparse.Namespace) -> Findings:
    """Alternate the bare page, `streamlit run` and the dashboard's own start."""
    chromium = program("chromium")
    if chromium is None:
        raise DataUnavailable(
            "The dashboard is timed in a browser, and there is none.",
            remedy=f"It {reason('chromium')}.",
        )
    days, runs = (30, 1) if asked.quick else (asked.days, asked.runs)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
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
        with browsing(chromium) as browser:
            for _ in range(runs):
                for name, command in commands.items():
                    seen = visited(browser, command, store, pages=name != "bare")
                    rows.append({"server": name, **seen})
    return Findings({**_medians(rows), "records": days}, {"runs": rows})


@contextmanager
def browsing(chromium: str) -> Iterator[Any]:
    """Give a browser."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - the module stays importable

    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])


def _medians(rows: Sequence[Row]) -> dict[str, float]:
    own, bare, plain = (
        [row for row in rows if row["server"] == name]
        for name in ("dashboard", "bare", "streamlit run")
    )
    kinds = ("start_s", "first_visitor_s", "second_visitor_s", "page_switch_s")
    ratio = median(own, "first_visitor_s") / median(bare, "first_visitor_s")
    return {
        **{kind: median(own, kind) for kind in kinds},
        **{f"bare_{kind}": median(bare, kind) for kind in kinds[:3]},
        **{f"streamlit_run_{kind}": median(plain, kind) for kind in kinds},
        "first_visitor_over_bare_ratio": round(ratio, 2),
    }


def options(parser: argparse.ArgumentParser) -> None:
    """Add what this benchmark alone asks."""
    parser.add_argument("--days", type=int, default=1096, help="daily records in the store")
    parser.add_argument("--runs", type=int, default=3)


def main() -> int:
    """Measure, print, and write where `--out` says."""
    return perform(__file__, __doc__, measure, targets=TARGETS, options=options)


if __name__ == "__main__":
    sys.exit(main())
