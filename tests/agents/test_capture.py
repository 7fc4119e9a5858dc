"""A capture holds exactly what crossed its interfaces, proves that it does, and says when it does not."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from netemu.agents.capture import realtime_offset
from tests.agents.harness import Bench, Namespace, Process, go

pytestmark = pytest.mark.lab


def spec_of(bench: Bench, hosts: tuple[Namespace, ...], **more: Any) -> dict[str, Any]:
    interfaces = [
        {
            "namespace": host.path,
            "node": f"h{number}",
            "interface": f"h{number}-eth0",
            "output": str(bench.directory / f"h{number}-eth0.pcapng"),
            "snap_bytes": 128,
        }
        for number, host in enumerate(hosts, 1)
    ]
    return {"program": "capture", "interfaces": interfaces, "plan_digest": "0123456789ab", "seed": 5, **more}


def tshark(path: Path, *fields: str, only: str = "") -> list[list[str]]:
    options = [word for field in fields for word in ("-e", field)]
    command = ["tshark", "-r", str(path), "-T", "fields", *options, *(["-Y", only] if only else [])]
    read = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "cut short" not in read.stderr
    return [line.split("\t") for line in read.stdout.splitlines()]


def transfer(bench: Bench, hosts: tuple[Namespace, Namespace], size: int, *more: Process) -> None:
    sink = bench.agent("sink", hosts[1], port=5001)
    sender = bench.agent("bulk_send", hosts[0], address="10.0.0.2", port=5001, bytes=size)
    go(sink, sender, *more)
    assert sender.result()["outcome"] == sink.result()["outcome"] == "done"


def test_both_ends_see_the_same_packets(bench: Bench, hosts: tuple[Namespace, Namespace]) -> None:
    for host, name in zip(hosts, ("h1-eth0", "h2-eth0"), strict=True):
        host.run("ethtool", "-K", name, "tso", "off", "gso", "off", "gro", "off")
        host.run("ip", "link", "set", name, "gso_max_segs", "1")
    capture = bench.start(spec_of(bench, hosts))
    transfer(bench, hosts, 2_000_000, capture)
    capture.say("stop")
    summary = capture.result()
    assert summary["void"] == []
    assert [item["dropped"] for item in summary["interfaces"]] == [0, 0]
    # Their order may differ: two processors send (a system call, an ACK's softirq), each through a backlog of its own.
    for port in ("tcp.srcport", "tcp.dstport"):
        first, second = (
            tshark(
                bench.directory / f"h{n}-eth0.pcapng",
                "ip.id",
                "tcp.seq",
                "tcp.len",
                "frame.len",
                only=f"{port} == 5001",
            )
            for n in (1, 2)
        )
        assert sorted(first) == sorted(second)
    data = {(row[1], row[2]) for row in first if row[2] != "0"}
    assert sum(int(length) for _, length in data) == 2_000_000
    packets = tshark(bench.directory / "h1-eth0.pcapng", "frame.number")
    assert len(packets) == summary["interfaces"][0]["packets"]
    assert not list(bench.directory.glob("*.spool"))


def test_times_are_those_of_the_run_and_directions_are_told(bench: Bench, hosts: tuple[Namespace, Namespace]) -> None:
    capture = bench.start(spec_of(bench, hosts))
    begin = time.monotonic_ns()
    sink = bench.agent("sink", hosts[1], port=5001)
    sender = bench.agent("bulk_send", hosts[0], address="10.0.0.2", port=5001, bytes=1000)
    t0_ns = go(sink, sender, capture)
    sender.result()
    sink.result()
    capture.say("stop")
    capture.result()
    rows = tshark(
        bench.directory / "h1-eth0.pcapng", "frame.time_relative", "frame.packet_flags_direction", "tcp.flags.syn",
        "frame.time_epoch", only="tcp",
    )  # fmt: skip
    assert [int(row[1], 16) for row in rows[:2]] == [2, 1]
    connect = next(line for line in bench.log(sender) if line["call"] == "connect")
    text = (bench.directory / "h1-eth0.pcapng").read_bytes()
    assert str(bench.directory).encode() not in text
    syn_ns = _epoch_ns(rows[0][3])
    assert connect["t_ns"] <= syn_ns <= connect["t_ns"] + connect["blocked_ns"]
    assert 0 <= syn_ns < time.monotonic_ns() - t0_ns
    assert begin < t0_ns


def _epoch_ns(text: str) -> int:
    seconds, _, rest = text.replace("T", " ").rstrip("Z").rpartition(":")[2].rpartition(" ")[2].partition(".")
    return int(seconds) * 10**9 + int(rest.ljust(9, "0"))


def test_what_came_before_go_and_probes_are_not_kept(bench: Bench, hosts: tuple[Namespace, Namespace]) -> None:
    capture = bench.start(spec_of(bench, hosts))
    with hosts[0].entered():
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        raw.bind(("h1-eth0", 0))
    udp.sendto(b"early", ("10.0.0.2", 9))
    time.sleep(0.05)
    capture.go()
    raw.send(b"\xff" * 12 + b"\x88\xb5netemu-probe 1" + bytes(40))
    udp.sendto(b"in time", ("10.0.0.2", 9))
    capture.say("stop")
    assert capture.result()["void"] == []
    rows = tshark(bench.directory / "h2-eth0.pcapng", "data.text", "udp.length", "eth.type", only="udp and !icmp")
    assert [row[1] for row in rows] == ["15"]
    assert not tshark(bench.directory / "h2-eth0.pcapng", "frame.number", only="eth.type == 0x88b5")
    udp.close()
    raw.close()


def test_it_agrees_with_tcpdump(bench: Bench, hosts: tuple[Namespace, Namespace]) -> None:
    other = bench.directory / "tcpdump.pcap"
    command = [
        "tcpdump",
        "-i",
        "h2-eth0",
        "-B",
        "16384",
        "-s",
        "128",
        "--immediate-mode",
        "-U",
        "-w",
        str(other),
        "tcp",
    ]
    with hosts[1].entered():
        tcpdump = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert tcpdump.stderr is not None
    assert "listening on h2-eth0" in tcpdump.stderr.readline()
    capture = bench.start(spec_of(bench, hosts))
    transfer(bench, hosts, 300_000, capture)
    capture.say("stop")
    capture.result()
    time.sleep(0.2)
    tcpdump.send_signal(signal.SIGINT)
    assert "0 packets dropped by kernel" in tcpdump.communicate(timeout=10)[1]
    fields = ("frame.len", "frame.cap_len", "tcp.seq_raw", "tcp.ack_raw", "tcp.flags", "tcp.window_size_value", "ip.id")
    assert tshark(bench.directory / "h2-eth0.pcapng", *fields, only="tcp") == tshark(other, *fields)


def test_runs_without_traffic_make_equal_files(bench: Bench, hosts: tuple[Namespace, Namespace]) -> None:
    for number, host in enumerate(hosts, 1):  # no neighbour or multicast chatter
        host.run("sysctl", "-qw", f"net.ipv6.conf.h{number}-eth0.disable_ipv6=1")
    files = []
    for _ in range(2):
        capture = bench.start(spec_of(bench, hosts[:1]))
        capture.go()
        capture.say("stop")
        capture.result()
        files.append((bench.directory / "h1-eth0.pcapng").read_bytes())
    assert files[0] == files[1]


@pytest.mark.parametrize(
    ("change", "status", "message"),
    [
        ({"interface": "h1-eth9"}, 2, "node 'h1' interface 'h1-eth9' in "),
        ({"namespace": "/proc/self/ns/nothing"}, 2, "No such file or directory"),
        ({"snap_bytes": 5}, 2, "argument 'snap_bytes': 5 is less than 14"),
        ({"output": "/nonexistent/a.pcapng"}, 4, "cannot write /nonexistent/a.pcapng.spool: No such file"),
    ],
)
def test_what_cannot_be_captured_is_named(
    bench: Bench, hosts: tuple[Namespace, Namespace], change: dict[str, Any], status: int, message: str
) -> None:
    spec = spec_of(bench, hosts[:1])
    spec["interfaces"][0].update(change)
    assert message in bench.start(spec, wait=False).failure(status)


def test_an_interface_that_is_down_is_named(bench: Bench, hosts: tuple[Namespace, Namespace]) -> None:
    hosts[0].run("ip", "link", "set", "h1-eth0", "down")
    message = bench.start(spec_of(bench, hosts[:1]), wait=False).failure(4)
    assert "h1-eth0: Network is down" in message
    assert not list(bench.directory.glob("*.spool"))


def test_an_interface_that_goes_down_voids_the_run(bench: Bench, hosts: tuple[Namespace, Namespace]) -> None:
    capture = bench.start(spec_of(bench, hosts))
    capture.go()
    hosts[0].run("ip", "link", "set", "h1-eth0", "down")
    capture.say("stop")
    reasons = capture.result(status=4)["void"]
    assert any("h1-eth0" in reason and "Network is down" in reason for reason in reasons)


def test_dropped_packets_void_the_run(bench: Bench, hosts: tuple[Namespace, Namespace]) -> None:
    spec = spec_of(bench, hosts[:1], ring_bytes=1 << 18)
    capture = bench.start(spec)
    with hosts[0].entered():
        raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        raw.bind(("h1-eth0", 0))
    capture.go()
    capture.popen.send_signal(signal.SIGSTOP)
    for _ in range(20_000):
        raw.send(b"\xff" * 12 + b"\x88\xb6" + bytes(50))
    capture.popen.send_signal(signal.SIGCONT)
    raw.close()
    capture.say("stop")
    summary = capture.result(status=4)
    (item,) = summary["interfaces"]
    assert item["dropped"] > 0
    assert f"capture of h1-eth0: {item['dropped']} packets dropped" in summary["void"]
    assert item["packets"] + item["dropped"] == pytest.approx(20_000, abs=10)


def test_a_full_disk_is_a_failure(bench: Bench, hosts: tuple[Namespace, Namespace]) -> None:
    spec = spec_of(bench, hosts[:1])
    spec["interfaces"][0]["output"] = "/mnt/small/h1-eth0.pcapng"
    path = bench.directory / "spec.json"
    path.write_text(json.dumps(spec))
    script = 'mount -t tmpfs -o size=64k none /mnt && mkdir /mnt/small && exec "$@"'
    wrapped = ["unshare", "-m", "sh", "-c", script, "sh"]
    capture = Process(spec, path, wrapper=wrapped)
    bench.started.append(capture)
    capture.go()
    with hosts[0].entered():
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for _ in range(3000):
        udp.sendto(bytes(100), ("10.0.0.2", 9))
    udp.close()
    message = capture.failure(4)
    assert "cannot write /mnt/small/h1-eth0.pcapng.spool: No space left on device" in message


def test_the_offset_of_the_clocks_is_stable() -> None:
    assert abs(realtime_offset() - realtime_offset()) < 100_000


def test_a_capture_of_a_quiet_interface_sleeps(bench: Bench, hosts: tuple[Namespace, Namespace]) -> None:
    """A packet socket can always be written: who waits for that too never sleeps, and stops virtual time."""
    capture = bench.start(spec_of(bench, hosts, nap_ms=0))
    go(capture)
    stat = Path(f"/proc/{capture.popen.pid}/stat")

    def ticks() -> int:
        return sum(map(int, stat.read_text().rpartition(")")[2].split()[11:13]))

    before = ticks()
    time.sleep(1)
    assert ticks() - before <= 3
    capture.say("stop")
    assert capture.result()["void"] == []
