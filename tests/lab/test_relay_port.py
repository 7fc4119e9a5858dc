"""The ring of a packet socket, on the two ends of a veth in namespaces of the test's own."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from netemu.lab import rtnetlink
from netemu.lab.namespace import Namespace
from netemu.lab.relay_kernel import realtime_to_monotonic_ns
from netemu.lab.relay_port import ETHERNET_BYTES, VNET_BYTES, Port

pytestmark = pytest.mark.lab

FRAME = b"\xff" * 6 + b"\x02" * 6 + b"\x88\xb5" + b"hello" + bytes(41)


@contextmanager
def ends(frame_bytes: int = 1514, ring_bytes: int = 1 << 16) -> Iterator[tuple[Port, socket.socket]]:
    """An open port on one end of a veth, a raw socket on the other."""
    with Namespace("port") as near, Namespace("far") as far:
        pair = [
            rtnetlink.VethEnd(space.fd, 2, name, f"02:00:00:00:00:0{number}", 9000)
            for number, (space, name) in enumerate(((near, "a"), (far, "x")))
        ]
        near.netlink.execute([rtnetlink.new_veth(*pair)])
        far.netlink.execute([rtnetlink.set_up(2, "x up")])
        with near.entered():
            port = Port("a", frame_bytes, ring_bytes)
        port.open()
        with far.entered():
            other = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        other.bind(("x", 3))
        time.sleep(0.05)  # the kernel's own first frames (router solicitation) come at once or not within the test
        list(port.frames())
        with other:
            yield port, other
        port.close()


def test_a_frame_comes_with_the_kernel_s_time_and_a_header_in_front() -> None:
    with ends() as (port, other):
        before = time.monotonic_ns()
        other.send(FRAME)
        after = time.monotonic_ns()
        time.sleep(0.05)  # however late it is read
        assert port.has_frame()
        ((stamp_ns, frame),) = [found for found in port.frames() if found[1][VNET_BYTES:] == FRAME]
        assert len(frame) == VNET_BYTES + ETHERNET_BYTES + 46
        assert before - 1_000_000 <= stamp_ns + realtime_to_monotonic_ns() <= after + 5_000_000
        assert not port.has_frame()


def test_what_was_received_can_be_sent_as_it_is_and_does_not_come_back() -> None:
    with ends() as (port, other):
        other.settimeout(1)
        port.send(bytes(VNET_BYTES) + FRAME)
        while other.recv(2000) != FRAME:
            pass
        time.sleep(0.01)
        assert FRAME not in [frame[VNET_BYTES:] for _, frame in port.frames()]


def test_frames_stay_in_order_round_and_round_the_ring() -> None:
    with ends() as (port, other):
        for start in range(0, 300, 20):
            for number in range(start, start + 20):
                other.send(FRAME[:14] + number.to_bytes(4, "big") + bytes(42))
            got = [int.from_bytes(frame[24:28], "big") for _, frame in port.frames() if frame[22:24] == b"\x88\xb5"]
            assert got == list(range(start, start + 20))
        assert port.kernel_drops() == 0


def test_what_does_not_fit_the_ring_is_counted() -> None:
    with ends() as (port, other):
        for _ in range(200):
            other.send(FRAME)
        kept = len(list(port.frames()))
        assert kept < 200
        assert port.kernel_drops() >= 200 - kept


def test_a_frame_longer_than_a_slot_is_counted_and_not_passed_on() -> None:
    with ends(frame_bytes=600) as (port, other):
        other.send(FRAME + bytes(2000))
        assert [frame for _, frame in port.frames() if frame[22:24] == b"\x88\xb5"] == []
        assert port.truncated == 1


def test_an_interface_that_is_not_there_is_an_error() -> None:
    with Namespace("port") as near, near.entered():
        port = Port("a", 1514, 1 << 16)
        with pytest.raises(OSError, match="No such device"):
            port.open()
        port.close()
