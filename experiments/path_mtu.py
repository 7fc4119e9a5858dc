r"""
           1500            1400            1280            1500
    h1 ------------ r1 ------------ r2 ------------ r3 ------------ h2
        20 Mbit/s       20 Mbit/s       20 Mbit/s       20 Mbit/s        5 ms each way on every link

How does a Linux host find the smallest MTU on its path (M08)?

h1 knows its own link only: its SYN announces an MSS for 1500. Its first full segments die at r1, which may not
fragment them (DF) and answers with an ICMP error that names 1400; the next ones die at r2, which names 1280. After
two round trips h1's segments fit, and the kernel remembers the path MTU for the destination. IPv6 does the same with
Packet Too Big, and headers that are 20 bytes longer. References: RFC 1191, RFC 8201; tcp_v4_mtu_reduced and
tcp_sync_mss in net/ipv4 of the kernel.
"""

import polars as pl

from netemu.experiment import Experiment, Outcome, Run, bulk, equal, holds, observed
from netemu.units import parse_rate_bps, parse_size_bytes, parse_time_ns
from topologies import chain

MTUS = (1500, 1400, 1280, 1500)
TIMESTAMPS_BYTES = 12  # the timestamp option and its padding, in every segment of both hosts
HEADERS_BYTES = {4: 40, 6: 60}
REPORT = {4: "icmp_fragmentation_needed", 6: "icmp_packet_too_big"}

experiment = Experiment("path_mtu", question="How does a Linux host find the smallest MTU on its path?")
experiment.parameter("size", 400_000, "bytes that each flow sends", parse=parse_size_bytes)
experiment.parameter("rate", "20Mbit/s", "rate of every link", parse=parse_rate_bps)
experiment.parameter("delay", "5ms", "one-way delay of every link", parse=parse_time_ns)


@experiment.topology
def topology(p):
    """Four links of MTU 1500, 1400, 1280, 1500 in a row."""
    return chain(mtus=MTUS, rate=p.rate, delay=p.delay)


@experiment.traffic
def traffic(p):
    """One bulk transfer over IPv4 and, once that is done, one over IPv6."""
    options = {"congestion": "cubic"}
    return [
        bulk("v4", "h1", "h2", size=p.size, sender=options, family=4, stop="10s"),
        bulk("v6", "h1", "h2", size=p.size, sender=options, family=6, start="2s", stop="12s"),
    ]


def _family_claims(family: int) -> None:
    flow, headers = f"v{family}", HEADERS_BYTES[family]

    @experiment.claim(f"IPv{family}: the SYN announces the MSS of the sender's own link")
    def announced(run: Run) -> Outcome:
        return equal(run.connection(flow, at="h1-eth0")["a_mss_announced_bytes"], MTUS[0] - headers, "bytes")

    @experiment.claim(f"IPv{family}: each router on the way names its own smaller MTU, nearest first")
    def reported(run: Run) -> Outcome:
        steps = run.rows("path_mtu", flow, at="h1-eth0", direction=0)
        return equal(steps.filter(steps["router"].is_not_null())["mtu_bytes"].to_list(), [1400, 1280])

    @experiment.claim(f"IPv{family}: segments step down for an ICMP error each, and for nothing else")
    def steps(run: Run) -> Outcome:
        found = run.rows("path_mtu", flow, at="h1-eth0", direction=0).select("cause", "mtu_bytes").rows()
        return equal(found, [("handshake", 1500), (REPORT[family], 1400), (REPORT[family], 1280)])

    @experiment.claim(f"IPv{family}: after the last ICMP error no packet exceeds the path MTU")
    def settled(run: Run) -> Outcome:
        last = observed(run.icmp(at="h1-eth0", flow=flow)["t_ns"].max(), "ICMP error")
        later = run.packets(flow, at="h1-eth0", direction=0).filter(pl.col("t_ns") > last)
        return equal(later["ip_bytes"].max(), min(MTUS), "bytes")

    @experiment.claim(f"IPv{family}: full segments then carry path MTU - {headers} - {TIMESTAMPS_BYTES} bytes")
    def carried(run: Run) -> Outcome:
        arrived = run.packets(flow, at="h2-eth0", direction=0)
        return equal(arrived["payload_bytes"].max(), min(MTUS) - headers - TIMESTAMPS_BYTES, "bytes")

    @experiment.claim(f"IPv{family}: the kernel's own path MTU (tcpi_pmtu) agrees with the packets")
    def cached(run: Run) -> Outcome:
        return equal(observed(run.sockets(flow)["pmtu_bytes"].drop_nulls().last(), "tcpi_pmtu"), min(MTUS), "bytes")

    @experiment.claim(f"IPv{family}: every byte arrives")
    def delivered(run: Run) -> Outcome:
        return equal(run.connection(flow, at="h2-eth0")["a_unique_payload_bytes"], run.plan.parameters["size"], "bytes")


for _family in (4, 6):
    _family_claims(_family)


@experiment.claim("every IPv4 data packet has DF set")
def dont_fragment(run: Run) -> Outcome:
    """Without DF the routers would fragment and h1 would never learn."""
    data = run.packets("v4", at="h1-eth0", direction=0).filter(pl.col("payload_bytes") > 0)
    without = data.height - int(data["dont_fragment"].sum())
    return holds(without == 0, expected="0 without DF", measured=f"{without} of {data.height} without", value=without)


@experiment.claim("retransmissions seen in the packets equal the kernel's RetransSegs")
def counted(run: Run) -> Outcome:
    """The segments that died at r1 and r2 are sent again, and counted by h1's kernel."""
    seen = sum(run.connection(flow, at="h1-eth0")["a_retransmitted_segments"] for flow in ("v4", "v6"))
    return equal(seen, run.counter("h1", "TcpRetransSegs"), "segments")


experiment.figure("path_mtu", "segment_size", flow="v4", capture="h1-eth0", title="IPv4")
experiment.figure("path_mtu_ipv6", "segment_size", flow="v6", capture="h1-eth0", title="IPv6")
experiment.figure("time_sequence", "time_sequence", flow="v4", capture="h1-eth0", window=False)
