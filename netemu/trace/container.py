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
_SECTION_BYTES = 28
MAX_INTERFACES = 1000
MAX_COMMENTS = 1000
_MAX_TEXT = 4096
"""Comments and names are kept up to this many, and up to so many bytes each."""
_OPTION_NAME, _OPTION_RESOLUTION, _OPTION_OFFSET = 2, 9, 14
_OPTIONS_DROPPED = (5, 7)  # isb_ifdrop, isb_osdrop
_LINK_NAMES = {
    9: "PPP", 50: "PPP", 51: "PPPoE", 105: "802.11", 119: "802.11", 127: "802.11", 163: "802.11", 166: "PPP",
    189: "USB", 192: "PPI", 195: "802.15.4", 201: "Bluetooth", 220: "USB", 227: "CAN", 230: "802.15.4",
    239: "netfilter log", 253: "netlink",
}  # fmt: skip
"""Names of link types that are met and not read."""


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
    comments: list[str] = field(default_factory=list)
    sections: int = 0
    taken: frozenset[str] = frozenset()
    """Names that captures of other files have."""
    renamed: bool = False
    """Whether a capture has another name than its own, because that is among those."""
    _given: list[str] = field(default_factory=list)

    @property
    def position(self) -> int:
        """Where in the window the next record or block begins."""
        return int(self.scan["position"][0])

    def follow(self, window: Window) -> None:
        """Go on at the start of ``window``."""
        self.scan["position"], self.scan["base"] = 0, window.base

    def open(self, window: Window, cut: str | None = None) -> None:
        """Read the file's header; :class:`BadInput` when this is no capture. ``cut`` says why its bytes ended early."""
        head = window.data[:_SECTION_BYTES].tobytes()
        if head[:4] == _SECTION_MAGIC:
            self._open_pcapng(head, cut)
            return
        for order in "<>":
            if len(head) >= 4 and struct.unpack(order + "I", head[:4])[0] in _PCAP_MAGIC:
                self._open_pcap(head[:24], order, cut)
                return
        if cut is not None:
            raise BadInput(f"{self.path}: {cut}; give a whole file")
        size = "empty" if not head else "neither pcap nor pcapng"
        raise BadInput(f"{self.path}: is {size} (first bytes {head[:4].hex() or 'none'}); give a capture file")

    def _open_pcapng(self, head: bytes, cut: str | None) -> None:
        if len(head) < _SECTION_BYTES:
            why = cut or f"pcapng header is cut short at byte {len(head)} of {_SECTION_BYTES}"
            raise BadInput(f"{self.path}: {why}; give a whole file")
        if (fault := self._byte_order(head, 0)) is not None:
            raise BadInput(f"{self.path}: byte 0: {fault.reason}; give a capture file")
        self.scan["format"] = r.FORMAT_PCAPNG

    def _open_pcap(self, head: bytes, order: str, cut: str | None) -> None:
        if len(head) < 24:
            why = cut or f"pcap header is cut short at byte {len(head)} of 24"
            raise BadInput(f"{self.path}: {why}; give a whole file")
        magic, major, minor, snap, link = struct.unpack(order + "IHH8xII", head)
        factor, record_header = _PCAP_MAGIC[magic]
        link &= 0x03FFFFFF  # the upper six bits tell of a frame check sequence: its length, whether it is given
        if link not in SUPPORTED_LINK_TYPES:
            raise BadInput(f"{self.path}: {unsupported_text(link)}")
        self.scan["format"], self.scan["little"] = r.FORMAT_PCAP, order == "<"
        self.scan["record_header"], self.scan["position"] = record_header, 24
        if major == 2 and minor <= 3:
            self.scan["swapped"] = r.PERHAPS_SWAPPED if minor == 3 else r.ALWAYS_SWAPPED
        self.interfaces[0] = (link, r.UNIT_MULTIPLY, factor, 0, 0, snap, 0)
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
        self.scan["position"] = at + length
        if kind == r.BLOCK_INTERFACE:
            return self._interface(body, order, window.base + at)
        if kind == r.BLOCK_STATISTICS:
            self._statistics(body, order)
            return None
        return self._section(body, order, window.base + at)

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

    def _section(self, body: bytes, order: str, offset: int) -> Fault | None:
        if len(body) < _SECTION_BYTES - 12:
            return Fault(offset, "section block is too short")
        major, minor = struct.unpack(order + "HH", body[4:8])
        if major != 1:
            return Fault(offset, f"section is of pcapng {major}.{minor}, netemu knows 1")
        self.sections += 1
        self.scan["interface_base"], self.scan["interface_count"] = len(self.names), 0
        for code, value in _options(body[16:], order):
            self._comment(code, value)
        return None

    def _comment(self, code: int, value: bytes) -> None:
        if code == r.OPTION_COMMENT and len(self.comments) < MAX_COMMENTS:
            self.comments.append(printable(value, keep="\n\t"))

    def _interface(self, body: bytes, order: str, offset: int) -> Fault | None:
        if len(body) < 8:
            return Fault(offset, "interface block is too short")
        if len(self.names) >= MAX_INTERFACES:
            return Fault(offset, f"more than {MAX_INTERFACES} interfaces")
        link, _, snap = struct.unpack(order + "HHI", body[:8])
        name, resolution, seconds = "", _resolution(6), 0
        for code, data in _options(body[8:], order):
            self._comment(code, data)
            if code == _OPTION_NAME:
                name = printable(data)
            elif code == _OPTION_RESOLUTION and len(data) >= 1:
                resolution = _resolution(data[0])
            elif code == _OPTION_OFFSET and len(data) >= 8:
                seconds = struct.unpack(order + "q", data[:8])[0]
        if abs(seconds) > r.LATEST_NS // 10**9:
            return Fault(offset, f"interface's if_tsoffset is {seconds} s")
        index = len(self.names)
        self.interfaces[index] = (link, *resolution, seconds * 10**9, index, snap, 0)
        self.names.append(name)
        self.scan["interface_count"] += 1
        return None

    def _statistics(self, body: bytes, order: str) -> None:
        for code, data in _options(body[12:], order):
            self._comment(code, data)
            if code in _OPTIONS_DROPPED and len(data) >= 8:
                self.dropped += struct.unpack(order + "Q", data[:8])[0]

    def unsupported(self) -> dict[int, int]:
        """Link types of the file's interfaces that are not read -> how many packets came from them."""
        used = self.interfaces[: len(self.names)]
        links = sorted({int(link) for link in used["link"]} - SUPPORTED_LINK_TYPES)
        return {link: int(used["packets"][used["link"] == link].sum()) for link in links}

    def capture_names(self, stem: str) -> list[str]:
        """A name for each interface, no two the same: ``stem`` for an only one, else its own, else its number.

        None is among ``taken``. A name once given stays, also when the file describes further interfaces later.
        """
        if not self.names:
            return [self._unused(stem)]
        if not self._given and len(self.names) == 1:
            self._give(stem)
        for i, name in enumerate(self.names[len(self._given) :], len(self._given)):
            unused = name or f"{stem}-{i}"
            while unused in self._given:
                unused += f"-{i}"
            self._give(unused)
        return list(self._given)

    def _give(self, name: str) -> None:
        self._given.append(self._unused(name))
        self.renamed = self.renamed or self._given[-1] != name

    def _unused(self, name: str) -> str:
        """``name``, or with a number behind it where a capture of another file has that."""
        found, number = name, 1
        while found in self.taken or found in self._given:
            number += 1
            found = f"{name}-{number}"
        return found


