"""One end of a link as a probe sees it: a packet socket that sends and receives frames of ethertype 0x88B5 only."""

from __future__ import annotations

import errno
import fcntl
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from netemu.lab.namespace import Namespace
from netemu.lab.rtnetlink import mac_bytes
from netemu.topology.wiring import Port

ETHERTYPE = 0x88B5
MARK = b"netemu-probe"
HEADER_BYTES = 14
_ETH_P_ALL = 0x0003
_SOL_PACKET, _PACKET_IGNORE_OUTGOING = 263, 23
_SO_RCVBUFFORCE, _SO_TIMESTAMPNS = 33, 35
_SIOCOUTQ = 0x5411
_RECEIVE_BYTES = 4 << 20
_PAYLOAD = struct.Struct("!12sHHI")  # MARK, target, kind, number
_TIMESPEC = struct.Struct("=qq")
_buffer = bytearray(1 << 16)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A probe that came: which, how long its packet was, and the kernel's CLOCK_REALTIME of its arrival."""

    target: int
    kind: int
    number: int
    ip_bytes: int
    realtime_ns: int


def frame(ends: tuple[Port, Port], ip_bytes: int, target: int, kind: int, number: int) -> bytes:
    """A probe from ``ends[0]`` to ``ends[1]`` whose packet (all behind the Ethernet header) has ``ip_bytes``."""
    source, sink = ends
    payload = _PAYLOAD.pack(MARK, target, kind, number)
    header = mac_bytes(sink.mac) + mac_bytes(source.mac) + ETHERTYPE.to_bytes(2, "big")
    return header + payload + bytes(ip_bytes - len(payload))


class ProbePort:
    """A packet socket on ``port``'s interface.

    A bridge takes frames from its ports before sockets of one protocol see them, but after those of all protocols
    (__netif_receive_skb_core, net/core/dev.c); so at a switch the socket is one of all. The frames are addressed to
    the port itself, which is why the bridge forwards none.
    """

    def __init__(self, port: Port, namespace: Namespace) -> None:
        self.port = port
        with namespace.entered():
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self._socket.setsockopt(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_BYTES)
        self._socket.setblocking(False)
        self._socket.bind((port.interface, _ETH_P_ALL if port.in_switch else ETHERTYPE))

    def fileno(self) -> int:
        """For selectors."""
        return self._socket.fileno()

    def send(self, data: bytes) -> bool:
        """Send a frame; False if the socket's memory is full or the peer drops it. OSError (EMSGSIZE) if too long."""
        try:
            self._socket.send(data)
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.ENOBUFS):
                raise
            return False
        return True

    def refuses(self, data: bytes) -> bool:
        """Whether the kernel refuses to send a frame because of its length."""
        try:
            self._socket.send(data)
        except OSError as error:
            if error.errno != errno.EMSGSIZE:
                raise
            return True
        return False

    def unsent_bytes(self) -> int:
        """What the kernel still counts as this socket's unsent data (SIOCOUTQ)."""
        return int(struct.unpack("=i", fcntl.ioctl(self._socket.fileno(), _SIOCOUTQ, bytes(4)))[0])

    def arrivals(self) -> Iterator[Arrival]:
        """The probes that have come; other frames are passed over."""
        while True:
            try:
                length, ancillary, _, _ = self._socket.recvmsg_into([_buffer], 64)
            except BlockingIOError:
                return
            if length < HEADER_BYTES + _PAYLOAD.size or _buffer[12:14] != ETHERTYPE.to_bytes(2, "big"):
                continue
            mark, target, kind, number = _PAYLOAD.unpack_from(_buffer, HEADER_BYTES)
            if mark == MARK:
                seconds, nanoseconds = _TIMESPEC.unpack_from(ancillary[0][2])
                yield Arrival(target, kind, number, length - HEADER_BYTES, seconds * 1_000_000_000 + nanoseconds)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()
