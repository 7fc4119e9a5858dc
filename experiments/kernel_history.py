r"""
    h1 ------------------------ h2   10 Mbit/s, 20 ms each way: single, burst, tail, small_buffer, requests, paced
    h3 ------------------------ h4   40 Mbit/s,  2 ms each way: sacks
    h5 ------------------------ h6   10 Mbit/s, 20 ms each way: syn, syn_ack
    h7 ------------------------ h8   10 Mbit/s, 20 ms each way, 12 ms from 150 ms on: reordered

The same losses on every kernel: what has changed in Linux's TCP since 5.10, and what has not?

Run it on several kernels at once; the comparison has a panel for each:

    netemu run experiments/kernel_history.py --kernel 'uml:5.10?time=virtual' --kernel 'uml:6.1?time=virtual' \
        --kernel 'uml:6.12?time=virtual' --kernel 'uml:7.2?time=virtual'

What has changed, with the release and the commit that changed it:

    syn           three SYNs are lost              6.5: they are sent again every second, not after 1, 2, 4 s
    syn_ack       three SYN-ACKs are lost          6.5: so the third SYN comes after 2 s, not after 3 s
    small_buffer  the receiver has 8 KiB           6.6: the window is what the memory really holds, not half of it
    sacks         one segment is lost, RTT 4 ms    6.19: at most one SACK a millisecond, not one for each segment

What has not, and would be as surprising if it did: fast retransmission of one lost segment (single) and of twenty in a
row (burst), the tail-loss probe (tail), write-write-read against Nagle and the delayed ACK (requests), pacing (paced),
reordering that is no loss (reordered). A kernel of a distribution may have a change earlier than its number says.
References: RFC 6298, RFC 7323, RFC 8985, RFC 6937, RFC 1122; net/ipv4/tcp_timer.c, tcp_input.c and tcp_output.c.
"""

from dataclasses import dataclass
from itertools import pairwise

