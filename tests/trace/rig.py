"""Real TCP over a bad path, captured at both ends, with the kernel's own counts beside it.

``python -m tests.trace.rig SPEC.json`` runs inside ``unshare -nm`` (see :func:`run`): hosts a and b and a wire between
them, each in a namespace; the wire is a small relay with seeded loss, delay, reordering and duplication. What it
prints is one JSON object: TCP_INFO of both sockets, and the counters of both hosts.
"""

from __future__ import annotations

import ctypes
import heapq
import json
import os
import random
import select
import socket
import struct
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.trace.caged import run_caged

ADDRESS = {"a": "10.77.0.1", "b": "10.77.0.2"}
TCP_INFO_TOTAL_RETRANS = 100
_CLONE_NEWNET = 0x40000000


@dataclass(frozen=True)
class Transfer:
    """One run: what a sends to b and what the path does; ratios are per packet and direction."""

    seed: int
    send_bytes: int = 300_000
    delay_ms: float = 10.0
    loss: float = 0.02
    ack_loss: float = 0.0
    reorder: float = 0.0
    duplicate: float = 0.0
    congestion: str = "cubic"
    write_bytes: int = 0
    gap_ms: float = 0.0
    blackout: tuple[float, float] = (0.0, 0.0)
    read_pause_ms: float = 0.0
    receive_buffer: int = 0
    timestamps: bool = True
    sack: bool = True
    spike_ms: float = 0.0


def command(*words: str) -> None:
    """Run a command that must succeed."""
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)


def enter(name: str) -> None:
    """Have this thread in the network namespace ``name``."""
    fd = os.open(f"/run/netns/{name}", os.O_RDONLY)
    if ctypes.CDLL(None, use_errno=True).setns(fd, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")
    os.close(fd)


def _build(path: Transfer) -> None:
    command("mount", "-t", "tmpfs", "none", "/run")
    Path("/run/netns").mkdir()
    for name in ("a", "b", "w"):
        command("ip", "netns", "add", name)
    for name in ("a", "b"):
        command("ip", "link", "add", f"v{name}", "netns", name, "type", "veth", "peer", "name", name, "netns", "w")
        command("ip", "-n", name, "addr", "add", ADDRESS[name] + "/24", "dev", f"v{name}")
        for space, device in ((name, f"v{name}"), ("w", name)):
            offloads = [word for offload in ("tx", "tso", "gso", "gro") for word in (offload, "off")]
            command("ip", "netns", "exec", space, "ethtool", "-K", device, *offloads)
            command("ip", "-n", space, "link", "set", "dev", device, "gso_max_segs", "1", "up")
        for key, value in (("tcp_timestamps", path.timestamps), ("tcp_sack", path.sack)):
            command("ip", "netns", "exec", name, "sysctl", "-q", f"net.ipv4.{key}={int(value)}")
    macs = {n: subprocess.check_output(["ip", "-n", n, "-j", "link", "show", f"v{n}"]) for n in ("a", "b")}
    for name, other in (("a", "b"), ("b", "a")):
        mac = json.loads(macs[other])[0]["address"]
        command("ip", "-n", name, "neigh", "add", ADDRESS[other], "lladdr", mac, "dev", f"v{name}")


def _relay(path: Transfer, stop: int, ready: threading.Event) -> None:
    """Forward between the wire's two ends until something can be read from ``stop``."""
    started = time.monotonic()
    rng = random.Random(path.seed)
    ends = {name: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) for name in ("a", "b")}
    for name, end in ends.items():
        end.bind((name, 0))
    ready.set()
    waiting: list[tuple[float, int, str, bytes]] = []
    order, last_due = 0, {"a": 0.0, "b": 0.0}
    while True:
        pause = max(waiting[0][0] - time.monotonic(), 0) if waiting else None
        readable = select.select([*ends.values(), stop], [], [], pause)[0]
        if stop in readable:
            return
        now = time.monotonic()
        for name, out in (("a", "b"), ("b", "a")):
            if ends[name] not in readable:
                continue
            frame, address = ends[name].recvfrom(65535)
            if address[2] == socket.PACKET_OUTGOING or frame[12:14] != b"\x08\x00":
                continue
            dark = path.blackout[0] <= now - started < path.blackout[1]
            if dark or rng.random() < (path.loss if name == "a" else path.ack_loss):
                continue
            due = now + path.delay_ms / 1e3
            if path.spike_ms and rng.random() < 0.01:
                due += path.spike_ms / 1e3
            if rng.random() < path.reorder:
                due -= path.delay_ms / 2e3
            else:
                due = last_due[out] = max(due, last_due[out])
            for _ in range(2 if rng.random() < path.duplicate else 1):
                order += 1
                heapq.heappush(waiting, (due, order, out, frame))
        while waiting and waiting[0][0] <= time.monotonic():
            _, _, out, frame = heapq.heappop(waiting)
            ends[out].send(frame)


