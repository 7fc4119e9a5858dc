r"""
                 10 Mbit/s, 20 ms each way, queue 200 packets
            h1 ------------------------------------------------ h2
                the wire drops exactly the segments listed

What does Linux do when 1, 2, 3 segments or a whole window are lost (M06, M07)?

Five flows, one after the other, lose from h1 to h2

    one      the 30th new data segment                    a hole that SACK and RACK find within an RTT
    two      the 30th and 32nd                            two holes in one window
    three    the 30th, 31st and 34th                      three holes
    window   all 10 of the initial window                 nothing comes back: a tail-loss probe has to ask
    timeout  the initial window and the probe             even that is lost: only the retransmission timer is left

References: RFC 8985 (RACK-TLP), RFC 6675, RFC 6298; tcp_schedule_loss_probe, tcp_fastretrans_alert and
tcp_retransmit_timer in net/ipv4 of the kernel.
"""

from typing import Any

import polars as pl

from netemu.experiment import Experiment, Outcome, Run, bulk, equal, holds, observed
from netemu.units import parse_size_bytes
from topologies import chain

FLOWS = ("one", "two", "three", "window", "timeout")
DROPPED = {
    "one": [{"kind": "new_data", "nth": [30]}],
    "two": [{"kind": "new_data", "nth": [30, 32]}],
    "three": [{"kind": "new_data", "nth": [30, 31, 34]}],
    "window": [{"kind": "data", "nth": list(range(1, 11))}],
    "timeout": [{"kind": "data", "nth": list(range(1, 12))}],
}
LOST = {flow: sum(len(rule["nth"]) for rule in rules) for flow, rules in DROPPED.items()}

experiment = Experiment(
    "loss_recovery", question="What does Linux do when 1, 2, 3 segments or a whole window are lost?"
)
experiment.parameter("size", 300_000, "bytes that each flow sends", parse=parse_size_bytes)
experiment.parameter("congestion", "cubic", "congestion control of the sender")


@experiment.topology
def topology(p):
    """One link; each flow's port has its own list of drops in the direction of the data."""
    drops = [{**rule, "port": 5001 + index} for index, flow in enumerate(FLOWS) for rule in DROPPED[flow]]
    graph = chain(mtus=(1500,), rate="10Mbit/s", delay="20ms", queue="200p")
    graph.edges["h1", "h2"]["drops"] = {"h1->h2": drops}
    return graph


@experiment.traffic
def traffic(p):
    """The flows start 2 s apart, so that none meets another."""
    return [
        bulk(flow, "h1", "h2", size=p.size, sender={"congestion": p.congestion}, start=f"{2 * index}s", stop="20s")
        for index, flow in enumerate(FLOWS)
    ]


def _classes(run: Run, flow: str) -> dict[str, int]:
    row = run.connection(flow, at="h1-eth0")
    names = ("timeout", "fast", "tail_loss_probe")
    return {name: row[f"a_retransmits_{name}"] for name in names if row[f"a_retransmits_{name}"]}


def _flow_claims(flow: str) -> None:
    @experiment.claim(f"{flow}: the wire dropped exactly the {LOST[flow]} listed segments")
    def dropped(run: Run) -> Outcome:
        rows = run.wire("h1-h2", "a_to_b").filter(pl.col("destination").str.ends_with(f":{run.port(flow)}"))
        return equal(rows.filter(pl.col("action") == "drop_list").height, LOST[flow], "segments")

    @experiment.claim(f"{flow}: the two ends' captures tell of the same losses, each at the wire")
    def lost(run: Run) -> Outcome:
        """Joined by what packets say, without the wire's account; the account then names link and reason of each."""
        gone = run.transits(flow, at="h1-eth0", direction=0).filter(pl.col("fate") == "lost")
        told = gone.group_by("link", "action").len().rows()
        return equal(told, [("h1-h2", "drop_list", LOST[flow])])

    @experiment.claim(f"{flow}: every byte arrives")
    def delivered(run: Run) -> Outcome:
        return equal(run.connection(flow, at="h2-eth0")["a_unique_payload_bytes"], run.plan.parameters["size"], "bytes")


for _flow in FLOWS:
    _flow_claims(_flow)


def _fast_claims(flow: str) -> None:
    @experiment.claim(f"{flow}: one fast retransmission per lost segment, and no timer fires")
    def fast(run: Run) -> Outcome:
        return equal(_classes(run, flow), {"fast": LOST[flow]})

    @experiment.claim(f"{flow}: the holes are closed within two round trips of the first loss")
    def quick(run: Run) -> Outcome:
        sent = run.packets(flow, at="h1-eth0", direction=0).filter(pl.col("payload_bytes") > 0).sort("t_ns")
        again = sent.filter(pl.col("kind") == "fast")
        observed(again["t_ns"].max(), "fast retransmission")
        lost_ns = sent.filter(pl.col("seq_offset_bytes").is_in(again["seq_offset_bytes"].implode()))["t_ns"].min()
        took_ns = int(again["t_ns"].max() - lost_ns)
        rtt_ns = observed(run.rtt(flow, at="h1-eth0")["rtt_ns"].max(), "RTT sample")
        return holds(
            took_ns <= 2 * rtt_ns,
            expected=f"≤ 2 of the longest RTT = {2 * rtt_ns / 1e6:.1f} ms",
            measured=f"{took_ns / 1e6:.1f} ms",
            value=took_ns / 1e6,
        )