import networkx as nx
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
    request_response,
    within,
)
from netemu.specs import ProbeSpec


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the kernel: the first release that has it, and where to read about it."""

    release: tuple[int, int]
    commit: str
    title: str

    def there(self, run: Run) -> bool:
        """Whether the kernel of this run has it."""
        return run.kernel_release >= self.release

    def reason(self, run: Run) -> str:
        """Why this kernel is expected to do what it does."""
        when = "since" if self.there(run) else "before"
        return f"{when} Linux {self.release[0]}.{self.release[1]}, {self.commit} ({self.title!r})"


LINEAR_SYNS = Change((6, 5), "ccce324dabfe", "tcp: make the first N SYN RTO backoffs linear")
MEASURED_WINDOW = Change((6, 6), "dfa2f0483360", "tcp: get rid of sysctl_tcp_adv_win_scale")
SACKS_BY_RTT = Change((6, 19), "416dd649f3aa", "tcp: add net.ipv4.tcp_comp_sack_rtt_percent")

LINKS = {
    ("h1", "h2"): {"rate": "10Mbit/s", "delay": "20ms"},
    ("h3", "h4"): {"rate": "40Mbit/s", "delay": "2ms"},
    ("h5", "h6"): {"rate": "10Mbit/s", "delay": "20ms"},
    ("h7", "h8"): {"rate": "10Mbit/s", "delay": "20ms", "schedule": {"h7->h8": [{"at": "150ms", "delay": "12ms"}]}},
}
SIZES = {
    "single": 300_000,
    "burst": 300_000,
    "tail": 100_000,
    "small_buffer": 100_000,
    "paced": 100_000,
    "sacks": 100_000,
    "syn": 20_000,
    "syn_ack": 20_000,
    "reordered": 300_000,
}
PORTS = {flow: 5001 + index for index, flow in enumerate([*SIZES, "requests"])}
DROPPED = {
    "single": ("h1->h2", "new_data", [30]),
    "burst": ("h1->h2", "new_data", list(range(31, 51))),
    "tail": ("h1->h2", "new_data", [70]),  # the last segment of 100 kB
    "sacks": ("h3->h4", "new_data", [30]),
    "syn": ("h5->h6", "syn", [1, 2, 3]),
    "syn_ack": ("h6->h5", "syn_ack", [1, 2, 3]),
}
RTT_MS = 40  # of all links but that of "sacks"
MSS_BYTES = 1448
PACED_BPS = 4_000_000
SO_MAX_PACING_RATE = 47  # asm-generic/socket.h; bytes per second
DELAYED_ACK_MS = 40  # TCP_DELACK_MIN (include/net/tcp.h)
TICK_MS = 10  # of the slowest kernels, 100 a second; timers may fire as much later
WHEEL = 1 / 8  # a jiffies timer is rounded up by at most one eighth of its delay (kernel/time/timer.c, LVL_GRAN)

experiment = Experiment(
    "kernel_history",
    question="The same losses on every kernel: what has changed in Linux's TCP since 5.10?",
    probes=ProbeSpec(interval_ns=10_000_000),
)


@experiment.topology
def topology(p):
    """Four links that share no host, so that no flow meets another; what a host learns of a path it forgets."""
    graph = nx.Graph()
    for (a, b), link in LINKS.items():
        for host in (a, b):
            graph.add_node(host, role="host", sysctls={"net.ipv4.tcp_no_metrics_save": 1})
        drops: dict[str, list[dict]] = {}
        for flow, (direction, kind, nth) in DROPPED.items():
            if direction in (f"{a}->{b}", f"{b}->{a}"):
                drops.setdefault(direction, []).append({"kind": kind, "nth": nth, "port": PORTS[flow]})
        graph.add_edge(a, b, **link, queue="200p", drops=drops or None)
    return graph


@experiment.traffic
def traffic(p):
    """On the first link one flow after the other."""
    cubic = {"congestion": "cubic"}
    paced = {**cubic, "setsockopt": [["SOL_SOCKET", SO_MAX_PACING_RATE, PACED_BPS // 8]]}

    def flow(name, a, b, start="0s", sender=cubic, **options):
        return bulk(name, a, b, size=SIZES[name], sender=sender, port=PORTS[name], start=start, stop="20s", **options)

    return [
        flow("single", "h1", "h2"),
        flow("burst", "h1", "h2", "1s"),
        flow("tail", "h1", "h2", "2s"),
        flow("small_buffer", "h1", "h2", "3s", receiver={"rcvbuf_bytes": 8192}),
        flow("paced", "h1", "h2", "4500ms", sender=paced),
        request_response(
            "requests",
            "h1",
            "h2",
            count=8,
            sender={**cubic, "writes": 2},
            port=PORTS["requests"],
            start="5500ms",
            stop="20s",
        ),
        flow("sacks", "h3", "h4"),
        flow("syn", "h5", "h6"),
        flow("syn_ack", "h5", "h6"),
        flow("reordered", "h7", "h8"),
    ]


def _ends(run: Run, flow: str) -> tuple[str, str]:
    """The interfaces of the flow's client and server."""
    return f"{run.agent(f'{flow}.client').host}-eth0", f"{run.agent(f'{flow}.server').host}-eth0"


def _sent(run: Run, flow: str) -> pl.DataFrame:
    """Every data segment of the flow as its sender's host shows it, in order."""
    packets = run.packets(flow, at=_ends(run, flow)[0], direction=0)
    return packets.filter(pl.col("payload_bytes") > 0).sort("t_ns")


def _syns_ms(run: Run, flow: str) -> list[float]:
    """When the client sent its SYNs, since the first."""
    packets = run.packets(flow, at=_ends(run, flow)[0], direction=0).filter(pl.col("flags") & 2 > 0)
    return [(t_ns - packets["t_ns"][0]) / 1e6 for t_ns in packets["t_ns"]]


def _classes(run: Run, flow: str) -> dict[str, int]:
    row = run.connection(flow, at=_ends(run, flow)[0])
    counts = {name: row[f"a_retransmits_{name}"] for name in ("timeout", "fast", "tail_loss_probe")}
    return {name: count for name, count in counts.items() if count}


def _flow_claims(flow: str) -> None:
    @experiment.claim(f"{flow}: every byte arrives")
    def delivered(run: Run) -> Outcome:
        return equal(run.connection(flow, at=_ends(run, flow)[1])["a_unique_payload_bytes"], SIZES[flow], "bytes")


def _drop_claims(flow: str) -> None:
    direction, _, nth = DROPPED[flow]
    a, _, b = direction.partition("->")

    @experiment.claim(f"{flow}: the wire dropped exactly what was listed")
    def dropped(run: Run) -> Outcome:
        link, way = (f"{a}-{b}", "a_to_b") if a < b else (f"{b}-{a}", "b_to_a")
        port = pl.col("destination" if way == "a_to_b" else "source").str.ends_with(f":{PORTS[flow]}")
        rows = run.wire(link, way).filter(port)
        return equal(rows.filter(pl.col("action") == "drop_list").height, len(nth), "packets")


