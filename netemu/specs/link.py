"""What one direction of a link does to packets, in SI units, with nothing left to a default of somebody else.

The order in which a wire applies these is part of their meaning (``netemu.link`` implements it once for the relay
and the simulator): arrival -> drop list -> random loss -> corrupt -> duplicate -> queue limit (ECN mark at its
threshold) -> serialisation at ``rate_bps`` -> delay + jitter (a reordered packet skips this last step).
"""

from __future__ import annotations

from typing import Literal

import msgspec

SegmentKind = Literal[
    "any",  # every IP packet
    "data",  # a TCP segment with payload, retransmissions included
    "new_data",  # a TCP segment with payload beyond everything this connection has sent in this direction
    "ack",  # a TCP segment without payload, SYN, FIN or RST
    "window_update",  # a pure ACK that raises the advertised window from zero
    "syn",
    "syn_ack",
    "fin",
    "rst",
    "icmp",  # ICMP and ICMPv6 errors (neighbour discovery and echo are not counted)
    "udp",
]


class FixedLoss(msgspec.Struct, frozen=True, tag="fixed", tag_field="model", forbid_unknown_fields=True):
    """Each packet is lost independently with probability ``ratio``."""

    ratio: float


class GilbertElliott(msgspec.Struct, frozen=True, tag="gilbert_elliott", tag_field="model", forbid_unknown_fields=True):
    """Two-state loss: ``p`` good->bad and ``r`` bad->good per packet; loss ``1-k`` in good, ``1-h`` in bad.

    Parameter names are those of tc-netem(8), ``loss gemodel p r 1-h 1-k``.
    """

    p: float
    r: float
    loss_in_bad: float = 1.0
    loss_in_good: float = 0.0


class DropRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Drop the ``nth`` packets (1-based, in order of arrival) of those that are ``kind``.

    ``"all"`` drops every one, as a filter does. ``port`` counts only packets with that TCP/UDP port on either end;
    ``None`` counts all. Probes of the lab are never counted.
    """

    kind: SegmentKind
    nth: tuple[int, ...] | Literal["all"]
    port: int | None = None


class Queue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A drop-tail queue in front of the rate: exactly one limit is set. Bytes are counted as IP bytes."""

    packets: int | None = None
    bytes: int | None = None


class LinkChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From ``t_ns`` (since the start of traffic) on, the given fields hold; ``None`` leaves a field as it was."""

    t_ns: int
    rate_bps: int | None = None
    delay_ns: int | None = None
    jitter_ns: int | None = None
    loss: FixedLoss | GilbertElliott | None = None


class LinkDirection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One direction of a link; ``rate_bps`` None means as fast as the wire can.

    ``overhead_bytes`` is added to each packet's IP length when its time on the line is reckoned (14: an Ethernet
    header, as Linux qdiscs count). ``ecn_threshold`` marks ECT packets CE when the queue they find holds at least
    that much, in the unit of ``queue``.
    """

    mtu_bytes: int = 1500
    rate_bps: int | None = None
    overhead_bytes: int = 14
    delay_ns: int = 0
    jitter_ns: int = 0
    loss: FixedLoss | GilbertElliott | None = None
    drops: tuple[DropRule, ...] = ()
    reorder_ratio: float = 0.0
    duplicate_ratio: float = 0.0
    corrupt_ratio: float = 0.0
    ecn_threshold: int | None = None
    queue: Queue = Queue(packets=1000)
    schedule: tuple[LinkChange, ...] = ()
