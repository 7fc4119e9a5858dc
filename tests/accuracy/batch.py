"""One batch judged: truths of every packet of it, and what each tool says, as counts by class."""

from __future__ import annotations

import ipaddress
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from netemu.specs import Plan, from_json
from tests.accuracy import ack_truth, kernel_truth, network_truth, tools
from tests.accuracy.frames import RST, SYN, Frame, write_merged
from tests.accuracy.kernel_truth import RETRANSMISSIONS, Flow
from tests.accuracy.lab import Batch
from tests.accuracy.tools import RETRANSMISSION, Verdicts

AT_SENDER = (RETRANSMISSION, *RETRANSMISSIONS, "spurious", "window_probe", "keepalive", "zero_window")
AT_RECEIVER = ("out_of_order", "network_duplicate")
AT_ACKED = ("duplicate_ack",)
TOTALS = ("challenge",)
"""Told by a counter of each host alone: the smaller of it and what is said counts as right."""
CLASSES = (*AT_SENDER, *AT_RECEIVER, *AT_ACKED, *TOTALS)
TOOLS = ("netemu", "tshark", "tcptrace")
UNTOLD = {
    "tshark": ("tail_loss_probe", "network_duplicate", *TOTALS),
    "tcptrace": (*RETRANSMISSIONS, "spurious", "keepalive", "zero_window", "network_duplicate", *AT_ACKED, *TOTALS),
}
"""Classes that a tool has no notion of."""


@dataclass
class Score:
    """Counts by (tool, class): ``said``, of these ``right``; and by class how many there truly are."""

    truths: Counter[str] = field(default_factory=Counter)
    said: Counter[tuple[str, str]] = field(default_factory=Counter)
    right: Counter[tuple[str, str]] = field(default_factory=Counter)
    flows: int = 0
    packets: int = 0
    unobservable: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    six: Score | None = None
    """Of these the flows over IPv6, where they are counted apart."""

    def add(self, other: Score) -> None:
        for name in ("truths", "said", "right", "unobservable"):
            getattr(self, name).update(getattr(other, name))
        self.flows += other.flows
        self.packets += other.packets
        self.wrong += other.wrong
        if other.six is not None:
            self.six = self.six or Score()
            self.six.add(other.six)


@dataclass
class _Side:
    """The merged captures of one end of every pair, with the tools' verdicts on them."""

    frames: dict[str, list[Frame]]
    packets: Mapping[str, Verdicts]
    totals: Mapping[tuple[Flow, str], int]


def judge(batch: Batch, scratch: Path) -> Score:
    """Score the tools on the captures of ``batch``; ``scratch`` is a directory for merged captures."""
    score = Score(six=Score())
    if batch.void:
        score.unobservable["void: " + batch.void[0]] += len(batch.pairs)
        return score
    owners = _owners(from_json(batch.recording.plan.read_text(), Plan, "plan.json"))
    sides = {name: _read_side(batch, name, scratch) for name in "ab"}
    frames = sides["a"].frames | sides["b"].frames
    trace = batch.recording.samples / "trace.jsonl"
    states_told = any(event["event"] == "tcp_cong_state_set" for event in _rows(trace))
    events = kernel_truth.events_by_flow(_rows(trace), states_told=states_told)
    counters = _counters(batch.recording.samples / "counters.jsonl")
    for pair in batch.pairs:
        for host, other in (pair.hosts, pair.hosts[::-1]):
            flows = _flows(frames[host], owners, host)
            refused = _label_host(flows, events, counters[host])
            if refused:
                score.unobservable[f"{refused}"] += 1
                score.wrong.append(f"{batch.kernel} seed {pair.seed} {host}: not observable: {refused}")
                continue
            there, answers = _flows(frames[other], owners, host), _flows(frames[host], owners, other)
            wrong = _count_totals(score, sides[host[0]], flows, counters[host])
            for flow, sent in flows.items():
                received, answered = there.get(flow, []), answers.get(flow[::-1], [])
                arrivals = network_truth.follow(sent, received)
                network_truth.mark_received(sent, received, arrivals)
                network_truth.mark_needless(sent, arrivals)
                ack_truth.mark_duplicates(sent, answered)
                for part in _parts(score, flow):
                    own = _count(part, sides[host[0]], flow, sent, AT_SENDER)
                    own += _count(part, sides[other[0]], flow, received, AT_RECEIVER)
                    own += _count(part, sides[host[0]], flow[::-1], answered, AT_ACKED)
                    wrong += own if part is score else []
                    part.flows += 1
                    part.packets += len(sent) + len(received)
            score.wrong += [f"{batch.kernel} seed {pair.seed} {host}: {line}" for line in wrong]
    return score


def _parts(score: Score, flow: Flow) -> list[Score]:
    """Where a flow counts: among all, and of IPv6 apart."""
    return [score, score.six] if score.six is not None and len(flow[0][0]) == 16 else [score]


