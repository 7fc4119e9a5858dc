"""Raw ``sock_diag`` netlink: ask for the TCP sockets of a network namespace.

The answers stay raw; :mod:`netemu.agents.sock_rows` decodes them when the traffic is over
(include/uapi/linux/inet_diag.h, net/ipv4/inet_diag.c).
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterator

_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_NLM_F_REQUEST, _NLM_F_DUMP = 1, 0x300
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
INET_DIAG_INFO, INET_DIAG_CONG, INET_DIAG_SKMEMINFO = 2, 4, 7
_TIME_WAIT, _LISTEN = 6, 10
_STATE_AT = 17  # of a message: idiag_state
_ALL_STATES = 0xFFF
_BUFFER_BYTES = 1 << 16

_TCPDIAG_GETSOCK = 18
_ID_END = 52  # of inet_diag_msg: family, state, timer, retrans, inet_diag_sockid
_EXTENSIONS = 1 << (INET_DIAG_INFO - 1) | 1 << (INET_DIAG_CONG - 1) | 1 << (INET_DIAG_SKMEMINFO - 1)
_STATES = _ALL_STATES & ~(1 << _TIME_WAIT) & ~(1 << _LISTEN)
_ERROR_BYTES = struct.pack("=H", _NLMSG_ERROR)

_NLMSG = struct.Struct("=IHHII")


class SockDiag:
    """A netlink socket of the network namespace it was made in.

    A dump walks the whole table of connections, which all namespaces share: 0.45 ms on a machine whose table has
    262,144 buckets, however few sockets there are. A look-up by endpoints and cookie costs 3 us.
    """

    def __init__(self) -> None:
        self._sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_SOCK_DIAG)
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        # The older request (TCPDIAG_GETSOCK) is the only one that takes both families in one walk.
        body = struct.pack("=4B48xII", 0, 0, 0, _EXTENSIONS, _STATES, 0)
        self._dump = _NLMSG.pack(16 + len(body), _TCPDIAG_GETSOCK, _NLM_F_REQUEST | _NLM_F_DUMP, 0, 0) + body
        self.known: dict[bytes, bytes] = {}

    def dump(self) -> list[bytes]:
        """Raw messages of every TCP socket, IPv4 and IPv6, that neither listens nor waits in TIME_WAIT.

        They become the ``known`` sockets. Raises OSError when the kernel answers with an error.
        """
        self._sock.send(self._dump)
        parts = []
        while True:
            part = self._sock.recv(_BUFFER_BYTES)
            parts.append(part)
            if _is_last(part):
                break
        self.known = {part[at : at + _ID_END]: _lookup(part, at) for part in parts for at, _ in messages(part)}
        return parts

    def look_up(self) -> list[bytes]:
        """Raw messages of the ``known`` sockets; those that are gone are known no more."""
        parts, gone = [], []
        send, receive = self._sock.send, self._sock.recv
        for key, request in self.known.items():
            send(request)
            part = receive(_BUFFER_BYTES)
            if part[4:6] == _ERROR_BYTES or part[_STATE_AT] == _TIME_WAIT:
                gone.append(key)
            else:
                parts.append(part)
        for key in gone:
            del self.known[key]
        return parts

    def close(self) -> None:
        """Close the netlink socket."""
        self._sock.close()


def _lookup(part: bytes, at: int) -> bytes:
    """The request for the one socket that the inet_diag_msg at ``at`` is about."""
    body = struct.pack("=4BI", part[at], socket.IPPROTO_TCP, _EXTENSIONS, 0, _STATES) + part[at + 4 : at + _ID_END]
    return _NLMSG.pack(16 + len(body), _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, 0, 0) + body


def messages(part: bytes) -> Iterator[tuple[int, int]]:
    """Where each inet_diag_msg of a part begins and ends."""
    at = 0
    while at + 16 <= len(part):
        length, kind, _, _, _ = _NLMSG.unpack_from(part, at)
        if kind in (_SOCK_DIAG_BY_FAMILY, _TCPDIAG_GETSOCK):
            yield at + 16, at + length
        at += length + 3 & ~3


def _is_last(part: bytes) -> bool:
    """Whether NLMSG_DONE stands at the end, as the kernel puts it; OSError for NLMSG_ERROR."""
    _, kind, _, _, _ = _NLMSG.unpack_from(part)
    if kind == _NLMSG_ERROR:
        code = -struct.unpack_from("=i", part, 16)[0]
        raise OSError(code, os.strerror(code))
    if kind == _NLMSG_DONE:
        return True
    return len(part) >= 20 and _NLMSG.unpack_from(part, len(part) - 20)[:2] == (20, _NLMSG_DONE)


UNSUPPORTED = (errno.EPROTONOSUPPORT, errno.ENOENT, errno.EINVAL)
"""What opening the socket or the first dump gives on a kernel without CONFIG_INET_DIAG."""
