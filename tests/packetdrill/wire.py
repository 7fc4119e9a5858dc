"""Packets of the script to packets for the host, and what the host sent as the script would write it."""

from __future__ import annotations

import struct

from msgspec.structs import replace

from netemu.packet.ip import (
    IPPROTO_ICMP,
    IPPROTO_ICMPV6,
    IPPROTO_TCP,
    Icmp,
    Packet,
    Tcp,
)
from netemu.packet.tcp import ACK, AE, CWR, ECE, FIN, PSH, RST, SYN, URG
from netemu.packet.tcp_options import options_from, options_to
from netemu.stack.tcp_accecn_h import ace_flags
from tests.packetdrill.flow import Flow
from tests.packetdrill.options import described, options_bytes, timestamps
from tests.packetdrill.settings import Settings
from tests.packetdrill.syntax import IcmpPacket, IpInfo, TcpPacket
from tests.packetdrill.verdict import NotApplicable, ScriptError

_MASK = 0xFFFFFFFF
_BITS = {".": ACK, "F": FIN, "S": SYN, "R": RST, "P": PSH, "E": ECE, "W": CWR, "U": URG, "A": AE}
_TCP_BYTES, _QUOTED_BYTES, _ICMP_BYTES = 20, 8, 8
_ICMPV4 = {
    "echo_reply": 0, "unreachable": 3, "source_quench": 4, "redirect": 5, "echo_request": 8, "time_exceeded": 11,
    "parameter_problem": 12,
}  # fmt: skip
_ICMPV4_CODES = (
    "net_unreachable", "host_unreachable", "protocol_unreachable", "port_unreachable", "frag_needed",
    "source_route_failed", "net_unknown", "host_unknown", "source_host_isolated", "net_prohibited", "host_prohibited",
    "net_unreachable_for_tos", "host_unreachable_for_tos", "packet_filtered", "precedence_violation",
    "precedence_cutoff",
)  # fmt: skip
_ICMPV6 = {"unreachable": 1, "packet_too_big": 2, "time_exceeded": 3, "parameter_problem": 4}
_ICMPV6_CODES = {
    "unreachable": ("no_route", "admin_prohibited", "not_neighbour", "address_unreachable", "port_unreachable"),
    "time_exceeded": ("exceeded_hop_limit", "exceeded_frag_time"),
    "parameter_problem": ("header_field", "unknown_next_header", "unknown_option"),
}


def flag_bits(flags: str) -> int:
    """The header's bits for a script's letters; a digit is the count of Accurate ECN."""
    return sum(ace_flags(int(letter)) if letter.isdecimal() else _BITS[letter] for letter in set(flags))


def flag_letters(bits: int) -> str:
    """And back; ``-`` for none."""
    order = "FSRPEWAU."
    return "".join(letter for letter in order if bits & _BITS[letter]) or "-"


def _header_bytes(settings: Settings) -> int:
    return 40 if settings.ipv6 else 20


def _packet(settings: Settings, ip: IpInfo, body: Tcp | Icmp, length: int) -> Packet:
    """From the peer to the host; ``length`` without the IP header."""
    icmp = IPPROTO_ICMPV6 if settings.ipv6 else IPPROTO_ICMP
    version = 6 if settings.ipv6 else 4
    return Packet(
        version,
        settings.remote_address,
        settings.local_address,
        IPPROTO_TCP if isinstance(body, Tcp) else icmp,
        _header_bytes(settings) + length,
        body,
        ip.ttl or 255,
        ip.tos if ip.tos is not None else max(ip.ecn or 0, 0),
    )


