"""Wires of every backend this kernel has, between real hosts: what was asked is what arrives."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import signal
import socket
import statistics
import threading
import time
from pathlib import Path

import msgspec
import pytest

from netemu.errors import BadInput, MissingCapability
from netemu.lab.wire import choose_backend, start_wires
from netemu.lab.wire_netem import missing_for_netem
from netemu.specs import DropRule, FixedLoss, LinkChange, LinkDirection, Plan, Queue
from tests.lab.plans import chain, pair
from tests.lab.wire_rig import Arrivals, Rig, collect, memory_in_transmit, rig, send_paced, start_traffic

BACKENDS = ["relay"] if os.geteuid() or missing_for_netem() else ["relay", "netem"]
H2 = ("10.0.0.2", 9000)


def on(backend: str, direction: LinkDirection, back: LinkDirection | None = None, **link: object) -> Plan:
    """h1 - h2 with that direction from h1, by that backend; nothing special on the way back unless given."""
    plan = pair(direction, back or LinkDirection(mtu_bytes=direction.mtu_bytes))
    links = tuple(msgspec.structs.replace(one, backend=backend, **link) for one in plan.links)
    return msgspec.structs.replace(plan, links=links)


def send(made: Rig, count: int, ip_bytes: int = 500, interval_ns: int = 300_000, wait_s: float = 0.3) -> Arrivals:
    with made.udp("h1", "10.0.0.1") as sender, made.udp("h2", "10.0.0.2") as receiver:
        send_paced(sender, H2, count, ip_bytes, interval_ns)
        return collect(receiver, wait_s)


def account(made: Rig, direction: str = "a_to_b") -> dict[str, object]:
    return made.stop()["l1"]["directions"][direction]


def rows(directory: Path) -> list[dict[str, object]]:
    first, *lines = (directory / "l1.jsonl").read_text().splitlines()
    return [dict(zip(json.loads(first)["columns"], json.loads(line), strict=True)) for line in lines]


def test_auto_takes_netem_where_it_can_and_relay_elsewhere() -> None:
    plain = on("auto", LinkDirection(delay_ns=5)).links[0]
    exact = on("auto", LinkDirection(drops=(DropRule("data", (1,)),))).links[0]
    assert choose_backend(plain, None) == "netem"
    assert choose_backend(plain, "no sch_netem") == "relay"
    assert choose_backend(exact, None) == "relay"


def test_a_backend_asked_for_by_name_is_never_replaced() -> None:
    assert choose_backend(on("relay", LinkDirection()).links[0], None) == "relay"
    with pytest.raises(
        MissingCapability, match=r"link l1: backend 'netem': this kernel lacks it \(no sch_netem\).*relay"
    ):
        choose_backend(on("netem", LinkDirection()).links[0], "no sch_netem")
    with pytest.raises(BadInput, match=r"link l1 a_to_b: netem has no lists of exact drops; use backend 'relay'"):
        choose_backend(on("netem", LinkDirection(drops=(DropRule("data", (1,)),))).links[0], None)


@pytest.mark.lab
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_full_queue_never_shows_in_the_sender_s_socket(backend: str, tmp_path: Path) -> None:
    """The wire orphans: with 100 packets waiting in it, nothing of the sender's is in transmit (skmem t is 0)."""
    direction = LinkDirection(rate_bps=1_000_000, delay_ns=10_000_000, queue=Queue(packets=500))
    with rig(on(backend, direction), tmp_path) as made:
        with made.udp("h1", "10.0.0.1") as sender, made.udp("h2", "10.0.0.2") as receiver:
            send_paced(sender, H2, 100, 1500, 0)
            time.sleep(0.1)
            waiting = 100 - receiver_count(receiver)
            assert waiting > 50
            assert memory_in_transmit(sender) == 0
        with made.network.namespaces["h2"].entered():
            listener = socket.create_server(("10.0.0.2", 5001))
        with made.network.namespaces["h1"].entered():
            client = socket.socket()
        with listener, client:
            client.connect(("10.0.0.2", 5001))
            client.setblocking(False)
            client.send(bytes(100_000))
            time.sleep(0.15)
            unacknowledged = socket_info_unacked(client)
            assert unacknowledged > 0
            assert memory_in_transmit(client) == 0
        made.stop()


