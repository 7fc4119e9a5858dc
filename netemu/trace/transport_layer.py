"""TCP (RFC 9293 section 3.1), its options, UDP lengths, and ICMP errors into the scratch packet."""
# mypy: disable-error-code="no-any-return"
# ruff: noqa: PLR0917 (compiled functions take their state by position)

from __future__ import annotations

from typing import Any

from netemu.trace.compiled import compiled
from netemu.trace.layout import MAX_SACK_BLOCKS
from netemu.trace.link_layer import network_layer
from netemu.trace.memory import be16, be32, be64, byte, set_word
from netemu.trace.network_layer import _MAPPED, decode_ip

PROTOCOL_ICMP, PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_ICMPV6 = 1, 6, 17, 58


@compiled
def _option(data: int, at: int, kind: int, length: int, p: Any, sack: int) -> None:
    if kind == 2 and length == 4:
        p.mss = be16(data, at + 2)
    elif kind == 3 and length == 3:
        # RFC 7323 section 2.3: a shift above 14 is used as 14
        p.wscale = min(byte(data, at + 2), 14)
    elif kind == 4 and length == 2:
        p.sack_permitted = 1
    elif kind == 5 and length >= 10:
        blocks = min((length - 2) // 8, MAX_SACK_BLOCKS)
        for i in range(2 * blocks):
            set_word(sack, i, be32(data, at + 2 + 4 * i))
        p.sack_count = blocks
    elif kind == 8 and length == 10:
        p.ts_val = be32(data, at + 2)
        p.ts_ecr = be32(data, at + 6)


@compiled
def _decode_options(data: int, at: int, end: int, limit: int, p: Any, sack: int) -> None:
    while at < end:
        if at >= limit:
            p.truncated = 1
            return
        kind = byte(data, at)
        if kind == 0:
            return
        if kind == 1:
            at += 1
            continue
        if at + 1 >= min(end, limit):
            p.truncated = 1 if limit <= at + 1 else p.truncated
            return
        length = byte(data, at + 1)
        if length < 2 or at + length > end:
            p.bad_options = 1  # the kernel reads no further and takes the segment (tcp_parse_options)
            return
        if at + length > limit:
            p.truncated = 1
            return
        _option(data, at, kind, length, p, sack)
        at += length


@compiled
def _decode_tcp(data: int, limit: int, p: Any, sack: int) -> None:
    at = p.transport
    if at + 20 > limit:
        p.transport = -1
        p.truncated = 1
        return
    header = (byte(data, at + 12) >> 4) * 4
    payload = p.ip_bytes - p.header_bytes - header
    if header < 20 or payload < 0:
        p.malformed = 1
        p.transport = -1
        return
    p.sport, p.dport = be16(data, at), be16(data, at + 2)
    p.seq, p.ack = be32(data, at + 4), be32(data, at + 8)
    p.flags = ((byte(data, at + 12) & 1) << 8) | byte(data, at + 13)
    p.window = be16(data, at + 14)
    p.payload = payload
    p.options_bytes = header - 20
    if header > 20:
        _decode_options(data, at + 20, at + header, limit, p, sack)


@compiled
def _decode_quoted(data: int, at: int, limit: int, p: Any) -> None:
    """The start of the packet that an ICMP error quotes (RFC 792: at least 8 bytes of its payload)."""
    if at + 20 > limit:
        return
    version = byte(data, at) >> 4
    if version == 4:
        transport = at + (byte(data, at) & 15) * 4
        p.quoted_protocol = byte(data, at + 9)
        p.q_src_lo, p.q_dst_lo = _MAPPED | be32(data, at + 12), _MAPPED | be32(data, at + 16)
        p.q_src_hi, p.q_dst_hi = 0, 0
    elif version == 6 and at + 40 <= limit:
        transport = at + 40
        p.quoted_protocol = byte(data, at + 6)
        p.q_src_hi, p.q_src_lo = be64(data, at + 8), be64(data, at + 16)
        p.q_dst_hi, p.q_dst_lo = be64(data, at + 24), be64(data, at + 32)
    else:
        return
    if p.quoted_protocol != PROTOCOL_TCP or transport + 8 > limit:
        p.quoted_protocol = 0
        return
    p.q_sport, p.q_dport = be16(data, transport), be16(data, transport + 2)
    p.q_seq = be32(data, transport + 4)


@compiled
def _decode_icmp(data: int, limit: int, p: Any) -> None:
    at = p.transport
    if at + 8 > limit:
        p.truncated = 1
        return
    p.icmp_type, p.icmp_code = byte(data, at), byte(data, at + 1)
    if p.protocol == PROTOCOL_ICMP:
        p.icmp_error = 1 if p.icmp_type in (3, 4, 5, 11, 12) else 0
        if p.icmp_type == 3 and p.icmp_code == 4:
            p.icmp_mtu = be16(data, at + 6)  # RFC 1191 section 4; 0 from routers that know no better
    else:
        p.icmp_error = 1 if p.icmp_type < 128 else 0
        if p.icmp_type == 2:
            p.icmp_mtu = be32(data, at + 4)  # RFC 4443 section 3.2
    if p.icmp_error:
        _decode_quoted(data, at + 8, limit, p)


@compiled
def _clear(p: Any) -> None:
    p.ip_version = p.protocol = p.ip_bytes = p.ttl = p.ecn = p.dont_fragment = p.fragment = 0
    p.fragment_offset = p.more_fragments = p.src_hi = p.src_lo = p.dst_hi = p.dst_lo = p.sport = p.dport = 0
    p.malformed = p.bad_options = p.truncated = p.flags = p.seq = p.ack = p.header_bytes = p.payload = p.window = 0
    p.options_bytes = p.sack_count = p.sack_permitted = 0
    p.icmp_type = p.icmp_code = p.icmp_error = p.icmp_mtu = p.quoted_protocol = 0
    p.ip_id = p.transport = p.ts_val = p.ts_ecr = p.mss = p.wscale = -1
    p.direction = p.connection = p.flight = -1
    p.seq_offset = p.ack_offset = p.window_bytes = p.dsack = p.kind = p.spurious = 0
    p.out_of_order = p.duplicate_ack = p.network_duplicate = 0
    p.ack_kind = p.acked = p.zero_window = p.window_full = p.ca_state = 0
    p.ack_rtt_ns = -1


@compiled
def decode_frame(data: int, p: Any, sack: int) -> None:
    """Dissect the frame ``data[p.offset : p.offset + p.cap_bytes]`` of link type ``p.link`` into ``p`` and ``sack``.

    Nothing is raised for a bad packet: ``p.malformed`` and ``p.truncated`` say what was wrong, ``p.transport`` is -1
    where no upper layer could be read.
    """
    _clear(p)
    limit = p.offset + p.cap_bytes
    p.network = network_layer(data, p.offset, limit, p.link)
    decode_ip(data, p.network, limit, p)
    if p.transport < 0:
        if p.ip_version and not p.malformed:
            p.truncated = 1
        return
    # What follows the IP packet in the frame (padding, a captured FCS) is no part of it
    limit = min(limit, p.network + p.ip_bytes)
    if p.fragment_offset:
        return
    if p.protocol == PROTOCOL_TCP:
        _decode_tcp(data, limit, p, sack)
    elif p.protocol == PROTOCOL_UDP:
        p.payload = max(p.ip_bytes - p.header_bytes - 8, 0)
        if p.transport + 4 <= limit:
            p.sport, p.dport = be16(data, p.transport), be16(data, p.transport + 2)
    elif p.protocol in (PROTOCOL_ICMP, PROTOCOL_ICMPV6):
        _decode_icmp(data, limit, p)
