"""Commands on a machine with the base install alone: what is missing is named with its extra."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass, field
from typing import Final

import pytest

from forecastlab.contracts.intervals import asof_name
from tests.e2e.conftest import Lab
from tests.e2e.test_predict import ASOF
from tests.support.imports import ROOT
from tests.support.optional import EXTRAS
from tests.support.workspaces import CUT_OFF, recipe_text

PROGRAM: Final = """
import contextlib
import io
import json
import os
import sys

from tests.support.absence import hide
from tests.support.optional import EXTRAS

hide(*(name for modules in EXTRAS.values() for name in modules))
from forecastlab.cli import main

for command in json.load(sys.stdin):
    before, out, told = dict(os.environ), io.StringIO(), io.StringIO()
    os.environ |= command["settings"]
    sys.argv = ["forecastlab", *command["words"]]
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(told):
        try:
            main()
            code = 0
        except SystemExit as stop:
            code = stop.code
    os.environ.clear()
    os.environ |= before
    print(json.dumps([code, out.getvalue(), told.getvalue()]))
"""


@dataclass(frozen=True)
class Command:
    """A command, the extra that it needs (empty: none), and how it ends."""

    line: str
    extra: str
    code: int = 2
    settings: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return " ".join([*self.settings, self.line])


CLOUD: Final = {"FORECASTLAB_PROJECT": "p", "FORECASTLAB_REGION": "r"}
KEY: Final = {"DEEPSEEK_API_KEY": "k"}

COMMANDS: Final = (
    Command("serve", "serve"),
    Command("dashboard", "web"),
    Command("dashboard --store gs://bucket", "web"),
    Command("status --store gs://bucket", "cloud"),
    Command("predict --store gs://bucket", "cloud"),
    Command("daily --store gs://bucket", "cloud"),
    Command("doctor --store gs://bucket", "cloud"),
    Command("cloud run", "cloud", settings=CLOUD),
    Command("cloud status", "cloud", settings=CLOUD),
    Command("cloud rollback --to B --why W --store gs://bucket", "cloud", settings=CLOUD),
    Command("cloud pin flow_T21X8_T14X8_20250930", "cloud", settings=CLOUD),
    Command("cloud unpin", "cloud", settings=CLOUD),
    Command("cloud logs-query", "", code=0, settings=CLOUD),
    Command("evaluate {recipe} --engine dask", "dask"),
    Command("evaluate {recipe} --engine ray", "ray"),
    Command("train {recipe} --engine dask", "dask"),
    Command("search {recipe} --engine ray", "ray"),
    Command("train {recipe} --until {cut_off}", "train"),
    Command("audit {recipe}", "train"),
    Command("evaluate {recipe} --until {cut_off}", "train"),
    Command("retrain {recipe} --force-due", "train"),
    Command("analyse run {request}", "analyst", settings=KEY),
    Command("analyse run {request}", "analyst", settings={"REDIS_URL": "redis://127.0.0.1:1"}),
    Command("analyse report", "", code=0),
    Command("alerts --try", "notify", 3, {"FORECASTLAB_NOTIFY_SECRET": "tgram://1:a/2"}),
    Command("alerts --try", "", code=0),
    Command("predict --asof {asof}", "", code=0),
    Command("health", "", code=0),
    Command("doctor", "", code=0),
)


@pytest.fixture(scope="module")
def ended(trained_lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[int, str, str]]:
    """Run all of them in one process, and give exit codes, stdout and stderr."""
    folder = tmp_path_factory.mktemp("base")
    recipe, request = folder / "recipe.toml", folder / "request.json"
    networks = "[members.first_passage]\n[members.lstm]\nfeature_set = 'variance'\n"
    text = recipe_text(members=networks)
    recipe.write_text(re.sub(r"(?m)^symbols = .*$", 'symbols = ["BTCUSDT"]', text))
    closes = {"prices_24h": [100.0] * 288, "prices_1h": [100.0] * 12}
    market = {"symbol": "BTCUSDT", "current_price": 100.0, **closes}
    request.write_text(json.dumps({"market_data": market}))
    values = {
        "recipe": recipe,
        "request": request,
        "asof": ASOF,
        "bundle": trained_lab.bundle,
        "cut_off": asof_name(CUT_OFF, "1d"),
    }
    commands = [
        {"words": shlex.split(one.line.format(**values)), "settings": one.settings}
        for one in COMMANDS
    ]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        input=json.dumps(commands),
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ["PYTHONPATH"]]),
            "FORECASTLAB_MODELS": str(trained_lab.models),
            "FORECASTLAB_SOURCE": trained_lab.source,
            "FORECASTLAB_CONFIGS": str(ROOT / "config"),
            "FORECASTLAB_STORE": "store",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [tuple(json.loads(line)) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("place", range(len(COMMANDS)), ids=[str(one) for one in COMMANDS])
def test_what_is_missing_is_named_with_its_extra(
    ended: list[tuple[int, str, str]], place: int
) -> None:
    wanted, (code, _, told) = COMMANDS[place], ended[place]
    assert code == wanted.code, told
    assert "Traceback" not in told
    found = set(re.findall(r"pip install 'forecastlab\[(\w+)\]'", told))
    assert found == ({wanted.extra} if wanted.extra else set()), told
    if wanted.extra:
        module = r"\b({})\b".format("|".join(map(re.escape, EXTRAS[wanted.extra])))
        assert re.search(module, told), f"it names no library: {told}"


def test_each_extra_of_a_command_is_tried() -> None:
    """`dev` is for the tests alone, and without `gpu` the CPU serves."""
    assert {one.extra for one in COMMANDS if one.extra} == set(EXTRAS) - {"dev"}
