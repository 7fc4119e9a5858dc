"""Writing pcapng (draft-ietf-opsawg-pcapng): sections, interfaces, packets with options, statistics.

Nothing of the wall clock or of paths goes in: the same packets at the same ``t_ns`` make the same bytes. Byte order is
the machine's unless ``order`` (``"<"`` or ``">"``) says otherwise.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import cache

_PADDING = (b"", b"\0\0\0", b"\0\0", b"\0")
DIRECTION_IN, DIRECTION_OUT = 1, 2
SECTION, INTERFACE, OLD_PACKET, SIMPLE_PACKET, STATISTICS, ENHANCED_PACKET = 0x0A0D0D0A, 1, 2, 3, 5, 6
"""Types of blocks."""
END_OF_OPTIONS, COMMENT = 0, 1
"""Codes of options that every block may hold."""
_LINKTYPE_ETHERNET = 1


def option(code: int, value: bytes, order: str = "=") -> bytes:
    """One option, padded to four bytes."""
    return struct.pack(order + "HH", code, len(value)) + value + _PADDING[len(value) % 4]


def block(kind: int, body: bytes, order: str = "=") -> bytes:
    """One block; the length of ``body`` is a multiple of four."""
    length = len(body) + 12
    return struct.pack(order + "II", kind, length) + body + struct.pack(order + "I", length)


def section_header(application: str, comment: str = "") -> bytes:
    """The Section Header Block with shb_userappl and a comment; length of the section unspecified."""
    options = option(COMMENT, comment.encode()) if comment else b""
    options += option(4, application.encode()) + option(END_OF_OPTIONS, b"")
    return block(SECTION, struct.pack("=IHHq", 0x1A2B3C4D, 1, 0, -1) + options)


def interface_description(
    name: str, description: str, snap_bytes: int, *, link: int = _LINKTYPE_ETHERNET, resolution: int = 9, fcs: int = 0
) -> bytes:
    """The Interface Description Block; ``resolution`` is if_tsresol, nanoseconds unless given.

    Name and description are left out where they are empty, if_fcslen where ``fcs`` is 0.
    """
    options = b"".join(option(code, text.encode()) for code, text in ((2, name), (3, description)) if text)
    options += option(9, bytes([resolution]))
    if fcs:
        options += option(13, bytes([fcs]))
    return block(INTERFACE, struct.pack("=HHI", link, 0, snap_bytes) + options + option(END_OF_OPTIONS, b""))


@cache
def _layout(kept: int) -> tuple[Callable[..., bytes], int]:
    """What packs a whole block with ``kept`` bytes of a frame at once, and the block's length."""
    packer = struct.Struct(f"=7I{kept}s{-kept % 4}xHHIHHI")  # then epb_flags, opt_endofopt, the length again
    return packer.pack, packer.size


def packet(t_ns: int, length: int, direction: int, data: bytes) -> bytes:
    """An Enhanced Packet Block; ``length`` is the frame's on the wire, ``data`` what was kept of it."""
    kept = len(data)
    pack, total = _layout(kept)
    return pack(6, total, 0, t_ns >> 32, t_ns & 0xFFFFFFFF, kept, length, data, 2, 4, direction, 0, 0, total)


def plain_packet(stamp: int, length: int, data: bytes, options: bytes = b"") -> bytes:
    """An Enhanced Packet Block of interface 0 with a raw timestamp and ``options`` (ended, or empty)."""
    head = struct.pack("=5I", 0, stamp >> 32, stamp & 0xFFFFFFFF, len(data), length)
    return block(ENHANCED_PACKET, head + data + _PADDING[len(data) % 4] + options)


def interface_statistics(t_ns: int, received: int, dropped: int) -> bytes:
    """The Interface Statistics Block: packets received (dropped ones included) and dropped by the capture."""
    options = option(4, struct.pack("=Q", received)) + option(5, struct.pack("=Q", dropped))
    body = struct.pack("=III", 0, t_ns >> 32, t_ns & 0xFFFFFFFF) + options + option(END_OF_OPTIONS, b"")
    return block(STATISTICS, body)


def with_comment(options: bytes, comment: str, order: str = "=") -> bytes:
    """An option list with one comment more, after those it holds; options that follow its end are dropped.

    A list that runs over its block cannot be extended at its end: there the comment comes first.
    """
    added, at = option(COMMENT, comment.encode(), order), 0
    while at + 4 <= len(options):
        code, length = struct.unpack_from(order + "HH", options, at)
        if code == END_OF_OPTIONS:
            return options[:at] + added + option(END_OF_OPTIONS, b"", order)
        at += 4 + (length + 3) // 4 * 4
    if at == len(options):
        return options + added + option(END_OF_OPTIONS, b"", order)
    return added + options
