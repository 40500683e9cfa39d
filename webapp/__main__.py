"""Serve the dashboard: `python webapp --server.port=8501`, as `streamlit run webapp/app.py` does.

What the pages import is there before the server listens. Under `streamlit run` the first visitor
waits for it: twice as long as the second one (`benchmarks/dashboard.py`).
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent

BEFORE: Final = (
    *("plotly.graph_objects", "pyarrow", "scipy.special", "streamlit.elements.plotly_chart"),
    *("webapp.access", "webapp.frame", "webapp.views.history", "webapp.views.today"),
    "webapp.views.track_record",
)
"""What the pages of the morning import."""


def main() -> None:
    """Import, then become the server."""
    sys.path.insert(0, str(HERE.parent))
    for name in BEFORE:
        import_module(name)
    from streamlit.web import cli  # noqa: PLC0415 - the path above comes first

    cli.main(["run", str(HERE / "app.py"), *sys.argv[1:]])


if __name__ == "__main__":
    main()
