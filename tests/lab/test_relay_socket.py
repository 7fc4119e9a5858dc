"""The relay between sockets, as between guests: frames, times, and what does not fit."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest

from netemu.lab.relay import Relay
from netemu.lab.relay_port import VNET_BYTES
from netemu.lab.relay_socket import SocketPort, guest_socket_pair
from netemu.lab.wire_relay import RelayWires, SocketSite
from netemu.specs import DropRule, LinkDirection, LinkSpec, Queue
from tests.lab.plans import pair

FRAME = bytes(12) + b"\x08\x00" + bytes(range(50))


def test_a_frame_comes_with_the_time_of_its_sending() -> None:
    ours, guest = guest_socket_pair()
    with guest:
        port = SocketPort(ours.detach(), 100)
        before_ns = time.time_ns()
        guest.send(FRAME)
        after_ns = time.time_ns()
        time.sleep(0.01)
        ((stamp_ns, frame),) = port.frames()
        assert before_ns <= stamp_ns <= after_ns
        assert frame == bytes(VNET_BYTES) + FRAME
        port.send(frame)
        assert guest.recv(100) == FRAME
        assert list(port.frames()) == []
        port.close()


def test_a_frame_that_is_too_long_is_counted() -> None:
    ours, guest = guest_socket_pair()
    with guest:
        port = SocketPort(ours.detach(), 60)
        guest.send(FRAME)
        assert list(port.frames()) == []
        assert port.truncated == 1
        port.close()


def test_a_guest_that_does_not_read_is_an_error_in_the_end() -> None:
    ours, guest = guest_socket_pair()
    with guest:
        port = SocketPort(ours.detach(), 1514)
        with pytest.raises(BlockingIOError):
            for _ in range(100_000):
                port.send(bytes(1514))
        port.close()


def link_between_guests(direction: LinkDirection) -> LinkSpec:
    return msgspec.structs.replace(pair().links[0], a_to_b=direction, b_to_a=LinkDirection())


def relayed(link: LinkSpec, directory: Path, send: int) -> tuple[list[float], dict[str, object]]:
    """Send that many frames from a to b at once; how long each took in ms, and the relay's account."""
    (relay_a, guest_a), (relay_b, guest_b) = guest_socket_pair(), guest_socket_pair()
    took_ms = []
    with relay_a, relay_b, guest_a, guest_b:
        site = SocketSite(link, (relay_a.fileno(), relay_b.fileno()))
        wires = RelayWires([site], directory, 1, directory)
        try:
            wires.go(time.monotonic_ns())
            time.sleep(0.05)
            begun = time.monotonic()
            for number in range(send):
                guest_a.send(FRAME + bytes([number]))
            guest_b.settimeout(1.0)
            while True:
                try:
                    frame = guest_b.recv(2000)
                except TimeoutError:
                    break
                took_ms.append((time.monotonic() - begun) * 1e3)
                assert frame[: len(FRAME)] == FRAME
            summary, voids = wires.stop()
        finally:
            wires.kill()
    assert voids == []
    return took_ms, summary["l1"]["directions"]["a_to_b"]


def test_a_relay_between_sockets_delays_and_accounts(tmp_path: Path) -> None:
    took_ms, account = relayed(link_between_guests(LinkDirection(delay_ns=30_000_000)), tmp_path, 3)
    assert len(took_ms) == 3
    assert 29.9 < min(took_ms) < 60
    assert account["forwarded"] == 3
    header, *lines = (tmp_path / "l1.jsonl").read_text().splitlines()
    assert json.loads(header)["backend"] == "relay"
    assert len(lines) == 3


