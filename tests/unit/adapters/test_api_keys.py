"""Keys that follow their files, and stay where the files can no longer be read."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from forecastlab.adapters.api_keys import WatchedKeys, read_key_file
from forecastlab.contracts.errors import ConfigError
from tests.support.fake_time import FakeTime


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "keys"
    path.write_text("first\n")
    return path


def test_a_key_file_has_comments_and_blank_lines(file: Path) -> None:
    file.write_text("# of the job\n first \n\n#off\nsecond\r\n")
    assert read_key_file(file) == ("first", "second")


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_key_file_that_cannot_be_read_is_refused(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "keys"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError, match="FORECASTLAB_API_KEYS_FILE"):
        WatchedKeys(lambda: read_key_file(file), [file])


def test_files_are_looked_at_twice_a_second(file: Path) -> None:
    time, reads = FakeTime(), [0]

    def read() -> tuple[str, ...]:
        reads[0] += 1
        return read_key_file(file)

    keys = WatchedKeys(read, [file], monotonic=lambda: time.second)
    file.write_text("second\n")
    assert keys() == ("first",)
    time.sleep(0.5)
    assert keys() == ("second",)
    time.sleep(0.5)
    assert (keys(), reads[0]) == (("second",), 2)  # unchanged: not read again


def test_a_file_of_the_same_size_and_time_is_another_file(file: Path) -> None:
    """As a mounted secret's link, which is turned over to another folder."""
    time = FakeTime()
    keys = WatchedKeys(lambda: read_key_file(file), [file], monotonic=lambda: time.second)
    other = file.with_name("other")
    other.write_text("other\n")
    stat = file.stat()
    os.utime(other, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    other.replace(file)
    time.sleep(1)
    assert keys() == ("other",)


def test_a_file_that_may_be_read_after_all_is_read(file: Path) -> None:
    """As where somebody copies it as root, and then gives it its mode."""
    time, may = FakeTime(), [True]

    def read() -> tuple[str, ...]:
        if not may[0]:
            raise ConfigError("It cannot be read.", remedy="Change its mode.")
        return read_key_file(file)

    keys = WatchedKeys(read, [file], monotonic=lambda: time.second)
    may[0] = False
    file.write_text("second\n")
    time.sleep(1)
    assert keys() == ("first",)
    may[0] = True
    file.chmod(0o640)
    time.sleep(1)
    assert keys() == ("second",)


def test_the_last_keys_stay_while_the_file_is_gone(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    time = FakeTime()
    keys = WatchedKeys(lambda: read_key_file(file), [file], monotonic=lambda: time.second)
    file.unlink()
    time.sleep(1)
    with caplog.at_level(logging.ERROR):
        assert keys() == ("first",)
    assert "stay as they were" in caplog.text
    assert "first" not in caplog.text
    file.write_text("second\n")
    time.sleep(1)
    assert keys() == ("second",)
