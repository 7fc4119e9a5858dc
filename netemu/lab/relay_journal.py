"""The relay's account of every packet: packed binary while packets flow, JSON lines once they have stopped.

One record per packet and copy, written when it is sent or dropped; its text is made after the run, when nothing is
late by it. The finished file is that of netemu.recording.tables.WIRES: a header object, then one array per packet in
order of arrival.
"""

from __future__ import annotations

import json
import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

from netemu.link.account import COLUMNS, DIRECTIONS, Totals, account_line
from netemu.link.headers import parse_headers
from netemu.link.model import ACTIONS, Verdict

HEADER_BYTES = 98
"""How much of a packet a record keeps, from its ethertype on: enough for IPv6 with an extension, and TCP."""

_RECORD = struct.Struct(f"=QqqqIIIBBB{HEADER_BYTES}s")
_SPILL_BYTES = 1 << 17
_MARKED, _CORRUPTED, _REORDERED, _PROBE, _B_TO_A = 1, 2, 4, 8, 16
_ACTION_NUMBER = {action: number for number, action in enumerate(ACTIONS)}
_NONE_NS = -(1 << 63)


class Record:
    """One record read back; times on the monotonic clock, ``sent_ns`` None when the packet never left."""

    __slots__ = (
        "action",
        "arrival_ns",
        "due_ns",
        "flags",
        "header",
        "ip_bytes",
        "queue_bytes",
        "queue_packets",
        "sent_ns",
    )

    def __init__(self, fields: tuple[int, int, int, int, int, int, int, int, int, int, bytes]) -> None:
        _, self.arrival_ns, due_ns, sent_ns, self.ip_bytes, self.queue_packets, self.queue_bytes = fields[:7]
        action, self.flags, length, header = fields[7:]
        self.due_ns = None if due_ns == _NONE_NS else due_ns
        self.sent_ns = None if sent_ns == _NONE_NS else sent_ns
        self.action = ACTIONS[action]
        self.header = header[:length]

    @property
    def direction(self) -> str:
        """``a_to_b`` or ``b_to_a``."""
        return DIRECTIONS[self.flags & _B_TO_A != 0]

    @property
    def probe(self) -> bool:
        """Whether the frame is the lab's own."""
        return self.flags & _PROBE != 0

    @property
    def marked(self) -> bool:
        """Whether this wire set CE."""
        return self.flags & _MARKED != 0

    @property
    def corrupted(self) -> bool:
        """Whether this wire flipped a bit."""
        return self.flags & _CORRUPTED != 0

    @property
    def reordered(self) -> bool:
        """Whether the packet skipped the delay."""
        return self.flags & _REORDERED != 0


class Journal:
    """The records of one wire, in the file ``path`` with ``.journal`` appended until :meth:`finish`."""

    def __init__(self, path: Path, link: str) -> None:
        self._path = path
        self._link = link
        self._spill = path.with_name(path.name + ".journal")
        self._file = os.open(self._spill, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        self._pending = bytearray()

    def note(
        self, number: int, arrival_ns: int, verdict: Verdict, sent_ns: int | None, what: tuple[int, int, bytes]
    ) -> None:
        """Record one packet; ``number`` orders arrivals, ``what`` is (direction and probe bits, IP bytes, header)."""
        flags, ip_bytes, header = what
        if verdict.marked:
            flags |= _MARKED
        if verdict.corrupt_bit >= 0:
            flags |= _CORRUPTED
        if verdict.reordered:
            flags |= _REORDERED
        self._pending += _RECORD.pack(
            number,
            arrival_ns,
            _NONE_NS if verdict.due_ns < 0 else verdict.due_ns,
            _NONE_NS if sent_ns is None else sent_ns,
            ip_bytes,
            verdict.queue_packets,
            verdict.queue_bytes,
            _ACTION_NUMBER[verdict.action],
            flags,
            len(header),
            header,
        )
        if len(self._pending) >= _SPILL_BYTES:
            self._write()

    def _write(self) -> None:
        view = memoryview(self._pending)
        while view:
            view = view[os.write(self._file, view) :]
        self._pending = bytearray()

    def records(self) -> Iterator[Record]:
        """Every record so far in order of arrival."""
        self._write()
        data = os.pread(self._file, os.fstat(self._file).st_size, 0)
        numbers = [_NUMBER.unpack_from(data, at)[0] for at in range(0, len(data), _RECORD.size)]
        for place in sorted(range(len(numbers)), key=numbers.__getitem__):
            yield Record(_RECORD.unpack_from(data, place * _RECORD.size))

    def finish(self, t0_ns: int, header: dict[str, object]) -> dict[str, Totals]:
        """Write the account with times since ``t0_ns`` and remove the binary file; the totals of each direction."""
        totals = {direction: Totals(t0_ns) for direction in DIRECTIONS}
        addresses: dict[tuple[bytes, int], str] = {}
        with self._path.open("w", encoding="ascii") as account:
            account.write(json.dumps({"columns": list(COLUMNS), "link": self._link, **header}) + "\n")
            for record in self.records():
                totals[record.direction].add(record)
                account.write(account_line(record, t0_ns, _who(record.header, addresses)))
        os.close(self._file)
        self._spill.unlink()
        return totals


_NUMBER = struct.Struct("=Q")


def flags_of(direction: str, probe: bool) -> int:
    """The bits of a record that are known when a packet arrives."""
    return (_B_TO_A if direction == DIRECTIONS[1] else 0) | (_PROBE if probe else 0)


def _who(header: bytes, addresses: dict[tuple[bytes, int], str]) -> str:
    """Source to flags of a record as JSON values; all null for what is not IP."""
    packet = parse_headers(header, 2) if header[:2] in (b"\x08\x00", b"\x86\xdd") else None
    if packet is None:
        return "null,null,null,null,null,null,null"
    source = _address(packet.source, packet.source_port, addresses)
    destination = _address(packet.destination, packet.destination_port, addresses)
    payload = packet.payload_bytes if packet.source_port >= 0 else "null"
    tcp = f"{packet.seq},{packet.ack},{payload},{packet.flags}" if packet.flags >= 0 else f"null,null,{payload},null"
    return f'"{source}","{destination}",{packet.protocol},{tcp}'


def _address(raw: bytes, port: int, known: dict[tuple[bytes, int], str]) -> str:
    text = known.get((raw, port))
    if text is None:
        text = socket.inet_ntop(socket.AF_INET if len(raw) == 4 else socket.AF_INET6, raw)
        if port >= 0:
            text = f"{text}:{port}" if len(raw) == 4 else f"[{text}]:{port}"
        known[raw, port] = text
    return text
