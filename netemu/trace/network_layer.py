"""IPv4 (RFC 791) and IPv6 (RFC 8200) headers into the scratch packet, options and extension headers skipped."""
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

from typing import Any

from netemu.trace.compiled import compiled
from netemu.trace.memory import be16, be32, be64, byte

_MAPPED = 0xFFFF << 32
"""IPv4 addresses are kept as ::ffff:a.b.c.d, so that one key serves both versions."""
LONGEST_BYTES = (1 << 31) - 1
"""Longest packet that the tables can tell; BIG TCP makes 512 KiB, RFC 2675 would allow twice as much as this."""


@compiled
def _decode_ipv4(data: int, at: int, limit: int, p: Any) -> None:
    header = (byte(data, at) & 15) * 4
    if header < 20:
        p.malformed = 1
        return
    total = be16(data, at + 2)
    if total == 0:  # TCP segmentation offload beyond 64 KiB (BIG TCP): the header cannot say the length
        total = p.wire_bytes - (at - p.offset)
    word = be16(data, at + 6)
    p.ip_version = 4
    p.ip_bytes = total
    p.ecn = byte(data, at + 1) & 3
    p.ip_id = be16(data, at + 4)
    p.dont_fragment = (word >> 14) & 1
    p.more_fragments = (word >> 13) & 1
    p.fragment_offset = (word & 0x1FFF) * 8
    p.fragment = 1 if (p.more_fragments or p.fragment_offset) else 0
    p.ttl = byte(data, at + 8)
    p.protocol = byte(data, at + 9)
    p.src_lo, p.dst_lo = _MAPPED | be32(data, at + 12), _MAPPED | be32(data, at + 16)
    if total < header:
        p.malformed = 1
        return
    p.header_bytes = header
    p.transport = at + header if at + header <= limit else -1


@compiled
def _read_jumbo(data: int, at: int, end: int, p: Any) -> None:
    """The length of a jumbogram (RFC 2675) from the hop-by-hop options in ``data[at:end]``, where there is one."""
    while at + 6 <= end:
        kind = byte(data, at)
        if kind == 0xC2 and byte(data, at + 1) == 4:
            length = be32(data, at + 2)
            p.ip_bytes = 40 + length
            if length <= 0xFFFF:
                p.malformed = 1
            return
        at += 1 if kind == 0 else 2 + byte(data, at + 1)


@compiled
def _skip_extensions(data: int, at: int, limit: int, p: Any) -> None:
    """Walk the extension headers of RFC 8200 section 4 from ``at``, leaving protocol, transport and header_bytes."""
    start = at - 40
    for _ in range(16):
        if p.protocol not in (0, 43, 44, 51, 60, 135, 139, 140):
            break
        if at + 8 > limit:
            p.truncated = 1
            return
        following = byte(data, at)
        if p.protocol == 44:
            word = be16(data, at + 2)
            p.fragment_offset, p.more_fragments = word & 0xFFF8, word & 1
            p.ip_id = be32(data, at + 4)
            p.fragment = 1
            length = 8
        elif p.protocol == 51:
            length = (byte(data, at + 1) + 2) * 4
        else:
            length = (byte(data, at + 1) + 1) * 8
            if p.protocol == 0 and at == start + 40 and p.jumbo:
                _read_jumbo(data, at + 2, min(at + length, limit), p)
        p.protocol = following
        at += length
        if p.fragment_offset:
            break
    p.header_bytes = at - start
    if p.header_bytes > p.ip_bytes:
        p.malformed = 1
        return
    p.transport = at if at <= limit else -1


@compiled
def _decode_ipv6(data: int, at: int, limit: int, p: Any) -> None:
    payload = be16(data, at + 4)
    p.ip_version = 6
    p.ip_bytes = 40 + payload
    p.jumbo = 1 if payload == 0 and byte(data, at + 6) != 59 else 0
    if p.jumbo:  # jumbogram or offload: the length is not in this field
        p.ip_bytes = p.wire_bytes - (at - p.offset)
    p.ecn = (byte(data, at + 1) >> 4) & 3
    p.ttl = byte(data, at + 7)
    p.protocol = byte(data, at + 6)
    p.dont_fragment = 1
    p.src_hi, p.src_lo = be64(data, at + 8), be64(data, at + 16)
    p.dst_hi, p.dst_lo = be64(data, at + 24), be64(data, at + 32)
    _skip_extensions(data, at + 40, limit, p)


@compiled
def decode_ip(data: int, at: int, limit: int, p: Any) -> None:
    """Fill the IP fields of ``p`` from ``data[at:limit]``; ``p.transport`` is -1 when no upper layer can be read."""
    if at < 0:
        return
    if at >= limit:
        p.truncated = 1
        return
    version = byte(data, at) >> 4
    if version == 4:
        if at + 20 > limit:
            p.truncated = 1
            return
        _decode_ipv4(data, at, limit, p)
    elif version == 6:
        if at + 40 > limit:
            p.truncated = 1
            return
        _decode_ipv6(data, at, limit, p)
    else:
        p.malformed = 1
    if p.ip_bytes > LONGEST_BYTES:
        p.malformed, p.ip_bytes, p.transport = 1, 0, -1
