r"""
                 10 Mbit/s, 20 ms each way, queue 200 packets
            h1 ------------------------------------------------ h2
                the wire drops exactly the segments listed

What does Linux do when 1, 2, 3 segments or a whole window are lost (M06, M07)?

Five flows, one after the other, lose from h1 to h2

    one      the 30th new data segment                    a hole that SACK and RACK find within an RTT
    two      the 30th and 32nd                            two holes in one window
    three    the 30th, 31st and 34th                      three holes
    window   all 10 of the initial window                 nothing comes back: a tail-loss probe sends the last one again
    timeout  the initial window and the probe             even that is lost: only the retransmission timer is left

References: RFC 8985 (RACK-TLP), RFC 6675, RFC 6298; tcp_schedule_loss_probe, tcp_fastretrans_alert and
tcp_retransmit_timer in net/ipv4 of the kernel.
"""

import polars as pl

from netemu.experiment import Experiment, Outcome, Run, at_least, bulk, equal, holds, within
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
RTT_NS = 40_000_000

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


def _first_retransmission_ns(run: Run, flow: str, kind: str) -> int:
    """From the last transmission before the first retransmission of ``kind`` to that retransmission."""
    sent = run.packets(flow, at="h1-eth0", direction=0).filter(pl.col("payload_bytes") > 0).sort("t_ns")
    first = sent.filter(pl.col("kind") == kind)["t_ns"].min()
    return int(first - sent.filter(pl.col("t_ns") < first)["t_ns"].max())


def _flow_claims(flow: str) -> None:
    @experiment.claim(f"{flow}: the wire dropped exactly the {LOST[flow]} listed segments")
    def dropped(run: Run) -> Outcome:
        rows = run.wire("h1-h2", "a_to_b").filter(pl.col("destination").str.ends_with(f":{run.port(flow)}"))
        return equal(rows.filter(pl.col("action") == "drop_list").height, LOST[flow], "segments")

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
        lost_ns = sent.filter(pl.col("seq_offset_bytes").is_in(again["seq_offset_bytes"].implode()))["t_ns"].min()
        took_ns = int(again["t_ns"].max() - lost_ns)
        srtt_ns = run.sockets(flow)["srtt_ns"].max()
        return holds(
            took_ns <= 2 * srtt_ns + 10_000_000,
            expected=f"≤ 2 srtt + 10 ms = {(2 * srtt_ns + 10_000_000) / 1e6:.1f} ms",
            measured=f"{took_ns / 1e6:.1f} ms",
            value=took_ns / 1e6,
        )


for _flow in ("one", "two", "three"):
    _fast_claims(_flow)


@experiment.claim("window: a tail-loss probe fires first, after about two round trips")
def probe_time(run: Run) -> Outcome:
    """tcp_schedule_loss_probe: 2 srtt + 2 jiffies; the handshake gave srtt = RTT. Timer at 250 Hz: within 10 ms."""
    return within(_first_retransmission_ns(run, "window", "tail_loss_probe") / 1e6, 2 * RTT_NS / 1e6 + 6, 10, "ms")


@experiment.claim("window: the probe's SACK starts fast recovery, and no timeout happens")
def probe_recovers(run: Run) -> Outcome:
    """The probe repeats the last segment; its SACK shows the other nine missing."""
    return equal(_classes(run, "window"), {"fast": 9, "tail_loss_probe": 1})


@experiment.claim("timeout: with the probe lost too, the retransmission timer fires")
def timer_fires(run: Run) -> Outcome:
    """A timeout marks the window lost, and it is sent again from its first segment."""
    return at_least(_classes(run, "timeout").get("timeout", 0), 10, "segments of class timeout")


@experiment.claim("timeout: the timer was the kernel's RTO after the probe")
def timer_time(run: Run) -> Outcome:
    """The probe re-arms the timer (tcp_send_loss_probe, tcp_rearm_rto); the timer wheel may add an eighth."""
    rto_ns = run.sockets("timeout").filter(pl.col("rto_ns") > 0)["rto_ns"].to_list()[0]
    return within(_first_retransmission_ns(run, "timeout", "timeout") / 1e6, rto_ns / 1e6, 40, "ms")


@experiment.claim("the classes add up to the kernel's RetransSegs")
def counted(run: Run) -> Outcome:
    """All five flows together, against h1's counter."""
    seen = sum(run.connection(flow, at="h1-eth0")["a_retransmitted_segments"] for flow in FLOWS)
    return equal(seen, run.counter("h1", "TcpRetransSegs"), "segments")


@experiment.claim("tail-loss probes seen equal the kernel's TCPLossProbes")
def probes_counted(run: Run) -> Outcome:
    """Only probes that repeat a segment are retransmissions; the counter has those that carry new data too."""
    seen = sum(_classes(run, flow).get("tail_loss_probe", 0) for flow in FLOWS)
    return equal(seen, run.counter("h1", "TcpExtTCPLossProbes"), "probes")


for _flow in ("three", "window", "timeout"):
    experiment.figure(f"time_sequence_{_flow}", "time_sequence", flow=_flow, capture="h1-eth0", title=_flow)
experiment.figure("retransmissions", "retransmissions", flow="timeout", capture="h1-eth0")
experiment.figure("rtt", "rtt", flow="timeout", capture="h1-eth0")
