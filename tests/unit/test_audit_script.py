"""`make audit` tells "none is known" from "some are known", and both from "nobody was asked"."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.support.imports import ROOT

SAYS: Final = {
    "clean": ("No known vulnerabilities found", 0),
    "known": ("Name  Version ID       Fix Versions\nrich  1.0     PYSEC-1  1.1", 1),
    "skipped": ("ERROR:pip_audit._cli:rich: Dependency not found on PyPI", 1),
    "offline": ("requests.exceptions.ConnectionError: no route", 1),
}


@pytest.mark.parametrize(
    ("first", "second", "code"),
    [
        ("clean", "clean", 0),
        ("clean", "known", 1),
        ("known", "clean", 1),
        ("offline", "clean", 3),
        ("known", "offline", 3),
        ("skipped", "clean", 3),
    ],
)
def test_the_exit_code_says_what_is_known(
    tmp_path: Path, first: str, second: str, code: int
) -> None:
    for name, kind in (("first", first), ("second", second)):
        text, status = SAYS[kind]
        (tmp_path / name).write_text(f"{text}\n", encoding="utf-8")
        (tmp_path / f"{name}.code").write_text(str(status), encoding="utf-8")
    asked = tmp_path / "python"
    # Says what lies in the lock, and keeps with which options it was asked.
    asked.write_text(
        f'#!/bin/sh\necho "$@" >>{tmp_path}/asked\n'
        'for lock; do :; done\ncat "$lock"\nexit "$(cat "$lock.code")"\n',
        encoding="utf-8",
    )
    asked.chmod(0o755)
    done = subprocess.run(
        ["sh", "requirements/audit.sh", asked, tmp_path / "first", tmp_path / "second"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert ("Not audited" in done.stderr) == (code == 3)
    assert ("PYSEC-1" in done.stdout) == ("known" in (first, second))
    options = (tmp_path / "asked").read_text(encoding="utf-8")
    assert "--strict" in options  # else a package that nobody knows would pass
    assert "--require-hashes" in options