def receiver_count(receiver: socket.socket) -> int:
    receiver.setblocking(False)
    count = 0
    while True:
        try:
            receiver.recv(65536)
        except BlockingIOError:
            return count
        count += 1


def socket_info_unacked(sock: socket.socket) -> int:
    """tcpi_unacked: struct tcp_info, the fifth u32 after eight bytes (include/uapi/linux/tcp.h)."""
    return int.from_bytes(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)[24:28], "little")


@pytest.mark.lab
@pytest.mark.parametrize("backend", BACKENDS)
def test_rate_and_delay_are_those_asked_for(backend: str, tmp_path: Path) -> None:
    """Medians, with room for a busy machine; the figures themselves are tests/bench/bench_wire.py's."""
    direction = LinkDirection(rate_bps=10_000_000, delay_ns=20_000_000, queue=Queue(packets=300))
    with rig(on(backend, direction), tmp_path) as made:
        burst = send(made, 200, 1500, 0).came_ns
        gaps = [after - before for before, after in itertools.pairwise(burst)]
        assert (len(burst) - 1) * 1514 * 8e9 / (burst[-1] - burst[0]) == pytest.approx(10e6, rel=0.02)
        assert statistics.median(gaps) == pytest.approx(1514 * 800, rel=0.1)
        slow = send(made, 40, 500, 3_000_000)
        assert statistics.median(slow.delays_ns) - 514 * 800 == pytest.approx(20_000_000, abs=1_000_000)
        assert made.stop()["void"] == []


@pytest.mark.lab
@pytest.mark.parametrize("backend", BACKENDS)
def test_the_account_says_what_was_lost(backend: str, tmp_path: Path) -> None:
    with rig(on(backend, LinkDirection(delay_ns=1_000_000, loss=FixedLoss(0.3))), tmp_path) as made:
        arrivals = send(made, 500)
        found = account(made)
    assert found["packets"] == 500
    assert found["dropped"] == {"drop_list": 0, "drop_loss": 500 - len(arrivals.numbers), "drop_queue": 0}
    assert 90 < 500 - len(arrivals.numbers) < 210


@pytest.mark.lab
@pytest.mark.parametrize("backend", BACKENDS)
def test_the_queue_drops_what_finds_it_full(backend: str, tmp_path: Path) -> None:
    direction = LinkDirection(rate_bps=1_000_000, queue=Queue(packets=10))
    with rig(on(backend, direction), tmp_path) as made:
        arrivals = send(made, 30, 1500, 0)
        found = account(made)
    assert arrivals.numbers[:10] == list(range(10))
    assert len(arrivals.numbers) < 20
    assert found["dropped"] == {"drop_list": 0, "drop_loss": 0, "drop_queue": 30 - len(arrivals.numbers)}


@pytest.mark.lab
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_schedule_changes_the_delay_on_time(backend: str, tmp_path: Path) -> None:
    direction = LinkDirection(delay_ns=5_000_000, schedule=(LinkChange(300_000_000, delay_ns=40_000_000),))
    with rig(on(backend, direction), tmp_path) as made:
        arrivals = send(made, 200, 200, 3_000_000)
        assert made.stop()["void"] == []
    slow = [delay > 30_000_000 for delay in arrivals.delays_ns]
    changed_at_ns = next(sent for sent, late in zip(arrivals.sent_ns, slow, strict=True) if late) - made.t0_ns
    assert 270_000_000 < changed_at_ns < 320_000_000
    assert slow.count(True) > 80


