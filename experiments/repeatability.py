r"""
                 10 Mbit/s, 10 ms each way, 1 of 100 packets to h2 lost by chance
            h1 ------------------------------------------------------------------ h2

How far apart are two runs of the same experiment?

    netemu run experiments/repeatability.py --kernel 'uml:7.2?time=virtual' --kernel host \
        --repeat 100 --same-seed --load 4

runs the same plan with the same seed again and again, on a machine kept busy by four loops. The wire's dice fall the
same way every time; what else differs between the runs is the machine's doing. In virtual time nothing does: the
captures have one hash. The figure shows for each byte of the transfer how far its arrival lies from the median of the
runs. Without --same-seed each run has dice of its own, and no two are alike.
"""

import polars as pl

from netemu.experiment import Experiment, NotObservable, Outcome, Run, Runs, at_least, bulk, equal
from netemu.units import parse_size_bytes
from topologies import chain

experiment = Experiment("repeatability", question="How far apart are two runs of the same experiment?")
experiment.parameter("size", 1_000_000, "bytes that the flow sends", parse=parse_size_bytes)
experiment.parameter("loss", 0.01, "ratio of packets to h2 that are lost by chance")


@experiment.topology
def topology(p):
    """One link; chance decides in the direction of the data."""
    graph = chain(mtus=(1500,), rate="10Mbit/s", delay="10ms", queue="100p")
    graph.edges["h1", "h2"]["loss"] = {"h1->h2": p.loss}
    return graph


@experiment.traffic
def traffic(p):
    """One bulk transfer."""
    return [bulk("bulk", "h1", "h2", size=p.size, sender={"congestion": "cubic"})]


@experiment.claim("every byte arrives")
def delivered(run: Run) -> Outcome:
    return equal(run.connection("bulk", at="h2-eth0")["a_unique_payload_bytes"], run.plan.parameters["size"], "bytes")


@experiment.claim("the dice fell: data was lost on the wire")
def lost(run: Run) -> Outcome:
    """Seen at both of its ends; without loss a transfer would repeat whatever the dice did."""
    sent, arrived = (
        run.packets("bulk", at=at, direction=0).filter(pl.col("payload_bytes") > 0).height
        for at in ("h1-eth0", "h2-eth0")
    )
    return at_least(sent - arrived, 1, "segments")


@experiment.claim("the retransmissions seen equal the kernel's RetransSegs")
def counted(run: Run) -> Outcome:
    seen = run.connection("bulk", at="h1-eth0")["a_retransmitted_segments"]
    return equal(seen, run.counter("h1", "TcpRetransSegs"), "segments")


@experiment.claim_over_runs("in virtual time the captures of one seed have one hash")
def one_hash(runs: Runs) -> Outcome:
    _only(runs, virtual=True)
    return equal(len(set(runs.digests_of_one_seed("captures"))), 1, "distinct captures")


@experiment.claim_over_runs("in virtual time logs, samples, tables and figures of one seed are equal to the byte, too")
def one_result(runs: Runs) -> Outcome:
    _only(runs, virtual=True)
    return equal(len(set(runs.digests_of_one_seed("everything"))), 1, "distinct results")


@experiment.claim_over_runs("in real time no two runs of one seed are alike")
def scatter(runs: Runs) -> Outcome:
    _only(runs, virtual=False)
    digests = runs.digests_of_one_seed("captures")
    return equal(len(set(digests)), len(digests), "distinct captures")


@experiment.claim_over_runs("other seeds give other runs")
def other_seeds(runs: Runs) -> Outcome:
    digests = runs.digests_of_all_seeds("captures")
    return equal(len(set(digests)), len(digests), "distinct captures")


def _only(runs: Runs, *, virtual: bool) -> None:
    """The hash of a seed's runs is a statement about virtual time, their scatter one about real time."""
    if runs.in_virtual_time is not virtual:
        raise NotObservable(f"these runs were made in {'real' if virtual else 'virtual'} time")


experiment.figure("arrival", "arrival", flow="bulk", capture="h2-eth0")
experiment.figure("time_sequence", "time_sequence", flow="bulk", capture="h1-eth0", window=False)
