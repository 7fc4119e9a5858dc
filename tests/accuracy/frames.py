"""TCP packets of a run's own captures, read without the analyzer that is judged; and captures put into one file."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

FIN, SYN, RST, ACK = 1, 2, 4, 16
_ENHANCED_PACKET = 6
_PCAP_NANOSECONDS = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 1)
_IPV4, _IPV6 = 0x0800, 0x86DD
_TCP = 6
_TIMESTAMPS = 8

Endpoint = tuple[bytes, int]


@dataclass(slots=True)
class Frame:
    """One TCP packet; ``number`` counts from 1 in the file that :func:`write_merged` makes."""

    number: int
    t_ns: int
    source: Endpoint
    target: Endpoint
    seq: int
    ack: int
    flags: int
    window: int
    payload: int
    ip_id: int
    ts_val: int
    ts_ecr: int
    truth: set[str] = field(default_factory=set)

    @property
    def identity(self) -> tuple[object, ...]:
        """What a packet keeps on its way; two packets alike in it are told apart by their order."""
        ends = (self.source, self.target)
        return (*ends, self.seq, self.ack, self.flags, self.window, self.payload, self.ip_id, self.ts_val, self.ts_ecr)

    @property
    def length(self) -> int:
        """Sequence space taken."""
        return self.payload + (1 if self.flags & FIN else 0) + (1 if self.flags & SYN else 0)


def records(path: Path) -> Iterator[tuple[int, int, bytes]]:
    """(t_ns, wire length, captured bytes) of each packet of a pcapng file that netemu's capture wrote."""
    data = path.read_bytes()
    position = 0
    while position < len(data):
        kind, length = struct.unpack_from("<II", data, position)
        if kind == _ENHANCED_PACKET:
            _, high, low, captured, wire = struct.unpack_from("<5I", data, position + 8)
            yield (high << 32) | low, wire, data[position + 28 : position + 28 + captured]
        position += length


def write_merged(captures: Iterable[Path], target: Path) -> dict[Path, list[Frame]]:
    """Put captures one behind the other into one pcap file; the TCP packets of each, numbered as in that file."""
    found: dict[Path, list[Frame]] = {}
    number = 0
    with target.open("wb") as file:
        file.write(_PCAP_NANOSECONDS)
        for capture in captures:
            frames = found.setdefault(capture, [])
            for t_ns, wire, data in records(capture):
                number += 1
                file.write(struct.pack("<4I", t_ns // 1_000_000_000, t_ns % 1_000_000_000, len(data), wire) + data)
                frame = _decode(number, t_ns, data)
                if frame is not None:
                    frames.append(frame)
    return found


def _decode(number: int, t_ns: int, data: bytes) -> Frame | None:
    kind = struct.unpack_from(">H", data, 12)[0]
    if kind == _IPV4 and data[23] == _TCP:
        tcp = 14 + 4 * (data[14] & 15)
        size, ip_id = struct.unpack_from(">HH", data, 16)
        source, target, payload = data[26:30], data[30:34], size - 4 * (data[14] & 15)
    elif kind == _IPV6 and data[20] == _TCP:
        tcp, ip_id = 54, -1
        payload = struct.unpack_from(">H", data, 18)[0]
        source, target = data[22:38], data[38:54]
    else:
        return None
    sport, dport, seq, ack, offset, flags, window = struct.unpack_from(">HHIIBBH", data, tcp)
    header = 4 * (offset >> 4)
    ts_val, ts_ecr = _timestamps(data[tcp + 20 : tcp + header])
    ends = (source, sport), (target, dport)
    return Frame(number, t_ns, *ends, seq, ack, flags & 0x3F, window, payload - header, ip_id, ts_val, ts_ecr)


def _timestamps(options: bytes) -> tuple[int, int]:
    position = 0
    while position < len(options) and options[position]:
        if options[position] == 1:
            position += 1
            continue
        if options[position] == _TIMESTAMPS:
            val, ecr = struct.unpack_from(">II", options, position + 2)
            return val, ecr
        position += max(options[position + 1], 2)
    return -1, -1