def arriving(spec: TcpPacket, flow: Flow, settings: Settings, line: int) -> Packet:
    """The packet that ``spec`` injects.

    :raises ScriptError: it echoes a timestamp that nobody sent, or its options are no whole words.
    """
    syn = "S" in spec.flags
    acked = flow.local_offset(syn)
    options = spec.options or ()
    stamps = timestamps(options)
    if stamps is not None and "." in spec.flags:
        ecr = flow.live_ecr(stamps[1], settings)
        if ecr is None:
            raise ScriptError(line, f"no packet that left had TS val {stamps[1]}, which this one echoes")
        stamps = (stamps[0], ecr)
    raw = options_bytes(options, acked, stamps)
    if len(raw) % 4:
        raise ScriptError(line, f"options of {len(raw)} bytes are not padded to whole words")
    source, destination = spec.ports
    body = Tcp(
        source or flow.remote_port,
        destination or flow.local_port,
        (spec.seq + flow.remote_offset(syn)) & _MASK,
        (spec.ack + acked) & _MASK if "." in spec.flags else spec.ack,
        flag_bits(spec.flags),
        spec.window or 0,
        bytes(spec.length),
        options_from(raw),
        spec.urgent,
        gso_size=settings.mss_bytes if spec.length > settings.mss_bytes else 0,
    )
    return _packet(settings, spec.ip, body, _TCP_BYTES + len(raw) + spec.length)


def icmp_numbers(spec: IcmpPacket, ipv6: bool, line: int) -> tuple[int, int]:
    """Type and code of a message.

    :raises ScriptError: there is none of that name.
    """
    types: dict[str, int] = _ICMPV6 if ipv6 else _ICMPV4
    kind = int(spec.type[5:]) if spec.type.startswith("type_") else types.get(spec.type, -1)
    if kind < 0:
        raise ScriptError(line, f"no ICMP type {spec.type}")
    if spec.code is None:
        return kind, 0
    if spec.code.startswith("code_"):
        return kind, int(spec.code[5:])
    codes = _ICMPV6_CODES.get(spec.type, ()) if ipv6 else _ICMPV4_CODES
    if spec.code not in codes:
        raise ScriptError(line, f"no ICMP code {spec.code}")
    return kind, codes.index(spec.code)


def arriving_icmp(spec: IcmpPacket, flow: Flow, settings: Settings, line: int) -> Packet:
    """The ICMP error that ``spec`` injects; it quotes the first 8 bytes of a segment of the host's.

    :raises ScriptError: there is no such type or code.
    """
    kind, code = icmp_numbers(spec, settings.ipv6, line)
    seq, length = spec.quoted
    quoted_body = Tcp(flow.local_port, flow.remote_port, (seq + flow.live_local_isn) & _MASK, 0, 0, 0)
    header = _header_bytes(settings)
    quoted = Packet(
        6 if settings.ipv6 else 4,
        settings.local_address,
        settings.remote_address,
        IPPROTO_TCP,
        header + _TCP_BYTES + length,
        quoted_body,
    )
    body = Icmp(kind, code, max(spec.mtu, 0), quoted)
    return _packet(settings, spec.ip, body, _ICMP_BYTES + header + _QUOTED_BYTES)


# ---- what left


def joined(packets: list[Packet]) -> Packet:
    """Segments that follow each other as the super-segment that they would have been: the last one's header with the
    first one's number and CWR."""
    if len(packets) == 1:
        return packets[0]
    first, last = packets[0].body, packets[-1].body
    assert isinstance(first, Tcp) and isinstance(last, Tcp)
    payload = b"".join(_payload(packet) for packet in packets)
    flags = (last.flags & ~CWR) | (first.flags & CWR)
    body = replace(last, seq=first.seq, payload=payload, flags=flags)
    return replace(packets[-1], length=packets[-1].length + len(payload) - len(last.payload), body=body)


def _payload(packet: Packet) -> bytes:
    return packet.body.payload if isinstance(packet.body, Tcp) else b""


def payload_bytes(packet: Packet) -> int:
    """Bytes of payload."""
    return len(_payload(packet))


def follows(packet: Packet, before: Packet, rest_bytes: int) -> str | None:
    """Why ``packet`` does not continue ``before`` to one super-segment with ``rest_bytes`` to come; None: it does."""
    body, prior = packet.body, before.body
    if not isinstance(body, Tcp) or not isinstance(prior, Tcp):
        return "another protocol"
    if (body.seq - prior.seq) & _MASK != len(prior.payload):
        return "not the next bytes"
    if body.ack_seq != prior.ack_seq or body.window != prior.window:
        return "another ack or win"
    if len(body.payload) < rest_bytes and len(body.payload) != len(prior.payload):
        return "a segment that is not full"
    return None


