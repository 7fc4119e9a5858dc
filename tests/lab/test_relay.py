"""The relay's exact decisions on real packets."""

from __future__ import annotations

import json
import socket
import subprocess
from pathlib import Path

import msgspec
import pytest

from netemu.lab.members import python_argv, python_environment
from netemu.specs import DropRule, FixedLoss, LinkDirection, Plan, Queue
from tests.lab.plans import pair
from tests.lab.wire_rig import Rig, collect, rig, send_paced

H2 = ("10.0.0.2", 9000)
ETH_P_PROBE = 0x88B5

pytestmark = pytest.mark.lab


def relayed(direction: LinkDirection, back: LinkDirection | None = None) -> Plan:
    plan = pair(direction, back or LinkDirection())
    return msgspec.structs.replace(plan, links=(msgspec.structs.replace(plan.links[0], backend="relay"),))


def numbers_of(made: Rig, count: int) -> list[int]:
    with made.udp("h1", "10.0.0.1") as sender, made.udp("h2", "10.0.0.2") as receiver:
        send_paced(sender, H2, count, 200, 200_000)
        return collect(receiver, 0.2).numbers


def rows(directory: Path, direction: str = "a_to_b") -> list[dict[str, object]]:
    first, *lines = (directory / "l1.jsonl").read_text().splitlines()
    found = [dict(zip(json.loads(first)["columns"], json.loads(line), strict=True)) for line in lines]
    return [row for row in found if row["direction"] == direction]


def test_exactly_the_listed_packets_are_dropped(tmp_path: Path) -> None:
    with rig(relayed(LinkDirection(drops=(DropRule("udp", (2, 5), 9000),))), tmp_path) as made:
        assert numbers_of(made, 8) == [0, 2, 3, 5, 6, 7]
        summary = made.stop()
    assert [row["action"] for row in rows(tmp_path)].index("drop_list") == 1
    assert summary["l1"]["directions"]["a_to_b"]["unmet_drops"] == []


def test_a_drop_that_never_happened_is_told(tmp_path: Path) -> None:
    with rig(relayed(LinkDirection(drops=(DropRule("udp", (9,)),))), tmp_path) as made:
        numbers_of(made, 3)
        summary = made.stop()
    assert summary["l1"]["directions"]["a_to_b"]["unmet_drops"] == ["udp: saw 3, asked to drop number 9"]


def test_the_same_seed_loses_the_same_packets(tmp_path: Path) -> None:
    found = []
    for directory in ("one", "two"):
        (tmp_path / directory).mkdir()
        with rig(relayed(LinkDirection(loss=FixedLoss(0.3))), tmp_path / directory) as made:
            found.append(numbers_of(made, 60))
    assert found[0] == found[1]
    assert 20 < len(found[0]) < 60


def test_a_copy_arrives_beside_its_original_and_is_accounted_for(tmp_path: Path) -> None:
    with rig(relayed(LinkDirection(delay_ns=1_000_000, duplicate_ratio=1.0)), tmp_path) as made:
        assert numbers_of(made, 5) == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
        summary = made.stop()
    assert summary["l1"]["directions"]["a_to_b"]["duplicates"] == 5
    assert sorted(str(row["action"]) for row in rows(tmp_path)) == ["duplicate"] * 5 + ["forward"] * 5


def test_a_reordered_packet_overtakes(tmp_path: Path) -> None:
    with rig(relayed(LinkDirection(delay_ns=20_000_000, reorder_ratio=0.3)), tmp_path) as made:
        found = numbers_of(made, 40)
        made.stop()
    assert sorted(found) == list(range(40))
    assert found != sorted(found)
    early = [number for number, row in enumerate(rows(tmp_path)) if row["reordered"]]
    assert found[: len(early)] == early


