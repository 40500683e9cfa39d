"""The languages of the pages: one TOML file each."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Final

from webapp.views.wording import Words, flattened

LANGUAGES: Final = {"zh": "中文", "en": "English"}
"""Code -> the language's own name; each code has a file in this folder."""


@lru_cache(maxsize=len(LANGUAGES))
def words_of(language: str) -> Words:
    """Return the texts of one of `LANGUAGES`."""
    text = (Path(__file__).parent / f"{language}.toml").read_text(encoding="utf-8")
    return Words(language, flattened(tomllib.loads(text)))
