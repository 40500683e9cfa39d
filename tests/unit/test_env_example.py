"""`.env.example` lists every variable that the settings read, with its default and meaning."""

from __future__ import annotations

from pathlib import Path

from forecastlab.settings import VARIABLES, env_example, read_settings
from tests.support.imports import ROOT


def test_the_file_is_what_the_settings_say() -> None:
    written = (ROOT / ".env.example").read_text(encoding="utf-8")
    assert written == env_example(), (
        "write it again: python -c 'from forecastlab.settings import env_example;"
        ' print(env_example(), end="")\' > .env.example'
    )


def test_it_lists_each_variable_once_with_its_meaning_above() -> None:
    lines = env_example().splitlines()
    for variable in VARIABLES:
        assert variable.meaning
        at = [i for i, line in enumerate(lines) if line.startswith(f"{variable.name}=")]
        assert len(at) == 1
        assert lines[at[0]] == f"{variable.name}={variable.default}"
        assert variable.meaning in lines[at[0] - 1]


def test_used_as_it_stands_it_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(env_example(), encoding="utf-8")
    assert read_settings({}, folder=tmp_path) == read_settings({}, folder=tmp_path / "none")