def test_a_flipped_bit_is_noticed_by_the_receiver_s_checksum(tmp_path: Path) -> None:
    with rig(relayed(LinkDirection(corrupt_ratio=1.0)), tmp_path) as made:
        assert numbers_of(made, 30) == []
        summary = made.stop()
    found = summary["l1"]["directions"]["a_to_b"]
    assert (found["corrupted"], found["forwarded"]) == (30, 30)


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6], ids=["ipv4", "ipv6"])
def test_congestion_is_marked_from_the_threshold_on(family: int, tmp_path: Path) -> None:
    """10 datagrams at once into a line of 1 Mbit/s, threshold 3: the first 3 find a shorter queue."""
    direction = LinkDirection(rate_bps=1_000_000, ecn_threshold=3, queue=Queue(packets=100))
    level, set_tos, ask, message = (
        (socket.IPPROTO_IP, socket.IP_TOS, socket.IP_RECVTOS, socket.IP_TOS)
        if family == socket.AF_INET
        else (socket.IPPROTO_IPV6, socket.IPV6_TCLASS, socket.IPV6_RECVTCLASS, socket.IPV6_TCLASS)
    )
    here, there = ("10.0.0.1", "10.0.0.2") if family == socket.AF_INET else ("fd00::1", "fd00::2")
    with rig(relayed(direction), tmp_path) as made:
        with made.udp("h1", here) as sender, made.udp("h2", there) as receiver:
            sender.setsockopt(level, set_tos, 2)
            receiver.setsockopt(level, ask, 1)
            receiver.settimeout(1)
            for _ in range(10):
                sender.sendto(bytes(1000), (there, 9000))
            marks = []
            for _ in range(10):
                _, control, _, _ = receiver.recvmsg(2000, 256)
                marks.append(next(data[0] & 3 for where, kind, data in control if (where, kind) == (level, message)))
        made.stop()
    assert marks == [2, 2, 2, 3, 3, 3, 3, 3, 3, 3]
    assert [row["marked"] for row in rows(tmp_path)] == [mark == 3 for mark in marks]


def test_probes_are_exempt_from_loss_and_counted_apart(tmp_path: Path) -> None:
    with rig(
        relayed(LinkDirection(delay_ns=1_000_000, loss=FixedLoss(1.0), drops=(DropRule("any", (1,)),))), tmp_path
    ) as made:
        with made.network.namespaces["h1"].entered():
            sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_PROBE))
        with made.network.namespaces["h2"].entered():
            receiver = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_PROBE))
        with sender, receiver:
            sender.bind(("h1-eth0", ETH_P_PROBE))
            receiver.settimeout(1)
            frame = b"\xff" * 6 + bytes(6) + ETH_P_PROBE.to_bytes(2, "big") + b"netemu-probe" + bytes(40)
            for _ in range(5):
                sender.send(frame)
            assert [receiver.recv(2000) for _ in range(5)] == [frame] * 5
        assert numbers_of(made, 3) == []
        summary = made.stop()
    found = summary["l1"]["directions"]["a_to_b"]
    assert (found["others"], found["packets"]) == (5, 3)
    assert found["dropped"] == {"drop_list": 1, "drop_loss": 2, "drop_queue": 0}
    assert [row["probe"] for row in rows(tmp_path)] == [True] * 5 + [False] * 3


def test_the_account_has_each_packet_s_times_and_names(tmp_path: Path) -> None:
    direction = LinkDirection(rate_bps=10_000_000, delay_ns=3_000_000)
    with rig(relayed(direction), tmp_path) as made:
        numbers_of(made, 10)
        made.stop()
    found = rows(tmp_path)
    assert len(found) == 10
    for row in found:
        assert int(str(row["due_ns"])) - int(str(row["t_ns"])) >= 3_000_000 + 214 * 800
        assert int(str(row["sent_ns"])) >= int(str(row["due_ns"]))
        assert (row["source"], row["destination"], row["protocol"]) == ("10.0.0.1:9000", "10.0.0.2:9000", 17)
        assert (row["ip_bytes"], row["payload_bytes"], row["seq"]) == (200, 172, None)


def test_the_relay_ends_with_its_lab(tmp_path: Path) -> None:
    """End of file on standard input, as when the lab was killed, ends it; what it counted is whole."""
    with rig(relayed(LinkDirection()), tmp_path, go=False) as made:
        spec = json.loads((Path(made.wires._scratch.name) / "relay0.spec.json").read_text())
        spec["wires"][0]["log"] = str(tmp_path / "second.jsonl")
        (tmp_path / "spec.json").write_text(json.dumps(spec))
        process = subprocess.Popen(
            python_argv("netemu.lab.relay", str(tmp_path / "spec.json")),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=python_environment(),
        )
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        output, _ = process.communicate(timeout=5)
    assert process.returncode == 0
    assert json.loads(output)["links"]["l1"]["a_to_b"]["packets"] == 0


def test_the_relay_imports_nothing_slow() -> None:
    """It starts while a lab waits: no site-packages, and none of the standard library's heavy modules."""
    code = "import sys, netemu.lab.relay; print(*sys.modules)"
    argv = [*python_argv("netemu.lab.relay")[:3], "-c", code]
    loaded = subprocess.run(argv, env=python_environment(), check=True, capture_output=True).stdout.decode().split()
    assert "netemu.link.model" in loaded
    assert not {"msgspec", "dataclasses", "inspect", "asyncio", "subprocess", "random", "hashlib"} & set(loaded)
