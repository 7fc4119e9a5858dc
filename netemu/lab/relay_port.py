"""One end of a wire: a packet socket that receives through a memory-mapped ring and sends frames (packet(7)).

Received frames carry the kernel's time of arrival, so the model does not see when Python got to run. A virtio_net
header travels in front of each frame (PACKET_VNET_HDR): a checksum the sender left to the device, or a segment
bigger than the MTU, is handed on in the same state. Layout of the ring: Documentation/networking/packet_mmap.rst,
TPACKET_V2; a slot whose status word is 0 belongs to the kernel.
"""

from __future__ import annotations

import mmap
import socket
import struct
from collections.abc import Iterator

from netemu.lab.relay_kernel import set_socket_option

VNET_BYTES = 10
ETHERNET_BYTES = 14

_SOL_PACKET = 263
_PACKET_RX_RING, _PACKET_STATISTICS, _PACKET_VERSION = 5, 6, 10
_PACKET_VNET_HDR, _PACKET_IGNORE_OUTGOING = 15, 23
_TPACKET_V2 = 1
_TP_STATUS_KERNEL = 0
_SO_SNDBUFFORCE, _SO_TIMESTAMPNS = 32, 35
_ETH_P_ALL = 0x0003

_SLOT_OVERHEAD_BYTES = 96  # tpacket2_hdr, sockaddr_ll, alignment and the virtio_net header: 76, and some room
_SLOT = struct.Struct("=IIIHHII")  # tp_status, tp_len, tp_snaplen, tp_mac, tp_net, tp_sec, tp_nsec
_SEND_BUFFER_BYTES = 32 << 20


class Port:
    """A bound packet socket on ``interface`` of the namespace the caller is in."""

    __slots__ = (
        "_block_bytes",
        "_blocks",
        "_map",
        "_ring",
        "_slot_bytes",
        "_slots",
        "_words",
        "interface",
        "next_slot",
        "send",
        "socket",
        "truncated",
    )

    def __init__(self, interface: str, frame_bytes: int, ring_bytes: int) -> None:
        """``frame_bytes`` is the longest Ethernet frame that can come, ``ring_bytes`` the memory to receive into.

        Nothing is received before :meth:`open`. Raises OSError when the kernel refuses.
        """
        self.interface = interface
        self.truncated = 0
        self.next_slot = 0
        self._slot_bytes = -(-(frame_bytes + _SLOT_OVERHEAD_BYTES) // 16) * 16
        self._block_bytes = 1 << max(16, (4 * self._slot_bytes - 1).bit_length())
        self._blocks = max(1, ring_bytes // self._block_bytes)
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        options = self.socket.setsockopt
        options(_SOL_PACKET, _PACKET_VERSION, _TPACKET_V2)
        options(_SOL_PACKET, _PACKET_VNET_HDR, 1)
        options(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
        options(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        options(socket.SOL_SOCKET, _SO_SNDBUFFORCE, _SEND_BUFFER_BYTES)
        self.socket.setblocking(False)
        self.send = self.socket.send

    def open(self) -> None:
        """Make the ring and begin to receive; OSError when the interface is not there. Safe in a thread of its own."""
        block_bytes, slot_bytes = self._block_bytes, self._slot_bytes
        per_block = block_bytes // slot_bytes
        request = struct.pack("=IIII", block_bytes, self._blocks, slot_bytes, self._blocks * per_block)
        set_socket_option(self.socket, _SOL_PACKET, _PACKET_RX_RING, request)
        self._map = mmap.mmap(self.socket.fileno(), self._blocks * block_bytes)
        self._ring = memoryview(self._map)
        self._words = self._ring.cast("I")
        self._slots = [
            block * block_bytes + slot * slot_bytes for block in range(self._blocks) for slot in range(per_block)
        ]
        self.socket.bind((self.interface, _ETH_P_ALL))

    def has_frame(self) -> bool:
        """Whether a frame is waiting; no system call."""
        return self._words[self._slots[self.next_slot] >> 2] != _TP_STATUS_KERNEL

    def frames(self) -> Iterator[tuple[int, bytes]]:
        """The frames waiting: CLOCK_REALTIME of arrival in ns, and virtio_net header with frame; no system call."""
        words, slots, ring = self._words, self._slots, self._ring
        count = len(slots)
        while True:
            offset = slots[self.next_slot]
            if words[offset >> 2] == _TP_STATUS_KERNEL:
                return
            _, length, snapped, mac, _, seconds, nanoseconds = _SLOT.unpack_from(ring, offset)
            start = offset + mac
            frame = bytes(ring[start - VNET_BYTES : start + snapped])
            words[offset >> 2] = _TP_STATUS_KERNEL
            self.next_slot = (self.next_slot + 1) % count
            if snapped < length:
                self.truncated += 1
            else:
                yield seconds * 1_000_000_000 + nanoseconds, frame

    def kernel_drops(self) -> int:
        """Frames the kernel could not put into the ring since the last call (PACKET_STATISTICS)."""
        return int(struct.unpack("=II", self.socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8))[1])

    def close(self) -> None:
        """Give the ring and the socket back."""
        self._words.release()
        self._ring.release()
        self._map.close()
        self.socket.close()
