r"""
                 10 Mbit/s, 20 ms each way, queue 60 packets
            h1 ------------------------------------------------ h2
                one flow after the other, each held by something else

What kernels say of a sender beside what its packets say: traffic for :mod:`tests.bench.bench_sender`.

    cubic, reno, bbr     bulk, with 5 listed losses: cwnd, ssthresh, Recovery
    timeout              the initial window and its probe lost: Loss
    rwnd                 a receive buffer below the path's bandwidth-delay product
    slow                 a receiver that does not read for two seconds
    sndbuf               a send buffer of 16 KiB
    paced                SO_MAX_PACING_RATE below the path's rate
    nagle                small writes 3 ms apart, Nagle's algorithm on
    application          4 kB every 100 ms
"""

from netemu.experiment import Experiment, Flow, Outcome, Run, bulk, equal
from topologies import chain

SO_MAX_PACING_RATE = 47
LOSSES = {"kind": "new_data", "nth": [300, 600, 601, 602, 900]}
FLOWS = ("cubic", "reno", "bbr", "timeout", "rwnd", "slow", "sndbuf", "paced", "nagle", "application")
SIZES = {"cubic": 4_000_000, "reno": 4_000_000, "bbr": 4_000_000, "timeout": 300_000, "rwnd": 500_000}
SIZES |= {"slow": 500_000, "sndbuf": 300_000, "paced": 500_000}
SECONDS = 5
PORTS = {flow: 5001 + index for index, flow in enumerate(FLOWS)}

experiment = Experiment("sender_flows", question="What held the sender?")


@experiment.topology
def topology(p):
    """One link; the bulk flows lose listed segments."""
    drops = [{**LOSSES, "port": PORTS[flow]} for flow in ("cubic", "reno", "bbr")]
    drops.append({"kind": "data", "nth": list(range(1, 12)), "port": PORTS["timeout"]})
    graph = chain(mtus=(1500,), rate="10Mbit/s", delay="20ms", queue="60p")
    graph.edges["h1", "h2"]["drops"] = {"h1->h2": drops}
    return graph


@experiment.traffic
def traffic(p):
    """The flows follow each other, so that none meets another."""
    sender = {flow: {"congestion": flow if flow in ("reno", "bbr") else "cubic"} for flow in FLOWS}
    sender["sndbuf"]["sndbuf_bytes"] = 16_384
    sender["paced"]["setsockopt"] = [["SOL_SOCKET", SO_MAX_PACING_RATE, 250_000]]
    receiver = {"rwnd": {"rcvbuf_bytes": 16_384}, "slow": {"initial_pause_ns": 2_000_000_000, "rcvbuf_bytes": 65_536}}
    flows = []
    for index, flow in enumerate(FLOWS):
        times = {"start": f"{SECONDS * index}s", "stop": f"{SECONDS * (index + 1)}s", "port": PORTS[flow]}
        if flow in SIZES:
            options = {"sender": sender[flow], "receiver": receiver.get(flow, {}), **times}
            flows.append(bulk(flow, "h1", "h2", size=SIZES[flow], **options))
        else:
            size, gap_ns = (100, 3_000_000) if flow == "nagle" else (4_000, 100_000_000)
            writes = {"size_bytes": size, "gap_ns": gap_ns, "count": 3_000_000_000 // gap_ns, **sender[flow]}
            start_ns = SECONDS * index * 1_000_000_000
            flows.append(
                Flow(
                    flow,
                    "h1",
                    "h2",
                    "small_writes",
                    "sink",
                    writes,
                    port=PORTS[flow],
                    start_ns=start_ns,
                    stop_ns=start_ns + SECONDS * 1_000_000_000,
                )
            )
    return flows


@experiment.claim("every flow was captured")
def captured(run: Run) -> Outcome:
    """One connection each."""
    return equal(len({run.connection(flow, at="h1-eth0")["server"] for flow in FLOWS}), len(FLOWS), "connections")