for _flow in ("one", "two", "three"):
    _fast_claims(_flow)


def _data(run: Run, flow: str) -> pl.DataFrame:
    """Every data segment that h1 sent for ``flow``, in order."""
    return run.packets(flow, at="h1-eth0", direction=0).filter(pl.col("payload_bytes") > 0).sort("t_ns")


def _segment(run: Run, flow: str, number: int) -> dict[str, Any]:
    """The data segment of that number, from 0, and ``waited_ns`` since the one before it."""
    segments = _data(run, flow).with_columns(waited_ns=pl.col("t_ns").diff())
    row = next(segments[number : number + 1].iter_rows(named=True), None)
    return observed(row, f"data segment {number + 1} of {flow}")


@experiment.claim("window: a tail-loss probe is the first to break the silence, after two smoothed round trips")
def probe_time(run: Run) -> Outcome:
    """tcp_schedule_loss_probe: 2 srtt and 2 ticks (TCP_TIMEOUT_MIN); the timer wheel may add an eighth."""
    sampled = run.sockets("window").filter(pl.col("srtt_ns") > 0).sort("t_ns")
    least_ms = 2 * observed(sampled["srtt_ns"].first(), "srtt of the sender") / 1e6
    waited_ms = _segment(run, "window", 10)["waited_ns"] / 1e6
    return holds(
        least_ms - 1 <= waited_ms <= least_ms * 1.125 + 10,
        expected=f"2 srtt = {least_ms:.1f} ms, up to an eighth and 10 ms more",
        measured=f"{waited_ms:.1f} ms",
        value=waited_ms,
    )


@experiment.claim("window: the probe carries new data, since there was some to send")
def probe_is_new(run: Run) -> Outcome:
    """tcp_send_loss_probe prefers a segment never sent before; RFC 8985 section 7.3."""
    return equal(_segment(run, "window", 10)["kind"], "new")


@experiment.claim("window: the probe's SACK starts fast recovery of all ten, and no timer fires")
def probe_recovers(run: Run) -> Outcome:
    """The SACK of the eleventh segment shows the ten before it missing; RACK marks them lost."""
    return equal(_classes(run, "window"), {"fast": 10})


@experiment.claim("timeout: with the probe lost too, the timer fires and all eleven are sent again under it")
def timer_fires(run: Run) -> Outcome:
    """tcp_enter_loss marks what is in flight as lost."""
    return equal(_classes(run, "timeout"), {"timeout": 11})


@experiment.claim("timeout: the timer fired one RTO after the probe")
def timer_time(run: Run) -> Outcome:
    """The probe re-arms the timer (tcp_send_loss_probe, tcp_rearm_rto); the timer wheel may add an eighth."""
    sampled = run.sockets("timeout").filter(pl.col("srtt_ns") > 0).sort("t_ns")
    rto_ms = observed(sampled["rto_ns"].first(), "RTO of the sender") / 1e6
    waited_ms = _segment(run, "timeout", 11)["waited_ns"] / 1e6
    return holds(
        rto_ms - 5 <= waited_ms <= rto_ms * 1.125 + 10,
        expected=f"RTO of {rto_ms:.0f} ms, up to an eighth and 10 ms more",
        measured=f"{waited_ms:.1f} ms",
        value=waited_ms,
    )


@experiment.claim("timeout: F-RTO sends two new segments before it believes in the loss")
def f_rto(run: Run) -> Outcome:
    """RFC 5682 as tcp_process_loss has it: the first segment again, then new data, then the rest."""
    return equal(_data(run, "timeout")["kind"].to_list()[11:14], ["timeout", "new", "new"])


@experiment.claim("the classes add up to the kernel's RetransSegs")
def counted(run: Run) -> Outcome:
    """All five flows together, against h1's counter."""
    seen = sum(run.connection(flow, at="h1-eth0")["a_retransmitted_segments"] for flow in FLOWS)
    return equal(seen, run.counter("h1", "TcpRetransSegs"), "segments")


@experiment.claim("the kernel counts the same events: 2 loss probes, 1 timeout")
def events(run: Run) -> Outcome:
    """The probes of "window" and "timeout"; the timer of "timeout"."""
    counted = {name: run.counter("h1", f"TcpExt{name}") for name in ("TCPLossProbes", "TCPTimeouts")}
    return equal(counted, {"TCPLossProbes": 2, "TCPTimeouts": 1})


# From just before the first loss of a flow to the end of its recovery; the rest of the transfer would hide it.
SHOWN = {"three": ("4.07s", "4.24s"), "window": ("6s", "6.4s"), "timeout": ("8s", "8.65s")}
for _flow, (_start, _stop) in SHOWN.items():
    shown = {"flow": _flow, "capture": "h1-eth0", "start": _start, "stop": _stop}
    experiment.figure(f"time_sequence_{_flow}", "time_sequence", window=False, title=_flow, **shown)
experiment.figure("life", "life", flow="three", capture="h1-eth0", start="4.04s", stop="4.24s", title="three")
experiment.figure("retransmissions", "retransmissions", **shown)
experiment.figure("rtt", "rtt", flow="timeout", capture="h1-eth0")
