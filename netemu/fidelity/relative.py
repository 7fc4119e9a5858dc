"""Packets in terms that do not change from run to run: numbers from each side's first, connections by their server.

Ports that a kernel chose, initial sequence numbers and timestamp offsets are random; everything else is compared as it
stands on the wire, the raw window field and the order and padding of the options included.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

import msgspec

from netemu.fidelity.captured import Captured
from netemu.packet.ip import IPPROTO_TCP
from netemu.packet.tcp import ACK, FIN, OPTION_SACK, OPTION_TIMESTAMPS, RST, SYN

FIELDS = (
    "seq",
    "ack",
    "payload",
    "flags",
    "window",
    "options",
    "ts_val",
    "ts_ecr",
    "length",
    "ecn",
    "dont_fragment",
    "other",
)
"""What is compared, in the order in which differences are told."""

ABSENT = -1
_HALF, _WHOLE = 1 << 31, 1 << 32

Option = tuple[int | str, ...]
Stream = tuple[str, bool]
"""One direction of one conversation in one capture: its name, and whether the packets left the host."""


class Relative(msgspec.Struct, frozen=True, gc=False):
    """A packet as it is compared. ``options`` without the clocks, which are ``ts_val`` and ``ts_ecr`` (ticks).

    ``other``: what protocols besides TCP say: ICMP's type, code and MTU, the place of a fragment.
    """

    number: int
    t_ns: int
    seq: int
    ack: int
    payload: int
    flags: int
    window: int
    options: tuple[Option, ...]
    ts_val: int
    ts_ecr: int
    length: int
    ecn: int
    dont_fragment: bool
    other: tuple[int, ...]

    @property
    def identity(self) -> tuple[int, ...]:
        """Equal for packets that are worth comparing: the bytes carried, SYN, FIN and RST, and what a pure ACK acks."""
        pure = self.ack if not self.payload else ABSENT
        return (self.seq, self.payload, self.flags & (SYN | FIN | RST), pure)

    @property
    def content(self) -> tuple[object, ...]:
        """Everything compared, without clocks."""
        return tuple(getattr(self, name) for name in FIELDS if name not in ("ts_val", "ts_ecr"))


class _End:
    """What one end of a connection sent first."""

    __slots__ = ("isn", "tick")

    def __init__(self) -> None:
        self.isn: int | None = None
        self.tick: int | None = None


class _Connection:
    """One connection: its name, its client, and both ends' first numbers."""

    __slots__ = ("client", "ends", "name")

    def __init__(self, name: str, packet: Captured) -> None:
        self.name = name
        opening = packet.flags & (SYN | ACK) != SYN | ACK
        self.client = (packet.source, packet.source_port) if opening else (packet.destination, packet.destination_port)
        self.ends = {(packet.source, packet.source_port): _End(), (packet.destination, packet.destination_port): _End()}


def relative_streams(packets: Iterable[Captured]) -> dict[Stream, list[Relative]]:
    """The packets of one capture by conversation and direction, each in the capture's order.

    A TCP connection is called by its server and the number of connections to it so far (``10.0.0.2:5001#1``), other
    packets by protocol and addresses.
    """
    open_now: dict[frozenset[tuple[str, int]], _Connection] = {}
    numbers: dict[str, int] = {}
    found: dict[Stream, list[Relative]] = {}
    for packet in packets:
        if packet.protocol == IPPROTO_TCP and not packet.fragment[0]:
            connection = _connection(packet, open_now, numbers)
            found.setdefault((connection.name, packet.out), []).append(_segment(packet, connection))
        else:
            name = f"protocol {packet.protocol} {packet.source}>{packet.destination}"
            found.setdefault((name, packet.out), []).append(_datagram(packet))
    return found


def _connection(
    packet: Captured, open_now: dict[frozenset[tuple[str, int]], _Connection], numbers: dict[str, int]
) -> _Connection:
    source, destination = (packet.source, packet.source_port), (packet.destination, packet.destination_port)
    ends = frozenset((source, destination))
    connection = open_now.get(ends)
    if connection is not None:
        isn = connection.ends[source].isn
        again = packet.flags & (SYN | ACK) == SYN and isn is not None and packet.seq != isn
        if not again:
            return connection
    opening = packet.flags & (SYN | ACK) != SYN | ACK
    server = f"{destination[0]}:{destination[1]}" if opening else f"{source[0]}:{source[1]}"
    numbers[server] = number = numbers.get(server, 0) + 1
    connection = open_now[ends] = _Connection(f"{server}#{number}", packet)
    return connection


def _segment(packet: Captured, connection: _Connection) -> Relative:
    mine = connection.ends[packet.source, packet.source_port]
    other = connection.ends[packet.destination, packet.destination_port]
    if mine.isn is None:
        mine.isn = packet.seq
    if packet.flags & ACK and other.isn is None:
        other.isn = packet.ack - 1  # the other's packets are not in this capture: its SYN was lost
    seq = _since(packet.seq, mine.isn)
    if packet.flags & RST and not packet.flags & ACK and packet.seq == 0:
        seq = ABSENT  # a reset out of nothing has the number 0 itself
    ack = _since(packet.ack, other.isn or 0) if packet.flags & ACK else 0
    options: list[Option] = []
    ts_val = ts_ecr = ABSENT
    for kind, value in packet.options:
        if kind == OPTION_TIMESTAMPS and len(value) == 8:
            val, ecr = struct.unpack("!II", value)
            if mine.tick is None:
                mine.tick = val
            ts_val = _since(val, mine.tick)
            # An echo of 0 echoes nothing: a SYN's, which may come after the other end's first clock.
            ts_ecr = _since(ecr, other.tick) if other.tick is not None and ecr else ABSENT
            options.append((kind, "zero" if ecr == 0 else "set"))
        elif kind == OPTION_SACK:
            edges = struct.unpack(f"!{len(value) // 4}I", value)
            options.append((kind, *(_since(edge, other.isn or 0) for edge in edges)))
        else:
            options.append((kind, value.hex()))
    return Relative(
        packet.number,
        packet.t_ns,
        seq,
        ack,
        packet.payload,
        packet.flags,
        packet.window,
        tuple(options),
        ts_val,
        ts_ecr,
        packet.length,
        packet.ecn,
        packet.dont_fragment,
        (),
    )


def _datagram(packet: Captured) -> Relative:
    other = (*packet.code, *packet.fragment)
    fields = (0, 0, packet.payload, 0, 0, (), ABSENT, ABSENT, packet.length, packet.ecn, packet.dont_fragment, other)
    return Relative(packet.number, packet.t_ns, *fields)


def _since(value: int, first: int) -> int:
    """``value - first`` modulo 2^32, between -2^31 and 2^31."""
    return (value - first + _HALF) % _WHOLE - _HALF
