"""The packets of a capture as they are compared: read from pcapng, one object for each IP packet, nothing relative yet.

It reads what netemu itself writes (:mod:`netemu.recording.pcapng`): Ethernet, times in nanoseconds of the run, the
direction of each frame. Fields that a cut frame does not hold are an error: a capture keeps whole headers.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import msgspec

from netemu.errors import BadInput
from netemu.packet.ip import IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_TCP, IPPROTO_UDP
from netemu.packet.tcp import OPTION_END, OPTION_NOP
from netemu.recording.pcapng import DIRECTION_OUT, ENHANCED_PACKET

_IPV4, _IPV6 = 0x0800, 0x86DD
_FRAGMENT_HEADER = 44


class Captured(msgspec.Struct, frozen=True, gc=False):
    """One IP packet: ``number`` in its capture from 1, ``out`` whether the host sent it.

    ``length`` is the IP packet's, ``payload`` what TCP or UDP carries; ``options`` are TCP's as (kind, value) in the
    order of the wire, padding included. ``code`` is ICMP's type, code and MTU. What a packet has not is 0 or empty.
    """

    number: int
    t_ns: int
    out: bool
    source: str
    destination: str
    protocol: int
    length: int
    ecn: int
    dont_fragment: bool
    fragment: tuple[int, bool]
    source_port: int = 0
    destination_port: int = 0
    seq: int = 0
    ack: int = 0
    flags: int = 0
    window: int = 0
    payload: int = 0
    options: tuple[tuple[int, bytes], ...] = ()
    code: tuple[int, int, int] = (0, 0, 0)


def read_capture(path: Path) -> list[Captured]:
    """Every IP packet of a capture, in its order.

    :raises BadInput: no such file, no such format, or a header that the capture has cut.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}") from error
    try:
        return [
            packet
            for number, (t_ns, out, frame) in enumerate(_frames(data), 1)
            if (packet := _ip(number, t_ns, out, frame)) is not None
        ]
    except (struct.error, IndexError) as error:
        raise BadInput(f"{path}: a header is cut short or no pcapng of netemu's: {error}") from error


def _frames(data: bytes) -> Iterator[tuple[int, bool, bytes]]:
    """Time, whether it went out, and bytes of each frame."""
    at = 0
    while at < len(data):
        kind, total = struct.unpack_from("=II", data, at)
        if total < 12:
            raise struct.error(f"a block of {total} bytes at {at}")
        if kind == ENHANCED_PACKET:
            high, low, kept = struct.unpack_from("=III", data, at + 12)
            padded = (kept + 3) // 4 * 4
            # Its one option is epb_flags, whose two lowest bits are the direction.
            (flags,) = struct.unpack_from("=I", data, at + 28 + padded + 4)
            yield high << 32 | low, flags & 3 == DIRECTION_OUT, data[at + 28 : at + 28 + kept]
        at += total


def _ip(number: int, t_ns: int, out: bool, frame: bytes) -> Captured | None:
    (ethertype,) = struct.unpack_from("!H", frame, 12)
    if ethertype == _IPV4:
        return _ipv4(number, t_ns, out, frame)
    if ethertype == _IPV6:
        return _ipv6(number, t_ns, out, frame)
    return None


def _ipv4(number: int, t_ns: int, out: bool, frame: bytes) -> Captured:
    tos, length, fragment, protocol = struct.unpack_from("!xBHxxHxB", frame, 14)
    source, destination = (socket.inet_ntop(socket.AF_INET, frame[at : at + 4]) for at in (26, 30))
    header = 4 * (frame[14] & 15)
    offset, more = 8 * (fragment & 0x1FFF), bool(fragment & 0x2000)
    fields = (number, t_ns, out, source, destination, protocol, length, tos & 3, bool(fragment & 0x4000))
    return _transport(fields, (offset, more), frame, 14 + header, length - header)


def _ipv6(number: int, t_ns: int, out: bool, frame: bytes) -> Captured:
    first, payload, protocol = struct.unpack_from("!IHB", frame, 14)
    source, destination = (socket.inet_ntop(socket.AF_INET6, frame[at : at + 16]) for at in (22, 38))
    at, fragment = 54, (0, False)
    if protocol == _FRAGMENT_HEADER:
        protocol, where = struct.unpack_from("!BxH", frame, at)
        fragment, at = (where & 0xFFF8, bool(where & 1)), at + 8
    fields = (number, t_ns, out, source, destination, protocol, payload + 40, first >> 20 & 3, True)
    return _transport(fields, fragment, frame, at, payload + 54 - at)


def _transport(
    fields: tuple[int, int, bool, str, str, int, int, int, bool],
    fragment: tuple[int, bool],
    frame: bytes,
    at: int,
    left: int,
) -> Captured:
    """What ``left`` bytes from ``at`` on say; a later fragment says nothing."""
    protocol = fields[5]
    if fragment[0]:
        return Captured(*fields, fragment, payload=left)
    if protocol == IPPROTO_TCP:
        source, destination, seq, ack, offset, flags, window = struct.unpack_from("!HHIIBBH", frame, at)
        header = 4 * (offset >> 4)
        flags |= (offset & 1) << 8
        options = tuple(_options(frame[at + 20 : at + header], header - 20))
        return Captured(*fields, fragment, source, destination, seq, ack, flags, window, left - header, options)
    if protocol == IPPROTO_UDP:
        source, destination = struct.unpack_from("!HH", frame, at)
        return Captured(*fields, fragment, source, destination, payload=left - 8)
    if protocol in (IPPROTO_ICMP, IPPROTO_ICMPV6):
        kind, code, rest = struct.unpack_from("!BBxxI", frame, at)
        return Captured(*fields, fragment, payload=left - 8, code=(kind, code, rest))
    return Captured(*fields, fragment, payload=left)


def _options(data: bytes, length: int) -> Iterator[tuple[int, bytes]]:
    """(kind, value) of each option, one-byte ones included."""
    if len(data) < length:
        raise struct.error("TCP options")
    at = 0
    while at < length:
        kind = data[at]
        if kind in (OPTION_END, OPTION_NOP):
            yield kind, b""
            at += 1
        else:
            size = max(data[at + 1], 2)
            yield kind, data[at + 2 : at + size]
            at += size
