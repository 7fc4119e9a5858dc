"""Big-endian reads from a byte array, for compiled code. The caller has checked the bounds."""

from __future__ import annotations

from typing import Any

import numpy as np

from netemu.trace.compiled import compiled


@compiled
def be16(data: Any, at: int) -> int:
    """Two bytes at ``at`` as an unsigned number."""
    return (np.int64(data[at]) << 8) | np.int64(data[at + 1])


@compiled
def be32(data: Any, at: int) -> int:
    """Four bytes at ``at`` as an unsigned number."""
    return (
        (np.int64(data[at]) << 24)
        | (np.int64(data[at + 1]) << 16)
        | (np.int64(data[at + 2]) << 8)
        | np.int64(data[at + 3])
    )


@compiled
def be64(data: Any, at: int) -> int:
    """Eight bytes at ``at`` as the bit pattern of a signed number (addresses are only compared)."""
    return (be32(data, at) << 32) | be32(data, at + 4)


@compiled
def le32(data: Any, at: int) -> int:
    """Four bytes at ``at``, least significant first."""
    return (
        np.int64(data[at])
        | (np.int64(data[at + 1]) << 8)
        | (np.int64(data[at + 2]) << 16)
        | (np.int64(data[at + 3]) << 24)
    )


@compiled
def le16(data: Any, at: int) -> int:
    """Two bytes at ``at``, least significant first."""
    return np.int64(data[at]) | (np.int64(data[at + 1]) << 8)


@compiled
def file32(data: Any, at: int, little: int) -> int:
    """Four bytes in the byte order of the file's writer."""
    return le32(data, at) if little else be32(data, at)


@compiled
def file16(data: Any, at: int, little: int) -> int:
    """Two bytes in the byte order of the file's writer."""
    return le16(data, at) if little else be16(data, at)
