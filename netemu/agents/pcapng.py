"""Writing pcapng (draft-ietf-opsawg-pcapng): one section, one interface, enhanced packet blocks, statistics.

Nothing of the wall clock or of paths goes in: the same packets at the same ``t_ns`` make the same bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import cache

_PADDING = (b"", b"\0\0\0", b"\0\0", b"\0")
DIRECTION_IN, DIRECTION_OUT = 1, 2
_LINKTYPE_ETHERNET = 1


def _option(code: int, value: bytes) -> bytes:
    return struct.pack("=HH", code, len(value)) + value + _PADDING[len(value) % 4]


def _block(kind: int, body: bytes) -> bytes:
    length = len(body) + 12
    return struct.pack("=II", kind, length) + body + struct.pack("=I", length)


def section_header(application: str, comment: str) -> bytes:
    """The Section Header Block with shb_userappl and a comment; length of the section unspecified."""
    options = _option(1, comment.encode()) + _option(4, application.encode()) + _option(0, b"")
    return _block(0x0A0D0D0A, struct.pack("=IHHq", 0x1A2B3C4D, 1, 0, -1) + options)


def interface_description(name: str, description: str, snap_bytes: int) -> bytes:
    """The Interface Description Block of an Ethernet interface with timestamps in nanoseconds."""
    options = _option(2, name.encode()) + _option(3, description.encode()) + _option(9, b"\x09") + _option(0, b"")
    return _block(1, struct.pack("=HHI", _LINKTYPE_ETHERNET, 0, snap_bytes) + options)


@cache
def _layout(kept: int) -> tuple[Callable[..., bytes], int]:
    """What packs a whole block with ``kept`` bytes of a frame at once, and the block's length."""
    block = struct.Struct(f"=7I{kept}s{-kept % 4}xHHIHHI")  # then epb_flags, opt_endofopt, the length again
    return block.pack, block.size


def packet(t_ns: int, length: int, direction: int, data: bytes) -> bytes:
    """An Enhanced Packet Block; ``length`` is the frame's on the wire, ``data`` what was kept of it."""
    kept = len(data)
    pack, total = _layout(kept)
    return pack(6, total, 0, t_ns >> 32, t_ns & 0xFFFFFFFF, kept, length, data, 2, 4, direction, 0, 0, total)


def interface_statistics(t_ns: int, received: int, dropped: int) -> bytes:
    """The Interface Statistics Block: packets received (dropped ones included) and dropped by the capture."""
    options = _option(4, struct.pack("=Q", received)) + _option(5, struct.pack("=Q", dropped)) + _option(0, b"")
    return _block(5, struct.pack("=III", 0, t_ns >> 32, t_ns & 0xFFFFFFFF) + options)
