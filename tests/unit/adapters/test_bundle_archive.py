"""Archives come from elsewhere: whatever is not a bundle's plain files is refused, in bounds."""

from __future__ import annotations

import gzip
import io
import tarfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecastlab.adapters.bundle_archive import (
    BundleArchive,
    Limits,
    packed,
    unpacked,
)
from forecastlab.contracts.archive import ArchivedBundle
from forecastlab.contracts.errors import BundleRefused, StoreUnavailable, UsageError

FILES = {"meta.json": b"{}", "model_T21_X8/rule.json": b"[1]" * 50, "evidence/oof.parquet": b"PAR1"}
BUNDLE = ArchivedBundle("flow_1", FILES)
SMALL = Limits(file_bytes=1000, total_bytes=2000, files=5)


def tar_of(*members: tarfile.TarInfo, data: bytes = b"x") -> bytes:
    """Pack members as they are; a plain file of size 0 gets `data`."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", format=tarfile.GNU_FORMAT) as tar:
        for member in members:
            if member.isreg() and not member.size:
                member.size = len(data)
            tar.addfile(member, io.BytesIO(data) if member.isreg() else None)
    return buffer.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, **changes: object) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type = kind
    for key, value in changes.items():
        setattr(made, key, value)
    return made


def read(data: bytes, limits: Limits = SMALL) -> ArchivedBundle:
    return unpacked(io.BytesIO(data), limits=limits, where="a.tar.gz")


def test_what_was_packed_is_unpacked() -> None:
    found = read(packed(BUNDLE))
    assert (found.name, dict(found.files)) == ("flow_1", FILES)


def test_the_same_bundle_is_the_same_bytes() -> None:
    turned = ArchivedBundle("flow_1", dict(reversed(FILES.items())))
    assert packed(turned) == packed(BUNDLE)
    with tarfile.open(fileobj=io.BytesIO(packed(BUNDLE))) as tar:
        names = tar.getnames()
        assert names == sorted(names)
        told = {(one.mtime, one.mode, one.uid, one.gid, one.uname, one.gname) for one in tar}
    assert told == {(0, 0o644, 0, 0, "", "")}
    assert packed(BUNDLE)[4:8] == b"\0\0\0\0"  # No time in the gzip header.


GOOD = member("flow_1/meta.json")

HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "traversal": (lambda: tar_of(GOOD, member("flow_1/../../etc/cron.d/x")), "inside"),
    "traversal at once": (lambda: tar_of(GOOD, member("../x")), "inside"),
    "absolute": (lambda: tar_of(GOOD, member("/etc/passwd")), "inside"),
    "backslashes": (lambda: tar_of(GOOD, member("flow_1/..\\..\\x")), "inside"),
    "a drive": (lambda: tar_of(GOOD, member("C:/x")), "inside"),
    "odd spelling": (lambda: tar_of(GOOD, member("flow_1//x")), "inside"),
    "a dot": (lambda: tar_of(GOOD, member("flow_1/./x")), "inside"),
    "hidden": (lambda: tar_of(GOOD, member("flow_1/.env")), "inside"),
    "a line end": (lambda: tar_of(GOOD, member("flow_1/x\ny")), "inside"),
    "symbolic link": (
        lambda: tar_of(GOOD, member("flow_1/x", tarfile.SYMTYPE, linkname="/etc/passwd")),
        "no plain file",
    ),
    "hard link": (
        lambda: tar_of(GOOD, member("flow_1/x", tarfile.LNKTYPE, linkname="flow_1/meta.json")),
        "no plain file",
    ),
    "device": (lambda: tar_of(GOOD, member("flow_1/x", tarfile.CHRTYPE)), "no plain file"),
    "block device": (lambda: tar_of(GOOD, member("flow_1/x", tarfile.BLKTYPE)), "no plain file"),
    "pipe": (lambda: tar_of(GOOD, member("flow_1/x", tarfile.FIFOTYPE)), "no plain file"),
    "twice": (lambda: tar_of(GOOD, member("flow_1/meta.json")), "twice"),
    "twice but for the case": (lambda: tar_of(GOOD, member("flow_1/META.json")), "twice"),
    "two folders": (lambda: tar_of(GOOD, member("other/x")), "2 folders"),
    "no folder": (lambda: tar_of(GOOD, member("x")), "no folder"),
    "nothing": (tar_of, "0 files"),
    "only a folder": (lambda: tar_of(member("flow_1", tarfile.DIRTYPE)), "0 files"),
    "a large file": (lambda: tar_of(GOOD, member("flow_1/x"), data=b"0" * 1001), "1,001 bytes"),
    "many large files": (
        lambda: tar_of(*(member(f"flow_1/x{i}") for i in range(3)), data=b"0" * 900),
        "2,000 bytes",
    ),
    "many files": (lambda: tar_of(*(member(f"flow_1/x{i}") for i in range(6))), "5 files"),
    "many folders": (lambda: tar_of(GOOD, *([member("flow_1", tarfile.DIRTYPE)] * 10)), "entries"),
    "no gzip": (lambda: b"PK\3\4 a zip", "gzipped tar"),
    "empty": (lambda: b"", "gzipped tar"),
    "no tar": (lambda: gzip.compress(b"hello" * 300), "gzipped tar"),
    "a pickle": (lambda: gzip.compress(b"\x80\x04K\x01."), "gzipped tar"),
    "cut short": (lambda: packed(BUNDLE)[:-20], "cut short"),
    "cut in half": (lambda: packed(BUNDLE)[: len(packed(BUNDLE)) // 2], "cut short"),
    "another checksum": (lambda: packed(BUNDLE)[:-8] + bytes(8), "cut short"),
    "trailing bytes": (lambda: packed(BUNDLE) + b"more", "gzipped tar"),
}


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_hostile_archive_is_refused(hostile: str) -> None:
    make, part = HOSTILE[hostile]
    with pytest.raises(BundleRefused, match=part):
        read(make())


def test_a_folder_entry_as_other_programs_write_it_is_passed_over() -> None:
    assert dict(read(tar_of(member("flow_1", tarfile.DIRTYPE), GOOD)).files) == {"meta.json": b"x"}


@pytest.mark.parametrize("kind", ["file", "long name", "pax header", "zeros after the end"])
def test_a_bomb_ends_where_the_limits_do(kind: str) -> None:
    """A hundred megabytes packed into a hundred kilobytes must not come to be in memory."""
    size = 100 * 2**20
    if kind == "file":
        head = member("flow_1/x", size=size).tobuf(tarfile.GNU_FORMAT)
    elif kind == "long name":
        head = member("././@LongLink", tarfile.GNUTYPE_LONGNAME, size=size).tobuf(
            tarfile.GNU_FORMAT
        )
    elif kind == "pax header":
        head = member("x", tarfile.XHDTYPE, size=size).tobuf(tarfile.USTAR_FORMAT)
    else:
        head = b""
    bomb = gzip.compress(head + bytes(size), 9)
    tracemalloc.start()
    with pytest.raises(BundleRefused):
        read(bomb, Limits(file_bytes=2**20, total_bytes=2**20, files=5))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20 * 2**20


@pytest.mark.parametrize(
    ("kind", "told"), [(tarfile.GNUTYPE_LONGNAME, b"a/b"), (tarfile.XHDTYPE, b"5 a=\n")]
)
def test_headers_that_tell_of_headers_end(kind: bytes, told: bytes) -> None:
    head = member("x", kind, size=len(told)).tobuf(tarfile.USTAR_FORMAT)
    with pytest.raises(BundleRefused, match="nested too deeply"):
        read(gzip.compress((head + told.ljust(512, b"\0")) * 3000), Limits())


def test_a_sparse_file_is_refused() -> None:
    data = bytearray(gzip.decompress(tar_of(GOOD, member("flow_1/x"))))
    place = data.index(b"flow_1/x")
    data[place + 156] = ord("S")
    header = data[place : place + 512]
    header[148:156] = b" " * 8
    data[place + 148 : place + 156] = b"%06o\0 " % sum(header)
    with pytest.raises(BundleRefused):
        read(gzip.compress(bytes(data)))


@settings(max_examples=150)
@given(st.data())
def test_no_byte_that_is_changed_does_more_than_refuse(data: st.DataObject) -> None:
    """Whatever is done to the tar inside: refused, or read within the rules; nothing else."""
    plain = bytearray(gzip.decompress(packed(BUNDLE)))
    for _ in range(data.draw(st.integers(1, 4))):
        plain[data.draw(st.integers(0, len(plain) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = read(gzip.compress(bytes(plain), 1))
    except BundleRefused:
        return
    assert all(".." not in name and not name.startswith("/") for name in found.files)
    assert sum(map(len, found.files.values())) <= SMALL.total_bytes


@settings(max_examples=100)
@given(st.binary(max_size=400), st.integers(0, 400))
def test_no_gzip_that_is_changed_does_more_than_refuse(noise: bytes, place: int) -> None:
    whole = packed(BUNDLE)
    try:
        found = read(whole[:place] + noise + whole[place + len(noise) :])
    except BundleRefused:
        return
    assert found.name == "flow_1" and dict(found.files) == FILES


def test_a_file_is_written_once_and_never_over_another(tmp_path: Path) -> None:
    archive = BundleArchive(tmp_path / "b.tar.gz")
    assert archive.write(BUNDLE) is True
    assert archive.write(BUNDLE) is False
    assert dict(archive.read().files) == FILES
    with pytest.raises(UsageError, match="is another file"):
        archive.write(ArchivedBundle("flow_2", FILES))
    assert archive.read().name == "flow_1"
    assert [one.name for one in tmp_path.iterdir()] == ["b.tar.gz"]


def test_paths_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"absent\.tar\.gz cannot be read"):
        BundleArchive(tmp_path / "absent.tar.gz").read()
    with pytest.raises(UsageError, match="cannot be read"):
        BundleArchive(tmp_path).read()
    with pytest.raises(StoreUnavailable, match="cannot be written"):
        BundleArchive(tmp_path / "nowhere" / "b.tar.gz").write(BUNDLE)
    (tmp_path / "folder.tar.gz").mkdir()
    with pytest.raises(UsageError, match="is another file"):
        BundleArchive(tmp_path / "folder.tar.gz").write(BUNDLE)
