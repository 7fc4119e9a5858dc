"""Packets that no honest peer sends, aimed at sockets in every state: no event raises, and the books go on adding up.

The attacker knows the victim's numbers: segments overlap what is queued, lie just outside of a window, are acknowledged
before they were sent; lengths, options, offsets of fragments and what ICMP errors quote are lies.
"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from netemu.packet.bytes import from_bytes, ones_sum, to_bytes
from netemu.packet.ip import IPPROTO_TCP, IPPROTO_UDP, Icmp, Options, Packet, Tcp, Udp
from netemu.stack.eras import PROFILES
from netemu.stack.events import Received
from netemu.stack.prng import Prng
from netemu.stack.sock import TcpSock
from netemu.stack.stack import LinuxStack
from netemu.stack.testing import check_snapshot
from tests.stack.hosts import DGRAM, MS, PORT, UP_NS, Pair

U32 = 0xFFFFFFFF


class Attacker:
    """Talks to host ``b`` in the name of ``a``."""

    def __init__(self, pair: Pair, seed: int) -> None:
        self.pair, self.random = pair, Prng(seed)

    def strike(self) -> None:
        """One packet."""
        packet = self.one_of(self.segment, self.segment, self.segment, self.icmp, self.fragment, self.garbled)()
        if packet is not None:
            self.pair._handle("b", Received("b-eth0", packet))

    def one_of(self, *choices: Any) -> Any:
        return choices[self.random.below(len(choices))]

    def near(self, *numbers: int) -> int:
        """A sequence number at, near or far from one of ``numbers``."""
        distance = self.one_of(
            0, 0, 1, -1, 100, -100, 1448, -1448, 65_535, -65_536, 1 << 30, 1 << 31, self.random.u32()
        )
        return (self.one_of(*numbers) + distance) & U32

    def victim(self) -> tuple[int, int, Any]:
        """Ports of a connection, or of what may become one, and its socket."""
        found = [sk for sk in self.pair.hosts["b"].hashinfo.ehash.values() if isinstance(sk, TcpSock)]
        if not found or not self.random.below(5):
            return 1024 + self.random.below(60_000), PORT, None
        sk = self.one_of(*found)
        return sk.inet_dport, sk.inet_sport, sk

    def segment(self) -> Packet:
        source, destination, sk = self.victim()
        theirs = (sk.rcv_nxt, sk.rcv_nxt + sk.rcv_wnd, sk.copied_seq) if sk else (0, U32)
        ours = (sk.snd_una, sk.snd_nxt, sk.write_seq) if sk else (0, U32)
        random = self.random
        blocks = tuple((self.near(*ours), self.near(*ours)) for _ in range(random.below(3)))
        options = Options(
            self.one_of(None, None, 0, 1, 65_535), self.one_of(None, None, 0, 14, 255), bool(random.below(2)),
            self.one_of(None, 0, random.u32(), 1), self.one_of(0, random.u32()), blocks,
            ((30, b"\1\2"),) if not blocks and random.below(2) else (),
        )  # fmt: skip
        if options.ts_val is None:
            options = msgspec.structs.replace(options, ts_ecr=None)
        flags = random.below(256) if random.below(3) else self.one_of(0x10, 0x18, 0x11, 0x04, 0x02, 0x12, 0x38)
        payload = bytes(self.one_of(0, 0, 1, 100, 1448, 9000))
        segment = Tcp(
            source, destination, self.near(*theirs), self.near(*ours), flags, self.one_of(0, 1, 500, 65_535), payload,
            options, self.one_of(0, 0, 1, 65_535),
        )  # fmt: skip
        return self.packet(segment, IPPROTO_TCP, 20 + 40 + len(payload))

    def packet(self, body: Any, protocol: int, length: int) -> Packet:
        family = self.pair.family
        length += 20 if family == 4 else 40
        return Packet(
            family, self.pair.address["a"], self.pair.address["b"], protocol, length, body, self.one_of(64, 1, 0),
            self.random.below(256),
        )  # fmt: skip

    def icmp(self) -> Packet:
        source, destination, sk = self.victim()
        near = (sk.snd_una, sk.snd_nxt) if sk else (0,)
        quoted = self.one_of(
            Tcp(destination, source, self.near(*near), 0, 0, 0),
            Udp(destination, source),
            bytes(self.random.below(12)),
        )
        protocol = IPPROTO_UDP if isinstance(quoted, Udp) else IPPROTO_TCP
        family, addresses = self.pair.family, self.pair.address
        inner = Packet(family, addresses["b"], addresses["a"], protocol, 1500, quoted)
        kinds = ((3, 4), (3, 3), (3, 1), (4, 0), (11, 0), (12, 0), (5, 1), (8, 0), (255, 255), (1, 4), (2, 0))
        kind, code = self.one_of(*kinds)
        message = Icmp(kind, code, self.one_of(0, 1, 67, 68, 576, 1280, 1499, 65_535), self.one_of(inner, inner, None))
        return self.packet(message, 1 if family == 4 else 58, 36)

    def fragment(self) -> Packet:
        """One of a few datagrams, whose parts overlap, miss or end twice."""
        whole = self.packet(bytes(self.one_of(8, 64, 1400)), self.one_of(IPPROTO_TCP, IPPROTO_UDP), 64)
        return msgspec.structs.replace(
            whole,
            identification=self.random.below(3),
            more_fragments=bool(self.random.below(2)),
            fragment_offset=8 * self.one_of(0, 1, 2, 8, 175, 8191),
        )

    def garbled(self) -> Packet | None:
        """A segment to b with some bits flipped, half of them in lengths and options, and sums that are right."""
        told = [packet for _, host, packet in self.pair.log[-40:] if host == "a" and isinstance(packet.body, Tcp)]
        if not told:
            return None
        data = bytearray(to_bytes(self.one_of(*told)))
        header = 20 if self.pair.family == 4 else 40
        lengths = (2, 3) if header == 20 else (4, 5)
        for _ in range(1 + self.random.below(3)):
            at = self.one_of(self.random.below(len(data)), *lengths, header + 12, header + 20 + self.random.below(12))
            if 0 < at < len(data):
                data[at] ^= 1 << self.random.below(8)
        return from_bytes(with_sums(data))


def with_sums(data: bytearray) -> bytes:
    """The same with the checksums that its lengths and addresses ask for, as far as there are such."""
    if data[0] >> 4 == 4:
        header, total, addresses = 20, int.from_bytes(data[2:4], "big"), data[12:20]
        data[10:12] = bytes(2)
        data[10:12] = (0xFFFF - ones_sum(bytes(data[:20]))).to_bytes(2, "big")
    else:
        header, total, addresses = 40, 40 + int.from_bytes(data[4:6], "big"), data[8:40]
    if header + 20 <= total <= len(data):
        data[header + 16 : header + 18] = bytes(2)
        front = bytes(addresses) + bytes((0, IPPROTO_TCP)) + (total - header).to_bytes(2, "big")
        tcp_sum = 0xFFFF - ones_sum(front + bytes(data[header:total]))
        data[header + 16 : header + 18] = tcp_sum.to_bytes(2, "big")
    return bytes(data)


def talk(pair: Pair, attacker: Attacker) -> None:
    """Connections that open, carry data both ways and close, under attack; calls may fail, not the host."""
    listener = pair.listener(backlog=3)
    sleeper = pair.socket("b", DGRAM)
    pair.do("b", "bind", sleeper, (pair.address["b"], 6000))
    pair.start("b", "recv", sleeper, 100)
    accepting = [pair.start("b", "accept", listener) for _ in range(2)]
    clients = [pair.socket("a") for _ in range(2)]
    for client in clients:
        pair.start("a", "connect", client, (pair.address["b"], PORT))
    for step in range(60):
        attacker.strike()
        pair.run((pair.now_ns - UP_NS) / MS + attacker.one_of(0.1, 3, 11, 50, 400))
        for number, call in enumerate(accepting):
            value, code = pair._results.get(call, (None, 1))
            if not code and step % 7 == number:
                pair.start("b", "send", value[0], bytes(attacker.random.below(5000)), 0x4040)
                pair.start("b", "recv", value[0], 700, 0x40)
        if step % 5 == 0:
            pair.start("a", "send", clients[step % 2], bytes(3000), 0x4040)
        if step == 45:
            pair.start("a", "close", clients[0])
    pair.run()


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("era", list(PROFILES))
def test_nothing_that_arrives_raises_or_unbalances_a_host(era: str, family: int) -> None:
    for seed in range(3):
        edges: dict[Any, int] = {}

        def watch(host: LinuxStack, place: str = f"{era}, seed {seed}", edges: dict[Any, int] = edges) -> None:
            check_snapshot(host.snapshot(), f"{place}, {host.name}", edges)

        pair = Pair(family=family, era=era, drop=lambda number, host, packet: number % 11 == 5, watch=watch)
        talk(pair, Attacker(pair, seed))
        assert pair.hosts["b"].counters()["IpInReceives" if family == 4 else "Ip6InReceives"] > 40
