"""Files that people write: recipes, the analyst's, champions.toml, .env, keys. Read, or refused."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecastlab.adapters.api_keys import read_key_file
from forecastlab.adapters.bundle_shelf import CHAMPIONS, BundleShelf
from forecastlab.contracts.config import parse_recipe
from forecastlab.contracts.errors import ConfigError
from forecastlab.contracts.llm import parse_analyst
from forecastlab.models.catalogue import make_learners
from forecastlab.settings import VARIABLES, env_example, read_settings
from forecastlab.targets.catalogue import check_target
from tests.support.fuzzing import altered, damaged, survived, tries
from tests.support.imports import ROOT
from tests.support.memory_store import MemoryStore

RECIPES: Final = tuple(
    path.read_bytes()
    for path in sorted((ROOT / "config").glob("*.toml"))
    if "analyst" not in path.name
)
ANALYST: Final = (ROOT / "config" / "analyst.toml").read_bytes()
CHAMPION: Final = (ROOT / "models" / "production" / CHAMPIONS).read_bytes()
ENV: Final = env_example().encode()


def toml_of(value: Any) -> str:
    """Write a JSON value as one line of TOML, which has no null."""
    if isinstance(value, dict):
        pairs = (f"{json.dumps(key)} = {toml_of(one)}" for key, one in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(toml_of, value))}]"
    return "[]" if value is None else json.dumps(value)


def toml_lines(document: dict[str, Any]) -> str:
    return "\n".join(f"{json.dumps(key)} = {toml_of(one)}" for key, one in document.items())


def plain(data: bytes) -> dict[str, Any]:
    """Return a TOML document as JSON, dates as texts."""
    found: dict[str, Any] = json.loads(json.dumps(tomllib.loads(data.decode()), default=str))
    return found


def text_of(data: bytes) -> str:
    """Return bytes as a text that a file of them could hold."""
    return data.decode(errors="replace")


@tries(60)
@given(data=damaged(*RECIPES))
def test_a_recipe_is_read_or_refused(data: bytes) -> None:
    recipe_or_refusal(text_of(data))


@tries(75)
@given(data=st.data())
def test_an_altered_recipe_is_read_or_refused(data: st.DataObject) -> None:
    document = plain(data.draw(st.sampled_from(RECIPES)))
    recipe_or_refusal(toml_lines(document))
    recipe_or_refusal(toml_lines(data.draw(altered(document))))


def recipe_or_refusal(text: str) -> None:
    recipe = survived(parse_recipe, text, what="x.toml")
    if recipe is not None:
        assert recipe.digest.startswith("sha256:")
        survived(check_target, recipe.target, what="x.toml")
        survived(make_learners, recipe)


@tries(40)
@given(data=damaged(ANALYST))
def test_the_analysts_configuration_is_read_or_refused(data: bytes) -> None:
    survived(parse_analyst, text_of(data), what="x.toml")


@tries(40)
@given(document=altered(plain(ANALYST)))
def test_an_altered_configuration_is_read_or_refused(document: dict[str, Any]) -> None:
    survived(parse_analyst, toml_lines(document), what="x.toml")


@tries(40)
@given(data=damaged(CHAMPION, b"flow_T21X8_T14X8 = 1", b"flow_T21X8_T14X8 = [1]"))
def test_the_first_champions_are_read_or_refused(
    data: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.getbasetemp()
    (folder / CHAMPIONS).write_bytes(data)
    survived(BundleShelf(folder, MemoryStore()).first_champion, "flow_T21X8_T14X8")


@tries(50)
@given(data=damaged(ENV, b"FORECASTLAB_API_RATE=5\nREDIS_URL='redis://x'\nexport A=1\nB=${C:-d}\n"))
def test_a_dotenv_is_read_or_refused(data: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.getbasetemp()
    (folder / ".env").write_bytes(data)
    survived(read_settings, {}, folder=folder)


@st.composite
def environments(draw: st.DrawFn) -> Mapping[str, str]:
    names = st.sampled_from([one.name for one in VARIABLES])
    odd = st.sampled_from(["nan", "inf", "1e999", "-1", "0", "٣", "1_000", "9" * 5000, "\x00", ":"])
    url = st.sampled_from(["http://[", "http://a:b", "http://a:99999", "//", "https://u:p@h/x?y#z"])
    return draw(st.dictionaries(names, odd | url | st.text(max_size=12), max_size=4))


@tries(75)
@given(environment=environments())
def test_an_environment_is_read_or_refused(
    environment: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    survived(read_settings, environment, folder=tmp_path_factory.getbasetemp() / "none")


@tries(30)
@given(data=damaged(b"# mine\nfirst-key\n\nsecond-key\n"))
def test_a_file_of_keys_is_read_or_refused(
    data: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "keys"
    path.write_bytes(data)
    keys = survived(read_key_file, path)
    if keys is not None:
        assert all(one and one == one.strip() for one in keys)


def test_a_file_that_is_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        read_key_file(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        f"a = {'[' * 5000}",
        f"a = {'{a=' * 5000}",
        f"a{'.a' * 5000} = 1",
        f"symbol = 'BTCUSDT'\na{'.a' * 100} = 1",
        f"a = 1{'0' * 5000}",
    ],
    ids=lambda one: one[:12],
)
@pytest.mark.parametrize("parse", [parse_recipe, parse_analyst])
def test_what_has_no_end_is_refused(parse: Callable[..., object], text: str) -> None:
    with pytest.raises(ConfigError, match=r"x\.toml"):
        parse(text, what="x.toml")


def test_a_size_that_fits_no_table_is_refused_when_it_is_read() -> None:
    text = (ROOT / "config" / "reversal.toml").read_text(encoding="utf-8")
    assert parse_recipe(text + "\n[sizes.odd.train]\nrefit_days = 1\n", what="x.toml").sizes
    with pytest.raises(ConfigError, match="refit_days"):
        parse_recipe(text + "\n[sizes.odd.train]\nrefit_days = 0\n", what="x.toml")
