"""File headers, pcapng sections and interfaces: the rare parts of a capture, read in Python.

pcap: draft-ietf-opsawg-pcap. pcapng: draft-ietf-opsawg-pcapng. What a writer got wrong is a :class:`Fault` with its
byte offset; the packets before it still count.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from netemu.errors import BadInput
from netemu.trace import records as r
from netemu.trace.layout import INTERFACE, SCAN
from netemu.trace.link_layer import SUPPORTED_LINK_TYPES
from netemu.trace.source import Window

_PCAP_MAGIC = {
    0xA1B2C3D4: (1000, 16),
    0xA1B23C4D: (1, 16),
    0xA1B2CD34: (1000, 24),  # Kuznetzov's patched libpcap: 8 more bytes per record
}
_SECTION_MAGIC = b"\x0a\x0d\x0d\x0a"
_BYTE_ORDER_MAGIC = 0x1A2B3C4D
MAX_INTERFACES = 1000


@dataclass(frozen=True, slots=True)
class Fault:
    """Where the file stops making sense: byte offset in the (decompressed) file and what is wrong there."""

    offset: int
    reason: str


@dataclass(slots=True)
class Container:
    """What the file says of itself: scan state and interface table of the compiled pass, and names."""

    path: str
    scan: Any = field(default_factory=lambda: np.zeros(1, SCAN))
    interfaces: Any = field(default_factory=lambda: np.zeros(MAX_INTERFACES + 1, INTERFACE))
    names: list[str] = field(default_factory=list)
    dropped: int = 0
    comment: str | None = None
    unsupported: set[int] = field(default_factory=set)

    @property
    def position(self) -> int:
        """Where in the window the next record or block begins."""
        return int(self.scan["position"][0])

    @position.setter
    def position(self, position: int) -> None:
        self.scan["position"] = position

    def open(self, window: Window) -> None:
        """Read the file's header; :class:`BadInput` when this is no capture."""
        head = window.data[:24].tobytes()
        if head[:4] == _SECTION_MAGIC:
            self.scan["format"] = r.FORMAT_PCAPNG
            return
        for order, little in (("<", 1), (">", 0)):
            magic = struct.unpack(order + "I", head[:4])[0] if len(head) >= 4 else 0
            if magic in _PCAP_MAGIC:
                self._open_pcap(head, order, little, *_PCAP_MAGIC[magic])
                return
        size = "empty" if not head else "neither pcap nor pcapng"
        raise BadInput(f"{self.path}: is {size} (first bytes {head[:4].hex() or 'none'}); give a capture file")

    def _open_pcap(self, head: bytes, order: str, little: int, factor: int, record_header: int) -> None:
        if len(head) < 24:
            raise BadInput(f"{self.path}: pcap header is cut short at byte {len(head)} of 24; give a whole file")
        snap, link = struct.unpack(order + "II", head[16:24])
        link &= 0x03FFFFFF  # the upper six bits tell of a frame check sequence: its length, whether it is given
        if link not in SUPPORTED_LINK_TYPES:
            raise BadInput(f"{self.path}: link type {link} carries no IP that netemu reads; {_SUPPORTED_TEXT}")
        self.scan["format"], self.scan["little"] = r.FORMAT_PCAP, little
        self.scan["record_header"], self.scan["position"] = record_header, 24
        self.interfaces[0] = (link, r.UNIT_MULTIPLY, factor, 0, 0, snap)
        self.names.append("")

    def read_block(self, window: Window) -> Fault | None:
        """Read the section, interface or statistics block at the position and move past it."""
        at = self.position
        head = window.data[at : at + 12].tobytes()
        if head[:4] == _SECTION_MAGIC and (fault := self._byte_order(head, window.base + at)):
            return fault
        order = "<" if self.scan["little"][0] else ">"
        kind, length = struct.unpack(order + "II", head[:8])
        fault = self._bad_length(window, order, length)
        if fault is not None:
            return fault
        body = window.data[at + 8 : at + length - 4].tobytes()
        self.position = at + length
        if kind == r.BLOCK_INTERFACE:
            return self._interface(body, order, window.base + at)
        if kind == r.BLOCK_STATISTICS:
            self._statistics(body, order)
        else:
            self.scan["interface_base"], self.scan["interface_count"] = len(self.names), 0
            self._section_options(body, order)
        return None

    def _bad_length(self, window: Window, order: str, length: int) -> Fault | None:
        at = self.position
        if length < 12 or length % 4 or length > r.MAX_BLOCK_BYTES:
            return Fault(window.base + at, f"a block claims {length} bytes")
        if at + length > window.data.size:
            return Fault(window.base + at, "the block is cut short") if window.last else _MORE
        trailing = struct.unpack(order + "I", window.data[at + length - 4 : at + length].tobytes())[0]
        if trailing != length:
            return Fault(window.base + at, f"a block's trailing length is {trailing}, not its leading {length}")
        return None

    def _byte_order(self, head: bytes, offset: int) -> Fault | None:
        for order, little in (("<", 1), (">", 0)):
            if struct.unpack(order + "I", head[8:12])[0] == _BYTE_ORDER_MAGIC:
                self.scan["little"] = little
                return None
        return Fault(offset, f"section's byte-order magic is {head[8:12].hex()}")

    def _section_options(self, body: bytes, order: str) -> None:
        for code, value in _options(body[16:], order):
            if code == 1 and self.comment is None:
                self.comment = value.decode("utf-8", "replace")

    def _interface(self, body: bytes, order: str, offset: int) -> Fault | None:
        if len(body) < 8:
            return Fault(offset, "interface block is too short")
        if len(self.names) >= MAX_INTERFACES:
            return Fault(offset, f"more than {MAX_INTERFACES} interfaces")
        link, _, snap = struct.unpack(order + "HHI", body[:8])
        name, unit, value, seconds = "", r.UNIT_MULTIPLY, 1000, 0
        for code, data in _options(body[8:], order):
            if code == 2:
                name = data.decode("utf-8", "replace")
            elif code == 9 and len(data) >= 1:
                resolution = _resolution(data[0])
                if resolution is None:
                    return Fault(offset, f"interface's if_tsresol is {data[0]}")
                unit, value = resolution
            elif code == 14 and len(data) >= 8:
                seconds = struct.unpack(order + "q", data[:8])[0]
        if abs(seconds) > 1 << 33:
            return Fault(offset, f"interface's if_tsoffset is {seconds} s")
        if link not in SUPPORTED_LINK_TYPES:
            self.unsupported.add(link)
        index = len(self.names)
        self.interfaces[index] = (link, unit, value, seconds * 1_000_000_000, index, snap)
        self.names.append(name)
        self.scan["interface_count"] += 1
        return None

    def _statistics(self, body: bytes, order: str) -> None:
        for code, data in _options(body[12:], order):
            if code in (5, 7) and len(data) >= 8:  # isb_ifdrop, isb_osdrop
                self.dropped += struct.unpack(order + "Q", data[:8])[0]