@pytest.mark.lab
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("offloads", [False, True], ids=["segments", "super-segments"])
def test_tcp_gets_across_whole(backend: str, offloads: bool, tmp_path: Path) -> None:
    data = os.urandom(2_000_000)
    direction = LinkDirection(rate_bps=100_000_000, delay_ns=1_000_000, loss=FixedLoss(0.005))
    with rig(on(backend, direction, offloads=offloads), tmp_path) as made:
        with made.network.namespaces["h2"].entered():
            listener = socket.create_server(("fd00::2", 5001), family=socket.AF_INET6)
        with made.network.namespaces["h1"].entered():
            client = socket.socket(socket.AF_INET6)
        with listener, client:
            client.connect(("fd00::2", 5001))
            client.settimeout(20)
            thread = threading.Thread(target=lambda: (client.sendall(data), client.shutdown(socket.SHUT_WR)))
            thread.start()
            reader, _ = listener.accept()
            with reader:
                reader.settimeout(20)
                digest = hashlib.sha256()
                while chunk := reader.recv(1 << 16):
                    digest.update(chunk)
            thread.join()
        summary = made.stop()
    assert digest.digest() == hashlib.sha256(data).digest()
    assert summary["void"] == []
    if backend == "relay":
        largest = max(int(str(row["ip_bytes"])) for row in rows(tmp_path))
        assert (largest > 1500) == offloads


@pytest.mark.lab
def test_a_wire_of_several_hops_is_spread_over_processes(tmp_path: Path) -> None:
    plan = chain()
    links = tuple(msgspec.structs.replace(one, backend="relay") for one in plan.links)
    with rig(msgspec.structs.replace(plan, links=links), tmp_path) as made:
        with made.udp("h1", "10.0.1.2") as sender, made.udp("h2", "10.0.2.2") as receiver:
            send_paced(sender, ("10.0.2.2", 9000), 20, 500, 1_000_000)
            assert collect(receiver, 0.3).numbers == list(range(20))
        summary = made.stop()
    assert summary.keys() == {"l1", "l2", "void"}
    assert all(summary[link]["directions"]["a_to_b"]["forwarded"] == 20 for link in ("l1", "l2"))


@pytest.mark.lab
def test_an_unusable_site_is_refused_and_leaves_no_process(tmp_path: Path) -> None:
    """A wire whose namespace lacks its ends: the lab hears why, and nothing stays."""
    with rig(on("relay", LinkDirection()), tmp_path, go=False) as made:
        sites = [type(site)(site.link, made.network.namespaces["h1"]) for site in made.network.wire_sites]
        before = children()
        with pytest.raises(Exception, match=r"relay0 ended before it was ready: .*(No such device|not there)"):
            start_wires(sites, tmp_path / "other", 1)
        assert children() == before


def children() -> set[str]:
    """Process ids of this process's children, the dead but unreaped included."""
    return set(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split())


@pytest.mark.lab
def test_a_relay_that_dies_makes_the_run_void(tmp_path: Path) -> None:
    with rig(on("relay", LinkDirection()), tmp_path) as made:
        made.wires._parts[0]._members[0].process.send_signal(signal.SIGKILL)  # type: ignore[union-attr]
        summary = made.stop()
    assert summary.keys() == {"void"}
    assert "relay0 ended with exit code -9" in summary["void"][0]


@pytest.mark.lab
def test_a_relay_that_cannot_keep_up_makes_the_run_void(tmp_path: Path) -> None:
    with rig(on("relay", LinkDirection()), tmp_path) as made:
        process = made.wires._parts[0]._members[0].process  # type: ignore[union-attr]
        process.send_signal(signal.SIGSTOP)
        with made.udp("h1", "10.0.0.1") as sender:
            send_paced(sender, H2, 5000, 60, 0)
        process.send_signal(signal.SIGCONT)
        summary = made.stop()
    assert "link l1 a_to_b: the relay was too slow" in summary["void"][0]
    assert summary["l1"]["directions"]["a_to_b"]["kernel_drops"] > 0


@pytest.mark.lab
def test_before_go_nothing_is_lost_and_afterwards_everything(tmp_path: Path) -> None:
    with rig(on("relay", LinkDirection(loss=FixedLoss(1.0))), tmp_path, go=False) as made:
        assert len(send(made, 10).numbers) == 10
        start_traffic(made)
        assert len(send(made, 10).numbers) == 0
        found = account(made)
    assert (found["others"], found["packets"], found["forwarded"]) == (10, 10, 0)
