"""What the dashboard may import, and that nobody passes by its door."""

from __future__ import annotations

import ast
import subprocess
import sys

from tests.support.imports import ROOT, imports, reached, sources
from tests.support.optional import needs

MODEL_LIBRARIES = {"joblib", "lightgbm", "onnxruntime", "sklearn", "torch", "xgboost"}


def test_views_and_the_read_model_do_without_streamlit() -> None:
    graph = imports(sources("src", "webapp"))
    pure = [name for name in graph if name.startswith(("webapp.views.", "webapp.read_model."))]
    assert len(pure) > 10
    found = {
        name
        for name in pure
        for module in {name, *reached(name, graph)}
        for one in graph.get(module, ())
        if one.target.split(".")[0] == "streamlit"
    }
    assert found == set()


@needs("plotly", "streamlit")
def test_the_pages_load_no_model_library() -> None:
    modules = [
        name for name in sources("webapp") if ".screens" not in name and name != "webapp.app"
    ]
    code = f"import sys, {', '.join(modules)}; print(*{{m.split('.')[0] for m in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert MODEL_LIBRARIES & set(done.stdout.split()) == set()


def test_no_folder_of_pages_lets_visitors_past_the_door() -> None:
    # Streamlit runs the scripts of a folder of this name without `app`, where admission is asked.
    assert not (ROOT / "webapp" / "pages").exists()


def test_scripts_hold_no_text_that_streamlit_would_show() -> None:
    scripts = {
        name: source
        for name, source in sources("webapp").items()
        if name == "webapp.app" or name.startswith("webapp.screens.")
    }
    bare = [
        f"{name}:{node.lineno}"
        for name, source in scripts.items()
        for node in ast.parse(source).body[1:]
        if isinstance(node, ast.Expr) and not isinstance(node.value, ast.Call)
    ]
    assert len(scripts) > 3
    assert bare == []


def test_nothing_shows_html_of_data() -> None:
    assert [
        name for name, source in sources("webapp").items() if "unsafe_allow_html" in source
    ] == []
