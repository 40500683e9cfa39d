"""What a machine lacks: its tests skip and name it; where all is required, they fail."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from importlib import metadata
from typing import Final

import pytest

from tests.support.imports import ROOT, imports, sources
from tests.support.market_data import NEEDS_CANDLES
from tests.support.optional import EXTRAS, PROGRAMS, is_there, needs, reason

MODULES: Final = tuple(name for modules in EXTRAS.values() for name in modules)

LACKING: Final = """
import os
from importlib import import_module

import pytest

from tests.support.absence import hide
from tests.support.market_data import market_data_folder
from tests.support.optional import EXTRAS, PROGRAMS, demand, needs

MODULES = [name for modules in EXTRAS.values() for name in modules]
hide(*MODULES)
os.environ |= {"PATH": "", "FORECASTLAB_TEST_DATA": "nowhere"}


@pytest.mark.parametrize("name", MODULES)
def test_imports(name):
    import_module(name)


@pytest.mark.parametrize("name", [*PROGRAMS, *MODULES])
def test_demands(name):
    demand(name)


@pytest.mark.parametrize("name", [pytest.param(one, marks=needs(one)) for one in PROGRAMS])
def test_is_marked(name):
    raise AssertionError("a mark is passed over")


def test_reads_candles():
    market_data_folder()


def test_asks_the_program():
    from forecastlab.bootstrap.stores import open_store

    open_store("gs://bucket")


@pytest.fixture(scope="module")
def network():
    import torch


def test_has_a_fixture(network):
    pass


def test_has_another_bug():
    import no_such_module
"""
"""A test file on a machine that has the base install alone."""

Run = Callable[..., str]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("lacking")
    (folder / "test_lacking.py").write_text(LACKING)
    hides = "from tests.support.absence import hide\nhide('torch')\n"
    (folder / "test_module.py").write_text(f"{hides}from torch import nn\n")
    (folder / "plain.py").write_text(f"{hides}from torch import nn\n")

    def run_them(**environment: str) -> str:
        alone = ["--rootdir", str(folder), "-c", os.devnull, "--doctest-modules"]
        done = subprocess.run(
            [
                *(sys.executable, "-m", "pytest", "-rA", "-p", "tests.support.skips"),
                *("-p", "no:cacheprovider", "--continue-on-collection-errors", *alone, str(folder)),
            ],
            cwd=ROOT,
            # Plugins of pytest that are installed import what this machine is not to have.
            env={
                **os.environ,
                "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
                "FORECASTLAB_REQUIRE_ALL": "",
                **environment,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout

    return run_them


def test_each_absence_is_named_with_its_remedy(run: Run) -> None:
    told = run()
    skipped = dict.fromkeys(MODULES, 0) | dict.fromkeys(PROGRAMS, 0)
    for count, said in re.findall(r"^SKIPPED \[(\d+)\] \S+: (.*)$", told, re.MULTILINE):
        for name in skipped:
            skipped[name] += int(count) * (said == reason(name))
    assert {name for name, count in skipped.items() if count < 2} == set()
    assert f": {NEEDS_CANDLES}" in told
    [failed] = re.findall(r"^(?:FAILED|ERROR) (\S+)", told, re.MULTILINE)
    assert failed.endswith("::test_has_another_bug")
    # By an import and a demand, in a fixture, in a module of tests (read for doctests too), in one
    # of doctests alone; and where the program itself says so.
    assert skipped["torch"] == 2 + 1 + 2 + 1
    assert sum(skipped[name] for name in EXTRAS["cloud"]) == 2 * len(EXTRAS["cloud"]) + 1


def test_where_all_is_required_each_absence_fails(run: Run) -> None:
    told = run(FORECASTLAB_REQUIRE_ALL="1")
    failures = "\n".join(re.findall(r"^(?:FAILED|ERROR) .*", told, re.MULTILINE))
    for name in (*MODULES, *PROGRAMS):
        assert f"[{name}]" in failures
        assert f"(Skipped: {reason(name)})" in told
    assert re.search(r"\b1 skipped\b", told), "candles alone may be missing"
    assert f": {NEEDS_CANDLES}" in told


def test_what_is_installed_does_not_skip() -> None:
    assert is_there("pytest_timeout") or not os.environ.get("FORECASTLAB_REQUIRE_ALL")
    there = [name for name in (*MODULES, *PROGRAMS) if is_there(name)]
    assert [needs(name).args[0] for name in there] == [False] * len(there)


def test_every_library_beyond_the_base_is_known() -> None:
    """Else a test that imports it would fail, and not skip, on a machine without it."""
    lock = (ROOT / "requirements" / "base.lock").read_text(encoding="utf-8")
    base = set(re.findall(r"^([a-z0-9._-]+)==", lock, re.MULTILINE))
    named = metadata.packages_distributions()
    plain = {
        module
        for module, packages in named.items()
        if base & {re.sub(r"[-_.]+", "-", one).lower() for one in packages}
    }
    known = {*MODULES, *plain, *sys.stdlib_module_names, "pytest", "hypothesis", "_pytest"}
    modules = sources("src", "tests", "webapp", "benchmarks", "scripts")
    ours = {name.split(".")[0] for name in modules}
    unknown = {
        one.target
        for found in imports(modules).values()
        for one in found
        if one.runs and one.target.split(".")[0] not in ours | known
    }
    assert {one for one in unknown if not f"{one}.".startswith(tuple(f"{m}." for m in known))} == (
        set()
    )


def test_each_extra_is_one_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(EXTRAS) <= set(project["optional-dependencies"])


def test_the_base_install_can_read_every_test() -> None:
    """So that a new test of an optional part breaks nobody's run of the others."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"),
            *("-p", "tests.support.base_install"),
        ],
        cwd=ROOT,
        env={
            **os.environ,
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTEST_PLUGINS": "_hypothesis_pytestplugin",
            "FORECASTLAB_REQUIRE_ALL": "",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:]


SKIPS: Final = {
    *("pytest.importorskip", "pytest.mark.skip", "pytest.mark.skipif", "pytest.skip"),
    *("unittest.skip", "unittest.skipIf", "unittest.skipUnless"),
}

NO_COMPONENT: Final = {"tests.unit.test_secrets": "where this is no checkout of git"}
"""Modules that skip for something else than a missing component, and when."""


def test_only_the_list_of_what_may_be_missing_skips() -> None:
    """So that one place says what is needed, in the same words."""
    own = re.compile(r"tests\.support\.(?:optional|market_data|skips)$")
    found = {
        name
        for name, source in sources("tests").items()
        if not own.match(name)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute) and ast.unparse(node) in SKIPS
    }
    assert found == NO_COMPONENT.keys()