def counters(name: str) -> dict[str, int]:
    """What the kernel counted in the namespace ``name``."""
    found: dict[str, int] = {}
    for file in ("snmp", "netstat"):
        lines = subprocess.check_output(
            ["ip", "netns", "exec", name, "cat", f"/proc/net/{file}"], text=True
        ).splitlines()
        for names, values in zip(lines[::2], lines[1::2], strict=True):
            prefix = names.split(":")[0]
            for key, value in zip(names.split()[1:], values.split()[1:], strict=True):
                found[prefix + key] = int(value)
    return found


def _total_retrans(connection: socket.socket) -> int:
    info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    return int(struct.unpack_from("I", info, TCP_INFO_TOTAL_RETRANS)[0])


def _receive(path: Transfer, result: dict[str, Any], listening: threading.Event) -> None:
    enter("b")
    server = socket.create_server((ADDRESS["b"], 5000))
    if path.receive_buffer:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, path.receive_buffer)
    listening.set()
    connection, _ = server.accept()
    if path.read_pause_ms:
        time.sleep(path.read_pause_ms / 1e3)
    received = 0
    while data := connection.recv(65536):
        received += len(data)
    connection.sendall(b"done")
    result["received"] = received
    connection.recv(1)
    result["b_total_retrans"] = _total_retrans(connection)
    connection.close()


def _send(path: Transfer, result: dict[str, Any]) -> None:
    enter("a")
    sender = socket.socket()
    sender.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, path.congestion.encode())
    sender.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sender.connect((ADDRESS["b"], 5000))
    size, left = path.write_bytes or path.send_bytes, path.send_bytes
    while left > 0:
        sender.sendall(b"x" * min(size, left))
        left -= size
        if path.gap_ms:
            time.sleep(path.gap_ms / 1e3)
    sender.shutdown(socket.SHUT_WR)
    while len(sender.recv(4, socket.MSG_WAITALL)) < 4:
        pass
    result["a_total_retrans"] = _total_retrans(sender)
    sender.close()


def main(spec: str) -> None:
    options = json.loads(Path(spec).read_text())
    directory = Path(options.pop("directory"))
    path = Transfer(**{**options, "blackout": tuple(options["blackout"])})
    _build(path)
    captures = []
    for name in ("a", "b"):
        words = ["ip", "netns", "exec", name, "tcpdump", "-i", f"v{name}", "-s", "96", "-B", "8192", "--immediate-mode"]
        words += ["-U", "--time-stamp-precision=nano", "-Z", "root", "-w", str(directory / f"{name}.pcap"), "tcp"]
        captures.append(subprocess.Popen(words, stderr=subprocess.PIPE, text=True))
        assert captures[-1].stderr and "listening" in captures[-1].stderr.readline()
    stop_read, stop_write = os.pipe()
    result: dict[str, Any] = {}
    listening, relaying = threading.Event(), threading.Event()

    def relay() -> None:
        enter("w")
        _relay(path, stop_read, relaying)

    threads = [
        threading.Thread(target=relay, daemon=True),
        threading.Thread(target=_receive, args=(path, result, listening), daemon=True),
    ]
    for thread in threads:
        thread.start()
    assert relaying.wait(10) and listening.wait(10)
    sender = threading.Thread(target=_send, args=(path, result), daemon=True)
    sender.start()
    sender.join(60)
    threads[1].join(60)
    assert "b_total_retrans" in result, "the transfer did not end within a minute"
    time.sleep(2 * path.delay_ms / 1e3 + 0.3)
    os.write(stop_write, b"x")
    threads[0].join(10)
    for capture in captures:
        capture.terminate()
        capture.wait(10)
    result["counters"] = {name: counters(name) for name in ("a", "b")}
    print(json.dumps(result))


def run(path: Transfer, directory: Path) -> dict[str, Any]:
    """Run one path in a cage; captures are ``directory``/a.pcap and b.pcap, the result as printed."""
    return run_caged("tests.trace.rig", directory, asdict(path))


if __name__ == "__main__":
    main(sys.argv[1])
