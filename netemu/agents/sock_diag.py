"""Raw ``sock_diag`` netlink: dump the TCP sockets of a network namespace, and decode what was dumped.

Dumping and decoding are apart: a sampler keeps the raw messages and decodes when the traffic is over
(include/uapi/linux/inet_diag.h, net/ipv4/inet_diag.c).
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterator
from typing import Any

from netemu.agents.tcp_info import CA_STATES, STATES, decode_tcp_info

_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_NLM_F_REQUEST, _NLM_F_DUMP, _NLM_F_DUMP_INTR = 1, 0x300, 0x10
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_INFO, _CONG, _SKMEMINFO = 2, 4, 7  # INET_DIAG_*
_TIME_WAIT, _LISTEN = 6, 10
_ALL_STATES = 0xFFF
_INFINITE_SSTHRESH = 0x7FFFFFFF
_BUFFER_BYTES = 1 << 16

_NLMSG = struct.Struct("=IHHII")
_DIAG = struct.Struct("=4B2s2s16s16sIII5I")  # inet_diag_msg; ports in network order
_ATTR = struct.Struct("=HH")
_SKMEM = struct.Struct("=9I")
_SKMEM_NAMES = (
    "rmem_alloc_bytes",
    "rcvbuf_bytes",
    "wmem_alloc_bytes",
    "sndbuf_bytes",
    "fwd_alloc_bytes",
    "wmem_queued_bytes",
    "optmem_bytes",
    "backlog_bytes",
    "drops",
)


class SockDiag:
    """A netlink socket of the network namespace it was made in."""

    def __init__(self) -> None:
        self._sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_SOCK_DIAG)
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        states = _ALL_STATES & ~(1 << _TIME_WAIT) & ~(1 << _LISTEN)
        extensions = 1 << (_INFO - 1) | 1 << (_CONG - 1) | 1 << (_SKMEMINFO - 1)
        self._requests = []
        for family in (socket.AF_INET, socket.AF_INET6):
            body = struct.pack("=BBBBI48x", family, socket.IPPROTO_TCP, extensions, 0, states)
            head = _NLMSG.pack(16 + len(body), _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST | _NLM_F_DUMP, 0, 0)
            self._requests.append(head + body)

    def dump(self) -> list[bytes]:
        """Raw messages of every TCP socket, IPv4 and IPv6, that neither listens nor waits in TIME_WAIT.

        Raises OSError when the kernel answers with an error.
        """
        parts = []
        for request in self._requests:
            self._sock.send(request)
            while True:
                part = self._sock.recv(_BUFFER_BYTES)
                parts.append(part)
                if _is_last(part):
                    break
        return parts

    def close(self) -> None:
        """Close the netlink socket."""
        self._sock.close()


def _is_last(part: bytes) -> bool:
    """Whether NLMSG_DONE stands at the end, as the kernel puts it; OSError for NLMSG_ERROR."""
    _, kind, _, _, _ = _NLMSG.unpack_from(part)
    if kind == _NLMSG_ERROR:
        code = -struct.unpack_from("=i", part, 16)[0]
        raise OSError(code, os.strerror(code))
    if kind == _NLMSG_DONE:
        return True
    return len(part) >= 20 and _NLMSG.unpack_from(part, len(part) - 20)[:2] == (20, _NLMSG_DONE)


def sockets(part: bytes) -> Iterator[dict[str, Any]]:
    """One row per socket in a part of a dump: the columns of ``recording.tables.SOCKETS`` but ``t_ns`` and ``host``."""
    at = 0
    while at + 16 <= len(part):
        length, kind, _, _, _ = _NLMSG.unpack_from(part, at)
        if kind == _SOCK_DIAG_BY_FAMILY:
            yield _row(part, at + 16, at + length)
        at += length + 3 & ~3


def _row(part: bytes, at: int, end: int) -> dict[str, Any]:
    family, state, _, _, sport, dport, src, dst, _, cookie_low, cookie_high, *_ = _DIAG.unpack_from(part, at)
    row: dict[str, Any] = {
        "local": _endpoint(family, src, sport),
        "remote": _endpoint(family, dst, dport),
        "cookie": cookie_high << 32 | cookie_low,
        "state": STATES[state],
    }
    at += _DIAG.size
    while at + 4 <= end:
        length, kind = _ATTR.unpack_from(part, at)
        if kind == _INFO:
            row.update(_info_columns(decode_tcp_info(part[at + 4 : at + length])))
        elif kind == _SKMEMINFO:
            memory = dict(zip(_SKMEM_NAMES, _SKMEM.unpack_from(part, at + 4), strict=True))
            del memory["optmem_bytes"]
            row.update(memory)
        elif kind == _CONG:
            row["congestion"] = part[at + 4 : at + length].rstrip(b"\0").decode()
        at += length + 3 & ~3
    return row


def _info_columns(info: dict[str, int]) -> dict[str, Any]:
    ssthresh = info["tcpi_snd_ssthresh"]
    return {
        "ca_state": CA_STATES[info["tcpi_ca_state"]],
        "snd_cwnd_segments": info["tcpi_snd_cwnd"],
        "snd_ssthresh_segments": None if ssthresh >= _INFINITE_SSTHRESH else ssthresh,
        "snd_mss_bytes": info["tcpi_snd_mss"],
        "pmtu_bytes": info["tcpi_pmtu"],
        "rto_ns": info["tcpi_rto"] * 1000,
        "srtt_ns": info["tcpi_rtt"] * 1000,
        "rttvar_ns": info["tcpi_rttvar"] * 1000,
        "total_retrans": info["tcpi_total_retrans"],
        "unacked_segments": info["tcpi_unacked"],
        "notsent_bytes": info["tcpi_notsent_bytes"],
        "busy_ns": info["tcpi_busy_time"] * 1000,
        "rwnd_limited_ns": info["tcpi_rwnd_limited"] * 1000,
        "sndbuf_limited_ns": info["tcpi_sndbuf_limited"] * 1000,
        "rcv_space_bytes": info["tcpi_rcv_space"],
        "snd_wnd_bytes": info.get("tcpi_snd_wnd"),
    }


def _endpoint(family: int, address: bytes, port: bytes) -> str:
    number = int.from_bytes(port, "big")
    if family == socket.AF_INET:
        return f"{socket.inet_ntop(family, address[:4])}:{number}"
    return f"[{socket.inet_ntop(family, address)}]:{number}"


UNSUPPORTED = (errno.EPROTONOSUPPORT, errno.ENOENT, errno.EINVAL)
"""What opening the socket or the first dump gives on a kernel without CONFIG_INET_DIAG."""
