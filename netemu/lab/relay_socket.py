"""One end of a wire between guests: a datagram socket whose other end is a network device of the guest.

Each datagram is an Ethernet frame (User-Mode Linux, arch/um/drivers/vector_user.c, transport ``fd``). It carries the
time at which the guest sent it (SO_TIMESTAMPNS; unix_dgram_sendmsg, net/unix/af_unix.c), so that the model does not
see when Python got to run. The same methods as :class:`netemu.lab.relay_port.Port`, which see.
"""

from __future__ import annotations

import select
import socket
import struct
from collections.abc import Iterator

from netemu.lab.relay_port import ETHERNET_BYTES, VNET_BYTES

_SO_TIMESTAMPNS = 35
_TIMESPEC = struct.Struct("=qq")
_ANCILLARY_BYTES = socket.CMSG_SPACE(_TIMESPEC.size)
_SEND_BUFFER_BYTES = 8 << 20
_NO_HEADER = bytes(VNET_BYTES)
_AT_ONCE = 64
_PATIENCE_MS = 50.0
"""How long a guest that has not read may keep the relay waiting; what it then has no room for is an error."""


def guest_socket_pair() -> tuple[socket.socket, socket.socket]:
    """The relay's end and the guest's; both hold as much as the machine allows a user (net.core.wmem_max)."""
    pair = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    for end in pair:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
    return pair


class SocketPort:
    """The relay's end of a device; ``frame_bytes`` is the longest Ethernet frame that can come."""

    def __init__(self, descriptor: int, frame_bytes: int) -> None:
        self.truncated = 0
        self.socket = socket.socket(fileno=descriptor)
        self.socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self.socket.setblocking(False)
        self._buffer = bytearray(frame_bytes)
        self._writable = select.poll()
        self._writable.register(descriptor, select.POLLOUT)

    def open(self) -> None:
        """Nothing: what comes waits in the socket."""

    def has_frame(self) -> bool:
        """Always: only reading tells."""
        return True

    def frames(self) -> Iterator[tuple[int, bytes]]:
        """The frames waiting: CLOCK_REALTIME when the guest sent each, and an empty virtio_net header with it."""
        buffer, receive = self._buffer, self.socket.recvmsg_into
        for _ in range(_AT_ONCE):
            try:
                length, ancillary, flags, _ = receive([buffer], _ANCILLARY_BYTES)
            except BlockingIOError:
                return
            if flags & socket.MSG_TRUNC:
                self.truncated += 1
            elif length >= ETHERNET_BYTES:
                seconds, nanoseconds = _TIMESPEC.unpack_from(ancillary[0][2])
                yield seconds * 1_000_000_000 + nanoseconds, _NO_HEADER + buffer[:length]

    def send(self, frame: bytes) -> None:
        """Hand the guest a frame; OSError when it has had no room for it for too long."""
        data = memoryview(frame)[VNET_BYTES:]
        try:
            self.socket.send(data)
        except BlockingIOError:
            if not self._writable.poll(_PATIENCE_MS):
                raise
            self.socket.send(data)

    def kernel_drops(self) -> int:
        """None: a sender whose frame does not fit keeps it, and its device counts what it drops."""
        return 0

    def close(self) -> None:
        """Give the socket back."""
        self.socket.close()
