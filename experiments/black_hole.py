r"""
    h1 ---- r1 -------- r2 ---- h2       MTU 1500, 1400 between r1 and r2; 10 Mbit/s, 5 ms each way on every link
    h3 ----´                             r1's ICMP errors die on the way to h1, h3 and h4: a firewall drops them
    h4 ----´

What becomes of a connection whose path MTU nobody may tell (M09)?

Its handshake fits, so it opens; its first full segment does not, and the router's answer never comes. `stuck` (h1,
tcp_mtu_probing 0) repeats that segment until the agent gives up. `probing` (h3, tcp_mtu_probing 1) suspects a black
hole after tcp_retries1 + 1 timeouts, falls back to tcp_base_mss 1024, and halves that until something is acknowledged
(RFC 4821); from there it searches upwards. `clamped` (h4) never meets it: its peer announces the MSS that a router
which clamps would have written. References: RFC 2923, RFC 4821; tcp_mtu_probing, tcp_mtu_probe in net/ipv4 of the
kernel.
"""

import networkx as nx
import polars as pl

from netemu.experiment import Experiment, Outcome, Run, at_most, bulk, equal, holds, observed
from netemu.units import parse_size_bytes

HOSTS = {"h1": 0, "h3": 1, "h4": 0}  # tcp_mtu_probing of each sender
FLOWS = {"stuck": "h1", "probing": "h3", "clamped": "h4"}
PATH_MTU = 1400
HEADERS_BYTES = 40 + 12  # IPv4, TCP and the timestamps option
BASE_MSS_BYTES = 1024  # tcp_base_mss
CLAMPED_MSS_BYTES = PATH_MTU - 40

experiment = Experiment("black_hole", question="What becomes of a connection whose path MTU nobody may tell?")
experiment.parameter("size", 200_000, "bytes that each flow sends", parse=parse_size_bytes)


@experiment.topology
def topology(p):
    """One narrow link behind r1, and a firewall in front of every sender."""
    graph = nx.Graph()
    link = {"rate": "10Mbit/s", "delay": "5ms"}
    for router in ("r1", "r2"):
        graph.add_node(router, role="router")
    graph.add_node("h2", role="host")
    for host, probing in HOSTS.items():
        graph.add_node(host, role="host", sysctls={"net.ipv4.tcp_mtu_probing": probing})
        graph.add_edge(host, "r1", **link, drops={f"r1->{host}": [{"kind": "icmp", "nth": "all"}]})
    graph.add_edge("r1", "r2", **link, mtu_bytes=PATH_MTU)
    graph.add_edge("r2", "h2", **link)
    return graph


@experiment.traffic
def traffic(p):
    """The same transfer from each host at once; the links' rate is enough for none to matter to another."""
    reader = {"mss_bytes": CLAMPED_MSS_BYTES}
    options = {"congestion": "cubic"}
    return [
        bulk("stuck", "h1", "h2", size=p.size, sender=options, stop="10s"),
        bulk("probing", "h3", "h2", size=p.size, sender=options, start="100ms", stop="20s"),
        bulk("clamped", "h4", "h2", size=p.size, sender=options, receiver=reader, start="200ms", stop="10s"),
    ]


def _data(run: Run, flow: str, at: str) -> pl.DataFrame:
    return run.packets(flow, at=at, direction=0).filter(pl.col("payload_bytes") > 0).sort("t_ns")


@experiment.claim("the routers told of their MTU, and no host heard them")
def filtered(run: Run) -> Outcome:
    """Without errors to drop the path would be no black hole."""
    dropped = sum(run.wire(f"{host}-r1", "b_to_a")["action"].eq("drop_list").sum() for host in ("h1", "h3"))
    heard = sum(run.icmp(at=f"{host}-eth0").height for host in HOSTS)
    return holds(
        dropped > 0 and heard == 0,
        expected="ICMP errors sent, 0 heard",
        measured=f"{dropped} dropped, {heard} heard",
        value=dropped,
    )


