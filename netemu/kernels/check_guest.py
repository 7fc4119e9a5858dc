"""``netemu kernels check``, the part inside the guest: prove by doing what this kernel can do, one JSON line each."""

from __future__ import annotations

import ctypes
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

_DELAY_NS = 20_000_000
_SLEEP_S = 100
_NAMESPACE = "check"


def say(name: str, measured: object, ok: bool) -> None:
    """Report one finding to the host."""
    sys.stdout.write(json.dumps({"check": name, "measured": measured, "ok": ok}) + "\n")
    sys.stdout.flush()


def _run(line: str) -> str:
    done = subprocess.run(line.split(), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{line}: {done.stderr.strip() or done.returncode}")
    return done.stdout


def virtual_time() -> None:
    """Sleep long: it costs nothing where time is virtual. The host compares with its own clock."""
    begun = time.monotonic_ns()
    time.sleep(_SLEEP_S)
    say("slept_ns", time.monotonic_ns() - begun, True)


def netem(tolerance_ns: int) -> None:
    """Send a datagram there and back through 20 ms of netem each way, between two namespaces."""
    for line in (
        f"ip netns add {_NAMESPACE}",
        f"ip link add va type veth peer name vb netns {_NAMESPACE}",
        "ip addr add 10.9.9.1/24 dev va",
        "ip link set va up",
        f"ip -n {_NAMESPACE} addr add 10.9.9.2/24 dev vb",
        f"ip -n {_NAMESPACE} link set vb up",
        f"ip -n {_NAMESPACE} link set lo up",
        f"tc qdisc add dev va root netem delay {_DELAY_NS // 1000}us",
        f"tc -n {_NAMESPACE} qdisc add dev vb root netem delay {_DELAY_NS // 1000}us",
    ):
        _run(line)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as here, _socket_inside(_NAMESPACE) as there:
        here.settimeout(5)
        there.settimeout(5)
        there.bind(("10.9.9.2", 7))
        for _ in range(2):  # the first one waits for ARP too
            begun = time.monotonic_ns()
            here.sendto(b"there", ("10.9.9.2", 7))
            there.sendto(b"back", there.recvfrom(64)[1])
            here.recv(64)
            rtt_ns = time.monotonic_ns() - begun
    say("rtt_ns", rtt_ns, 2 * _DELAY_NS <= rtt_ns <= 2 * _DELAY_NS + tolerance_ns)


def _socket_inside(namespace: str) -> socket.socket:
    """A datagram socket made in the namespace of that name; this process stays where it is."""
    libc = ctypes.CDLL(None)
    descriptors = [os.open(path, os.O_RDONLY) for path in ("/proc/self/ns/net", f"/run/netns/{namespace}")]
    try:
        libc.setns(descriptors[1], 0)
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        libc.setns(descriptors[0], 0)
    finally:
        for descriptor in descriptors:
            os.close(descriptor)
    return made


def write_protection() -> None:
    """Nothing but the recording may be written."""
    wrong = []
    for place in ("/usr/netemu-check", "/netemu-check", "/run/netemu/control/netemu-check"):
        try:
            Path(place).touch()
        except OSError:
            continue
        wrong.append(place)
    say("writable", wrong, not wrong)


def main() -> int:
    """Every proof; one that fails is reported and the others go on."""
    virtual = "virtual" in sys.argv
    # A busy machine makes guests late in real time; in virtual time only reading the clock takes any, 256 ns.
    proofs: list[Callable[[], None]] = [write_protection, lambda: netem(10_000 if virtual else 10**9)]
    if virtual:
        proofs.append(virtual_time)
    for proof in proofs:
        try:
            proof()
        except (RuntimeError, OSError, IndexError) as error:
            say("failure", str(error), False)
    names = Path("/proc/sys/net/ipv4/tcp_available_congestion_control").read_text().split()
    say("congestion", sorted(names), "cubic" in names)
    events = Path("/sys/kernel/tracing/events")
    found = [name for name in ("tcp/tcp_probe", "tcp/tcp_retransmit_skb", "skb/kfree_skb") if (events / name).is_dir()]
    say("tracepoints", found, True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
