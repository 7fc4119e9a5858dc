"""Rate, delay and loss of wires, asked and measured: ``python -m tests.bench.bench_wire [--backend relay|netem]``.

Needs root. The backend is the one this kernel would get unless named. Targets: relay 2 % and 1 ms up to
50 Mbit/s, netem 1 % and 0.2 ms; loss within 4 binomial standard deviations.

- *rate*: a burst that fits the queue is sent at once, so a host that stalls while sending does not count as a slow
  wire; the receiver's kernel stamps give the rate at which it drains, the median of ten slices of the burst, so that
  one stall of the machine does not count either.
- *delay*: datagrams well below the rate; median of arrival minus sending, less the time on the line. The difference to
  what was asked holds both hosts' own time as well (reported once, for a wire that adds nothing).
- *loss*: from the datagrams that did not arrive; the wire's account must say the same.
"""

from __future__ import annotations

import argparse
import math
import socket
import statistics
import tempfile
import threading
import time
from pathlib import Path

import msgspec

from netemu.specs import FixedLoss, GilbertElliott, LinkDirection, Plan, Queue
from tests.lab.plans import pair
from tests.lab.wire_rig import Rig, chain_plan, collect, rig, send_paced

TARGETS = {"relay": (0.02, 1_000_000), "netem": (0.01, 200_000)}
RATES_BPS = (1_000_000, 10_000_000, 20_000_000, 50_000_000)
DELAYS_NS = (0, 1_000_000, 10_000_000, 50_000_000)


def with_backend(plan: Plan, backend: str) -> Plan:
    """``plan`` with every link carried by ``backend``."""
    links = tuple(msgspec.structs.replace(link, backend=backend) for link in plan.links)
    return msgspec.structs.replace(plan, links=links)


def report(what: str, asked: str, measured: str, *, off: str, target: str, good: bool) -> None:
    """One TARGET line."""
    print(
        f"TARGET {what:<28} asked {asked:<14} measured {measured:<14} off {off:<10} target {target:<9} "
        f"{'met' if good else 'MISSED'}",
        flush=True,
    )


def measured(
    direction: LinkDirection, backend: str, count: int, ip_bytes: int, interval_ns: int
) -> tuple[Rig, list[int], list[int]]:
    """Send ``count`` datagrams across one wire: the rig with its summary, arrival times, delays."""
    with tempfile.TemporaryDirectory() as scratch, rig(with_backend(pair(direction), backend), Path(scratch)) as made:
        with made.udp("h1", "10.0.0.1") as sender, made.udp("h2", "10.0.0.2") as receiver:
            send_paced(sender, ("10.0.0.2", 9000), count, ip_bytes, interval_ns)
            arrivals = collect(receiver, 0.5)
        made.stop()
        for reason in made.summary["void"]:
            print(f"VOID {reason}")
        return made, arrivals.came_ns, arrivals.delays_ns


