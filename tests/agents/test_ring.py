"""The TPACKET_V3 ring: what goes over an interface comes out of it, cut to the snap length."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Iterator

import pytest

from netemu.agents.ring import Ring, block_length, packets
from tests.agents.harness import Namespace

pytestmark = pytest.mark.lab


def collect(ring: Ring, count: int) -> list[tuple[int, int, int, bytes]]:
    """So many packets, or fewer when none came for a second."""
    found: list[tuple[int, int, int, bytes]] = []
    while len(found) < count and select.select([ring], [], [], 1)[0]:
        for block in ring.blocks():
            assert block_length(block[:24]) == len(block)
            found += [(at, length, kind, bytes(data)) for at, length, kind, data in packets(block)]
    return found


@pytest.fixture
def link(hosts: tuple[Namespace, Namespace]) -> Iterator[tuple[Ring, Ring, socket.socket]]:
    """Rings on both ends and a socket that sends from the first."""
    with hosts[0].entered():
        first = Ring("h1-eth0", 100, 1 << 20, 10)
        sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        sender.bind(("h1-eth0", 0))
    with hosts[1].entered():
        second = Ring("h2-eth0", 1500, 1 << 20, 10)
    yield first, second, sender
    sender.close()
    first.close()
    second.close()


def test_both_directions_lengths_and_times(link: tuple[Ring, Ring, socket.socket]) -> None:
    first, second, sender = link
    before = time.time_ns()
    frames = [b"\xff" * 12 + b"\x88\xb6" + bytes([n]) * (46 + 30 * n) for n in range(40)]
    for frame in frames:
        sender.send(frame)
    out = [item for item in collect(first, 40) if item[3][12:14] == b"\x88\xb6"]
    into = [item for item in collect(second, 40) if item[3][12:14] == b"\x88\xb6"]
    assert [item[3] for item in out] == [frame[:100] for frame in frames]
    assert [item[3] for item in into] == frames
    assert [item[1] for item in out] == [item[1] for item in into] == [len(frame) for frame in frames]
    assert {item[2] for item in out} == {4}  # PACKET_OUTGOING
    assert {item[2] for item in into} == {1}  # PACKET_BROADCAST
    for outgoing, incoming in zip(out, into, strict=True):
        assert before <= outgoing[0] <= incoming[0] <= time.time_ns()


def test_what_the_ring_cannot_hold_is_counted(link: tuple[Ring, Ring, socket.socket]) -> None:
    first, _, sender = link
    frame = b"\xff" * 12 + b"\x88\xb6" + bytes(86)
    for _ in range(20_000):
        sender.send(frame)
    got = len(collect(first, 20_000))
    seen, dropped, _ = first.statistics()
    assert dropped > 0
    assert got + dropped == seen >= 20_000
    assert first.statistics()[:2] == (0, 0)
