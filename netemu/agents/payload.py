"""The bytes that traffic agents send: each aligned 4-byte word is its own index modulo 16381, big endian.

The stream repeats after 65,524 bytes, which is no multiple of any segment size in use, so bytes that are lost,
doubled, moved or flipped show up where they are read.
"""

from __future__ import annotations

import ctypes
import struct

from netemu.agents import libc

_WORDS = 16381  # prime
PERIOD_BYTES = 4 * _WORDS


class Payload:
    """The pattern in memory, long enough for reads and writes of ``chunk_bytes`` from any offset of the stream."""

    def __init__(self, chunk_bytes: int) -> None:
        block = struct.pack(f">{_WORDS}I", *range(_WORDS))
        self._pattern = ctypes.create_string_buffer(block * (chunk_bytes // PERIOD_BYTES + 2))
        self._address = ctypes.addressof(self._pattern)
        self._received = ctypes.create_string_buffer(chunk_bytes)
        self.receive_address = ctypes.addressof(self._received)
        self.chunk_bytes = chunk_bytes

    def address(self, offset: int) -> int:
        """Where the bytes of the stream from ``offset`` on lie; ``chunk_bytes`` of them are there."""
        return self._address + offset % PERIOD_BYTES

    def received(self, count: int, start: int = 0) -> bytes:
        """A copy of ``count`` bytes of the receive buffer from ``start`` on."""
        return bytes(memoryview(self._received)[start : start + count])

    def expected(self, offset: int, count: int) -> bytes:
        """A copy of ``count`` bytes of the stream from ``offset`` on."""
        start = offset % PERIOD_BYTES
        return bytes(memoryview(self._pattern)[start : start + count])

    def mismatches(self, offset: int, count: int, start: int = 0) -> int:
        """How many of ``count`` bytes in the receive buffer (from ``start``) differ from the stream at ``offset``."""
        if libc.memcmp(self.receive_address + start, self.address(offset), count) == 0:
            return 0
        return sum(a != b for a, b in zip(self.received(count, start), self.expected(offset, count), strict=True))
