"""A setting is added as docs/architecture.md says, to a copy of the settings."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.imports import ROOT

LINE = '    Variable("FORECASTLAB_API_GREETING", "hello", "What / says."),'
READING = '        greeting=values["FORECASTLAB_API_GREETING"],'

EDITS = {
    "VARIABLES: Final = (": LINE,
    "class ServeSettings:": "    greeting: str",
    "    return ServeSettings(": READING,
}
"""The variable, the field, the reading: three lines of one file."""

READ = """
import json, pathlib
from forecastlab.settings import env_example, read_settings

given = {"FORECASTLAB_API_GREETING": "good morning"}
folder = pathlib.Path("nowhere")
said = [read_settings(one, folder=folder).serve.greeting for one in ({}, given)]
print(json.dumps({"said": said, "example": env_example()}))
"""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "src", tmp_path / "src")
    file = tmp_path / "src" / "forecastlab" / "settings" / "serve.py"
    text = file.read_text(encoding="utf-8")
    for above, line in EDITS.items():
        assert text.count(f"{above}\n") == 1, above
        text = text.replace(f"{above}\n", f"{above}\n{line}\n")
    file.write_text(text, encoding="utf-8")
    return tmp_path


def test_it_is_read_has_a_default_and_stands_in_the_example(copy: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", READ],
        cwd=copy,
        env={"PYTHONPATH": str(copy / "src")},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["said"] == ["hello", "good morning"]
    assert "\n# What / says.\nFORECASTLAB_API_GREETING=hello\n" in found["example"]