_MORE = Fault(-1, "needs more data")
_SUPPORTED_TEXT = "it reads Ethernet, Linux cooked v1 and v2, raw IP, BSD null and loopback"


def needs_more(fault: Fault | None) -> bool:
    """Whether :meth:`Container.read_block` only met the window's end."""
    return fault is _MORE


def unsupported_text(link: int) -> str:
    """One line about packets of a link type that is not read."""
    name = f" ({_LINK_NAMES[link]})" if link in _LINK_NAMES else ""
    return f"link type {link}{name} carries no IP that netemu reads; {_SUPPORTED_TEXT}"


def _resolution(byte: int) -> tuple[int, int]:
    """``if_tsresol`` as (unit, value) of the compiled pass; what is finer than any tick of 64 bits gives time 0."""
    exponent = byte & 0x7F
    if byte & 0x80:
        return r.UNIT_SHIFT, exponent
    if exponent <= 9:
        return r.UNIT_MULTIPLY, 10 ** (9 - exponent)
    if exponent <= 27:
        return r.UNIT_DIVIDE, 10 ** (exponent - 9)
    # 10**19 needs all 64 bits; beyond it no 64-bit count makes a nanosecond, as with 2**-127 s
    return (r.UNIT_DIVIDE, 10**19 - (1 << 64)) if exponent == 28 else (r.UNIT_SHIFT, 127)


def printable(data: bytes, keep: str = "") -> str:
    """A name or comment as text for any terminal: what is not UTF-8 or not printable is replaced, but for ``keep``."""
    text = data[:_MAX_TEXT].decode("utf-8", "replace")
    return "".join(c if c.isprintable() or c in keep else "\ufffd" for c in text)


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
