"""A packet socket with a TPACKET_V3 ring, in the standard library (include/uapi/linux/if_packet.h).

The kernel fills blocks and hands each over when it is full or ``retire_ms`` old. Whole blocks are copied out; no
Python runs per packet.
"""

from __future__ import annotations

import array
import mmap
import socket
import struct
from collections.abc import Iterator

ETH_P_ALL = 3
_SOL_PACKET = 263
_PACKET_RX_RING, _PACKET_STATISTICS, _PACKET_VERSION = 5, 6, 10
_TPACKET_V3 = 2
_SO_ATTACH_FILTER = 26
_BLOCK_BYTES = 1 << 17
_FRAME_BYTES = 1 << 11
_STATUS_AT, _LENGTH_AT = 8, 20
_TP_STATUS_USER = 1

_BLOCK = struct.Struct("=5I")  # version, offset_to_priv, block_status, num_pkts, offset_to_first_pkt; then blk_len
_U32 = struct.Struct("=I")


class Ring:
    """Frames of ``interface``, both directions, cut to ``snap_bytes``; opened in the current network namespace."""

    def __init__(self, interface: str, snap_bytes: int, ring_bytes: int, retire_ms: int) -> None:
        self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        _truncate(self.sock, snap_bytes)
        self.sock.setsockopt(_SOL_PACKET, _PACKET_VERSION, _TPACKET_V3)
        self._blocks = max(2, ring_bytes // _BLOCK_BYTES)
        frames = self._blocks * (_BLOCK_BYTES // _FRAME_BYTES)
        request = struct.pack("=7I", _BLOCK_BYTES, self._blocks, _FRAME_BYTES, frames, retire_ms, 0, 0)
        self.sock.setsockopt(_SOL_PACKET, _PACKET_RX_RING, request)
        self._memory = mmap.mmap(self.sock.fileno(), self._blocks * _BLOCK_BYTES)
        self._view = memoryview(self._memory)
        self._next = 0
        # Frames flow from here on: protocol 0 above kept those of other interfaces out of the ring.
        self.sock.bind((interface, ETH_P_ALL))

    def fileno(self) -> int:
        """The descriptor to poll."""
        return self.sock.fileno()

    def blocks(self) -> Iterator[memoryview]:
        """The blocks that the kernel has handed over, oldest first; each goes back when the next is asked for."""
        while True:
            start = self._next * _BLOCK_BYTES
            if not _U32.unpack_from(self._memory, start + _STATUS_AT)[0] & _TP_STATUS_USER:
                return
            yield self._view[start : start + _U32.unpack_from(self._memory, start + _LENGTH_AT)[0]]
            _U32.pack_into(self._memory, start + _STATUS_AT, 0)
            self._next = (self._next + 1) % self._blocks

    def statistics(self) -> tuple[int, int, int]:
        """Packets that passed the filter, of them dropped for want of room, and how often; since the last call."""
        raw = self.sock.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 12)
        packets, drops, freezes = struct.unpack("=3I", raw)
        return packets, drops, freezes

    def close(self) -> None:
        """Stop capturing; the memory goes when the last block that was handed out does."""
        self.sock.close()


def packets(block: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    """(time in ns of CLOCK_REALTIME, length on the wire, packet type, captured bytes) of each packet in a block."""
    count, at = _BLOCK.unpack_from(block)[3:5]
    unpack = _HEADER.unpack_from
    for _ in range(count):
        step, seconds, nanoseconds, captured, length, _status, mac = unpack(block, at)
        start = at + mac
        yield seconds * 1_000_000_000 + nanoseconds, length, block[at + _PKTTYPE_AT], block[start : start + captured]
        at += step


_HEADER = struct.Struct("=6IH")  # tpacket3_hdr: tp_next_offset, tp_sec, tp_nsec, tp_snaplen, tp_len, tp_status, tp_mac
_PKTTYPE_AT = 48 + 10  # sll_pkttype of the sockaddr_ll behind the aligned header


def block_length(header: bytes | memoryview) -> int:
    """How many bytes of a block are used, from its first 24."""
    return int(_U32.unpack_from(header, _LENGTH_AT)[0])


def _truncate(sock: socket.socket, snap_bytes: int) -> None:
    """Attach the classic BPF program ``ret #snap_bytes``."""
    code = array.array("B", struct.pack("=HBBI", 0x06, 0, 0, snap_bytes))
    sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HL", 1, code.buffer_info()[0]))
