"""How exact netem is in virtual time: many links in one guest, each with its delay or rate, read off captures.

A *delay* is, for every datagram, its time in the capture behind the link less that in the capture before it, less the
time that its bits are on the line. A *rate* is what leaves a queue that a burst has filled: bits of all datagrams but
the first over the time from the first to the last.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from netemu.recording.layout import Recording
from netemu.specs import AgentSpec, CaptureSpec, LinkDirection, LinkSpec, NodeSpec, Plan, ProbeSpec, Queue
from tests.lab.plans import endpoint, plan_of

DELAY_TARGET_NS = 999
"""Exact to the microsecond: what is off is less than one."""
RATE_TARGET = 0.001

_UDP_AT = 14 + 20
_COUNT = 400
_END_NS = 20 * 10**9


@dataclass(frozen=True, slots=True)
class Case:
    """One link: what is sent over it, ``_COUNT`` datagrams of ``size_bytes`` each ``interval_ns``."""

    kind: str
    rate_bps: int | None
    delay_ns: int
    size_bytes: int
    interval_ns: int

    @property
    def frame_bits(self) -> int:
        """Bits of a frame as the wire counts them: payload, UDP, IP and Ethernet headers."""
        return (self.size_bytes + 8 + 20 + 14) * 8

    @property
    def line_ns(self) -> float:
        """How long a frame is on the line."""
        return 0.0 if self.rate_bps is None else self.frame_bits * 1e9 / self.rate_bps


_DELAYS_NS = (1_000, 999_000, 1_000_000, 12_345_000, 50_000_000, 300_000_000)
_RATES_BPS = (64_000, 1_000_000, 9_999_992, 20_000_000, 100_000_000, 1_000_000_000)
CASES = (
    *(Case("delay", None, delay_ns, 458, 3_000_000) for delay_ns in _DELAYS_NS),
    *(Case("delay", 50_000_000, delay_ns, 458, 3_000_000) for delay_ns in _DELAYS_NS),
    *(Case("rate", rate_bps, 5_000_000, 1458 if rate_bps > 64_000 else 88, 1_000) for rate_bps in _RATES_BPS),
)


def plan() -> Plan:
    """A sender and a receiver for each case, on a link of their own."""
    nodes: list[NodeSpec] = []
    links: list[LinkSpec] = []
    agents: list[AgentSpec] = []
    captures: list[CaptureSpec] = []
    for number, case in enumerate(CASES):
        ends = [
            endpoint(f"{side}{number}", 0, 2 * number + last, f"10.0.{number}.{last}/24", None)
            for last, side in ((1, "s"), (2, "r"))
        ]
        there = LinkDirection(rate_bps=case.rate_bps, delay_ns=case.delay_ns, queue=Queue(packets=_COUNT + 10))
        nodes += [NodeSpec(end.node, "host") for end in ends]
        links.append(LinkSpec(f"l{number}", ends[0], ends[1], there, there))
        captures += [CaptureSpec(end.node, end.interface, 64) for end in ends]
        args = {
            "address": f"10.0.{number}.2",
            "port": 9000,
            "size_bytes": case.size_bytes,
            "interval_ns": case.interval_ns,
            "count": _COUNT,
        }
        agents.append(AgentSpec(f"receiver{number}", f"r{number}", "udp_sink", {"port": 9000}, 0, _END_NS))
        agents.append(AgentSpec(f"sender{number}", f"s{number}", "udp_send", args, 0, _END_NS))
    return msgspec.structs.replace(
        plan_of(tuple(nodes), tuple(links)),
        agents=tuple(agents),
        captures=tuple(captures),
        probes=ProbeSpec(interval_ns=0, counters=False, tracepoints=False),
        duration_ns=_END_NS,
    )


def judge(recording: Recording) -> Iterator[tuple[bool, str]]:
    """For each case: whether the target is met, and the line that says what was asked, measured and off."""
    for number, case in enumerate(CASES):
        left, came = (_times(recording.captures / f"{side}{number}-eth0.pcapng") for side in ("s", "r"))
        if not len(left) == len(came) == _COUNT:
            yield False, f"{case.kind}: {len(left)} of {_COUNT} datagrams were sent, {len(came)} came: MISSED"
        elif case.kind == "delay":
            yield _delay(case, left, came)
        else:
            yield _rate(case, came)


def _delay(case: Case, left: Sequence[int], came: Sequence[int]) -> tuple[bool, str]:
    off_ns = max((b - a - case.line_ns - case.delay_ns for a, b in zip(left, came, strict=True)), key=abs)
    met = abs(off_ns) <= DELAY_TARGET_NS
    line = "no rate" if case.rate_bps is None else f"at {case.rate_bps / 1e6:g} Mbit/s"
    return met, (
        f"delay {line}: asked {case.delay_ns / 1e3:,.3f} us, measured {(case.delay_ns + off_ns) / 1e3:,.3f} us, off"
        f" {off_ns:+.0f} ns at most of {_COUNT} datagrams (target {DELAY_TARGET_NS} ns): {'ok' if met else 'MISSED'}"
    )


def _rate(case: Case, came: Sequence[int]) -> tuple[bool, str]:
    assert case.rate_bps is not None
    measured_bps = (_COUNT - 1) * case.frame_bits * 1e9 / (came[-1] - came[0])
    off = measured_bps / case.rate_bps - 1
    met = abs(off) <= RATE_TARGET
    return met, (
        f"rate: asked {case.rate_bps / 1e6:g} Mbit/s, measured {measured_bps / 1e6:.6g} Mbit/s, off {off:+.4%}"
        f" (target {RATE_TARGET:.1%}): {'ok' if met else 'MISSED'}"
    )


def _times(path: Path) -> list[int]:
    """``t_ns`` of each UDP datagram to port 9000 in a capture of ours, by the sequence number that it carries."""
    data = path.read_bytes()
    found: dict[int, int] = {}
    at = 0
    while at < len(data):
        kind, length = struct.unpack_from("=II", data, at)
        if kind == 6:
            high, low = struct.unpack_from("=II", data, at + 12)
            frame = data[at + 28 : at + length]
            if frame[23] == 17 and frame[_UDP_AT + 2 : _UDP_AT + 4] == (9000).to_bytes(2, "big"):
                found[int.from_bytes(frame[_UDP_AT + 8 : _UDP_AT + 16], "big")] = high << 32 | low
        at += length
    return [found[number] for number in sorted(found)]
