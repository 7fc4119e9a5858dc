"""How long a star of hosts takes to be up: netemu beside plain Mininet 2.3.0, in turn, each in a process of its own.

Run as root: ``python -m tests.bench.bench_lab [--hosts 50] [--repeat 5]``. Both sides make the hosts, one Linux bridge
and a link to each host, with addresses and routes; netemu also has a wire (namespace, queue, relay) in each link,
static neighbours for every peer, IPv6, and all offloads off. Times are wall time without imports. Exit code 1 when
netemu is slower.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LIMIT = 1.0
"""Most that netemu's time may be, as a part of plain Mininet's."""


def plain_mininet(hosts: int) -> dict[str, float]:
    """Seconds until plain Mininet's star is up."""
    from mininet.log import setLogLevel
    from mininet.net import Mininet
    from mininet.nodelib import LinuxBridge
    from mininet.topo import SingleSwitchTopo

    setLogLevel("error")
    Mininet.inited = True  # or it changes sysctls of the whole machine
    begin = time.perf_counter()
    network = Mininet(SingleSwitchTopo(hosts), switch=LinuxBridge, controller=None)
    network.start()
    up_s = time.perf_counter() - begin
    network.stop()
    return {"up_s": up_s}


def netemu(hosts: int) -> dict[str, float]:
    """Seconds until netemu's star is up (wires forwarding), and what reading back and probing take then."""
    from netemu.lab.network import Network
    from netemu.lab.probe import probe_links, unproved
    from netemu.lab.verify import verify
    from netemu.lab.wire import start_wires
    from netemu.specs import LinkDirection
    from tests.lab.plans import star

    plan = star(hosts, LinkDirection(rate_bps=10_000_000, delay_ns=5_000_000))
    with tempfile.TemporaryDirectory() as directory:
        begin = time.perf_counter()
        with Network.build(plan) as network:
            built = time.perf_counter()
            wires = start_wires(network.wire_sites, Path(directory), plan.seed)
            up = time.perf_counter()
            verify(network, plan)
            verified = time.perf_counter()
            records = probe_links(network, plan, wires.backends)
            probed = time.perf_counter()
            wires.kill()
    return {
        "build_s": built - begin,
        "up_s": up - begin,
        "verify_s": verified - up,
        "probe_s": probed - verified,
        "directions": len(records),
        "unproved": len(unproved(records)),
    }


def in_own_process(side: str, hosts: int) -> dict[str, float]:
    """One measurement inside namespaces that end with it."""
    command = ["unshare", "-pnm", "--fork", "--kill-child=SIGKILL", "--mount-proc", "--"]
    command += [sys.executable, "-W", "ignore", "-m", "tests.bench.bench_lab", "--side", side, "--hosts", str(hosts)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=300)
    return dict(json.loads(done.stdout))


def main() -> int:
    """Measure both sides in turn and print medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--hosts", type=int, default=50)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--side", choices=["plain", "netemu"], help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.side:
        print(json.dumps(plain_mininet(args.hosts) if args.side == "plain" else netemu(args.hosts)))
        return 0
    plain, ours = [], []
    for number in range(args.repeat):
        plain.append(in_own_process("plain", args.hosts))
        ours.append(in_own_process("netemu", args.hosts))
        print(
            f"{number + 1}: plain Mininet up {plain[-1]['up_s']:.2f} s, netemu up {ours[-1]['up_s']:.2f} s", flush=True
        )

    def median(runs: list[dict[str, float]], key: str) -> float:
        return statistics.median(run[key] for run in runs)

    ratio = median(ours, "up_s") / median(plain, "up_s")
    up_s, plain_s = median(ours, "up_s"), median(plain, "up_s")
    verdict = "met" if ratio <= LIMIT else "MISSED"
    print(f"star of {args.hosts} hosts, medians of {args.repeat}; netemu's namespaces, addresses and routes alone took")
    print(f"{median(ours, 'build_s'):.3f} s, reading all back {median(ours, 'verify_s'):.3f} s more")
    print(
        f"TARGET up: asked at most plain Mininet's {plain_s:.3f} s, measured {up_s:.3f} s, ratio {ratio:.2f}: {verdict}"
    )
    print(
        f"probing beside it: {median(ours, 'probe_s'):.3f} s for {ours[0]['directions']:.0f} directions,"
        f" {median(ours, 'unproved'):.0f} of them unproved"
    )
    return 0 if ratio <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