_MORE = Fault(-1, "needs more data")
_SUPPORTED_TEXT = "it reads Ethernet, Linux cooked v1 and v2, raw IP, BSD null and loopback"


def needs_more(fault: Fault | None) -> bool:
    """Whether :meth:`Container.read_block` only met the window's end."""
    return fault is _MORE


def unsupported_text(link: int) -> str:
    """One line about packets of a link type that is not read."""
    return f"link type {link} carries no IP that netemu reads; {_SUPPORTED_TEXT}"


def _resolution(byte: int) -> tuple[int, int] | None:
    """``if_tsresol`` as (unit, value); None for what no 64-bit time can hold."""
    exponent = byte & 0x7F
    if byte & 0x80:
        return (r.UNIT_SHIFT, exponent) if exponent < 63 else None
    if exponent <= 9:
        return r.UNIT_MULTIPLY, 10 ** (9 - exponent)
    return (r.UNIT_DIVIDE, 10 ** (exponent - 9)) if exponent <= 18 else None


def _options(data: bytes, order: str) -> list[tuple[int, bytes]]:
    """The (code, value) pairs of an option list; a list that runs over its block ends there."""
    found, at = [], 0
    while at + 4 <= len(data):
        code, length = struct.unpack(order + "HH", data[at : at + 4])
        if code == 0 or at + 4 + length > len(data):
            break
        found.append((code, data[at + 4 : at + 4 + length]))
        at += 4 + (length + 3) // 4 * 4
    return found
