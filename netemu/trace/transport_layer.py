"""TCP (RFC 9293 section 3.1), its options, UDP lengths, and ICMP errors into the scratch packet."""
# mypy: disable-error-code="no-any-return"
# ruff: noqa: PLR0917 (compiled functions take their state by position)

from __future__ import annotations

from typing import Any

from netemu.recording.kinds import TCP_OPTIONS
from netemu.trace.compiled import compiled
from netemu.trace.layout import MAX_SACK_BLOCKS, PACKET_UNKNOWN_WORDS, PACKET_ZERO_WORDS
from netemu.trace.link_layer import network_layer
from netemu.trace.memory import be16, be32, be64, byte, i64, set_word
from netemu.trace.network_layer import _MAPPED, decode_ip
from netemu.trace.tunnels import carried

PROTOCOL_ICMP, PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_ICMPV6 = 1, 6, 17, 58
_MAX_TUNNELS = 4
"""How many tunnels one within the other are gone through."""


_MSS, _WSCALE, _SACK_PERMITTED, _SACK = (TCP_OPTIONS[name] for name in ("mss", "wscale", "sack_permitted", "sack"))
_TIMESTAMPS, _FAST_OPEN, _MPTCP = (TCP_OPTIONS[name] for name in ("timestamps", "fast_open", "mptcp"))
_AUTHENTICATION, _MD5, _USER_TIMEOUT = (TCP_OPTIONS[name] for name in ("authentication", "md5", "user_timeout"))
_OTHER = TCP_OPTIONS["other"]
_FAST_OPEN_MAGIC = 0xF989
"""What tells Fast Open among the options of the experimental kinds (RFC 6994, RFC 7413 appendix A)."""


@compiled
def _rare_option(data: int, at: int, kind: int, length: int) -> int:
    """The bit of an option that is recognised and not used."""
    if kind == 34:
        return _FAST_OPEN
    if kind in (253, 254) and length >= 4 and be16(data, at + 2) == _FAST_OPEN_MAGIC:
        return _FAST_OPEN
    if kind == 30:
        return _MPTCP
    if kind == 29:
        return _AUTHENTICATION
    if kind == 19:
        return _MD5
    return _USER_TIMEOUT if kind == 28 else _OTHER


@compiled
def _option(data: int, at: int, kind: int, length: int, p: Any, sack: int) -> None:
    if kind == 8 and length == 10:
        p.ts_val = be32(data, at + 2)
        p.ts_ecr = be32(data, at + 6)
        p.tcp_options |= _TIMESTAMPS
    elif kind == 5 and length >= 10:
        blocks = min((length - 2) // 8, MAX_SACK_BLOCKS)
        for i in range(2 * blocks):
            set_word(sack, i, be32(data, at + 2 + 4 * i))
        p.sack_count = blocks
        p.tcp_options |= _SACK
    elif kind == 2 and length == 4:
        p.mss = be16(data, at + 2)
        p.tcp_options |= _MSS
    elif kind == 3 and length == 3:
        # RFC 7323 section 2.3: a shift above 14 is used as 14
        p.wscale = min(byte(data, at + 2), 14)
        p.tcp_options |= _WSCALE
    elif kind == 4 and length == 2:
        p.sack_permitted = 1
        p.tcp_options |= _SACK_PERMITTED
    else:
        p.tcp_options |= _rare_option(data, at, kind, length)


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
    p.words_read, p.word_0 = 1, be32(data, at + 4)
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
def _decode_udp(data: int, limit: int, p: Any) -> None:
    """Ports, length and the first words of the payload (RFC 768); the length field, where a fragment is not whole."""
    at = p.transport
    p.payload = max(p.ip_bytes - p.header_bytes - 8, 0)
    if at + 4 <= limit:
        p.sport, p.dport = be16(data, at), be16(data, at + 2)
    if p.fragment and at + 8 <= limit:
        p.payload = max(be16(data, at + 4) - 8, 0)
    if at + 16 <= limit:
        p.words_read, p.word_0 = 1, be64(data, at + 8)
    if at + 32 <= limit:
        p.words_read, p.word_1, p.word_2 = 3, be64(data, at + 16), be64(data, at + 24)


@compiled
def _clear_network(p: Any) -> None:
    p.ip_version = p.protocol = p.ip_bytes = p.ttl = p.ecn = p.dont_fragment = p.fragment = 0
    p.fragment_offset = p.more_fragments = p.src_hi = p.src_lo = p.dst_hi = p.dst_lo = 0
    p.header_bytes = p.jumbo = 0
    p.ip_id = p.transport = -1


@compiled
def clear(packets: int) -> None:
    """Make all packets of the batch at ``packets`` new ones."""
    for i in range(PACKET_ZERO_WORDS):
        set_word(packets, i, i64(0))
    unknown = packets + 8 * PACKET_ZERO_WORDS
    for i in range(PACKET_UNKNOWN_WORDS):
        set_word(unknown, i, i64(-1))


@compiled
def _decode_network(data: int, at: int, limit: int, p: Any) -> int:
    """Dissect the IP packet at ``at``; returns where it ends: padding or a captured FCS behind it is no part of it."""
    p.network = at
    decode_ip(data, at, limit, p)
    return min(limit, at + p.ip_bytes) if p.transport >= 0 else limit


@compiled
def _through_tunnels(data: int, limit: int, p: Any) -> int:
    """Go on to the packet that ``p`` carries where that is wanted; returns where the packet then in ``p`` ends."""
    for _ in range(_MAX_TUNNELS):
        at = carried(data, limit, p) if p.transport >= 0 else -1
        if at < 0:
            break
        p.tunnels += 1
        if not p.inner:
            break
        _clear_network(p)
        limit = _decode_network(data, at, limit, p)
    return limit


@compiled
def decode_frame(data: int, p: Any, sack: int) -> None:
    """Dissect the frame ``data[p.offset : p.offset + p.cap_bytes]`` of link type ``p.link`` into ``p`` and ``sack``.

    Nothing is raised for a bad packet: ``p.malformed`` and ``p.truncated`` say what was wrong, ``p.transport`` is -1
    where no upper layer could be read. The packet is new: see :func:`clear`.
    """
    limit = p.offset + p.cap_bytes
    limit = _decode_network(data, network_layer(data, p.offset, limit, p.link), limit, p)
    if p.protocol != PROTOCOL_TCP:
        limit = _through_tunnels(data, limit, p)
    if p.transport < 0:
        if p.ip_version and not p.malformed:
            p.truncated = 1
        return
    if p.fragment_offset:
        return
    if p.protocol == PROTOCOL_TCP:
        _decode_tcp(data, limit, p, sack)
    elif p.protocol == PROTOCOL_UDP:
        _decode_udp(data, limit, p)
    elif p.protocol in (PROTOCOL_ICMP, PROTOCOL_ICMPV6):
        _decode_icmp(data, limit, p)