def test_drop_lists_hold_between_sockets(tmp_path: Path) -> None:
    link = link_between_guests(LinkDirection(drops=(DropRule("any", (2,)),)))
    ip = bytes(12) + b"\x08\x00" + bytes.fromhex("450000320000000040110000") + bytes([10, 0, 0, 1, 10, 0, 0, 2])
    udp = ip + bytes.fromhex("0bb80bb9001e0000") + bytes(22)
    (relay_a, guest_a), (relay_b, guest_b) = guest_socket_pair(), guest_socket_pair()
    with relay_a, relay_b, guest_a, guest_b:
        wires = RelayWires([SocketSite(link, (relay_a.fileno(), relay_b.fileno()))], tmp_path, 1, tmp_path)
        try:
            wires.go(time.monotonic_ns())
            time.sleep(0.05)
            for number in range(3):
                guest_a.send(udp[:-1] + bytes([number]))
            guest_b.settimeout(0.5)
            assert [guest_b.recv(2000)[-1], guest_b.recv(2000)[-1]] == [0, 2]
            with pytest.raises(TimeoutError):
                guest_b.recv(2000)
            summary, _ = wires.stop()
        finally:
            wires.kill()
    assert summary["l1"]["directions"]["a_to_b"]["dropped"]["drop_list"] == 1


def test_both_ends_hold_more_than_a_burst() -> None:
    for end in guest_socket_pair():
        with end:
            default = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
            assert end.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) >= default[0].getsockopt(
                socket.SOL_SOCKET, socket.SO_SNDBUF
            )
            for other in default:
                other.close()


def _relay(
    tmp_path: Path, direction: LinkDirection, *, virtual: bool, processors: Sequence[int] = ()
) -> tuple[Relay, socket.socket, socket.socket]:
    """A relay in this process over one link, and the guests at its two ends."""
    (ours, guest), (theirs, other) = guest_socket_pair(), guest_socket_pair()
    built = msgspec.to_builtins(direction)
    wire = {
        "link": "l1",
        "log": str(tmp_path / "l1.jsonl"),
        "frame_bytes": 1514,
        "sockets": [ours.detach(), theirs.detach()],
        "a_to_b": built,
        "b_to_a": built,
        "seeds": {"a_to_b": 1, "b_to_a": 2},
    }
    return Relay({"time_is_virtual": virtual, "processors": processors, "wires": [wire]}), guest, other


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Where to write what a relay in this process reads on its standard input."""
    read_end, write_end = os.pipe()
    kept = os.dup(0)
    os.dup2(read_end, 0)
    yield write_end
    os.dup2(kept, 0)
    for descriptor in (kept, read_end, write_end):
        os.close(descriptor)


def test_what_the_loop_is_late_for_leaves_from_the_other_processor(
    commands: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held_up = threading.Event()

    def wait_long(relay: Relay, wait_ns: int | None) -> None:
        held_up.wait()
        relay._command()

    monkeypatch.setattr(Relay, "_wait", wait_long)
    here = min(os.sched_getaffinity(0))
    relay, guest, other = _relay(tmp_path, LinkDirection(delay_ns=1_000_000), virtual=False, processors=[here, here])
    with guest, other:
        running = threading.Thread(target=relay.run)
        running.start()
        try:
            guest.send(bytes(12) + b"\x08\x00" + b"one")
            other.settimeout(20)
            assert other.recv(2000).endswith(b"one")
            assert not held_up.is_set()
        finally:
            os.write(commands, b"stop\n")
            held_up.set()
            running.join()
        relay.close()


def test_a_second_look_that_fails_is_the_relays_error(
    commands: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(relay: Relay) -> None:
        os.write(commands, b"stop\n")
        raise OSError("no second look")

    monkeypatch.setattr(Relay, "_look_again", fail)
    here = min(os.sched_getaffinity(0))
    relay, guest, other = _relay(tmp_path, LinkDirection(), virtual=False, processors=[here, here])
    with guest, other:
        with pytest.raises(OSError, match="no second look"):
            relay.run()
        relay.close()


@pytest.mark.parametrize(("virtual", "action"), [(True, "forward"), (False, "drop_queue")])
def test_a_guest_s_nanoseconds_do_not_decide_who_finds_room(virtual: bool, action: str, tmp_path: Path) -> None:
    direction = LinkDirection(rate_bps=8_000_000, queue=Queue(packets=1))
    relay, guest, other = _relay(tmp_path, direction, virtual=virtual)
    with guest, other:
        model = relay.wires[0].lanes[0].model
        assert model.arrive(0, 986).action == "forward"
        assert model.arrive(999_998, 986).action == action  # the line is free at 1,000,000
        relay.close()