def _count_totals(
    score: Score, side: _Side, flows: Mapping[Flow, Sequence[Frame]], counters: Mapping[str, int]
) -> list[str]:
    """Count what a host's kernel counts and no tracepoint tells."""
    numbers = [frame.number for sent in flows.values() for frame in sent]
    said = sum("challenge" in side.packets["netemu"].get(number, ()) for number in numbers)
    true = counters.get("TcpExtTCPChallengeACK", 0)
    for part in _parts(score, next(iter(flows))) if flows else [score]:
        part.truths["challenge"] += true
        part.said["netemu", "challenge"] += said
        part.right["netemu", "challenge"] += min(said, true)
    return [f"{said} challenge ACKs, TCPChallengeACK {true}"] if said != true else []


def _owners(plan: Plan) -> dict[bytes, str]:
    """Address -> host."""
    ends = [end for link in plan.links for end in (link.a, link.b)]
    return {
        ipaddress.ip_interface(address).packed: end.node
        for end in ends
        for address in (end.ipv4, end.ipv6)
        if address is not None
    }


def _read_side(batch: Batch, name: str, scratch: Path) -> _Side:
    captures = {
        f"{name}{pair.number}": batch.recording.captures / f"{name}{pair.number}-eth0.pcapng" for pair in batch.pairs
    }
    merged = scratch / f"{name}.pcap"
    frames = write_merged(captures.values(), merged)
    verdicts = {"netemu": tools.by_netemu(merged), "tshark": tools.by_tshark(merged)}
    return _Side({host: frames[path] for host, path in captures.items()}, verdicts, tools.by_tcptrace(merged))


def _rows(path: Path) -> Iterator[dict[str, object]]:
    with path.open() as file:
        yield from map(json.loads, file)


def _counters(path: Path) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for row in _rows(path):
        found[str(row["host"])][str(row["counter"])] = int(str(row["after"])) - int(str(row["before"]))
    return found


def _flows(frames: Sequence[Frame], owners: Mapping[bytes, str], source: str) -> dict[Flow, list[Frame]]:
    """The packets that host ``source`` sent, by flow."""
    found: dict[Flow, list[Frame]] = {}
    for frame in frames:
        if owners.get(frame.source[0]) == source:
            found.setdefault((frame.source, frame.target), []).append(frame)
    return found


def _label_host(
    flows: Mapping[Flow, Sequence[Frame]], events: Mapping[Flow, list[tuple[int, str]]], counters: Mapping[str, int]
) -> str | None:
    """Label everything one host sent; why not, where its kernel's accounts do not agree."""
    causes: Counter[str] = Counter()
    refused = kernel_truth.by_counters([events[flow] for flow in flows if flow in events], counters)
    if refused:
        return refused
    for flow, sent in flows.items():
        made = events.get(flow, [])
        refused = kernel_truth.label(kernel_truth.sent_again(sent), made)
        if refused:
            return refused
        causes.update(cause for _, cause in made)
        for frame in sent:
            if frame.window == 0 and not frame.flags & (SYN | RST):
                frame.truth.add("zero_window")
            if any(kind in frame.truth for kind in RETRANSMISSIONS):
                frame.truth.add(RETRANSMISSION)
    refused = kernel_truth.counters_disagree(causes, counters)
    return refused or kernel_truth.label_probes([frame for sent in flows.values() for frame in sent], counters)


def _count(score: Score, side: _Side, flow: Flow, frames: Sequence[Frame], classes: Sequence[str]) -> list[str]:
    """Count what the tools say of these packets; what netemu says wrongly, one line each."""
    judged = [frame for frame in frames if network_truth.UNJUDGED not in frame.truth]
    for name in classes:
        true = {frame.number for frame in judged if name in frame.truth}
        score.truths[name] += len(true)
        for tool, verdicts in side.packets.items():
            if name in UNTOLD.get(tool, ()):
                continue
            said = {frame.number for frame in judged if name in verdicts.get(frame.number, ())}
            if tool == "tshark" and name == "timeout":
                # It tells no probe timer: its plain "retransmission" is not held against it there.
                said -= {frame.number for frame in judged if "tail_loss_probe" in frame.truth}
            score.said[tool, name] += len(said)
            score.right[tool, name] += len(said & true)
        if name not in UNTOLD["tcptrace"]:
            total = side.totals.get((flow, name), 0)
            score.said["tcptrace", name] += total
            score.right["tcptrace", name] += min(total, len(true))
    return [line for frame in judged for line in _wrong(frame, side.packets["netemu"], set(classes))]


def _wrong(frame: Frame, verdicts: Verdicts, classes: set[str]) -> list[str]:
    said, true = verdicts.get(frame.number, set()) & classes, frame.truth & classes
    place = f"frame {frame.number} at {frame.t_ns / 1e9:.6f}, seq {frame.seq}"
    return [f"{place}: is {sorted(true)}, said {sorted(said)}"] if said != true else []
