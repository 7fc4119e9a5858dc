r"""
                 20 Mbit/s, 10 ms each way
            h1 ----------------------------- h2
            writes as fast as it may         reads nothing for a while, then everything

What happens to a sender whose receiver does not read (M15)?

h2's window shrinks to zero as its receive buffer fills. h1 then asks from time to time whether that has changed, with
a probe below snd_nxt, and waits twice as long each time. When h2 reads again it says so with a window update. The
second flow loses that update on the wire: nobody would ever speak again, were it not for the next probe.
References: RFC 9293 section 3.8.6.1; tcp_probe_timer and tcp_write_wakeup in net/ipv4 of the kernel.
"""

from itertools import pairwise
from typing import Any

import polars as pl

from netemu.experiment import (
    Experiment,
    NotObservable,
    Outcome,
    Run,
    at_least,
    at_most,
    bulk,
    equal,
    holds,
    observed,
    within,
)
from netemu.units import parse_size_bytes, parse_time_ns
from topologies import chain

FLOWS = ("stall", "lost_update")
PORTS = {"stall": 5001, "lost_update": 5002}
WHEEL = 1 / 8  # a jiffies timer is rounded up by at most one eighth of its delay (kernel/time/timer.c, LVL_GRAN)

experiment = Experiment("slow_reader", question="What happens to a sender whose receiver does not read?")
experiment.parameter("size", 1_000_000, "bytes that each flow sends", parse=parse_size_bytes)
experiment.parameter("pause", "5s", "how long the reader waits before its first recv", parse=parse_time_ns)
experiment.parameter("buffer", 65_536, "SO_RCVBUF that the reader asks for", parse=parse_size_bytes)


@experiment.topology
def topology(p):
    """One link; the window update of the second flow is dropped on its way back."""
    graph = chain(mtus=(1500,), rate="20Mbit/s", delay="10ms")
    graph.edges["h1", "h2"]["drops"] = {"h2->h1": [{"kind": "window_update", "nth": [1], "port": PORTS["lost_update"]}]}
    return graph


@experiment.traffic
def traffic(p):
    """The second flow starts when the first is done."""
    reader = {"initial_pause_ns": p.pause, "rcvbuf_bytes": p.buffer}
    sender = {"congestion": "cubic"}
    second = p.pause + 4_000_000_000
    return [
        bulk("stall", "h1", "h2", size=p.size, sender=sender, receiver=reader, stop=second),
        bulk("lost_update", "h1", "h2", size=p.size, sender=sender, receiver=reader, start=second, stop=3 * second),
    ]


def _probes(run: Run, flow: str) -> list[int]:
    """Times of the zero-window probes that ``flow``'s sender made, in nanoseconds."""
    sent = run.packets(flow, at="h1-eth0", direction=0).filter(pl.col("kind") == "window_probe")
    return sent.sort("t_ns")["t_ns"].to_list()


def _stall(run: Run, flow: str, at: str) -> dict[str, Any]:
    """The first time that ``flow``'s window was shut and opened again, as the capture ``at`` shows it."""
    stalls = run.rows("windows", flow, at=at, direction=1).filter(pl.col("kind") == "zero_window")
    if stalls.is_empty():
        raise NotObservable("the window never closed")
    stall = stalls.row(0, named=True)
    if stall["end_ns"] is None:
        raise NotObservable("the window closed and never opened again")
    return stall


def _opened_ns(run: Run, flow: str) -> int:
    """When the receiver's host opened the window again after its first stall."""
    return int(_stall(run, flow, at="h2-eth0")["end_ns"])


