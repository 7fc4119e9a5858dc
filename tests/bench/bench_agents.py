"""``python -m tests.bench.bench_agents``: start-up, capture at 100,000 packets/s beside tcpdump, sampling rate.

Everything happens in network namespaces of its own, for a few seconds. Figures of one noisy run prove little: the
reference (a bare interpreter, tcpdump) is measured in the same run.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.agents.harness import MS, Namespace, Process, S, go, pair

RATE = 100_000
SECONDS = 3
BURST = 200
CONNECTIONS = 100
_BLASTER = """
import socket, sys, time
rate, count, burst = map(int, sys.argv[1:])
raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
raw.bind(("h1-eth0", 0))
frame = bytes.fromhex("020000000002020000000001") + b"\\x08\\x00" + bytes(50)
begin = time.monotonic()
for number in range(0, count, burst):
    time.sleep(max(0.0, begin + number / rate - time.monotonic()))
    for _ in range(burst):
        raw.send(frame)
print((count - count % burst) / (time.monotonic() - begin))
"""


def show(what: str, measured: str, target: str) -> None:
    """One line of figures."""
    print(f"{what:<58} {measured:>26}   target {target}")


def start_up(directory: Path, cage: Namespace) -> None:
    """Time from exec to ``ready`` of agents, beside a bare interpreter's time to its first line, interleaved.

    Modules are read from a bytecode cache, as they are after the first start on a machine that may write one.
    """
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = str(directory / "bytecode")
    bare, agents = [], []
    for number in range(15):
        begin = time.monotonic()
        with subprocess.Popen([sys.executable, "-S", "-s", "-c", "print(1)"], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
        bare.append(time.monotonic() - begin)
        args = {"port": 5001, "address": "127.0.0.1", "bytes": 1}
        head = {"name": "a", "host": "h1", "program": "bulk_send", "start_ns": 0, "stop_ns": S}
        begin = time.monotonic()
        agent = Process({**head, "log": str(directory / "log"), "args": args}, directory / f"s{number}", cage)
        agents.append(time.monotonic() - begin)
        agent.popen.communicate()
    for what, times in (("bare python -S -s", bare), ("agent (bulk_send) to ready", agents)):
        measured = f"min {min(times) * 1e3:.0f} median {statistics.median(times) * 1e3:.0f} ms"
        show(what, measured, "< 50 ms" if times is agents else "-")


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().split()
    return (int(fields[13]) + int(fields[14])) / 100


def _blast(host: Namespace, rate: int, count: int) -> float:
    """Send ``count`` frames of 64 bytes out of h1-eth0; packets per second reached."""
    return float(host.run(sys.executable, "-S", "-s", "-c", _BLASTER, str(rate), str(count), str(BURST)))


def capture(directory: Path, hosts: tuple[Namespace, Namespace]) -> None:
    """Frames lost by the capture of the receiving end at the asked rate."""
    output = str(directory / "h2-eth0.pcapng")
    interface = {"namespace": hosts[1].path, "node": "h2", "interface": "h2-eth0", "snap_bytes": 96, "output": output}
    process = Process({"program": "capture", "interfaces": [interface]}, directory / "capture.json")
    process.go()
    count = RATE * SECONDS
    reached = _blast(hosts[0], RATE, count)
    used = _cpu_s(process.popen.pid)
    begin = time.monotonic()
    process.say("stop")
    errors = process.popen.stdout
    assert errors is not None
    summary = json.loads(errors.readline())
    process.popen.wait()
    item = summary["interfaces"][0]
    show(f"capture: {count} frames, asked {RATE}/s, sent", f"{reached:.0f}/s", f"{RATE}/s")
    show("capture: packets missing in the file", str(count - item["packets"]), "0")
    show("capture: drops reported", str(item["dropped"]), "0")
    show("capture: processor time while capturing", f"{used:.2f} s of {SECONDS} s", "-")
    show("capture: conversion", f"{item['packets'] / (time.monotonic() - begin):.0f} packets/s", "-")


def tcpdump(directory: Path, hosts: tuple[Namespace, Namespace]) -> None:
    """The same traffic in front of tcpdump."""
    output = str(directory / "tcpdump.pcap")
    command = ["tcpdump", "-i", "h2-eth0", "-B", "16384", "-s", "96", "--time-stamp-precision=nano", "-w", output]
    with hosts[1].entered():
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    process.stderr.readline()
    reached = _blast(hosts[0], RATE, RATE * SECONDS)
    used = _cpu_s(process.pid)
    time.sleep(1.5)
    process.send_signal(signal.SIGINT)
    errors = process.communicate()[1]
    dropped = next(line for line in errors.splitlines() if "dropped by kernel" in line)
    show("tcpdump -B 16384 -s 96: sent", f"{reached:.0f}/s", f"{RATE}/s")
    show("tcpdump: drops reported", dropped.split()[0], "-")
    show("tcpdump: processor time while capturing", f"{used:.2f} s of {SECONDS} s", "-")


def sampler(directory: Path, cage: Namespace) -> None:
    """Rate and cost of sampling a few hundred sockets at 200 Hz."""
    with cage.entered():
        cage.run("sysctl", "-qw", "net.core.somaxconn=1024")
        server = socket.create_server(("127.0.0.1", 5000), backlog=1024)
        clients = [socket.create_connection(("127.0.0.1", 5000)) for _ in range(CONNECTIONS)]
    peers = [server.accept()[0] for _ in clients]
    spec: dict[str, Any] = {"program": "sampler", "hosts": [{"node": "h1", "namespace": cage.path}]}
    process = Process({**spec, "interval_ns": 5 * MS, "output": str(directory / "sockets")}, directory / "sampler.json")
    go(process)
    time.sleep(SECONDS)
    used = _cpu_s(process.popen.pid)
    begin = time.monotonic()
    process.say("stop")
    summary = process.result()
    show(f"sampler: {2 * CONNECTIONS} sockets, asked 200 Hz", f"{summary['achieved_hz']:.0f} Hz", ">= 100 Hz")
    show("sampler: ticks missed", f"{summary['missed']} of {summary['samples'] + summary['missed']}", "-")
    show("sampler: processor time", f"{used:.2f} s of {SECONDS} s", "-")
    show("sampler: decoding", f"{summary['rows'] / (time.monotonic() - begin):.0f} rows/s", "-")
    for sock in (*clients, *peers, server):
        sock.close()


def main() -> None:
    """Run all and print."""
    with tempfile.TemporaryDirectory() as name, pair() as hosts:
        directory = Path(name)
        for number, host in enumerate(hosts, 1):  # no neighbour or multicast chatter among the frames that are counted
            host.run("sysctl", "-qw", f"net.ipv6.conf.h{number}-eth0.disable_ipv6=1")
        start_up(directory, hosts[0])
        capture(directory, hosts)
        tcpdump(directory, hosts)
        sampler(directory, hosts[0])


if __name__ == "__main__":
    main()
