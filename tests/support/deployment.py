"""The deployment's YAML with its names filled in, and a gcloud that only takes notes."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from tests.support.imports import ROOT

DEPLOY: Final = ROOT / "deploy"

NAMES: Final = {
    "PROJECT": "my-project",
    "REGION": "asia-southeast1",
    "BUCKET": "my-bucket",
    "CPU_IMAGE": "asia-southeast1-docker.pkg.dev/my-project/forecastlab/job:v1-cpu",
    "GPU_IMAGE": "asia-southeast1-docker.pkg.dev/my-project/forecastlab/job:v1-gpu",
    "WEB_IMAGE": "asia-southeast1-docker.pkg.dev/my-project/forecastlab/web:v1",
}

_NOTES: Final = r"""#!/bin/sh
# Notes each call, keeps the YAML that it is given, and answers as told: PATTERN|EXIT CODE|OUTPUT.
for word in "$@"; do
	case $word in *.yaml) [ ! -f "$word" ] || cp "$word" "$NOTES/applied/" ;; esac
	printf '%s\037' "$word" >>"$NOTES/calls"
done
printf '\n' >>"$NOTES/calls"
line="$*"
while IFS='|' read -r pattern code output; do
	case $line in *$pattern*)
		[ -z "$output" ] || printf '%s\n' "$output"
		[ "$code" = 0 ] || echo "ERROR: (gcloud) the stub says no" >&2
		exit "$code"
		;;
	esac
done <"$NOTES/answers"
"""


def filled_in(path: str) -> Any:
    """Return a document of `deploy/` as it is applied."""
    text = (DEPLOY / path).read_text(encoding="utf-8")
    for name, value in NAMES.items():
        text = text.replace(f"${{{name}}}", value)
    return yaml.safe_load(text)


def documents(folder: str) -> dict[str, Any]:
    """Return all documents of a folder of `deploy/`, by name."""
    paths = sorted((DEPLOY / folder).glob("*.yaml"))
    return {path.stem: filled_in(f"{folder}/{path.name}") for path in paths}


@dataclass(frozen=True)
class Script:
    """How a script ended, and what it asked of gcloud."""

    code: int
    out: str
    err: str
    calls: tuple[tuple[str, ...], ...]
    applied: Path

    def calls_of(self, *words: str) -> list[tuple[str, ...]]:
        """Return the calls that begin with these words, after the options of every call."""
        return [call for call in self.calls if call[: len(words)] == words]

    def document(self, name: str) -> Any:
        """Return a YAML document as gcloud was given it."""
        return yaml.safe_load((self.applied / f"{name}.yaml").read_text(encoding="utf-8"))


class Gcloud:
    """A gcloud that takes notes: every call succeeds and prints nothing, unless told otherwise."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (folder / "bin").mkdir()
        program = folder / "bin" / "gcloud"
        program.write_text(_NOTES, encoding="utf-8")
        program.chmod(0o755)

    def script(
        self, name: str, *arguments: str, answers: Mapping[str, str] | None = None
    ) -> Script:
        """Run a script of `deploy/`; answers are `{part of the call: "EXIT CODE|OUTPUT"}`."""
        applied = self._folder / "applied"
        applied.mkdir(exist_ok=True)
        calls = self._folder / "calls"
        calls.write_text("", encoding="utf-8")
        told = "".join(f"{part}|{answer}\n" for part, answer in (answers or {}).items())
        (self._folder / "answers").write_text(told, encoding="utf-8")
        path = f"{self._folder / 'bin'}:{os.environ['PATH']}"
        done = subprocess.run(
            [str(DEPLOY / name), *arguments],
            env={**os.environ, "PATH": path, "NOTES": str(self._folder)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        lines = calls.read_text(encoding="utf-8").splitlines()
        said = tuple(tuple(line.split("\037")[:-1]) for line in lines)
        common = ("--quiet", "--project", "my-project")
        assert all(call[:3] == common for call in said)
        return Script(
            done.returncode, done.stdout, done.stderr, tuple(call[3:] for call in said), applied
        )
