"""TCP as data: flags, options, and the segment that single dissection gives (RFC 9293, 7323, 2018, 6824)."""

from __future__ import annotations

from dataclasses import dataclass

FIN, SYN, RST, PSH, ACK, URG, ECE, CWR = 1, 2, 4, 8, 16, 32, 64, 128
"""Bits of the ``flags`` column; AE (RFC 9768) stands above them."""

AE = 256

FLAG_NAMES = {FIN: "FIN", SYN: "SYN", RST: "RST", PSH: "PSH", ACK: "ACK", URG: "URG", ECE: "ECE", CWR: "CWR"}

OPTION_END, OPTION_NOP, OPTION_MSS, OPTION_WINDOW_SCALE = 0, 1, 2, 3
OPTION_SACK_PERMITTED, OPTION_SACK, OPTION_TIMESTAMPS = 4, 5, 8

MAX_WINDOW_SCALE = 14
"""Largest shift a receiver may use; a greater one announced is taken as 14 (RFC 7323 section 2.3)."""


def flag_names(flags: int) -> str:
    """``"SYN|ACK"`` for 18; ``"-"`` for no flag."""
    return "|".join(name for bit, name in FLAG_NAMES.items() if flags & bit) or "-"


@dataclass(frozen=True, slots=True)
class TcpOptions:
    """The options of one segment; what is absent is None or empty. Option values are as sent, never scaled."""

    mss_bytes: int | None = None
    window_scale: int | None = None
    sack_permitted: bool = False
    sack_blocks: tuple[tuple[int, int], ...] = ()
    ts_val: int | None = None
    ts_ecr: int | None = None


@dataclass(frozen=True, slots=True)
class TcpSegment:
    """One TCP segment. ``window`` is the header's field, unscaled; ``payload_bytes`` follows the IP length."""

    source_port: int
    destination_port: int
    seq: int
    ack: int
    flags: int
    window: int
    payload_bytes: int
    options: TcpOptions = TcpOptions()


@dataclass(frozen=True, slots=True)
class IcmpError:
    """An ICMP or ICMPv6 error and the start of the packet it quotes. ``mtu_bytes`` is None where it has none."""

    type: int
    code: int
    mtu_bytes: int | None
    quoted: IpPacket | None


@dataclass(frozen=True, slots=True)
class IpPacket:
    """One IP packet, dissected singly. ``ip_bytes`` is the whole packet's length by its header."""

    version: int
    source: str
    destination: str
    protocol: int
    ip_bytes: int
    ttl: int
    ecn: int
    dont_fragment: bool
    fragment: bool
    tcp: TcpSegment | None = None
    icmp: IcmpError | None = None
