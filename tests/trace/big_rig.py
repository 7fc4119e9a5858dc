"""Real packets larger than a wire's: super-segments, fragments and tunnels between two namespaces of this kernel.

``python -m tests.trace.big_rig SPEC.json`` runs inside a cage (see :func:`run`): hosts a and b, joined by a veth pair
that keeps its offloads, or by a pair of tun devices and a router in between that wraps or translates each packet. What
it prints is one JSON object: what the sockets and the namespaces' kernels counted.
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from netemu.agents.datagrams import HEADER
from netemu.agents.payload import Payload
from tests.trace.caged import run_caged
from tests.trace.rig import command, counters, enter

A, B = "10.78.0.1", "10.78.0.2"
A6, B6 = "fd78::1", "fd78::2"
OUTSIDE = "192.0.2.1"
"""What the router makes of A, and what it wraps packets in comes from."""
PORT = 5000
_TOTAL_RETRANS, _DATA_SEGS_OUT = 100, 156  # struct tcp_info, include/uapi/linux/tcp.h
_TUNSETIFF, _IFF_TUN, _IFF_NO_PI = 0x400454CA, 1, 0x1000


@dataclass(frozen=True)
class Big:
    """One run: what a sends to b, and what is between them."""

    send_bytes: int = 0
    datagrams: list[list[int]] = field(default_factory=list)
    """Family (4, 6), payload and number of datagrams of netemu's agents that a sends, 5 ms apart."""
    between: str = "veth"
    """veth, vxlan, or what a router does: ipip, gre, nat."""
    features: dict[str, list[str]] = field(default_factory=dict)
    """Device -> words for ethtool -K; a and b."""
    one_segment: bool = False
    """Whether a's device takes one segment at a time."""
    hold_ns: int = 0
    """How long b's GRO may hold what it merges; 0: to the end of the poll that found it, so chance says how much."""
    loss: float = 0.0
    """Share that is dropped before it leaves a's device."""
    filter: str = "ip or ip6"


# ---- the namespaces --------------------------------------------------------------------------------------------------


def _build(big: Big) -> None:
    command("mount", "-t", "tmpfs", "none", "/run")
    Path("/run/netns").mkdir()
    for name in "ab":
        command("ip", "netns", "add", name)
        command("ip", "netns", "exec", name, "sysctl", "-q", "net.ipv6.conf.all.accept_dad=0")
    if big.between in ("veth", "vxlan"):
        command(*["ip", "link", "add", "va", "netns", "a", "type", "veth", "peer", "name", "vb", "netns", "b"])
        _veth(big)


def _veth(big: Big) -> None:
    for name, v4, v6 in (("a", A, A6), ("b", B, B6)):
        device = f"v{name}"
        for words in big.features.get(name, []):
            command("ip", "netns", "exec", name, "ethtool", "-K", device, *words.split())
        if name == "a" and big.one_segment:
            command("ip", "-n", name, "link", "set", device, "gso_max_segs", "1")
        if name == "b" and big.hold_ns:
            setting = ["ip", "netns", "exec", name, "tee", f"/sys/class/net/{device}/gro_flush_timeout"]
            subprocess.run(setting, input=str(big.hold_ns), text=True, check=True, stdout=subprocess.DEVNULL)
        command("ip", "-n", name, "link", "set", device, "up")
        outer = big.between == "vxlan"
        command("ip", "-n", name, "addr", "add", ("10.79.0." + v4[-1] if outer else v4) + "/24", "dev", device)
        if outer:
            remote = "10.79.0.2" if name == "a" else "10.79.0.1"
            command(*f"ip -n {name} link add x{name} type vxlan id 7 dstport 4789 remote {remote} dev {device}".split())
            command("ip", "-n", name, "addr", "add", v4 + "/24", "dev", f"x{name}")
            command("ip", "-n", name, "link", "set", f"x{name}", "up")
        else:
            command("ip", "-n", name, "addr", "add", v6 + "/64", "dev", device, "nodad")
    if big.loss:
        inside = ("ip", "netns", "exec", "a")
        command(*inside, "tc", "qdisc", "add", "dev", "va", "clsact")
        threshold = int(big.loss * 2**32)
        # Below the threshold SKF_AD_RANDOM gives TC_ACT_STOLEN, which the sender takes for sent
        code = f"4,32 0 0 4294963256,53 1 0 {threshold},6 0 0 4,6 0 0 0"
        command(*inside, "tc", "filter", "add", "dev", "va", "egress", "bpf", "da", "bytecode", code)


