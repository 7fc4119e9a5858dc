"""Decompression of capture files piece by piece, within bounds: gzip (RFC 1952) and zstd (RFC 8878).

Neither format says truthfully how far it expands, so what comes out is counted: beyond a budget the data ends there.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from io import FileIO
from typing import Any

MAX_RATIO = 200
FREE_BYTES = 1 << 28
"""A file may expand to 256 MiB, and beyond that to 200 times its own size: captures reach 5 to 50 times."""
_READ_BYTES = 1 << 16
_ZSTD_STEP = 2048
"""Bytes given to zstd at once: four of them can become 128 KiB, so a step gives 64 MiB at most."""
_ZSTD_WINDOW_BYTES = 1 << 27
"""How far back a zstd frame may refer, which is memory that it asks for; zstd's own limit without ``--long=31``."""


class _ZstdFrame:
    """One zstd frame with the interface of :func:`zlib.decompressobj`."""

    def __init__(self) -> None:
        import zstandard

        self.error = zstandard.ZstdError
        self.unconsumed_tail: Any = b""
        self.unused_data: Any = b""
        self._inner = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW_BYTES).decompressobj()

    @property
    def eof(self) -> bool:
        return self._inner.eof

    def decompress(self, data: Any, limit: int) -> bytes:
        """The next output, of at most 64 MiB whatever ``limit``; the input's rest is ``unconsumed_tail``."""
        view = memoryview(data)
        self.unconsumed_tail = view[_ZSTD_STEP:]
        piece = self._inner.decompress(view[:_ZSTD_STEP])
        if self._inner.eof:
            self.unused_data = self._inner.unused_data + bytes(self.unconsumed_tail)
            self.unconsumed_tail = b""
        return piece


@dataclass(frozen=True, slots=True)
class Codec:
    """A compressed format: how one member (gzip) or frame (zstd) of it is read, and how the next one begins."""

    name: str
    member: Callable[[], Any]
    begins: Callable[[bytes], bool]
    magic_bytes: int
    error: Callable[[Any], type[Exception]]


def is_zstd(head: bytes) -> bool:
    """Whether ``head`` begins a zstd frame, or one that is to be skipped."""
    return head[:4] == b"\x28\xb5\x2f\xfd" or (head[1:4] == b"\x2a\x4d\x18" and head[0] & 0xF0 == 0x50)


GZIP = Codec("gzip", lambda: zlib.decompressobj(31), lambda head: head[:1] == b"\x1f", 1, lambda _: zlib.error)
ZSTD = Codec("zstd", _ZstdFrame, is_zstd, 4, lambda member: member.error)


@dataclass(slots=True)
class CompressedBytes:
    """The decompressed bytes of ``file``; what is cut short, damaged or expands too far ends them with a ``fault``."""

    file: FileIO
    codec: Codec
    budget: int
    fault: str | None = None
    _member: Any = None
    _pending: Any = b""
    _held: Any = field(default_factory=lambda: memoryview(b""))
    _produced: int = 0

    def read_into(self, target: memoryview) -> int:
        """Put up to ``len(target)`` more bytes into ``target``; 0 at the end or at the fault."""
        if not self._held:
            self._held = memoryview(self._next(len(target)))
        count = min(len(target), len(self._held))
        target[:count] = self._held[:count]
        self._held = self._held[count:]
        return count

    def _fail(self, reason: str) -> bytes:
        self.fault = reason
        return b""

    def _next_member(self) -> bool:
        """Go to the next member if one follows; what else may follow the last one (padding, a signature) is left."""
        head = b"" if self._member is None else bytes(self._member.unused_data)
        while len(head) < self.codec.magic_bytes and (more := self.file.read(_READ_BYTES)):
            head += more
        if not self.codec.begins(head):
            return False
        self._member, self._pending = self.codec.member(), head
        return True

    def _next(self, limit: int) -> bytes:
        """The next decompressed bytes; empty at the end or at the fault."""
        while self.fault is None:
            if (self._member is None or self._member.eof) and not self._next_member():
                break
            compressed = self._pending or self._member.unconsumed_tail or self.file.read(_READ_BYTES)
            self._pending = b""
            try:
                piece: bytes = self._member.decompress(compressed, limit)
            except self.codec.error(self._member) as error:
                name, produced = self.codec.name, self._produced
                return self._fail(f"bad {name} data after {produced} decompressed bytes ({error})")
            self._produced += len(piece)
            if self._produced > self.budget:
                return self._fail(
                    f"{self.codec.name} data expands beyond {self.budget} bytes, over {MAX_RATIO} times the file"
                )
            if piece:
                return piece
            if not compressed and not self._member.eof:
                return self._fail(f"{self.codec.name} data is cut short after {self._produced} decompressed bytes")
        return b""
