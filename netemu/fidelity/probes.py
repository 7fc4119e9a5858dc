"""The sender's state at the same packets: ``tcp:tcp_probe`` of the real kernel beside the model's, event by event.

A probe is what a connection's socket holds when a segment of it arrives (net/ipv4/tcp_input.c, tcp_rcv_established), so
the first event that differs lies before the first packet that does, and names the variable.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from netemu.recording.layout import Recording

FIELDS = ("snd_cwnd", "ssthresh", "srtt", "snd_wnd", "rcv_wnd")
"""With the kernel's names and units: segments, microseconds, bytes."""


class Probe(msgspec.Struct, frozen=True):
    """The state at one arrival."""

    t_ns: int
    values: tuple[int, ...]


class ProbeDifference(msgspec.Struct, frozen=True):
    """The first arrival at which a socket's state differs: on ``host``, the ``number``-th of its probes."""

    host: str
    number: int
    t_ns: int
    field: str
    real: int
    model: int


class Probed(msgspec.Struct, frozen=True):
    """How many ``arrivals`` both sides tell of, and at how many of them each variable differs, where one does."""

    arrivals: int = 0
    differing: dict[str, int] = {}


Probes = Mapping[tuple[str, str], Sequence[Probe]]
"""(host, server's port and the connection's number) -> its probes in order."""


def read_probes(recording: Recording) -> Probes:
    """Every probe of a run; none where the kernel has no such tracepoint."""
    path: Path = recording.samples / "trace.jsonl"
    found: dict[tuple[str, str], list[Probe]] = {}
    names: dict[tuple[str, str, str], str] = {}
    counts: dict[tuple[str, str], int] = {}
    if not path.is_file():
        return found
    with path.open() as lines:
        for line in lines:
            event = json.loads(line)
            if event.get("event") != "tcp_probe" or event.get("host") is None:
                continue
            name = _name(event["host"], event["local"], event["remote"], names, counts)
            values = tuple(int(event[field]) for field in FIELDS)
            found.setdefault((event["host"], name), []).append(Probe(event["t_ns"], values))
    return found


def _name(
    host: str, local: str, remote: str, names: dict[tuple[str, str, str], str], counts: dict[tuple[str, str], int]
) -> str:
    """A name without the port that a kernel chose: the lower port of the two and which connection to it this is."""
    known = names.get((host, local, remote))
    if known is None:
        server = min(int(end.rpartition(":")[2]) for end in (local, remote))
        counts[host, str(server)] = number = counts.get((host, str(server)), 0) + 1
        known = names[host, local, remote] = f"{server}#{number}"
    return known


def count_differences(real: Probes, model: Probes) -> Probed:
    """All arrivals of the connections that both sides have, up to the end of the shorter list of each."""
    arrivals = 0
    differing: dict[str, int] = {}
    for key in real.keys() & model.keys():
        for one, two in zip(real[key], model[key], strict=False):
            arrivals += 1
            for field, ours, theirs in zip(FIELDS, one.values, two.values, strict=True):
                if ours != theirs:
                    differing[field] = differing.get(field, 0) + 1
    return Probed(arrivals, differing)


def first_difference(real: Probes, model: Probes) -> ProbeDifference | None:
    """The earliest event in which the two differ; None where either has no probes at all."""
    found: list[ProbeDifference] = []
    for key in real.keys() & model.keys():
        for number, (one, two) in enumerate(zip(real[key], model[key], strict=False), 1):
            names = [index for index in range(len(FIELDS)) if one.values[index] != two.values[index]]
            if names:
                at = names[0]
                found.append(ProbeDifference(key[0], number, one.t_ns, FIELDS[at], one.values[at], two.values[at]))
                break
    return min(found, key=lambda one: one.t_ns, default=None)
