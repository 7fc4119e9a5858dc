"""TCP options as bytes, in the order and with the padding of Linux (tcp_options_write, net/ipv4/tcp_output.c).

MSS; SACK permitted and timestamps together, or each behind two NOPs; NOP and window scale; two NOPs and SACK blocks.
"""

from __future__ import annotations

import struct
from functools import lru_cache

from netemu.packet.ip import NO_OPTIONS, Options
from netemu.packet.tcp import (
    OPTION_END,
    OPTION_MSS,
    OPTION_NOP,
    OPTION_SACK,
    OPTION_SACK_PERMITTED,
    OPTION_TIMESTAMPS,
    OPTION_WINDOW_SCALE,
)

_NOPS = bytes((OPTION_NOP, OPTION_NOP))
_MOST_BYTES = 40
OPTIONS_ACCECN = (172, 174)
OPTION_FASTOPEN, OPTION_EXPERIMENT, _FASTOPEN_MAGIC = 34, 254, b"\xf9\x89"
_STAMPS = struct.Struct("!BBBBII")
_SACK_PERMITTED = bytes((OPTION_SACK_PERMITTED, 2))


def options_to(options: Options) -> bytes:
    """``options`` as they stand in a header: a multiple of four bytes.

    :raises ValueError: they are longer than 40 bytes.
    """
    if options is NO_OPTIONS:
        return b""
    if options.ts_val is not None and _is_common(options):
        return _STAMPS.pack(*_NOPS, OPTION_TIMESTAMPS, 10, options.ts_val, options.ts_ecr or 0)
    parts = []
    if options.mss is not None:
        parts.append(struct.pack("!BBH", OPTION_MSS, 4, options.mss))
    if options.ts_val is not None:
        first, second = (OPTION_SACK_PERMITTED, 2) if options.sack_permitted else _NOPS
        parts.append(_STAMPS.pack(first, second, OPTION_TIMESTAMPS, 10, options.ts_val, options.ts_ecr or 0))
    left = _NOPS
    if options.accecn is not None:
        begin, left = _accecn(*options.accecn)
        parts.append(begin)
    if options.sack_permitted and options.ts_val is None:
        parts.append(left + _SACK_PERMITTED)
        left = _NOPS
    if options.window_scale is not None:
        nop, left = (left[:1], _NOPS) if left[1] == OPTION_NOP else (_NOPS[:1], left)
        parts.append(nop + bytes((OPTION_WINDOW_SCALE, 3, options.window_scale)))
    if options.sack:
        parts.append(left + bytes((OPTION_SACK, 2 + 8 * len(options.sack))))
        parts.extend(struct.pack("!II", *block) for block in options.sack)
    elif left != _NOPS:
        parts.append(left + _NOPS)
    parts.extend(bytes((kind, 2 + len(value))) + value + _nops_behind(kind, value) for kind, value in options.other)
    data = b"".join(parts)
    if len(data) > _MOST_BYTES:
        data = _tight(options)
    return data + bytes(-len(data) % 4)


def _accecn(kind: int, value: bytes) -> tuple[bytes, bytes]:
    """Accurate ECN's option in whole words, and its last two bytes where they take the place of NOPs before others."""
    data = bytes((kind, 2 + len(value))) + value
    whole = len(data) & ~3
    if len(data) & 3 == 3:
        return data + _NOPS[:1], _NOPS
    return data[:whole], (data[whole:] + _NOPS)[:2]


def _nops_behind(kind: int, value: bytes) -> bytes:
    """Fast Open's option ends with NOPs where others of an odd length end the list."""
    fastopen = kind == OPTION_FASTOPEN or (kind == OPTION_EXPERIMENT and value[:2] == _FASTOPEN_MAGIC)
    return _NOPS if fastopen and (2 + len(value)) & 3 == 2 else b""


def _is_common(options: Options) -> bool:
    """Whether there is nothing but what nearly every segment has: timestamps."""
    return (
        options.mss is None
        and options.window_scale is None
        and options.accecn is None
        and not (options.sack or options.sack_permitted or options.other)
    )


def _tight(options: Options) -> bytes:
    """Without any padding between them, which is how a foreign sender must have made them fit."""
    found = list(options.other)
    if options.mss is not None:
        found.append((OPTION_MSS, struct.pack("!H", options.mss)))
    if options.window_scale is not None:
        found.append((OPTION_WINDOW_SCALE, bytes((options.window_scale,))))
    if options.sack_permitted:
        found.append((OPTION_SACK_PERMITTED, b""))
    if options.ts_val is not None:
        found.append((OPTION_TIMESTAMPS, struct.pack("!II", options.ts_val, options.ts_ecr or 0)))
    if options.sack:
        found.append((OPTION_SACK, b"".join(struct.pack("!II", *block) for block in options.sack)))
    if options.accecn is not None:
        found.append(options.accecn)
    data = b"".join(bytes((kind, 2 + len(value))) + value for kind, value in found)
    if len(data) > _MOST_BYTES:
        raise ValueError(f"TCP options of {len(data)} bytes do not fit a header: {options}")
    return data


def options_bytes(options: Options) -> int:
    """How long :func:`options_to` makes them."""
    return len(options_to(options))


@lru_cache(maxsize=256)
def options_from(data: bytes) -> Options:
    """The options in ``data``, as tcp_parse_options() walks them: what is broken ends the list.

    An option whose length is not its kind's is among ``other``. Of one that comes twice the last one counts.
    """
    mss = window_scale = ts_val = ts_ecr = None
    sack_permitted = False
    sack: tuple[tuple[int, int], ...] = ()
    accecn: tuple[int, bytes] | None = None
    other = []
    at = 0
    while at < len(data) and data[at] != OPTION_END:
        if data[at] == OPTION_NOP:
            at += 1
            continue
        if at + 1 >= len(data) or data[at + 1] < 2 or at + data[at + 1] > len(data):
            break
        kind, length = data[at], data[at + 1]
        value = data[at + 2 : at + length]
        if kind == OPTION_MSS and length == 4:
            mss = int.from_bytes(value, "big")
        elif kind == OPTION_WINDOW_SCALE and length == 3:
            window_scale = value[0]
        elif kind == OPTION_SACK_PERMITTED and length == 2:
            sack_permitted = True
        elif kind == OPTION_TIMESTAMPS and length == 10:
            ts_val, ts_ecr = struct.unpack("!II", value)
        elif kind == OPTION_SACK and length >= 10 and (length - 2) % 8 == 0:
            sack = tuple(struct.iter_unpack("!II", value))
        elif kind in OPTIONS_ACCECN and length in (2, 5, 8, 11):
            accecn = (kind, value)
        else:
            other.append((kind, value))
        at += length
    if at == 0:
        return NO_OPTIONS
    return Options(mss, window_scale, sack_permitted, ts_val, ts_ecr, sack, tuple(other), accecn)