# ---- connecting: the initial RTO and what follows it


@experiment.claim("syn: the SYN is sent again after 1, 2, 4 s before Linux 6.5, every second since")
def syn_timeouts(run: Run) -> Outcome:
    """tcp_retransmit_timer: since 6.5 the first tcp_syn_linear_timeouts (4) timeouts do not back off."""
    asked_s = [1, 1, 1] if LINEAR_SYNS.there(run) else [1, 2, 4]
    waited_s = [(later - earlier) / 1e3 for earlier, later in pairwise(_syns_ms(run, "syn"))]
    fits = len(waited_s) == len(asked_s) and all(
        asked - TICK_MS / 1e3 <= waited <= asked * (1 + WHEEL) + TICK_MS / 1e3
        for waited, asked in zip(waited_s, asked_s, strict=True)
    )
    return holds(
        fits,
        expected=f"{', '.join(map(str, asked_s))} s, each up to an eighth more: {LINEAR_SYNS.reason(run)}",
        measured=f"{', '.join(f'{waited:.3f}' for waited in waited_s)} s",
        value=sum(waited_s),
    )


@experiment.claim("syn: after several lost SYNs the window opens with one segment, on every kernel")
def syn_window(run: Run) -> Outcome:
    """tcp_init_transfer (RFC 6298 section 5.7): lost SYNs that the timestamps prove lost cost the initial window."""
    acked = run.packets("syn", at="h5-eth0", direction=1).filter(pl.col("ack_offset_bytes") > 1)["t_ns"].min()
    first = _sent(run, "syn").filter(pl.col("t_ns") < observed(acked, "acknowledged data"))
    return equal(first.height, 1, "segments before the first is acknowledged")


@experiment.claim("syn_ack: the third SYN after a lost SYN-ACK comes after 3 s before Linux 6.5, after 2 s since")
def syn_ack_timeouts(run: Run) -> Outcome:
    """The server answers each SYN anew (tcp_check_req), so what changed for SYNs shortens this as well.

    Its own timer answers too: whether it fires before or after the SYN arrives is a matter of the wheel's phase, and
    decides whether the third SYN-ACK is lost before or after the third SYN. So a fourth SYN may follow.
    """
    asked_ms = 2000 if LINEAR_SYNS.there(run) else 3000
    syns = _syns_ms(run, "syn_ack")
    if len(syns) < 3:
        raise NotObservable(f"{len(syns)} SYNs were sent, at least 3 are needed")
    return holds(
        asked_ms - TICK_MS <= syns[2] <= asked_ms * (1 + WHEEL) + TICK_MS,
        expected=f"{asked_ms / 1e3:g} s, up to an eighth more: {LINEAR_SYNS.reason(run)}",
        measured=f"{syns[2] / 1e3:.3f} s",
        value=syns[2] / 1e3,
    )


# ---- recovery


@experiment.claim("single: one fast retransmission, on every kernel")
def single_recovers(run: Run) -> Outcome:
    """RACK finds the hole by its SACKs (RFC 8985)."""
    return equal(_classes(run, "single"), {"fast": 1})


@experiment.claim("single: CUBIC reduces its window to 0.7 of what it was, on every kernel")
def single_reduces(run: Run) -> Outcome:
    """cubictcp_recalc_ssthresh: 717/1024, rounded down, of the window in which the loss was found."""
    samples = run.sockets("single")
    before = samples.filter(pl.col("ca_state") == "Open", pl.col("snd_ssthresh_segments").is_null())
    cwnd = observed(before["snd_cwnd_segments"].max(), "sample of the window before the loss")
    after = observed(samples["snd_ssthresh_segments"].drop_nulls().first(), "sample of the threshold after the loss")
    # Between two samples, 10 ms, ten more segments may be acknowledged: the window grows by as many in slow start.
    return holds(
        0.7 * cwnd - 1 <= after <= 0.7 * (cwnd + 10),
        expected=f"0.7 of {cwnd} to {cwnd + 10} segments",
        measured=f"{after} segments",
        value=after,
    )


@experiment.claim("burst: twenty losses in a row are repaired by fast retransmissions alone, on every kernel")
def burst_recovers(run: Run) -> Outcome:
    """Proportional rate reduction (RFC 6937, tcp_cwnd_reduction) keeps sending while the hole is being filled."""
    return equal(_classes(run, "burst"), {"fast": 20})


