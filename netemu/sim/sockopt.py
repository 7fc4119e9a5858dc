"""Options whose value is a struct, as the bytes that getsockopt() of Linux fills in."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

from netemu.agents.tcp_info import encode_tcp_info

SOL_SOCKET, SOL_TCP = 1, 6
TCP_INFO, SO_COOKIE, SO_MEMINFO = 11, 57, 55


def encode_option(level: int, option: int, value: Any) -> bytes:
    """What the option's struct holds, from the stack's value: an int, text, a mapping or a tuple of words."""
    if (level, option) == (SOL_TCP, TCP_INFO):
        info: Mapping[str, int] = value
        return encode_tcp_info(info)
    if (level, option) == (SOL_SOCKET, SO_COOKIE):
        return struct.pack("=Q", value)
    if (level, option) == (SOL_SOCKET, SO_MEMINFO):
        return struct.pack(f"={len(value)}I", *value)
    if isinstance(value, str):
        return value.encode().ljust(16, b"\0")
    return bytes(value) if isinstance(value, bytes | bytearray) else struct.pack("=i", value)
