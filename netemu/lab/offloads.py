"""Segmentation and checksum offloads of an interface, set and read by the ethtool ioctl (include/uapi/linux/ethtool.h).

A veth with TSO hands a 64 KiB "packet" to its peer, and no capture, queue or MTU then means anything. Checksum offload
leaves checksums unfilled, which a user-space wire would pass on and the receiver drop.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import socket
import struct
from functools import cache

from netemu.errors import MissingCapability

_SIOCETHTOOL = 0x8946
_ETHTOOL_GSSET_INFO, _ETHTOOL_GSTRINGS = 0x37, 0x1B
_ETHTOOL_GFEATURES, _ETHTOOL_SFEATURES = 0x3A, 0x3B
_ETH_SS_FEATURES = 4
_STRING_BYTES = 32

_FAMILIES = ("tx-scatter-gather", "tx-gso", "rx-gro", "rx-lro", "rx-udp-gro", "rx-checksum", "tx-checksum")


def is_offload(name: str) -> bool:
    """Whether the feature joins, splits or leaves unfinished what a packet is; by name, since kernels add to them.

    Linux 6.17 added ``tx-tcp-accecn-segmentation``, for one.
    """
    return name.endswith("-segmentation") or name.startswith(_FAMILIES)


def _ioctl(opened: socket.socket, interface: str, data: bytearray) -> None:
    buffer = (ctypes.c_char * len(data)).from_buffer(data)
    request = struct.pack("16sP", interface.encode(), ctypes.addressof(buffer))
    try:
        fcntl.ioctl(opened.fileno(), _SIOCETHTOOL, request + bytes(40 - len(request)))
    except OSError as error:
        reason = os.strerror(error.errno or errno.EIO)
        raise MissingCapability(f"{interface}: the kernel refuses the ethtool ioctl: {reason}") from error


@cache
def _names_of_this_kernel(names: bytes) -> tuple[str, ...]:
    return tuple(
        names[start : start + _STRING_BYTES].rstrip(b"\0").decode() for start in range(0, len(names), _STRING_BYTES)
    )


_feature_names: list[tuple[str, ...]] = []


def feature_names(opened: socket.socket, interface: str) -> tuple[str, ...]:
    """The kernel's name of each feature bit; asked once, since it is the same for every interface."""
    if not _feature_names:
        info = bytearray(struct.pack("=IIQI", _ETHTOOL_GSSET_INFO, 0, 1 << _ETH_SS_FEATURES, 0))
        _ioctl(opened, interface, info)
        (count,) = struct.unpack_from("=I", info, 16)
        strings = bytearray(struct.pack("=III", _ETHTOOL_GSTRINGS, _ETH_SS_FEATURES, count) + bytes(32 * count))
        _ioctl(opened, interface, strings)
        _feature_names.append(_names_of_this_kernel(bytes(strings[12:])))
    return _feature_names[0]


def offloads_off(opened: socket.socket, interface: str) -> None:
    """Turn off every feature that :func:`is_offload`.

    ``opened`` is any socket of the interface's namespace. What cannot be changed stays as it is: read it back.
    """
    names = feature_names(opened, interface)
    blocks = (len(names) + 31) // 32
    valid = [0] * blocks
    for bit, name in enumerate(names):
        if is_offload(name):
            valid[bit // 32] |= 1 << bit % 32
    pairs = [number for block in valid for number in (block, 0)]
    _ioctl(opened, interface, bytearray(struct.pack(f"=II{2 * blocks}I", _ETHTOOL_SFEATURES, blocks, *pairs)))


def active_offloads(opened: socket.socket, interface: str) -> tuple[str, ...]:
    """The features that are on and :func:`is_offload`, in the kernel's order."""
    names = feature_names(opened, interface)
    blocks = (len(names) + 31) // 32
    data = bytearray(struct.pack("=II", _ETHTOOL_GFEATURES, blocks) + bytes(16 * blocks))
    _ioctl(opened, interface, data)
    active = [struct.unpack_from("=IIII", data, 8 + 16 * block)[2] for block in range(blocks)]
    return tuple(name for bit, name in enumerate(names) if is_offload(name) and active[bit // 32] >> bit % 32 & 1)
