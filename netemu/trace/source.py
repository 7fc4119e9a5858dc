"""Bytes of a capture file as windows for the compiled pass: read, or decompressed, into one buffer that moves on.

A plain file is read and not mapped: a mapped file that becomes shorter meanwhile ends the process (SIGBUS), and pages
of a mapping count as memory. Copying costs less than the page faults it spares.
"""

from __future__ import annotations

import stat
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from netemu.errors import BadInput
from netemu.trace.compressed import FREE_BYTES, GZIP, MAX_RATIO, ZSTD, CompressedBytes, is_zstd

_WINDOW_BYTES = 1 << 20
_OTHER_COMPRESSION = {b"BZh": "bzip2", b"\xfd7zXZ\0": "xz", b"\x04\x22\x4d\x18": "lz4"}
_KINDS = (
    (stat.S_ISDIR, "a directory; give capture files"),
    (stat.S_ISFIFO, "a FIFO, and captures are read twice; write it to a file, or pipe it in and give -"),
    (stat.S_ISSOCK, "a socket; give a capture file"),
    (stat.S_ISCHR, "a device; give a capture file"),
    (stat.S_ISBLK, "a device; give a capture file"),
)


@dataclass(slots=True)
class Window:
    """``data[:]`` holds the file's (decompressed) bytes from ``base`` on; ``last`` when nothing follows."""

    data: Any
    base: int
    last: bool


class Bytes(Protocol):
    """Where bytes come from: ``read_into`` gives 0 at the end, which ``fault`` explains when it came too early."""

    @property
    def fault(self) -> str | None: ...

    def read_into(self, target: memoryview) -> int: ...


@dataclass(slots=True)
class PlainBytes:
    """A file as long as it was when it was opened: what a running capture appends later is not read."""

    file: FileIO
    size: int
    fault: str | None = None
    _done: int = 0

    def read_into(self, target: memoryview) -> int:
        """Put up to ``len(target)`` more bytes into ``target``; 0 at the end or at the fault."""
        wanted = min(len(target), self.size - self._done)
        if wanted <= 0:
            return 0
        try:
            count = self.file.readinto(target[:wanted])
        except OSError as error:
            self.fault = f"cannot be read from byte {self._done} on: {error.strerror}"
            return 0
        if not count:
            self.fault = f"the file became shorter while it was read: {self._done} bytes and not {self.size}"
            return 0
        self._done += count
        return count


@dataclass(slots=True)
class Source:
    """Windows over the bytes of a file. Only the latest is valid: they share one buffer."""

    file: FileIO
    bytes: Bytes
    _buffer: Any = field(init=False)

    def __post_init__(self) -> None:
        self._buffer = np.empty(_WINDOW_BYTES, np.uint8)

    @property
    def fault(self) -> str | None:
        """Why the bytes ended before the file did; None when they did not."""
        return self.bytes.fault

    def first(self) -> Window:
        """The first window."""
        return self._filled(0, 0)

    def following(self, window: Window, position: int) -> Window:
        """The window that begins at ``position`` of ``window``, with at least one byte more where there is one."""
        rest = window.data[position:]
        if 2 * rest.size > self._buffer.size:  # a record or block larger than the window: it grows by what is missing
            larger = np.empty(2 * self._buffer.size, np.uint8)
            larger[: rest.size] = rest
            self._buffer = larger
        else:
            self._buffer[: rest.size] = rest
        return self._filled(rest.size, window.base + position)

    def close(self) -> None:
        """Close the file."""
        self.file.close()

    def _filled(self, count: int, base: int) -> Window:
        view = memoryview(self._buffer)
        last = False
        while count < self._buffer.size and not last:
            got = self.bytes.read_into(view[count:])
            count += got
            last = not got
        return Window(self._buffer[:count], base, last)


def _opened(path: Path) -> FileIO:
    """The file, opened; :class:`BadInput` when it is none that can be read, or no file but a FIFO, say."""
    try:
        mode = path.stat().st_mode  # a FIFO must not even be opened: that waits for its writer
        for is_kind, text in _KINDS:
            if is_kind(mode):
                raise BadInput(f"{path}: is {text}")
        return FileIO(path)
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}; give a pcap or pcapng file that can be read") from error
    except ValueError as error:
        raise BadInput(f"{path!r}: {error}; give the name of a pcap or pcapng file") from error


def open_source(path: Path) -> Source:
    """The source for ``path``; :class:`BadInput` when it is no readable file or compressed otherwise."""
    file = _opened(path)
    try:
        size, head = file.seek(0, 2), b""
        file.seek(0)
        head = file.read(6) or b""
        file.seek(0)
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}; give a pcap or pcapng file that can be read") from error
    for magic, program in _OTHER_COMPRESSION.items():
        if head.startswith(magic):
            raise BadInput(f"{path}: is compressed with {program}; netemu reads gzip and zstd, so decompress it first")
    budget = max(FREE_BYTES, MAX_RATIO * size)
    if head[:2] == b"\x1f\x8b":
        return Source(file, CompressedBytes(file, GZIP, budget))
    if is_zstd(head):
        return Source(file, CompressedBytes(file, ZSTD, budget))
    return Source(file, PlainBytes(file, size))
