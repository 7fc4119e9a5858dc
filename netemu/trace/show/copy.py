"""Copying a capture packet by packet into pcapng, with a comment on some: the packets, their times, their interfaces
and the comments they had stay as they are.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import BinaryIO

from netemu import __version__
from netemu.errors import BadInput
from netemu.recording import pcapng as ng
from netemu.trace.source import Source, Window, open_source

_PCAP_MAGIC = {
    b"\xd4\xc3\xb2\xa1": ("<", 6, 16),
    b"\xa1\xb2\xc3\xd4": (">", 6, 16),
    b"\x4d\x3c\xb2\xa1": ("<", 9, 16),
    b"\xa1\xb2\x3c\x4d": (">", 9, 16),
    b"\x34\xcd\xb2\xa1": ("<", 6, 24),
    b"\xa1\xb2\xcd\x34": (">", 6, 24),
}
"""First bytes of a pcap file -> byte order, if_tsresol of its times, bytes of a record's header."""
_OPTIONS_AT = {ng.ENHANCED_PACKET: 28, ng.OLD_PACKET: 28}
_APPLICATION = f"netemu {__version__}"


class Copier:
    """One capture on its way into ``out``. Call :meth:`copy_to` with rising frame numbers, then :meth:`finish`."""

    def __init__(self, path: Path, out: BinaryIO) -> None:
        self.out = out
        self.frame = 0
        self.written = 0
        self.commented = 0
        self.without_place = 0
        """Comments on simple packet blocks, which hold none."""
        self._source: Source = open_source(path)
        self._window: Window = self._source.first()
        self._at = 0
        self._left_out: Collection[int] = ()
        head = self._peek(24)
        self._order, self._resolution, self._header = _PCAP_MAGIC.get(head[:4], ("=", 0, 0))
        self._version = struct.unpack_from(self._order + "HH", head, 4) if len(head) >= 8 else (2, 4)
        if self._header:
            self._begin_pcapng(head)
        elif len(head) < 12 or struct.unpack("<I", head[:4])[0] != ng.SECTION:
            raise BadInput(f"{path}: is neither pcap nor pcapng; give a capture file")

    def copy_to(self, last_frame: int, comments: Mapping[int, str], left_out: Collection[int] = ()) -> None:
        """Copy up to packet ``last_frame``, each with its comment in ``comments``, if any, but those ``left_out``."""
        self._left_out = left_out
        step = self._pcap_record if self._header else self._block
        while self.frame < last_frame and step(comments):
            pass

    def finish(self) -> None:
        """Copy what follows the last packet: statistics, name resolution; nothing that is damaged."""
        while not self._header and self._block(None):
            pass

    # ---- bytes of the file -----------------------------------------------------------------------------------------

    def _peek(self, count: int) -> bytes:
        """The next ``count`` bytes, fewer at the file's end."""
        if self._at + count > self._window.data.size and not self._window.last:
            self._window = self._source.following(self._window, self._at)
            self._at = 0
            while count > self._window.data.size and not self._window.last:
                self._window = self._source.following(self._window, 0)
        piece: bytes = self._window.data[self._at : self._at + count].tobytes()
        return piece

    # ---- pcap ------------------------------------------------------------------------------------------------------

    def _begin_pcapng(self, head: bytes) -> None:
        snap, link = struct.unpack(self._order + "II", head[16:24])
        fcs = (link >> 28) * 2 if link & 0x04000000 else 0  # FCS length in 16-bit words, and whether it is given
        self.out.write(ng.section_header(_APPLICATION))
        self.out.write(ng.interface_description("", "", snap, link=link & 0xFFFF, resolution=self._resolution, fcs=fcs))
        self._at += 24

    def _pcap_record(self, comments: Mapping[int, str]) -> bool:
        head = self._peek(self._header)
        if len(head) < self._header:
            return False
        seconds, fraction, captured, length = struct.unpack_from(self._order + "IIII", head)
        if (2, 0) <= self._version < (2, 3) or (
            self._version == (2, 3) and captured > length
        ):  # as records.py reads old versions
            captured, length = length, captured
        record = self._peek(self._header + captured)
        if len(record) < self._header + captured:
            return False
        self._at += len(record)
        self.frame += 1
        if self.frame in self._left_out:
            return True
        text = comments.get(self.frame)
        options = b""
        if text is not None:
            options = ng.with_comment(b"", text)
            self.commented += 1
        self.written += 1
        stamp = seconds * 10**self._resolution + fraction
        self.out.write(ng.plain_packet(stamp, length, record[self._header :], options))
        return True

    # ---- pcapng ----------------------------------------------------------------------------------------------------

    def _block(self, comments: Mapping[int, str] | None) -> bool:
        """Copy one block; False at the end, at damage, or (without ``comments``) at a packet."""
        head = self._peek(12)
        if len(head) < 12:
            return False
        if head[:4] == b"\x0a\x0d\x0d\x0a":
            self._order = "<" if head[8:12] == b"\x4d\x3c\x2b\x1a" else ">"
        kind, length = struct.unpack_from(self._order + "II", head)
        is_packet = kind in (ng.ENHANCED_PACKET, ng.SIMPLE_PACKET, ng.OLD_PACKET)
        if length < 12 or length % 4 or (is_packet and comments is None):
            return False
        block = self._peek(length)
        if len(block) < length or block[-4:] != block[4:8]:
            return False
        self._at += length
        if is_packet and comments is not None:
            self.frame += 1
            if self.frame in self._left_out:
                return True
            self.written += 1
            block = self._commented(kind, block, comments.get(self.frame))
        elif kind == ng.SECTION:  # comments lengthen the section: its length becomes unspecified
            block = block[:16] + b"\xff" * 8 + block[24:]
        self.out.write(block)
        return True

    def _commented(self, kind: int, block: bytes, text: str | None) -> bytes:
        if text is None:
            return block
        if kind not in _OPTIONS_AT:
            self.without_place += 1
            return block
        captured = struct.unpack_from(self._order + "I", block, 20)[0]
        options_at = _OPTIONS_AT[kind] + (captured + 3) // 4 * 4
        options = ng.with_comment(block[options_at:-4], text, self._order)
        self.commented += 1
        return ng.block(kind, block[8:options_at] + options, self._order)
