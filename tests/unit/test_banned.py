"""Code that would run what it reads, or trust whom it should not: banned wherever code stands."""

from __future__ import annotations

from typing import Final

import pytest

from tests.support.bans import banned, draws_from_global_state
from tests.support.imports import sources

BY_NAME: Final = {"forecastlab.adapters.engines", "forecastlab.cli", "webapp.__main__"}
"""Modules that import by names of their own, which no caller chooses."""

JITTER: Final = {"forecastlab.adapters.retry"}
"""Modules that draw from `random`: waits between attempts, which may be foretold."""


def test_nothing_banned_is_used() -> None:
    modules = sources("src", "scripts", "webapp")
    assert len(modules) > 300
    found = {
        name: [
            one
            for one in banned(source)
            if not (name in BY_NAME and one.endswith("import_module of what is no constant"))
        ]
        for name, source in modules.items()
    }
    assert {name: ones for name, ones in found.items() if ones} == {}


def test_nothing_banned_is_used_in_benchmarks() -> None:
    """They may assert, as tests do."""
    found = {
        name: [one for one in banned(source) if ": assert" not in one]
        for name, source in sources("benchmarks").items()
    }
    assert {name: ones for name, ones in found.items() if ones} == {}


def test_what_can_be_foretold_makes_no_secret() -> None:
    modules = sources("src", "scripts", "webapp")
    assert {name for name, source in modules.items() if draws_from_global_state(source)} == JITTER
    assert draws_from_global_state("from random import choice")
    assert not draws_from_global_state("import secrets\nrandom = 1")


PLANTED: Final = (
    "import pickle",
    "import cloudpickle as cp",
    "from dill import loads",
    "from marshal import loads",
    "def f():\n    import shelve",
    "import xml.etree.ElementTree as tree",
    "from lxml import etree",
    "import joblib as j\nj.load(path)",
    "from joblib import dump",
    "import joblib\nmemory = joblib.Memory('.cache')",
    "import torch\ntorch.load(path)",
    "import torch\ntorch.load(path, weights_only=False)",
    "import torch as t\nread = t\nread.load(path)",
    "eval(text)",
    "exec(text)",
    "compile(text, 'x', 'exec')",
    "__import__(name)",
    "list(map(eval, texts))",
    "import builtins\nbuiltins.eval(text)",
    "__builtins__['eval'](text)",
    "import importlib\nimportlib.import_module(name)",
    "from importlib import import_module as load\nload(name)",
    "import importlib\nimportlib.import_module('pickle')",
    "import os\nos.system(text)",
    "import os\nrun = os.popen",
    "import os as o\np = o\np.system(text)",
    "import os\ngetattr(os, 'system')(text)",
    "from os import system as run",
    "import subprocess\nsubprocess.getoutput(text)",
    "import subprocess\nsubprocess.run(text, shell=True)",
    "import subprocess\nsubprocess.Popen(text, shell=asked)",
    "import asyncio\nasyncio.create_subprocess_shell(text)",
    "import numpy as np\nnp.load(path, allow_pickle=True)",
    "import numpy as np\nnp.load(path, allow_pickle=asked)",
    "import pandas as pd\npd.read_pickle(path)",
    "frame.to_pickle(path)",
    "import yaml\nyaml.load(text, yaml.SafeLoader)",
    "from yaml import unsafe_load",
    "import tempfile\ntempfile.mktemp()",
    "from hashlib import md5",
    "import hashlib\nhashlib.sha1(data, usedforsecurity=True)",
    "import hashlib\nhashlib.new('md5', usedforsecurity=False)",
    "import requests\nrequests.get(url, verify=False)",
    "context.check_hostname = False",
    "import ssl\nssl._create_unverified_context()",
    "def f(host='0.0.0.0'):\n    pass",
    "serve(host='::')",
    "assert password == given",
    "run(command)  # nosec",
    "run(command)  # noqa: S602",
)


@pytest.mark.parametrize("source", PLANTED)
def test_a_planted_use_is_found_once(source: str) -> None:
    assert len(list(banned(source))) == 1


@pytest.mark.parametrize(
    "source",
    [
        "from joblib import Parallel, delayed",
        "import joblib\njoblib.Parallel(n_jobs=-1)(joblib.delayed(f)(x) for x in xs)",
        "import json\njson.load(file)",
        "import re\nre.compile(text)",
        "import subprocess\nsubprocess.run(['git'], shell=False)",
        "import numpy as np\nnp.load(path, allow_pickle=False)",
        "import requests\nrequests.get(url, verify='/etc/ca.pem')",
        "import torch\ntorch.load(path, weights_only=True)",
        "import yaml\nyaml.safe_load(text)",
        "import hashlib\nhashlib.sha256(data)",
        "import importlib\nimportlib.import_module('json')",
        "model.eval()",
        "run(command)  # noqa: S602 - the command is a constant",
        '"""On 0.0.0.0 everyone listens; eval(text) is banned."""',
    ],
)
def test_what_is_allowed_is_not_found(source: str) -> None:
    assert list(banned(source)) == []
