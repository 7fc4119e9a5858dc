"""An open connection that is sent what does not fit it, and one that is idle; with what the kernels counted of it.

``python -m tests.trace.challenge_rig SPEC.json`` runs inside a cage (see :func:`run`): hosts a and b on a veth pair; a
is client and forger. Linux answers what is forged with challenge ACKs (RFC 5961), at most one in
``tcp_invalid_ratelimit``, or with plain ones, or not at all.
"""

from __future__ import annotations

import json
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.trace.caged import run_caged
from tests.trace.rig import command, counters, enter

A, B, PORTS = "10.80.0.1", "10.80.0.2", (40000, 5000)
SYN, RST, PSH, ACK = 2, 4, 8, 16
_PAUSE_S = 0.55
"""Longer than net.ipv4.tcp_invalid_ratelimit."""
IDLE_S = 3.5

FORGED: dict[str, tuple[int, int, int]] = {
    "SYN in the window": (SYN, 10, 0),
    "RST in the window, not at its edge": (RST, 100, 0),
    "ACK of long ago": (ACK, 0, -0x20000000),
    "SYN behind the window": (SYN, -50_000_000, 0),
    "RST behind the window": (RST, -50_000_000, 0),
    "data received before": (ACK | PSH, -100, 0),
}
"""What is sent: flags, and how far its numbers are from those that would fit."""
CHALLENGED = 4


def _build() -> None:
    command("mount", "-t", "tmpfs", "none", "/run")
    Path("/run/netns").mkdir()
    for name in "ab":
        command("ip", "netns", "add", name)
    command(*["ip", "link", "add", "va", "netns", "a", "type", "veth", "peer", "name", "vb", "netns", "b"])
    for name, address in (("a", A), ("b", B)):
        command("ip", "-n", name, "addr", "add", f"{address}/24", "dev", f"v{name}")
        command("ip", "-n", name, "link", "set", f"v{name}", "up")


def _checksum(data: bytes) -> int:
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _packet(flags: int, seq: int, ack: int, payload: bytes, ip_id: int) -> bytes:
    """A TCP segment from a to b without options; the kernel fills in the header's length and checksum."""
    bare = struct.pack("!HHIIBBHHH", *PORTS, seq % 2**32, ack % 2**32, 0x50, flags, 500, 0, 0) + payload
    pseudo = socket.inet_aton(A) + socket.inet_aton(B) + struct.pack("!HH", 6, len(bare))
    ends = socket.inet_aton(A) + socket.inet_aton(B)
    header = struct.pack("!BBHHHBBH", 0x45, 0, 0, ip_id, 0x4000, 64, 6, 0) + ends
    return header + bare[:16] + struct.pack("!H", _checksum(pseudo + bare)) + bare[18:]


def _numbers(watch: socket.socket) -> tuple[int, int, int]:
    """Sequence and acknowledgement number and IP identification that the next segment from a would have."""
    seq = ack = ip_id = 0
    watch.settimeout(0.2)
    while True:
        try:
            frame = watch.recv(65535)
        except TimeoutError:
            return seq, ack, ip_id
        if frame[12:14] == b"\x08\x00" and frame[23] == 6 and frame[26:30] == socket.inet_aton(A):
            size, last_id = struct.unpack_from("!HH", frame, 16)
            offset, ip_id = 14 + 20, (last_id + 1) % 2**16 or 1  # 0 is none: the kernel would choose one
            start, acked, words, flags = struct.unpack_from("!IIBB", frame, offset + 4)
            seq, ack = start + size - 20 - 4 * (words >> 4) + bool(flags & SYN), acked


def _talk(listener: socket.socket) -> None:
    enter("a")
    watch = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    watch.bind(("va", 0))
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL):
        client.setsockopt(socket.IPPROTO_TCP, option, 100)
    client.bind((A, PORTS[0]))
    client.connect((B, PORTS[1]))
    server, _ = listener.accept()
    for _ in range(3):
        client.sendall(bytes(100))
        server.sendall(bytes(100))
        assert client.recv(100) and server.recv(100)
    seq, ack, ip_id = _numbers(watch)
    # IPPROTO_RAW: with our own IP header. One of the kernel's choice could say that a segment is older than the last.
    forger = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    for flags, ahead, acked in FORGED.values():
        time.sleep(_PAUSE_S)
        payload = bytes(100) if flags & PSH else b""
        forger.sendto(_packet(flags, seq + ahead, ack + acked if flags & ACK else 0, payload, ip_id), (B, 0))
    time.sleep(_PAUSE_S)
    client.sendall(bytes(100))
    assert server.recv(100)
    for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL):
        client.setsockopt(socket.IPPROTO_TCP, option, 1)
    time.sleep(IDLE_S)
    client.close()
    assert server.recv(1) == b""
    server.close()
    time.sleep(0.3)


def main(spec: str) -> None:
    directory = Path(json.loads(Path(spec).read_text())["directory"])
    _build()
    captures = []
    for name in "ab":
        words = ["ip", "netns", "exec", name, "tcpdump", "-i", f"v{name}", "--immediate-mode", "-U", "-Z", "root"]
        words += ["--time-stamp-precision=nano", "-w", str(directory / f"{name}.pcap"), "tcp"]
        captures.append(subprocess.Popen(words, stderr=subprocess.PIPE, text=True))
        stderr = captures[-1].stderr
        assert stderr and "listening" in stderr.readline()
    enter("b")
    listener = socket.create_server((B, PORTS[1]))
    _talk(listener)
    for capture in captures:
        capture.terminate()
        capture.wait(10)
    print(json.dumps({name: counters(name) for name in "ab"}))


def run(directory: Path) -> dict[str, Any]:
    """One run in a cage; captures are ``directory``/a.pcap and b.pcap; the counters of both hosts."""
    return run_caged("tests.trace.challenge_rig", directory, {})


if __name__ == "__main__":
    main(sys.argv[1])
