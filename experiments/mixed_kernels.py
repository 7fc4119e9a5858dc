r"""
    h1 ------------------------ h2   10 Mbit/s, 20 ms each way, carried by the relay
    its kernel                  another

Does what a connection does follow the sender's kernel or the receiver's?

    netemu run experiments/mixed_kernels.py --kernel 'uml:7.2?node.h1=5.10' --kernel uml:7.2 --kernel uml:5.10

Each flow runs both ways, so that each host is once on either side:

    syn     three SYNs are lost              when they are sent again is the affair of whoever connects
    window  the receiver has 8 KiB           how much of its memory it announces is the affair of whoever receives

A claim names the host whose kernel should decide, and expects what that kernel's release does: since 6.5 SYNs are sent
again every second, before after 1, 2 and 4 s; since 6.6 the window is what the memory really holds, before at most half
of it (experiments/kernel_history.py has the commits). On one kernel all claims hold as well, and show nothing.
"""

import re
from itertools import pairwise

import polars as pl

from netemu.experiment import Experiment, NotObservable, Outcome, Run, bulk, equal, holds, observed
from topologies import chain

HOSTS = ("h1", "h2")
OTHER = {"h1": "h2", "h2": "h1"}
PORTS = {"syn_h1": 5001, "syn_h2": 5002, "window_h1": 5003, "window_h2": 5004}
LINEAR_SYNS, MEASURED_WINDOW = (6, 5), (6, 6)
BUFFER_BYTES = 8192
TICK_S = 0.01  # of the slowest kernels; timers may fire as much early, and a busy machine makes them late

experiment = Experiment(
    "mixed_kernels",
    question="Does what a connection does follow the sender's kernel or the receiver's?",
)


@experiment.topology
def topology(p):
    """One link. The relay carries it whatever the kernels are, so that receivers' buffers fill alike in all runs."""
    graph = chain(mtus=(1500,), rate="10Mbit/s", delay="20ms", queue="200p", backend="relay")
    lost = {"kind": "syn", "nth": [1, 2, 3]}
    graph.edges["h1", "h2"]["drops"] = {
        "h1->h2": [{**lost, "port": PORTS["syn_h1"]}],
        "h2->h1": [{**lost, "port": PORTS["syn_h2"]}],
    }
    return graph


@experiment.traffic
def traffic(p):
    """``syn_h1`` is sent by h1, ``window_h1`` received by h1; connecting takes up to 8 s, each window less than 2 s."""
    flows = []
    for number, host in enumerate(HOSTS):
        sent, came = f"syn_{host}", f"window_{host}"
        start, sender = f"{9 + 3 * number}s", {"congestion": "cubic"}
        small = {"rcvbuf_bytes": BUFFER_BYTES}
        flows.append(bulk(sent, host, OTHER[host], size=20_000, port=PORTS[sent], sender=sender, stop="20s"))
        flows.append(
            bulk(
                came,
                OTHER[host],
                host,
                size=100_000,
                port=PORTS[came],
                sender=sender,
                receiver=small,
                start=start,
                stop="20s",
            )
        )
    return flows


def release_of(run: Run, host: str) -> tuple[int, int]:
    """The release of the Linux that ``host`` ran on."""
    details = run.manifest["kernel_details"]
    text = str(details.get("nodes", {}).get(host, details["release"]))
    found = re.match(r"(\d+)\.(\d+)", text)
    if found is None:
        raise NotObservable(f"the release {text!r} of {host}'s kernel is no version")
    run.evidence.append(f"manifest.json, {host}: kernel release {text}")
    return int(found[1]), int(found[2])


def _claims(host: str) -> None:
    @experiment.claim(f"{host} connects: its lost SYNs are sent again as its own kernel does")
    def syns(run: Run) -> Outcome:
        """tcp_retransmit_timer: since 6.5 the first tcp_syn_linear_timeouts (4) timeouts do not back off."""
        packets = run.packets(f"syn_{host}", at=f"{host}-eth0", direction=0).filter(pl.col("flags") & 2 > 0)
        waited_s = [(later - earlier) / 1e9 for earlier, later in pairwise(packets.sort("t_ns")["t_ns"])]
        release = release_of(run, host)
        asked_s, most_s = ([1, 1, 1], 5) if release >= LINEAR_SYNS else ([1, 2, 4], 9)
        fits = len(waited_s) == 3 and sum(waited_s) <= most_s
        fits = fits and all(waited >= asked - TICK_S for waited, asked in zip(waited_s, asked_s, strict=True))
        return holds(
            fits,
            expected=f"{', '.join(map(str, asked_s))} s at least, {most_s} in all, on {release[0]}.{release[1]}",
            measured=f"{', '.join(f'{waited:.3f}' for waited in waited_s)} s",
            value=sum(waited_s),
        )

    @experiment.claim(f"{host} receives: it announces the share of its memory that its own kernel does")
    def window(run: Run) -> Outcome:
        """tcp_win_from_space: half of sk_rcvbuf before 6.6; since, the share of payload that was measured.

        The kernel takes twice what SO_RCVBUF asks for (sock_setsockopt), since that counts its own structures too.
        """
        buffer_bytes = 2 * BUFFER_BYTES
        back = run.packets(f"window_{host}", at=f"{host}-eth0", direction=1).filter(pl.col("flags") & 2 == 0)
        share = observed(back["window_bytes"].max(), "window") / buffer_bytes
        release = release_of(run, host)
        more = release >= MEASURED_WINDOW
        return holds(
            share > 0.5 if more else share <= 0.5,
            expected=f"{'more than' if more else 'at most'} 0.5 of {buffer_bytes} bytes on {release[0]}.{release[1]}",
            measured=f"{share:.3f}",
            value=share,
        )

    @experiment.claim(f"{host} receives: every byte arrives")
    def delivered(run: Run) -> Outcome:
        return equal(run.connection(f"window_{host}", at=f"{host}-eth0")["a_unique_payload_bytes"], 100_000, "bytes")


for _host in HOSTS:
    _claims(_host)

for _host in HOSTS:
    experiment.figure(f"syn_{_host}", "time_sequence", flow=f"syn_{_host}", capture=f"{_host}-eth0", window=False)
    experiment.figure(f"window_{_host}", "time_sequence", flow=f"window_{_host}", capture=f"{OTHER[_host]}-eth0")