# ---- the router ------------------------------------------------------------------------------------------------------


def _tun(space: str, address: str, peer: str) -> int:
    """The file descriptor of a tun device t<space> in that namespace."""
    found: list[int] = []

    def make() -> None:
        enter(space)
        fd = os.open("/dev/net/tun", os.O_RDWR)
        fcntl.ioctl(fd, _TUNSETIFF, struct.pack("16sH22x", f"t{space}".encode(), _IFF_TUN | _IFF_NO_PI))
        found.append(fd)

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    command("ip", "-n", space, "addr", "add", address, "peer", peer, "dev", f"t{space}")
    command("ip", "-n", space, "link", "set", f"t{space}", "mtu", "1400", "up")
    return found[0]


def _checksum(data: bytes) -> int:
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def header(protocol: int, size: int, source: str, destination: str) -> bytes:
    """An IPv4 header."""
    ends = socket.inet_aton(source) + socket.inet_aton(destination)
    bare = struct.pack("!BBHHHBBH", 0x45, 0, 20 + size, 0, 0x4000, 64, protocol, 0) + ends
    return bare[:10] + struct.pack("!H", _checksum(bare)) + bare[12:]


def translate(packet: bytes, was: str, becomes: str) -> bytes:
    """``packet``, TCP over IPv4, with the address ``was`` replaced on either side."""
    ends = packet[12:20].replace(socket.inet_aton(was), socket.inet_aton(becomes))
    bare = packet[:10] + bytes(2) + ends
    body = packet[20:36] + bytes(2) + packet[38:]
    pseudo = ends + struct.pack("!BBH", 0, 6, len(body))
    body = body[:16] + struct.pack("!H", _checksum(pseudo + body)) + body[18:]
    return bare[:10] + struct.pack("!H", _checksum(bare)) + bare[12:] + body


_WRAPPED: dict[str, Callable[[bytes, bool], bytes]] = {
    "ipip": lambda inner, back: header(4, len(inner), *_outer(back)) + inner,
    "gre": lambda inner, back: header(47, 4 + len(inner), *_outer(back)) + b"\0\0\x08\0" + inner,
}


def _outer(back: bool) -> tuple[str, str]:
    return ("192.0.2.2", OUTSIDE) if back else (OUTSIDE, "192.0.2.2")


