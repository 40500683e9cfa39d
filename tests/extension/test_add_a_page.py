"""A page is added as docs/architecture.md says, to a copy of the dashboard."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.imports import ROOT
from tests.support.optional import needs
from tests.web.conftest import stores  # noqa: F401 - a fixture

pytestmark = needs("plotly", "streamlit")

SCREEN = '''"""How many forecasts lie in the store."""

from __future__ import annotations

import streamlit as st

from webapp.frame import open_frame, say_simulated, show_nothing_yet

frame = open_frame()
st.title(frame.words("counts.title"))
say_simulated(frame)
records = frame.deployment.records()
if records:
    st.metric(frame.words("counts.sealed"), len(records))
else:
    show_nothing_yet(frame)
'''

OPEN = """
from streamlit import config
from streamlit.testing.v1 import AppTest

# The door asks where the server listens, and none does here.
config.set_option("server.address", "127.0.0.1")
app = AppTest.from_file("{app}", default_timeout=60)
app.query_params["language"] = "{language}"
app.run()
app.switch_page("screens/counts.py").run()
assert not app.exception, app.exception
print(app.title[0].value)
print(*[f"{{one.label}} {{one.value}}" for one in app.metric])
print(*[one.value for one in app.info])
"""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Copy the dashboard and add a page: its script, its line in PAGES, its words."""
    shutil.copytree(ROOT / "webapp", tmp_path / "webapp")
    (tmp_path / "webapp" / "screens" / "counts.py").write_text(SCREEN, encoding="utf-8")
    app = tmp_path / "webapp" / "app.py"
    text = app.read_text(encoding="utf-8")
    line = '    "analyst": ":material/chat:",\n'
    assert text.count(line) == 1
    app.write_text(text.replace(line, f'{line}    "counts": ":material/tag:",\n'), encoding="utf-8")
    for language, title, sealed in (("en", "Counts", "Sealed"), ("zh", "计数", "已封存")):
        words = tmp_path / "webapp" / "languages" / f"{language}.toml"
        more = f'\n[counts]\ntitle = "{title}"\nsealed = "{sealed}"\n'
        words.write_text(words.read_text(encoding="utf-8") + more, encoding="utf-8")
    return tmp_path


def shown(copy: Path, store: Path, language: str = "en") -> list[str]:
    """Return what the page of the copy shows: title, numbers, hints."""
    done = subprocess.run(
        [sys.executable, "-c", OPEN.format(app=copy / "webapp" / "app.py", language=language)],
        cwd=copy,
        env={
            "PYTHONPATH": str(copy),
            "HOME": str(copy),
            "FORECASTLAB_STORE": str(store),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_the_page_shows_up_in_both_languages(
    copy: Path,
    stores: Callable[[str], Path],  # noqa: F811
) -> None:
    title, numbers, _ = shown(copy, stores("one_record"))
    assert (title, numbers) == ("Counts", "Sealed 1")
    assert shown(copy, stores("one_record"), "zh")[:2] == ["计数", "已封存 1"]


def test_an_empty_store_is_no_broken_page(
    copy: Path,
    stores: Callable[[str], Path],  # noqa: F811
) -> None:
    title, numbers, hint = shown(copy, stores("empty"))
    assert (title, numbers) == ("Counts", "")
    assert hint
