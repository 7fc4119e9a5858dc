"""Bytes of a capture file as windows for the compiled pass: mapped, or decompressed piece by piece.

A plain file is one window, mapped and never copied. A gzip file is decompressed into a window that moves on, so
that memory stays bounded whatever the file expands to.
"""

from __future__ import annotations

import mmap
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from netemu.errors import BadInput

_WINDOW_BYTES = 1 << 25
_MAX_RATIO = 200
_FREE_BYTES = 1 << 28
"""A gzip file may expand to 256 MiB, and beyond that to 200 times its own size: captures reach 5 to 50 times."""


@dataclass(slots=True)
class Window:
    """``data[:]`` holds the file's (decompressed) bytes from ``base`` on; ``last`` when nothing follows."""

    data: Any
    base: int
    last: bool


@dataclass(slots=True)
class MappedSource:
    """A plain file, mapped. Pages behind the reader are given back to the system, so they do not count as memory."""

    path: Path
    _map: mmap.mmap | None = None
    _dropped: int = 0
    fault: str | None = None

    def first(self) -> Window:
        """The only window: the whole file."""
        with self.path.open("rb") as file:
            size = file.seek(0, 2)
            if size == 0:
                return Window(np.zeros(0, np.uint8), 0, True)
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._map.madvise(mmap.MADV_SEQUENTIAL)
        return Window(np.frombuffer(self._map, np.uint8), 0, True)

    def following(self, window: Window, position: int) -> Window:
        """There is none: the caller has seen ``window.last``."""
        raise AssertionError("a mapped file has one window")

    def done_to(self, position: int) -> None:
        """Nothing before ``position`` is read again."""
        page = position - position % mmap.ALLOCATIONGRANULARITY
        if self._map is not None and page > self._dropped:
            self._map.madvise(mmap.MADV_DONTNEED, self._dropped, page - self._dropped)
            self._dropped = page


@dataclass(slots=True)
class GzipSource:
    """A gzip file of one or more members; what is cut short or expands too far ends the data with a ``fault``."""

    path: Path
    fault: str | None = None
    _file: Any = None
    _inflate: Any = field(default_factory=lambda: zlib.decompressobj(31))
    _pending: bytes = b""
    _produced: int = 0

    def first(self) -> Window:
        """The first window."""
        self._file = self.path.open("rb")
        return self._window(b"", 0)

    def following(self, window: Window, position: int) -> Window:
        """The window that begins at ``position`` of ``window``."""
        return self._window(window.data[position:].tobytes(), window.base + position)

    def done_to(self, position: int) -> None:
        """Nothing to give back: the window is the only memory."""

    def _window(self, head: bytes, base: int) -> Window:
        parts, size = [head], len(head)
        # A record or block can be larger than the window: it grows by what is missing
        goal = max(_WINDOW_BYTES, 2 * len(head))
        last = False
        while size < goal:
            piece = self._read(1 << 20)
            if not piece:
                last = True
                self._file.close()
                break
            parts.append(piece)
            size += len(piece)
        return Window(np.frombuffer(b"".join(parts), np.uint8), base, last)

    def _read(self, limit: int) -> bytes:
        """Up to ``limit`` more bytes; empty at the end or at the fault."""
        budget = max(_FREE_BYTES, _MAX_RATIO * self.path.stat().st_size)
        while self.fault is None:
            if self._inflate.eof:
                self._pending = self._inflate.unused_data or self._file.read(1 << 16)
                if not self._pending.startswith(b"\x1f"):
                    return b""
                self._inflate = zlib.decompressobj(31)
            compressed = self._pending or self._inflate.unconsumed_tail or self._file.read(1 << 16)
            self._pending = b""
            try:
                piece: bytes = self._inflate.decompress(compressed, limit)
            except zlib.error as error:
                self.fault = f"bad gzip data after {self._produced} decompressed bytes ({error})"
                return b""
            self._produced += len(piece)
            if self._produced > budget:
                self.fault = f"gzip data expands beyond {budget} bytes, over {_MAX_RATIO} times the file"
                return b""
            if piece:
                return piece
            if not compressed and not self._inflate.eof:
                self.fault = f"gzip data is cut short after {self._produced} decompressed bytes"
        return b""


Source = MappedSource | GzipSource


def open_source(path: Path) -> Source:
    """The source for ``path``; :class:`BadInput` when it is no readable file or compressed otherwise."""
    if path.is_dir():
        raise BadInput(f"{path}: is a directory; give capture files")
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}; give a pcap or pcapng file that can be read") from error
    if magic[:2] == b"\x1f\x8b":
        return GzipSource(path)
    if magic == b"\x28\xb5\x2f\xfd":
        raise BadInput(f"{path}: is compressed with zstd; decompress it first: zstd -d {path}")
    return MappedSource(path)