@experiment.claim("burst: the hole is filled within two round trips, on every kernel")
def burst_quick(run: Run) -> Outcome:
    again = _sent(run, "burst").filter(pl.col("kind") == "fast")["t_ns"]
    took_ms = (observed(again.max(), "fast retransmission") - again.min()) / 1e6
    return at_most(took_ms, 2 * RTT_MS, "ms from the first retransmission to the last")


@experiment.claim("tail: a tail-loss probe repairs the last segment, on every kernel")
def tail_recovers(run: Run) -> Outcome:
    """Nothing follows that could be SACKed; tcp_send_loss_probe."""
    return equal(_classes(run, "tail"), {"tail_loss_probe": 1})


@experiment.claim("tail: the probe waits for 2 srtt and 200 ms, or for the RTO if that is less, on every kernel")
def tail_waits(run: Run) -> Outcome:
    """tcp_schedule_loss_probe: the ACK of a single segment may be delayed, hence 200 ms; each ACK starts it anew."""
    sent = _sent(run, "tail")
    probe_ns = observed(sent.filter(pl.col("kind") == "tail_loss_probe")["t_ns"].min(), "tail-loss probe")
    acks = run.packets("tail", at="h1-eth0", direction=1).filter(pl.col("t_ns") < probe_ns)
    waited_ms = (probe_ns - acks["t_ns"].max()) / 1e6
    sample = run.sockets("tail").filter(pl.col("t_ns") < probe_ns, pl.col("srtt_ns") > 0)
    srtt_ns = observed(sample["srtt_ns"].last(), "sample of srtt before the probe")
    asked_ms = min(2 * srtt_ns / 1e6 + 200, sample["rto_ns"].last() / 1e6)
    return holds(
        asked_ms - TICK_MS <= waited_ms <= asked_ms * (1 + WHEEL) + TICK_MS,
        expected=f"{asked_ms:.0f} ms after the last ACK, up to an eighth and {TICK_MS} ms more",
        measured=f"{waited_ms:.1f} ms",
        value=waited_ms,
    )


@experiment.claim("reordered: segments that overtake others are no loss, on every kernel")
def reordered_is_no_loss(run: Run) -> Outcome:
    """RACK allows a quarter of the RTT for it, once it was seen (tcp_rack_reo_wnd); nothing is sent twice."""
    late = run.connection("reordered", at="h8-eth0")["a_out_of_order_segments"]
    again = run.connection("reordered", at="h7-eth0")["a_retransmitted_segments"]
    return holds(
        late > 0 and again == 0,
        expected="segments out of order, 0 retransmissions",
        measured=f"{late} out of order, {again} retransmissions",
        value=again,
    )


# ---- acknowledgements and windows


def _sack_gaps_ms(run: Run) -> list[float]:
    """The time from one ACK with SACK blocks to the next, without the first three, which are never held back."""
    acks = run.packets("sacks", at="h4-eth0", direction=1).filter(pl.col("sack_blocks") > 0).sort("t_ns")
    gaps = [(later - earlier) / 1e6 for earlier, later in pairwise(acks["t_ns"].to_list()[3:])]
    if not gaps:
        raise NotObservable(f"{acks.height} ACKs carry SACK blocks, at least 5 are needed")
    return gaps


