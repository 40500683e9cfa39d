"""What the test run promises about itself: no network, no user's settings, no silent skip."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from forecastlab.settings import read_settings
from tests.support.imports import ROOT
from tests.support.market_data import NEEDS_CANDLES

FAR = ("192.0.2.1", 80)
"""An address that documentation may use and nobody has (RFC 5737)."""

LEAVES = {
    "connect": lambda: socket.create_connection(FAR, timeout=1),
    "connect_ex": lambda: socket.socket().connect_ex(FAR),
    "send a datagram": lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b"x", FAR),
    "ask for a name": lambda: socket.getaddrinfo("example.org", 80),
    "connect by IPv6": lambda: socket.socket(socket.AF_INET6).connect(("2001:db8::1", 80, 0, 0)),
}


@pytest.mark.parametrize("leave", LEAVES.values(), ids=LEAVES)
# The sockets above are left to the garbage collector.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_no_test_leaves_this_machine(leave: Callable[[], object]) -> None:
    with pytest.raises(Exception, match="tests stay on this machine"):
        leave()


def test_a_process_that_a_test_starts_stays_too() -> None:
    code = f"import socket; socket.create_connection({FAR}, timeout=1)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "tests stay on this machine" in done.stderr


def test_loopback_is_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(("localhost", server.getsockname()[1]), timeout=5).close()


def test_a_name_that_nobody_has_fails_as_a_resolver_would() -> None:
    with pytest.raises(socket.gaierror):
        socket.getaddrinfo("nobody.invalid", 80)


def test_the_users_settings_do_not_speak() -> None:
    assert not Path(".env").exists()
    assert read_settings() == read_settings({}, folder=Path("nowhere"))


SKIPPING = """
import pytest

def test_skips():
    pytest.skip("no time")

def test_lacks_candles():
    pytest.skip("{candles}; they are not there")

@pytest.mark.xfail(strict=True)
def test_expected_to_fail():
    assert False

def test_passes():
    pass
"""


def run_skipping_tests(folder: Path, **environment: str) -> str:
    (folder / "test_one.py").write_text(SKIPPING.format(candles=NEEDS_CANDLES))
    (folder / "test_two.py").write_text("import pytest\npytest.importorskip('no_such_module')\n")
    plugins = ["-p", "tests.support.skips", "-p", "no:cacheprovider"]
    alone = ["--rootdir", str(folder), "-c", os.devnull, "--continue-on-collection-errors"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-rA", *plugins, *alone, str(folder)],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout


def test_where_all_is_required_only_missing_candles_skip(tmp_path: Path) -> None:
    told = run_skipping_tests(tmp_path, FORECASTLAB_REQUIRE_ALL="1")
    assert "1 failed, 1 passed, 1 skipped, 1 xfailed, 1 error" in told
    assert "test_skips may not skip" in told
    assert "no_such_module" in told


def test_elsewhere_a_test_may_skip(tmp_path: Path) -> None:
    told = run_skipping_tests(tmp_path, FORECASTLAB_REQUIRE_ALL="")
    assert "1 passed, 3 skipped, 1 xfailed" in told