@experiment.claim("stuck: the connection opens, and not one byte arrives")
def opens_and_hangs(run: Run) -> Outcome:
    row = run.connection("stuck", at="h1-eth0")
    arrived = _data(run, "stuck", "h2-eth0").height
    return holds(
        row["opening"] == "handshake" and arrived == 0,
        expected="a handshake, 0 data segments at h2",
        measured=f"{row['opening']}, {arrived} data segments at h2",
        value=arrived,
    )


@experiment.claim("stuck: the sender repeats full segments and never makes them smaller")
def stays_full(run: Run) -> Outcome:
    sizes = _data(run, "stuck", "h1-eth0").filter(pl.col("kind") != "new")["payload_bytes"]
    return equal(sorted(set(sizes)), [1500 - HEADERS_BYTES], "bytes of what is sent again")


@experiment.claim("probing: every byte arrives")
def rescued(run: Run) -> Outcome:
    return equal(
        run.connection("probing", at="h2-eth0")["a_unique_payload_bytes"], run.plan.parameters["size"], "bytes"
    )


@experiment.claim("probing: the first segment that gets through is of tcp_base_mss")
def base(run: Run) -> Outcome:
    """tcp_mtu_probing sets search_low to the MTU that tcp_base_mss makes with this connection's own headers."""
    first = observed(_data(run, "probing", "h2-eth0")["payload_bytes"].first(), "data segment at h2")
    return equal(first, BASE_MSS_BYTES, "bytes")


@experiment.claim("probing: it suspects the black hole after several timeouts, not at the first")
def patience(run: Run) -> Outcome:
    """retransmits_timed_out(tcp_retries1): more timeouts of the same segment than tcp_retries1 (3) would take."""
    sent = _data(run, "probing", "h3-eth0")
    small_ns = observed(
        sent.filter(pl.col("payload_bytes") == BASE_MSS_BYTES)["t_ns"].first(), "segment of the base size"
    )
    timeouts = sent.filter((pl.col("t_ns") < small_ns) & (pl.col("kind") == "timeout")).height
    return holds(timeouts >= 3, expected="at least 3 timeouts before", measured=f"{timeouts}", value=timeouts)


@experiment.claim("probing: from there on probes search upwards, and none that exceeds the path MTU is confirmed")
def searches(run: Run) -> Outcome:
    """tcp_mtu_probe tries the middle between search_low and search_high; a lost probe lowers search_high."""
    steps = run.rows("path_mtu", "probing", at="h3-eth0", direction=0)
    confirmed = steps.filter(pl.col("cause") == "mtu_probe_confirmed")["mtu_bytes"].to_list()
    lost = steps.filter(pl.col("cause") == "mtu_probe_lost")["probe_bytes"].to_list()
    return holds(
        bool(confirmed)
        and confirmed == sorted(confirmed)
        and confirmed[-1] <= PATH_MTU < min(lost, default=PATH_MTU + 1),
        expected=f"confirmed sizes that grow up to {PATH_MTU}, lost ones above it",
        measured=f"confirmed {confirmed}, lost {lost}",
        value=max(confirmed, default=None),
    )


@experiment.claim("probing: no packet that arrives exceeds the path MTU")
def fits(run: Run) -> Outcome:
    return at_most(run.packets("probing", at="h2-eth0", direction=0)["ip_bytes"].max(), PATH_MTU, "bytes")


@experiment.claim("clamped: every byte arrives, and nothing is sent again")
def clamped(run: Run) -> Outcome:
    row = run.connection("clamped", at="h4-eth0")
    found = (run.connection("clamped", at="h2-eth0")["a_unique_payload_bytes"], row["a_retransmitted_segments"])
    return equal(found, (run.plan.parameters["size"], 0), "bytes and retransmissions")


experiment.figure("stuck", "time_sequence", flow="stuck", capture="h1-eth0", window=False)
experiment.figure("probing", "time_sequence", flow="probing", capture="h3-eth0", window=False)
experiment.figure("segment_size", "segment_size", flow="probing", capture="h3-eth0")