def in_script(packet: Packet, flow: Flow) -> Packet:
    """``packet`` of the host with the script's numbers."""
    body = packet.body
    if not isinstance(body, Tcp):
        return packet
    syn = bool(body.flags & SYN)
    acked = flow.remote_offset(syn)
    options = body.options
    if options.sack:
        blocks = tuple(((left - acked) & _MASK, (right - acked) & _MASK) for left, right in options.sack)
        options = replace(options, sack=blocks)
    if options.ts_val is not None:
        options = replace(options, ts_val=flow.script_ts(options.ts_val))
    seq = (body.seq - flow.local_offset(syn)) & _MASK
    ack = (body.ack_seq - acked) & _MASK if body.flags & ACK else body.ack_seq
    return replace(packet, body=replace(body, seq=seq, ack_seq=ack, options=options))


def written(packet: Packet, with_options: bool = True) -> str:
    """``packet`` as a script writes it."""
    body = packet.body
    if isinstance(body, Icmp):
        return f"icmp type_{body.type} code_{body.code}"
    if not isinstance(body, Tcp):
        return f"protocol {packet.protocol}"
    end = body.seq + len(body.payload)
    text = f"{flag_letters(body.flags)} {body.seq}:{end}({len(body.payload)})"
    if body.flags & ACK:
        text += f" ack {body.ack_seq}"
    text += f" win {body.window}"
    options = described(options_to(body.options)) if with_options else ""
    return f"{text} {options}".rstrip()


def written_spec(spec: TcpPacket | IcmpPacket) -> str:
    """What the script asks for, as :func:`written` writes it."""
    if isinstance(spec, IcmpPacket):
        return f"icmp {spec.type} {spec.code or ''}".rstrip()
    text = f"{flag_letters(flag_bits(spec.flags))} {spec.seq}:{spec.seq + spec.length}({spec.length})"
    if "." in spec.flags:
        text += f" ack {spec.ack}"
    if spec.window is not None:
        text += f" win {spec.window}"
    options = "<...>" if spec.options is None else described(options_bytes(spec.options))
    return f"{text} {options}".rstrip()


def difference(spec: TcpPacket, packet: Packet) -> str | None:
    """The first field in which ``packet``, in the script's numbers, is not what ``spec`` asks for; None: none."""
    body = packet.body
    if not isinstance(body, Tcp):
        return "protocol"
    wanted = flag_bits(spec.flags)
    fields = (
        ("flags", body.flags & 0x1FF, wanted),
        ("sequence numbers", (body.seq, len(body.payload)), (spec.seq, spec.length)),
        ("ack", body.ack_seq, spec.ack if wanted & ACK else 0),
        ("win", body.window, body.window if spec.window is None else spec.window),
        ("urg", body.urgent, spec.urgent),
    )
    for name, got, asked in fields:
        if got != asked:
            return name
    return _difference_below(spec, packet) or _options_differ(spec, body)


def _difference_below(spec: TcpPacket, packet: Packet) -> str | None:
    ip = spec.ip
    ecn = packet.tos & 3
    if ip.ecn is not None and (ecn not in (1, 2) if ip.ecn < 0 else ecn != ip.ecn):
        return f"ECN {ecn}"
    if ip.tos is not None and packet.tos != ip.tos:
        return f"tos {packet.tos:#x}"
    return f"ttl {packet.ttl}" if ip.ttl and packet.ttl != ip.ttl else None


def _options_differ(spec: TcpPacket, body: Tcp) -> str | None:
    """Options are compared in their order, timestamps by being there alone."""
    if spec.options is None:
        return None
    stamps = timestamps(spec.options)
    actual = body.options
    if stamps is not None and actual.ts_val is not None:
        actual = replace(actual, ts_val=stamps[0], ts_ecr=stamps[1])
    try:
        same = options_to(actual) == options_bytes(spec.options)
    except struct.error as error:
        raise NotApplicable(f"TCP options: {error}") from error
    return None if same else "options"