def bench_rate(backend: str) -> None:
    """Rates with a burst of 0.3 to 1.5 seconds."""
    for rate_bps in RATES_BPS:
        count = max(60, min(2000, rate_bps // 12_112 // 2))
        direction = LinkDirection(rate_bps=rate_bps, delay_ns=5_000_000, queue=Queue(packets=count + 10))
        made, came_ns, _ = measured(direction, backend, count, 1500, 0)
        step = len(came_ns) // 10
        slices = zip(came_ns[::step], came_ns[step::step], strict=False)
        got_bps = statistics.median(step * 1514 * 8 * 10**9 / (last - first) for first, last in slices)
        off = got_bps / rate_bps - 1
        good = abs(off) <= TARGETS[backend][0] and len(came_ns) == count
        report(
            "rate",
            f"{rate_bps / 1e6:g} Mbit/s",
            f"{got_bps / 1e6:.4g} Mbit/s",
            off=f"{off:+.3%}",
            target=f"{TARGETS[backend][0]:.0%}",
            good=good,
        )
        late(made, backend)


def late(made: Rig, backend: str) -> None:
    """How late the relay sent, and what it cost."""
    if backend == "relay":
        account = made.summary["l1"]["directions"]["a_to_b"]
        process = made.summary["l1"]["process"]
        packets = sum(side["packets"] for side in made.summary["l1"]["directions"].values())
        print(
            f"       late p50 {account['lateness_p50_ns'] / 1e3:.0f} us, p99 {account['lateness_p99_ns'] / 1e3:.0f} us,"
            f" max {account['lateness_max_ns'] / 1e3:.0f} us; {process['cpu_ns'] / packets / 1e3:.1f} us of CPU per"
            f" packet; {process['scheduler']}"
        )


def bench_delay(backend: str) -> None:
    """Delays with and without a rate."""
    for rate_bps in (None, 50_000_000):
        for delay_ns in DELAYS_NS:
            direction = LinkDirection(rate_bps=rate_bps, delay_ns=delay_ns)
            made, _, delays_ns = measured(direction, backend, 300, 500, 3_000_000)
            line_ns = 0 if rate_bps is None else 514 * 8 * 10**9 // rate_bps
            off_ns = statistics.median(delays_ns) - line_ns - delay_ns
            name = "delay" if rate_bps is None else f"delay at {rate_bps // 10**6} Mbit/s"
            report(
                name,
                f"{delay_ns / 1e6:g} ms",
                f"{(delay_ns + off_ns) / 1e6:.4g} ms",
                off=f"{off_ns / 1e6:+.3f} ms",
                target=f"{TARGETS[backend][1] / 1e6:g} ms",
                good=abs(off_ns) <= TARGETS[backend][1],
            )
            late(made, backend)


def bench_loss(backend: str) -> None:
    """Fixed and bursty loss over 10,000 datagrams."""
    count = 10_000
    bursty = GilbertElliott(p=0.01, r=0.25, loss_in_bad=0.9)
    for loss, ratio in ((FixedLoss(0.01), 0.01), (FixedLoss(0.1), 0.1), (bursty, 0.9 * 0.01 / 0.26)):
        made, came_ns, _ = measured(LinkDirection(delay_ns=2_000_000, loss=loss), backend, count, 200, 100_000)
        lost = count - len(came_ns)
        # Losses of a two-state chain are correlated: their variance grows by (1 + rho) / (1 - rho), rho = 1 - p - r.
        spread = 1.0 if isinstance(loss, FixedLoss) else (2 - loss.p - loss.r) / (loss.p + loss.r)
        sigma = math.sqrt(count * ratio * (1 - ratio) * spread)
        counted = made.summary["l1"]["directions"]["a_to_b"]["dropped"]["drop_loss"]
        report(
            "loss" if isinstance(loss, FixedLoss) else "loss in bursts",
            f"{ratio:.2%}",
            f"{lost / count:.2%}",
            off=f"{(lost - count * ratio) / sigma:+.1f} sigma",
            target="4 sigma",
            good=abs(lost - count * ratio) <= 4 * sigma and counted == lost,
        )


def bench_chain(backend: str) -> None:
    """TCP across three wires of 50 Mbit/s and 5 ms each: does what arrives fill the line?"""
    direction = LinkDirection(rate_bps=50_000_000, delay_ns=5_000_000, queue=Queue(packets=300))
    with (
        tempfile.TemporaryDirectory() as scratch,
        rig(with_backend(chain_plan(3, direction), backend), Path(scratch)) as made,
    ):
        goodput_bps = tcp_goodput(made, "h1", "h2", "10.0.3.2", 5.0)
        made.stop()
        for reason in made.summary["void"]:
            print(f"VOID {reason}")
        ideal_bps = 50_000_000 * 1448 / 1514
        off = goodput_bps / ideal_bps - 1
        report(
            "TCP over three wires",
            f"{ideal_bps / 1e6:.4g} Mbit/s",
            f"{goodput_bps / 1e6:.4g} Mbit/s",
            off=f"{off:+.2%}",
            target="2%",
            good=abs(off) <= 0.02,
        )
        for name, account in made.summary.items():
            if name != "void" and backend == "relay":
                side = account["directions"]["a_to_b"]
                busy = account["process"]["cpu_ns"] / account["process"]["wall_ns"]
                print(
                    f"       {name}: late p50 {side['lateness_p50_ns'] / 1e3:.0f} us,"
                    f" p99 {side['lateness_p99_ns'] / 1e3:.0f} us; process used {busy:.0%} of a CPU"
                )


def tcp_goodput(made: Rig, client: str, server: str, address: str, seconds: float) -> float:
    """Payload bits per second that ``server`` read in the second half of a bulk transfer of ``seconds``."""
    with made.network.namespaces[server].entered():
        listener = socket.create_server((address, 5001))
    with made.network.namespaces[client].entered():
        sender = socket.socket()
    sender.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"cubic")
    sender.connect((address, 5001))
    reader, _ = listener.accept()
    end = time.monotonic() + seconds

    def send() -> None:
        block = bytes(1 << 16)
        while time.monotonic() < end:
            sender.send(block)
        sender.close()

    thread = threading.Thread(target=send)
    thread.start()
    began, count = 0.0, 0
    half = end - seconds / 2
    while chunk := reader.recv(1 << 16):
        now = time.monotonic()
        if began:
            count += len(chunk)
            last = now
        elif now > half:
            began = now
        if now > end:
            break
    thread.join()
    reader.close()
    listener.close()
    return count * 8 / (last - began)


def bench_capacity(backend: str) -> None:
    """How many packets a second one wire carries: 20,000 small datagrams as fast as the host sends them."""
    made, came_ns, _ = measured(LinkDirection(), backend, 20_000, 100, 0)
    packets_per_s = (len(came_ns) - 1) * 1e9 / (came_ns[-1] - came_ns[0])
    print(f"FIGURE capacity: {len(came_ns)} of 20000 arrived, {packets_per_s:.0f} packets/s")
    late(made, backend)


BENCHES = {
    "rate": bench_rate,
    "delay": bench_delay,
    "loss": bench_loss,
    "chain": bench_chain,
    "capacity": bench_capacity,
}


def main() -> None:
    """Run the chosen benches."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backend", choices=("relay", "netem"), help="default: netem if this kernel has it")
    parser.add_argument("what", nargs="*", choices=[*BENCHES, []], help="default: all")
    arguments = parser.parse_args()
    from netemu.lab.wire_netem import missing_for_netem

    backend = arguments.backend or ("relay" if missing_for_netem() else "netem")
    print(f"backend {backend}")
    for name in arguments.what or BENCHES:
        BENCHES[name](backend)


if __name__ == "__main__":
    main()
