"""Compressed captures: the data comes out whole, and every way in which it cannot is said."""

import gzip
import io
import random
from io import FileIO
from pathlib import Path

import pytest
import zstandard

from netemu.trace import compressed as c

NOISE = random.Random(5).randbytes(700_000) + bytes(900_000)
TEXT = b"some text, some text, some more"


def zstd(data: bytes, **options: int) -> bytes:
    return zstandard.ZstdCompressor(**options).compress(data)  # type: ignore[arg-type]


PACK = {"gzip": lambda data: gzip.compress(data, mtime=0), "zstd": zstd}
CODECS = {"gzip": c.GZIP, "zstd": c.ZSTD}
KINDS = pytest.mark.parametrize("kind", PACK)


def unpacked(
    directory: Path, kind: str, data: bytes, *, piece: int = 1 << 16, budget: int = 1 << 30
) -> tuple[bytes, str | None]:
    """What comes out of a file, read in pieces, and its fault."""
    path = directory / "packed"
    path.write_bytes(data)
    with FileIO(path) as file:
        stream = c.CompressedBytes(file, CODECS[kind], budget)
        found, target = bytearray(), bytearray(piece)
        while got := stream.read_into(memoryview(target)):
            found += target[:got]
        assert stream.read_into(memoryview(target)) == 0
    return bytes(found), stream.fault


@KINDS
@pytest.mark.parametrize("piece", [1, 13, 4096, 10_000_000])
def test_what_was_packed_comes_out_in_pieces_of_any_size(tmp_path: Path, kind: str, piece: int) -> None:
    data = NOISE if piece > 1000 else TEXT
    assert unpacked(tmp_path, kind, PACK[kind](data), piece=piece) == (data, None)


@KINDS
def test_members_are_joined_and_what_follows_them_is_left(tmp_path: Path, kind: str) -> None:
    members = PACK[kind](b"one ") + PACK[kind](b"") + PACK[kind](b"two" * 100_000)
    for tail in (b"", b"\0" * 512, b"signature"):
        assert unpacked(tmp_path, kind, members + tail) == (b"one " + b"two" * 100_000, None)


def test_zstd_frames_to_be_skipped_are_skipped(tmp_path: Path) -> None:
    skipped = b"\x5a\x2a\x4d\x18" + b"\5\0\0\0" + b"index"
    assert c.is_zstd(skipped) and not c.is_zstd(b"\x5a\x2a\x4d") and not c.is_zstd(b"\xd4\xc3\xb2\xa1")
    assert unpacked(tmp_path, "zstd", skipped + zstd(b"one") + skipped + zstd(b"two")) == (b"onetwo", None)


def test_members_that_begin_at_a_reads_end_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for size in range(1, 40):
        monkeypatch.setattr(c, "_READ_BYTES", size)
        for kind, pack in PACK.items():
            assert unpacked(tmp_path, kind, pack(TEXT) + pack(b"two")) == (TEXT + b"two", None), (kind, size)


@KINDS
def test_data_cut_at_any_byte_is_a_fault_that_says_how_far_it_goes(tmp_path: Path, kind: str) -> None:
    whole = PACK[kind](TEXT)
    for cut in range(4, len(whole)):
        data, fault = unpacked(tmp_path, kind, whole[:cut])
        assert TEXT.startswith(data)
        assert fault == f"{kind} data is cut short after {len(data)} decompressed bytes", cut


def test_a_wrong_checksum_is_a_fault(tmp_path: Path) -> None:
    whole = bytearray(gzip.compress(b"text", mtime=0))
    whole[-8] ^= 1
    fault = unpacked(tmp_path, "gzip", bytes(whole))[1]
    assert fault is not None
    assert fault.startswith("bad gzip data after 0 decompressed bytes (") and "incorrect data check" in fault
    checked = bytearray(zstandard.ZstdCompressor(write_checksum=True).compress(b"text"))
    checked[-1] ^= 1
    fault = unpacked(tmp_path, "zstd", bytes(checked))[1]
    assert fault is not None and fault.startswith("bad zstd data after 0 decompressed bytes (")


def test_a_frame_that_asks_for_too_much_memory_is_a_fault(tmp_path: Path) -> None:
    far = zstandard.ZstdCompressionParameters(window_log=30)
    packed = io.BytesIO()
    with zstandard.ZstdCompressor(compression_params=far).stream_writer(packed, closefd=False) as writer:
        writer.write(b"text")
    fault = unpacked(tmp_path, "zstd", packed.getvalue())[1]
    assert fault is not None and fault.startswith("bad zstd data after 0 decompressed bytes (")
    assert "memory" in fault


@KINDS
def test_a_file_that_expands_too_far_ends_at_its_budget(tmp_path: Path, kind: str) -> None:
    data, fault = unpacked(tmp_path, kind, PACK[kind](bytes(20_000_000)), budget=3_000_000)
    assert fault == f"{kind} data expands beyond 3000000 bytes, over {c.MAX_RATIO} times the file"
    assert len(data) <= 3_000_000


@KINDS
def test_no_step_holds_more_than_it_must(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bomb comes out piece by piece: what is held at once follows what was asked for, or a step of zstd."""
    held: list[int] = []
    following = c.CompressedBytes._next

    def measured(self: c.CompressedBytes, limit: int) -> bytes:
        piece = following(self, limit)
        held.append(len(piece))
        return piece

    monkeypatch.setattr(c.CompressedBytes, "_next", measured)
    bomb = PACK[kind](bytes(30_000_000))
    assert len(unpacked(tmp_path, kind, bomb)[0]) == 30_000_000
    assert max(held) <= (1 << 16 if kind == "gzip" else 1 << 26)
