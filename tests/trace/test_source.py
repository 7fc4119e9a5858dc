"""Windows over capture files: read in order, none beyond the file's end, and every file that cannot be read named."""

import gzip
import os
import random
import socket
from io import FileIO
from pathlib import Path

import pytest
import zstandard

from netemu.errors import BadInput
from netemu.trace import source as s

NOISE = random.Random(5).randbytes(3_000_000)
PACK = {"plain": bytes, "gzip": lambda data: gzip.compress(data, 1), "zstd": zstandard.ZstdCompressor().compress}


def read(source: s.Source, keep: int = 0) -> bytes:
    """The whole file through its windows, of each of which all but the last ``keep`` bytes are used."""
    window, found = source.first(), b""
    while not window.last:
        used = max(window.data.size - keep, 0)
        found += window.data[:used].tobytes()
        assert window.base == len(found) - used
        window = source.following(window, used)
    assert window.base == len(found)
    source.close()
    return found + window.data.tobytes()


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("kind", PACK)
@pytest.mark.parametrize("keep", [0, 1, 600_000, 900_000])
def test_windows_follow_each_other_and_overlap_by_what_is_kept(tmp_path: Path, kind: str, keep: int) -> None:
    source = s.open_source(written(tmp_path / "x", PACK[kind](NOISE)))
    assert read(source, keep) == NOISE
    assert source.fault is None


def test_an_empty_file_is_an_empty_window(tmp_path: Path) -> None:
    assert read(s.open_source(written(tmp_path / "x", b""))) == b""


def test_a_file_of_whole_windows_ends_with_one(tmp_path: Path) -> None:
    assert read(s.open_source(written(tmp_path / "x", NOISE[: 1 << 21]))) == NOISE[: 1 << 21]


def test_a_window_of_which_nothing_could_be_used_grows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s, "_WINDOW_BYTES", 1 << 10)
    source = s.open_source(written(tmp_path / "x", NOISE))
    window = source.first()
    for size in (1 << 11, 1 << 12, 1 << 13):
        window = source.following(window, 0)
        assert (window.base, window.data.size, window.last) == (0, size, False)
    assert window.data.tobytes() == NOISE[: 1 << 13]
    assert source.following(window, 100).base == 100


def test_what_a_running_capture_appends_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s, "_WINDOW_BYTES", 1000)
    path = written(tmp_path / "x", NOISE[:5000])
    source = s.open_source(path)
    window = source.first()
    with path.open("ab") as file:
        file.write(NOISE[5000:])
    found = window.data.tobytes()
    while not window.last:
        window = source.following(window, window.data.size)
        found += window.data.tobytes()
    assert (found, source.fault) == (NOISE[:5000], None)


@pytest.mark.parametrize("left", [0, 1500, 4999])
def test_a_file_that_becomes_shorter_ends_there_with_a_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: int
) -> None:
    monkeypatch.setattr(s, "_WINDOW_BYTES", 1000)
    path = written(tmp_path / "x", NOISE[:5000])
    source = s.open_source(path)
    window = source.first()
    os.truncate(path, left)
    while not window.last:
        window = source.following(window, window.data.size)
    there = max(left, 1000)
    assert source.fault == f"the file became shorter while it was read: {there} bytes and not 5000"


def test_a_disk_that_fails_ends_the_data_with_a_fault(tmp_path: Path) -> None:
    class Failing(FileIO):
        def readinto(self, target: object) -> int:
            raise OSError(5, "Input/output error")

    with Failing(written(tmp_path / "x", NOISE)) as file:
        source = s.Source(file, s.PlainBytes(file, len(NOISE)))
        assert source.first().last
        assert source.fault == "cannot be read from byte 0 on: Input/output error"


def test_a_bomb_ends_at_its_budget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s, "FREE_BYTES", 1 << 22)
    for kind in ("gzip", "zstd"):
        source = s.open_source(written(tmp_path / "bomb", PACK[kind](bytes((1 << 22) + 1))))
        window = source.first()
        while not window.last:
            window = source.following(window, window.data.size)
        assert window.base + window.data.size <= 1 << 22
        assert source.fault == f"{kind} data expands beyond {1 << 22} bytes, over 200 times the file"
        source.close()


def refused(path: Path) -> str:
    with pytest.raises(BadInput) as caught:
        s.open_source(path)
    return str(caught.value)


def test_what_is_no_file_is_one_clear_line(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")  # nobody writes: opening it would wait for ever
    with socket.socket(socket.AF_UNIX) as end:
        end.bind(str(tmp_path / "socket"))
        for path, line in (
            (tmp_path, "is a directory; give capture files"),
            (tmp_path / "none", "No such file or directory; give a pcap or pcapng file that can be read"),
            (tmp_path / "fifo", "is a FIFO, and captures are read twice; write it to a file, or pipe it in and give -"),
            (tmp_path / "socket", "is a socket; give a capture file"),
            (Path("/dev/zero"), "is a device; give a capture file"),
        ):
            assert refused(path) == f"{path}: {line}"
    assert "null byte" in refused(Path("a\0b"))


def test_a_file_that_may_not_be_read_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(path: Path) -> FileIO:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(s, "FileIO", denied)
    path = written(tmp_path / "x", b"data")
    assert refused(path) == f"{path}: Permission denied; give a pcap or pcapng file that can be read"


@pytest.mark.parametrize(
    ("magic", "program"), [(b"BZh9", "bzip2"), (b"\xfd7zXZ\0", "xz"), (b"\x04\x22\x4d\x18", "lz4")]
)
def test_other_compression_is_named(tmp_path: Path, magic: bytes, program: str) -> None:
    path = written(tmp_path / "x", magic + bytes(20))
    line = f"{path}: is compressed with {program}; netemu reads gzip and zstd, so decompress it first"
    assert refused(path) == line