def _flow_claims(flow: str) -> None:
    @experiment.claim(f"{flow}: the advertised window reaches zero")
    def zero(run: Run) -> Outcome:
        return at_least(run.connection(flow, at="h1-eth0")["b_zero_windows"], 1, "zero windows")

    @experiment.claim(f"{flow}: probes stay below snd_nxt and carry nothing")
    def empty(run: Run) -> Outcome:
        sent = run.packets(flow, at="h1-eth0", direction=0).filter(pl.col("kind") == "window_probe")
        payload = int(sent["payload_bytes"].sum())
        return holds(
            sent.height >= 2 and payload == 0,
            expected="at least 2 probes, 0 bytes of payload",
            measured=f"{sent.height} probes, {payload} bytes",
            value=sent.height,
        )

    @experiment.claim(f"{flow}: the gaps between probes double, up to the timer wheel's rounding")
    def doubling(run: Run) -> Outcome:
        times = [t_ns for t_ns in _probes(run, flow) if t_ns < _opened_ns(run, flow)]
        gaps = [later - earlier for earlier, later in pairwise(times)]
        if len(gaps) < 2:
            raise NotObservable(f"{len(times)} probes before the reader went on, at least 3 are needed")
        ratios = [later / earlier for earlier, later in pairwise(gaps)]
        worst = max(ratios, key=lambda ratio: abs(ratio - 2))
        return within(worst, 2.0, 2 * WHEEL + 0.05, "(the ratio farthest from 2)")

    @experiment.claim(f"{flow}: the receiver opens the window when its application reads")
    def read(run: Run) -> Outcome:
        """The reader is woken late on a busy machine, so the update may come between call and reading of the clock."""
        first = observed(
            run.calls(f"{flow}.server").filter(pl.col("call") == "recv")["t_ns"].min(), "recv() of the reader"
        )
        return at_most(abs(_opened_ns(run, flow) - first) / 1e6, 20, "ms between the first recv() and the update")

    @experiment.claim(f"{flow}: every byte arrives")
    def delivered(run: Run) -> Outcome:
        return equal(run.connection(flow, at="h2-eth0")["a_unique_payload_bytes"], run.plan.parameters["size"], "bytes")


for _flow in FLOWS:
    _flow_claims(_flow)


@experiment.claim("stall: data flows again one round trip after the window update")
def resumes(run: Run) -> Outcome:
    """The update needs 10 ms to h1, the data 10 ms back."""
    opened = _opened_ns(run, "stall")
    arrived = run.packets("stall", at="h2-eth0", direction=0).filter(
        (pl.col("payload_bytes") > 0) & (pl.col("t_ns") > opened)
    )
    return at_most((observed(arrived["t_ns"].min(), "data after the update") - opened) / 1e6, 25, "ms")


@experiment.claim("lost_update: exactly one window update was dropped by the wire")
def lost(run: Run) -> Outcome:
    """From the wire's own account."""
    return equal(run.wire("h1-h2", "b_to_a").filter(pl.col("action") == "drop_list").height, 1, "update")


@experiment.claim("a window update ends the first stall, the answer to a probe the second")
def ended(run: Run) -> Outcome:
    """As h1 sees them: to it, the lost update was never sent."""
    return equal([_stall(run, flow, at="h1-eth0")["ended_by"] for flow in FLOWS], ["window_update", "probe_answer"])


@experiment.claim("lost_update: data flows again only after the next probe is answered")
def rescued(run: Run) -> Outcome:
    """Between the lost update and the next probe h1 sends nothing."""
    opened = _opened_ns(run, "lost_update")
    sent = run.packets("lost_update", at="h1-eth0", direction=0).filter(pl.col("t_ns") > opened).sort("t_ns")
    first = observed(sent["kind"].first(), "packet after the lost update")
    return holds(
        first == "window_probe" and int(sent["t_ns"].to_list()[0]) - opened > 30_000_000,
        expected="the next packet is a window probe, later than the update's round trip",
        measured=f"{first}, {(sent['t_ns'].to_list()[0] - opened) / 1e6:.0f} ms later",
        value=(sent["t_ns"].to_list()[0] - opened) / 1e6,
    )


@experiment.claim("the writer was blocked while the window was shut")
def blocked(run: Run) -> Outcome:
    """The longest send() of the first flow lasts as long as the reader slept, less the time to fill the buffers."""
    longest = run.calls("stall.client").filter(pl.col("call") == "send")["blocked_ns"].max()
    observed(longest, "send() of the writer")
    return at_least(longest / 1e9, run.plan.parameters["pause"] / 1e9 - 1.0, "s")


for _flow in FLOWS:
    experiment.figure(f"window_{_flow}", "window", flow=_flow, capture="h1-eth0")
experiment.figure("time_sequence_lost_update", "time_sequence", flow="lost_update", capture="h1-eth0")
