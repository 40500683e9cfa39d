"""What `make` checks before it installs: each missing part is named with its command."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.support.imports import ROOT

SERVES = "#!/bin/sh\nexit 0\n"

OLD = "#!/bin/sh\nexit 1\n"
"""Stands for a Python that is too old, lacks venv, or is a shim that starts nothing."""

UNAME = '#!/bin/sh\ncase "$1" in -m) echo {chip} ;; *) echo {system} ;; esac\n'

WITHOUT_OPENMP = '#!/bin/sh\ncase "$2" in *libgomp*) exit 1 ;; esac\n'


def machine(
    folder: Path,
    system: str = "Linux",
    *,
    chip: str = "arm64",
    version: str = "14.5",
    **programs: str,
) -> subprocess.CompletedProcess[str]:
    """Run the check on a machine that has these programs, and no other."""
    programs["uname"] = UNAME.format(chip=chip, system=system)
    if system == "Darwin":
        programs["sw_vers"] = f"#!/bin/sh\necho {version}\n"
    for name, script in programs.items():
        (folder / name).write_text(script)
        (folder / name).chmod(0o755)
    return subprocess.run(
        ["/bin/sh", str(ROOT / "requirements" / "machine.sh")],
        env={"PATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_names_the_python_to_use(tmp_path: Path) -> None:
    done = machine(tmp_path, python3=SERVES)
    assert (done.returncode, done.stdout, done.stderr) == (0, "python3\n", "")


def test_passes_over_what_does_not_serve(tmp_path: Path) -> None:
    done = machine(tmp_path, **{"python3": OLD, "python3.13": OLD, "python3.12": SERVES})
    assert (done.returncode, done.stdout) == (0, "python3.12\n")


def test_without_python(tmp_path: Path) -> None:
    done = machine(tmp_path, python3=OLD)
    assert (done.returncode, done.stdout) == (1, "")
    assert "Python 3.11 or newer" in done.stderr
    assert "\n    apt-get install -y python3 python3-venv" in done.stderr


def test_without_openmp(tmp_path: Path) -> None:
    done = machine(tmp_path, python3=WITHOUT_OPENMP)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.endswith("\n    apt-get install -y libgomp1\n")


def test_on_a_mac(tmp_path: Path) -> None:
    done = machine(tmp_path, "Darwin", python3=OLD)
    assert done.returncode == 1
    # A Mac that runs this test may have libomp.
    assert "\n    brew install python@3.13" in done.stderr


@pytest.mark.parametrize(("chip", "version"), [("x86_64", "15.1"), ("arm64", "13.7.8")])
def test_on_a_mac_that_no_wheel_of_onnxruntime_serves(
    tmp_path: Path, chip: str, version: str
) -> None:
    done = machine(tmp_path, "Darwin", chip=chip, version=version, python3=SERVES)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "ForecastLab needs Linux, or macOS 14 on Apple silicon;"
        f" this is macOS {version} on {chip}.\n"
    )


def test_make_lists_every_command() -> None:
    environment = {"PATH": os.environ["PATH"]}
    done = subprocess.run(
        ["make", "--no-print-directory", "-C", str(ROOT)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    named = [line.split()[1] for line in done.stdout.splitlines()]
    assert {"demo", "test", "check", "run", "bench", "lock", "help"} <= {*named}
