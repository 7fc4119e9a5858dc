"""Whether capture files share a clock, and the tables of both ends beside those of a capture."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from netemu.trace.ends import Ends, transits

_SECTION = b"\x0a\x0d\x0d\x0a"
_LITTLE = b"\x4d\x3c\x2b\x1a"
_COMMENT, _APPLICATION = 1, 4
_HEAD_BYTES = 4096


def share_a_clock(files: Sequence[Path]) -> bool:
    """Whether the captures' times are of one clock: those of one file, and the captures of one run of netemu.

    Netemu's captures name it as the application that wrote them, and their run in a comment.
    """
    if len(files) < 2:
        return True
    runs = {_run_of(path) for path in files}
    return len(runs) == 1 and None not in runs


def _run_of(path: Path) -> bytes | None:
    """The comment of a section header that netemu wrote; None for any other file."""
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if head[:4] != _SECTION or len(head) < 28:
        return None
    order = "<" if head[8:12] == _LITTLE else ">"
    length = struct.unpack_from(order + "I", head, 4)[0]
    found, at = {}, 24
    while at + 4 <= min(length - 4, len(head)):
        code, size = struct.unpack_from(order + "HH", head, at)
        found[code] = head[at + 4 : at + 4 + size]
        at += 4 + (size + 3) // 4 * 4
        if code == 0:
            break
    return found.get(_COMMENT) if found.get(_APPLICATION, b"").startswith(b"netemu ") else None


def ends_of(files: Sequence[Path], packets: Path, connections: pl.DataFrame) -> Ends:
    """Both ends' tables of analysed ``files``, whose packet table is the Parquet file ``packets``."""
    return transits(pl.scan_parquet(packets), connections, shared_clock=share_a_clock(files))
