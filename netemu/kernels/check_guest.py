"""``netemu kernels check``, the part inside the guest: prove by doing what this kernel can do, one JSON line each."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

_DELAY_MS = 20
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


def netem() -> None:
    """Ping through 20 ms of netem each way, between two namespaces."""
    for line in (
        f"ip netns add {_NAMESPACE}",
        f"ip link add va type veth peer name vb netns {_NAMESPACE}",
        "ip addr add 10.9.9.1/24 dev va",
        "ip link set va up",
        f"ip -n {_NAMESPACE} addr add 10.9.9.2/24 dev vb",
        f"ip -n {_NAMESPACE} link set vb up",
        f"ip -n {_NAMESPACE} link set lo up",
        f"tc qdisc add dev va root netem delay {_DELAY_MS}ms",
        f"tc -n {_NAMESPACE} qdisc add dev vb root netem delay {_DELAY_MS}ms",
    ):
        _run(line)
    times = re.findall(r"time=([\d.]+) ms", _run("ping -n -c 4 -i 0.3 10.9.9.2"))
    rtt_ms = float(times[-1])
    say("rtt_ms", rtt_ms, abs(rtt_ms - 2 * _DELAY_MS) < 5)


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
    proofs: list[Callable[[], None]] = [write_protection, netem]
    if "virtual" in sys.argv:
        proofs.append(virtual_time)
    for proof in proofs:
        try:
            proof()
        except (RuntimeError, OSError, IndexError) as error:
            say(proof.__name__, str(error), False)
    names = Path("/proc/sys/net/ipv4/tcp_available_congestion_control").read_text().split()
    say("congestion", sorted(names), "cubic" in names)
    events = Path("/sys/kernel/tracing/events")
    found = [name for name in ("tcp/tcp_probe", "tcp/tcp_retransmit_skb", "skb/kfree_skb") if (events / name).is_dir()]
    say("tracepoints", found, True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
