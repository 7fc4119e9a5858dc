"""Windows over capture files: mapped, or decompressed within bounds."""

import gzip
import mmap
import random
from pathlib import Path

import pytest

from netemu.errors import BadInput
from netemu.trace import source as s

NOISE = random.Random(5).randbytes(3_000_000)


def read(path: Path, keep: int = 0) -> tuple[bytes, s.Source]:
    """The whole file through its windows, of each of which all but the last ``keep`` bytes are used."""
    source = s.open_source(path)
    window, read_bytes = source.first(), b""
    while not window.last:
        used = window.data.size - keep
        read_bytes += window.data[:used].tobytes()
        assert window.base == len(read_bytes) - used
        window = source.following(window, used)
    assert window.base == len(read_bytes)
    return read_bytes + window.data.tobytes(), source


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_a_plain_file_is_one_window(tmp_path: Path) -> None:
    data, source = read(written(tmp_path / "x.pcap", NOISE))
    assert data == NOISE
    assert isinstance(source, s.MappedSource)
    assert source.fault is None


def test_an_empty_file_is_an_empty_window(tmp_path: Path) -> None:
    assert read(written(tmp_path / "x", b""))[0] == b""


def test_given_back_pages_read_the_same_again(tmp_path: Path) -> None:
    source = s.MappedSource(written(tmp_path / "x", NOISE))
    window = source.first()
    for position in (10, mmap.ALLOCATIONGRANULARITY, 2_000_001, 1_000_000, len(NOISE)):
        source.done_to(position)
    assert window.data.tobytes() == NOISE


@pytest.mark.parametrize("keep", [0, 1, 700_000])
def test_gzip_windows_follow_each_other_and_overlap_by_what_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keep: int
) -> None:
    monkeypatch.setattr(s, "_WINDOW_BYTES", 1 << 20)
    data, source = read(written(tmp_path / "x.pcap.gz", gzip.compress(NOISE, 1)), keep)
    assert data == NOISE
    assert source.fault is None


def test_a_window_of_which_nothing_could_be_used_grows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s, "_WINDOW_BYTES", 1 << 10)
    source = s.open_source(written(tmp_path / "x.gz", gzip.compress(NOISE, 1)))
    first = source.first()
    second = source.following(first, 0)
    assert second.base == 0
    assert second.data.size >= 2 * first.data.size
    assert second.data.tobytes() == NOISE[: second.data.size]


def test_members_are_joined_and_what_follows_them_is_left(tmp_path: Path) -> None:
    members = gzip.compress(b"one ") + gzip.compress(b"") + gzip.compress(b"two")
    for tail in (b"", b"\0" * 512, b"signature"):
        data, source = read(written(tmp_path / "x.gz", members + tail))
        assert (data, source.fault) == (b"one two", None)


def test_gzip_cut_at_any_byte_is_a_fault_that_says_how_far_it_goes(tmp_path: Path) -> None:
    whole = gzip.compress(b"some text, some text, some more", mtime=0)
    for cut in range(2, len(whole)):
        data, source = read(written(tmp_path / "x.gz", whole[:cut]))
        assert b"some text, some text, some more".startswith(data)
        assert source.fault == f"gzip data is cut short after {len(data)} decompressed bytes"


def test_a_wrong_checksum_is_a_fault(tmp_path: Path) -> None:
    whole = bytearray(gzip.compress(b"text", mtime=0))
    whole[-8] ^= 1
    fault = read(written(tmp_path / "x.gz", bytes(whole)))[1].fault
    assert fault is not None
    assert fault.startswith("bad gzip data after 0 decompressed bytes (") and "incorrect data check" in fault


@pytest.mark.parametrize(("free", "ratio", "limit"), [(2_000_000, 5, 2_000_000), (1000, 300, None)])
def test_a_file_that_expands_too_far_ends_at_its_budget(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, ratio: int, limit: int | None
) -> None:
    monkeypatch.setattr(s, "_FREE_BYTES", free)
    monkeypatch.setattr(s, "_MAX_RATIO", ratio)
    path = written(tmp_path / "bomb.gz", gzip.compress(bytes(20_000_000)))
    budget = limit or ratio * path.stat().st_size
    data, source = read(path)
    assert source.fault == f"gzip data expands beyond {budget} bytes, over {ratio} times the file"
    assert len(data) <= budget


def test_a_file_within_its_free_bytes_may_expand_by_any_factor(tmp_path: Path) -> None:
    data, source = read(written(tmp_path / "x.gz", gzip.compress(bytes(5_000_000))))
    assert (len(data), source.fault) == (5_000_000, None)


def test_what_cannot_be_read_is_one_clear_line(tmp_path: Path) -> None:
    zstd = written(tmp_path / "x.pcap.zst", b"\x28\xb5\x2f\xfd\0\0")
    for path, line in (
        (tmp_path, "is a directory; give capture files"),
        (tmp_path / "none", "No such file or directory; give a pcap or pcapng file that can be read"),
        (zstd, f"is compressed with zstd; decompress it first: zstd -d {zstd}"),
    ):
        with pytest.raises(BadInput) as caught:
            s.open_source(path)
        assert str(caught.value) == f"{path}: {line}"


def test_a_mapped_file_has_no_second_window(tmp_path: Path) -> None:
    source = s.MappedSource(written(tmp_path / "x", b"1"))
    with pytest.raises(AssertionError, match="one window"):
        source.following(source.first(), 1)