def _route(big: Big, a: int, b: int, stop: int, wire: Path) -> None:
    """Carry packets between the two devices; what they look like in between goes into the capture ``wire``."""
    with wire.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 101))
        while True:
            readable = select.select([a, b, stop], [], [])[0]
            if stop in readable:
                return
            for fd, other, back in ((a, b, False), (b, a, True)):
                if fd not in readable:
                    continue
                packet = os.read(fd, 65535)
                if packet[0] >> 4 != 4:
                    continue
                now_ns = time.time_ns()
                outside = _WRAPPED[big.between](packet, back) if big.between in _WRAPPED else packet
                file.write(struct.pack("<4I", now_ns // 10**9, now_ns % 10**9, len(outside), len(outside)) + outside)
                if big.between == "nat":
                    packet = translate(packet, OUTSIDE if back else A, A if back else OUTSIDE)
                os.write(other, packet)


# ---- traffic ---------------------------------------------------------------------------------------------------------


def _receive(result: dict[str, Any], listening: threading.Event) -> None:
    enter("b")
    server = socket.create_server((B, PORT))
    listening.set()
    connection, _ = server.accept()
    result["received"] = 0
    while data := connection.recv(1 << 20):
        result["received"] += len(data)
    connection.sendall(b"done")
    connection.recv(1)
    connection.close()


def _send(big: Big, result: dict[str, Any]) -> None:
    enter("a")
    sender = socket.socket()
    sender.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"cubic")
    sender.connect((B, PORT))
    sender.sendall(bytes(big.send_bytes))
    sender.shutdown(socket.SHUT_WR)
    while len(sender.recv(4, socket.MSG_WAITALL)) < 4:
        pass
    info = sender.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    result["total_retrans"] = struct.unpack_from("I", info, _TOTAL_RETRANS)[0]
    result["data_segs_out"] = struct.unpack_from("I", info, _DATA_SEGS_OUT)[0]
    sender.close()


def _datagrams(big: Big) -> None:
    enter("a")
    for family, size, count in big.datagrams:
        sock = socket.socket(socket.AF_INET6 if family == 6 else socket.AF_INET, socket.SOCK_DGRAM)
        filling = Payload(size).expected(HEADER.size, size - HEADER.size)
        for number in range(count):
            sock.sendto(HEADER.pack(number, 0) + filling, (B6 if family == 6 else B, 4000 + size % 1000))
            time.sleep(0.005)


def _fragment_counters(name: str) -> dict[str, int]:
    six = subprocess.check_output(["ip", "netns", "exec", name, "cat", "/proc/net/snmp6"], text=True)
    return counters(name) | {line.split()[0]: int(line.split()[1]) for line in six.splitlines()}


# ---- one run ---------------------------------------------------------------------------------------------------------


def _captures(big: Big, directory: Path) -> list[subprocess.Popen[str]]:
    found = []
    for name in "ab":
        device = ("t" if big.between in ("ipip", "gre", "nat") else "v") + name
        words = ["ip", "netns", "exec", name, "tcpdump", "-i", device, "-s", "128", "-B", "16384", "--immediate-mode"]
        words += ["-U", "--time-stamp-precision=nano", "-Z", "root", "-w", str(directory / f"{name}.pcap"), big.filter]
        found.append(subprocess.Popen(words, stderr=subprocess.PIPE, text=True))
        stderr = found[-1].stderr
        assert stderr and "listening" in stderr.readline()
    return found


def _traffic(big: Big, result: dict[str, Any]) -> None:
    if big.send_bytes:
        listening = threading.Event()
        receiver = threading.Thread(target=_receive, args=(result, listening), daemon=True)
        receiver.start()
        assert listening.wait(10)
        sender = threading.Thread(target=_send, args=(big, result), daemon=True)
        sender.start()
        for thread in (sender, receiver):
            thread.join(60)
            assert not thread.is_alive(), "the transfer did not end within a minute"
    if big.datagrams:
        thread = threading.Thread(target=_datagrams, args=(big,))
        thread.start()
        thread.join(60)


def main(spec: str) -> None:
    options = json.loads(Path(spec).read_text())
    directory = Path(options.pop("directory"))
    big = Big(**options)
    _build(big)
    stop_read, stop_write = os.pipe()
    router = None
    if big.between in ("ipip", "gre", "nat"):
        a, b = _tun("a", A, B), _tun("b", B, OUTSIDE if big.between == "nat" else A)
        router = threading.Thread(target=_route, args=(big, a, b, stop_read, directory / "wire.pcap"), daemon=True)
        router.start()
    tcpdumps = _captures(big, directory)
    result: dict[str, Any] = {}
    _traffic(big, result)
    time.sleep(0.5)
    for tcpdump in tcpdumps:
        tcpdump.terminate()
        tcpdump.wait(10)
    os.write(stop_write, b"x")
    if router is not None:
        router.join(10)
    print(json.dumps(result | {"counters": {name: _fragment_counters(name) for name in "ab"}}))


def run(big: Big, directory: Path) -> dict[str, Any]:
    """Run one in a cage; captures are a.pcap, b.pcap and, of a router, wire.pcap; the result as printed."""
    return run_caged("tests.trace.big_rig", directory, asdict(big))


if __name__ == "__main__":
    main(sys.argv[1])