@experiment.claim("sacks: one SACK for each segment before Linux 6.19, one a millisecond since")
def sacks_compressed(run: Run) -> Outcome:
    """__tcp_ack_snd_check holds SACKs back for a part of the RTT, 5 % before and 33 % since, but 1 ms at most.

    A segment takes 0.30 ms on this line and 5 % of the RTT are 0.2 ms, so that none is held back before. In real time
    a busy machine's wire hands on some segments late and several at once, whose SACKs are then held back together.
    """
    gaps = sorted(_sack_gaps_ms(run))
    median = gaps[len(gaps) // 2]
    held, each = (0.95, 1.45), (0.2, 0.45 if run.virtual_time else 0.95)
    low, high = held if SACKS_BY_RTT.there(run) else each
    return holds(
        low <= median <= high,
        expected=f"{low:g} to {high:g} ms from one to the next (median): {SACKS_BY_RTT.reason(run)}",
        measured=f"{median:.2f} ms",
        value=median,
    )


@experiment.claim("sacks: whoever sends fewer SACKs is not slower to have the loss repaired, on any kernel")
def sacks_repair(run: Run) -> Outcome:
    """The first three SACKs are sent at once (dup_ack_counter), and three are what the sender waits for."""
    sent = _sent(run, "sacks")
    again = sent.filter(pl.col("kind") == "fast")
    first = sent.filter(pl.col("seq_offset_bytes").is_in(again["seq_offset_bytes"].implode()))["t_ns"].min()
    took_ms = (observed(again["t_ns"].min(), "fast retransmission") - observed(first, "the lost segment")) / 1e6
    rtt_ms = observed(run.rtt("sacks", at="h3-eth0").filter(pl.col("t_ns") < first)["rtt_ns"].max(), "RTT sample") / 1e6
    return at_most(took_ms, 2 * rtt_ms, "ms, 2 of the longest RTT until then")


@experiment.claim("small_buffer: the window is half of the receive buffer before Linux 6.6, more since")
def window_of_memory(run: Run) -> Outcome:
    """tcp_win_from_space: half of sk_rcvbuf (tcp_adv_win_scale 1) before; since, the share of payload measured."""
    buffer_bytes = observed(run.sockets("small_buffer", "server")["rcvbuf_bytes"].max(), "sample of the buffer")
    back = run.packets("small_buffer", at="h2-eth0", direction=1).filter(pl.col("flags") & 2 == 0)
    share = observed(back["window_bytes"].max(), "window") / buffer_bytes
    more = MEASURED_WINDOW.there(run)
    return holds(
        share > 0.5 if more else share <= 0.5,
        expected=f"{'more than' if more else 'at most'} 0.5 of {buffer_bytes} bytes: {MEASURED_WINDOW.reason(run)}",
        measured=f"{share:.3f}",
        value=share,
    )


@experiment.claim("small_buffer: the smaller window costs at least a quarter more time before Linux 6.6")
def window_costs_time(run: Run) -> Outcome:
    """At a window of W each round trip carries W at most; an odd number of segments waits for the delayed ACK too."""
    times = run.packets("small_buffer", at="h2-eth0", direction=0).filter(pl.col("payload_bytes") > 0)["t_ns"]
    took_ms = (observed(times.max(), "data") - times.min()) / 1e6
    bound_ms = 650
    quick = MEASURED_WINDOW.there(run)
    return holds(
        took_ms < bound_ms if quick else took_ms > bound_ms,
        expected=f"{'less' if quick else 'more'} than {bound_ms} ms for 100 kB: {MEASURED_WINDOW.reason(run)}",
        measured=f"{took_ms:.0f} ms",
        value=took_ms,
    )


@experiment.claim("requests: the second small write of each request waits for the delayed ACK, on every kernel")
def nagle(run: Run) -> Outcome:
    """Nagle holds it until the first is acknowledged (tcp_nagle_check), and h2 waits 40 ms for an answer to go with."""
    sent = _sent(run, "requests")["t_ns"].to_list()
    waits_ms = sorted((second - first) / 1e6 for first, second in pairwise(sent))
    held = [wait for wait in waits_ms if wait > 1.5 * DELAYED_ACK_MS]
    return at_least(len(held), 5, f"of 7 later requests held for longer than the RTT by {DELAYED_ACK_MS} ms")


@experiment.claim("paced: segments leave at SO_MAX_PACING_RATE, on every kernel")
def pacing(run: Run) -> Outcome:
    """tcp_update_skb_after_send: payload over rate; the first ten leave at once (TCP_INIT_CWND)."""
    times = _sent(run, "paced")["t_ns"].to_list()[12:]
    gaps_ms = sorted((later - earlier) / 1e6 for earlier, later in pairwise(times))
    return within(gaps_ms[len(gaps_ms) // 2], MSS_BYTES * 8 / PACED_BPS * 1e3, 0.05, "ms from one to the next (median)")


for _flow in SIZES:
    _flow_claims(_flow)
for _flow in DROPPED:
    _drop_claims(_flow)

experiment.figure("syn", "time_sequence", flow="syn", capture="h5-eth0", window=False)
experiment.figure("small_buffer", "time_sequence", flow="small_buffer", capture="h1-eth0", start="3s", stop="4s")
experiment.figure("sacks", "time_sequence", flow="sacks", capture="h3-eth0", window=False)
experiment.figure("burst", "time_sequence", flow="burst", capture="h1-eth0", window=False, start="1s", stop="2s")
