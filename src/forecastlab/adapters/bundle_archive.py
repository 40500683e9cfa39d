"""A bundle in one file: `NAME/…` in a gzipped tar that is the same for the same bundle.

What is read comes from elsewhere and is not trusted: only plain files below one folder, each once,
under the plainest spelling of their names, and never more than the limits, whatever the headers say
and however small the file was packed.
"""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final
from uuid import uuid4

from forecastlab.contracts.archive import ArchivedBundle
from forecastlab.contracts.bundle_files import is_inside
from forecastlab.contracts.errors import BundleRefused, StoreUnavailable, UsageError

_MODE: Final = 0o644
_LEVEL: Final = 9

_ENTRIES: Final = 2
"""Entries for each file that is allowed: the file's, and one of a folder around it."""


@dataclass(frozen=True)
class Limits:
    """How much an archive may hold: forty times the shipped bundle of five members (3.4 MB)."""

    file_bytes: int = 64 * 2**20
    total_bytes: int = 128 * 2**20
    files: int = 1000


LIMITS: Final = Limits()


class BundleArchive:
    """One archive file."""

    def __init__(self, path: Path, limits: Limits = LIMITS) -> None:
        self._path = path
        self._limits = limits

    @property
    def location(self) -> str:
        """Where the archive lies."""
        return str(self._path)

    def write(self, bundle: ArchivedBundle) -> bool:
        """Write the archive whole or not at all; False where the very same one lies there already.

        Raises:
            UsageError: another file lies there.
            StoreUnavailable: it cannot be written.
        """
        data = packed(bundle)
        temporary = self._path.with_name(f".{self._path.name}-{uuid4().hex[:8]}")
        try:
            with temporary.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            # A link, unlike a renaming, never replaces what lies there.
            os.link(temporary, self._path)
        except FileExistsError:
            if self._path.is_file() and self._path.read_bytes() == data:
                return False
            raise UsageError(
                f"{self._path} exists, and is another file.", remedy="Name one that is free."
            ) from None
        except OSError as error:
            raise StoreUnavailable(
                f"{self._path} cannot be written: {error.strerror or error}.",
                remedy="Check the folder's permissions and free space.",
            ) from error
        finally:
            temporary.unlink(missing_ok=True)
        return True

    def read(self) -> ArchivedBundle:
        """Read the archive into memory; what its manifest says is for the caller to check.

        Raises:
            UsageError: there is no such file.
            BundleRefused: it is no such archive, is cut short, holds anything but plain files below
                one folder, a name twice, or more than the limits.
        """
        try:
            with self._path.open("rb") as file:
                return unpacked(file, limits=self._limits, where=self.location)
        except OSError as error:
            raise UsageError(
                f"{self._path} cannot be read: {error.strerror or error}.",
                remedy="Name an archive that `forecastlab bundles export` has written.",
            ) from error


def packed(bundle: ArchivedBundle) -> bytes:
    """Return the archive's bytes: sorted names, no times, no owners, equal modes.

    >>> one = ArchivedBundle("b", {"meta.json": b"{}", "a.txt": b"1"})
    >>> packed(one) == packed(ArchivedBundle("b", dict(sorted(one.files.items()))))
    True
    """
    buffer = io.BytesIO()
    # No file name and no time in the gzip header either.
    with (
        gzip.GzipFile("", "wb", _LEVEL, buffer, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.USTAR_FORMAT) as tar,
    ):
        for name, data in sorted(bundle.files.items()):
            member = tarfile.TarInfo(f"{bundle.name}/{name}")
            member.size, member.mode = len(data), _MODE
            tar.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def unpacked(file: IO[bytes], *, limits: Limits, where: str) -> ArchivedBundle:
    """Read an archive from a stream of its bytes, never holding more than the limits.

    Raises:
        BundleRefused: see `BundleArchive.read`.
    """
    folders: set[str] = set()
    seen: set[str] = set()
    files: dict[str, bytes] = {}
    held = 0
    with _refusing(where):
        # Headers and padding count, too: half as much again, and a block for each file.
        most = limits.total_bytes * 3 // 2 + limits.files * 4096
        stream = _Limited(gzip.GzipFile(fileobj=file, mode="rb"), most)
        with tarfile.open(fileobj=stream, mode="r|") as tar:
            for number, member in enumerate(tar):
                folder, name = _checked(member, limits)
                folders.add(folder)
                if number >= _ENTRIES * limits.files:  # headers of folders weigh, too
                    raise _Unfit(f"it holds more than {_ENTRIES * limits.files} entries")
                if name is None:
                    continue
                if name.casefold() in seen:  # some file systems know one case only
                    raise _Unfit(f"it holds {name} twice")
                seen.add(name.casefold())
                held += member.size
                if len(seen) > limits.files or held > limits.total_bytes:
                    raise _Unfit(
                        f"it holds more than {limits.files} files or {limits.total_bytes:,} bytes"
                    )
                files[name] = _content(tar, member)
        stream.drain()  # The checksum stands at the very end.
    if len(folders) != 1 or not files:
        raise _refused(where, f"it holds {len(files)} files in {len(folders)} folders, not in one")
    return ArchivedBundle(folders.pop(), files)


class _Unfit(Exception):
    """What is wrong with an archive."""


class _Limited(io.RawIOBase):
    """A stream that ends with an error once more was read than allowed."""

    def __init__(self, stream: gzip.GzipFile, most: int) -> None:
        super().__init__()
        self._stream, self._left = stream, most

    def read(self, size: int = -1) -> bytes:
        if size < 0:
            size = self._left + 1
        data = self._stream.read(min(size, self._left + 1))
        self._left -= len(data)
        if self._left < 0:
            raise _Unfit("it unpacks to more than a bundle may hold")
        return data

    def drain(self) -> None:
        while self.read(2**16):
            pass


@contextmanager
def _refusing(where: str) -> Iterator[None]:
    """Turn everything that can be wrong with an archive's bytes into a refusal."""
    try:
        yield
    except _Unfit as unfit:
        raise _refused(where, str(unfit)) from None
    except RecursionError:
        # A long name may be told by a header that is told by a header, and so on: tarfile recurses.
        raise _refused(where, "its headers are nested too deeply") from None
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, ValueError) as error:
        raise _refused(where, f"it is cut short, or no gzipped tar ({error})") from error


def _checked(member: tarfile.TarInfo, limits: Limits) -> tuple[str, str | None]:
    """Return a member's folder and its name there; None of a folder itself."""
    name = member.name
    if not (member.isreg() or member.isdir()) or member.issparse():
        raise _Unfit(f"{name!r} is no plain file (a link, a device or the like)")
    if not is_inside(name):
        raise _Unfit(f"the name {name!r} does not stay inside of the bundle")
    folder, _, inner = name.partition("/")
    if member.isdir():
        return folder, None
    if not inner:
        raise _Unfit(f"{name!r} lies in no folder")
    if not 0 <= member.size <= limits.file_bytes:
        raise _Unfit(f"{name} holds {member.size:,} bytes; {limits.file_bytes:,} are allowed")
    return folder, inner


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    opened = tar.extractfile(member)
    data = b"" if opened is None else opened.read()
    if len(data) != member.size:
        raise _Unfit(f"{member.name} is cut short")
    return data


def _refused(where: str, why: str) -> BundleRefused:
    return BundleRefused(
        f"The archive {where} is refused: {why}.",
        remedy="Export the bundle again with `forecastlab bundles export`.",
    )
