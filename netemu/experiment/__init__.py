"""An Experiment: a question, a topology, traffic, captures, claims and figures, declared and not yet run."""

from netemu.experiment.claims import NotObservable, Outcome, at_least, at_most, equal, holds, observed, within
from netemu.experiment.experiment import Experiment
from netemu.experiment.run import Run
from netemu.experiment.runs import Runs
from netemu.experiment.traffic import (
    Flow,
    bulk,
    connections,
    on_off,
    request_response,
    small_writes,
    udp_stream,
)

__all__ = [
    "Experiment",
    "Flow",
    "NotObservable",
    "Outcome",
    "Run",
    "Runs",
    "at_least",
    "at_most",
    "bulk",
    "connections",
    "equal",
    "holds",
    "observed",
    "on_off",
    "request_response",
    "small_writes",
    "udp_stream",
    "within",
]
