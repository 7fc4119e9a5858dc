"""``struct tcp_info`` decoded to named fields (include/uapi/linux/tcp.h, v7.2; older kernels return a prefix).

All kernels agree on a field's place, but for the last word: two halves in 6.18 and 6.19, bit fields since 7.0.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Mapping

from netemu.agents.system import Socket

_U32 = (
    "rto ato snd_mss rcv_mss unacked sacked lost retrans fackets last_data_sent last_ack_sent last_data_recv"
    " last_ack_recv pmtu rcv_ssthresh rtt rttvar snd_ssthresh snd_cwnd advmss reordering rcv_rtt rcv_space"
    " total_retrans"
)
_LAYOUT = (
    ("B", "state ca_state retransmits probes backoff options wscale flags"),
    ("I", _U32),
    ("Q", "pacing_rate max_pacing_rate bytes_acked bytes_received"),
    ("I", "segs_out segs_in notsent_bytes min_rtt data_segs_in data_segs_out"),
    ("Q", "delivery_rate busy_time rwnd_limited sndbuf_limited"),
    ("I", "delivered delivered_ce"),
    ("Q", "bytes_sent bytes_retrans"),
    ("I", "dsack_dups reord_seen rcv_ooopack snd_wnd rcv_wnd rehash"),
    ("H", "total_rto total_rto_recoveries"),
    ("I", "total_rto_time received_ce delivered_e1_bytes delivered_e0_bytes delivered_ce_bytes received_e1_bytes"),
    ("I", "received_e0_bytes received_ce_bytes"),
    ("I", "accecn"),
)
_NAMES = tuple("tcpi_" + name for _, names in _LAYOUT for name in names.split())
_FORMAT = "".join(code * len(names.split()) for code, names in _LAYOUT)
_STRUCTS: dict[int, tuple[tuple[str, ...], struct.Struct]] = {}

STATES = (
    "NONE",
    "ESTABLISHED",
    "SYN_SENT",
    "SYN_RECV",
    "FIN_WAIT1",
    "FIN_WAIT2",
    "TIME_WAIT",
    "CLOSE",
    "CLOSE_WAIT",
    "LAST_ACK",
    "LISTEN",
    "CLOSING",
    "NEW_SYN_RECV",
    "BOUND_INACTIVE",
)
"""TCP states by number (include/net/tcp_states.h)."""

TCP_CLOSE = 7
BIT_FIELDS_SINCE = (7, 0)
"""The Linux since which the last word has tcpi_ecn_mode, and options beside what is told of Accurate ECN."""
_ACCECN_BITS = {
    "tcpi_ecn_mode": (0, 2),
    "tcpi_accecn_opt_seen": (2, 2),
    "tcpi_accecn_fail_mode": (4, 4),
    "tcpi_options2": (8, 24),
}
"""Shift and width of each since 7.0."""

CA_STATES = ("Open", "Disorder", "CWR", "Recovery", "Loss")
"""``enum tcp_ca_state`` by number."""


def layout(size: int) -> tuple[tuple[str, ...], struct.Struct]:
    """Names and struct of the fields that lie entirely within the first ``size`` bytes; bit fields packed."""
    found = _STRUCTS.get(size)
    if found is None:
        count = len(_FORMAT)
        while struct.calcsize("=" + _FORMAT[:count]) > size:
            count -= 1
        found = _STRUCTS[size] = (_NAMES[:count], struct.Struct("=" + _FORMAT[:count]))
    return found


def decode_tcp_info(raw: bytes, linux: tuple[int, int] = BIT_FIELDS_SINCE) -> dict[str, int]:
    """Every field that ``raw`` holds, by the kernel's name and in the kernel's units; bit fields taken apart.

    ``linux``: version and patch level of the kernel that filled it in, which only the last word depends on.
    """
    names, form = layout(len(raw))
    info = dict(zip(names, form.unpack_from(raw), strict=True))
    wscale, flags = info.pop("tcpi_wscale"), info.pop("tcpi_flags")
    info["tcpi_snd_wscale"], info["tcpi_rcv_wscale"] = wscale & 15, wscale >> 4
    info["tcpi_delivery_rate_app_limited"], info["tcpi_fastopen_client_fail"] = flags & 1, flags >> 1 & 3
    word = info.pop("tcpi_accecn", None)
    if word is None:
        return info
    if linux < BIT_FIELDS_SINCE:
        return info | {"tcpi_accecn_fail_mode": word & 0xFFFF, "tcpi_accecn_opt_seen": word >> 16}
    return info | {name: word >> shift & (1 << bits) - 1 for name, (shift, bits) in _ACCECN_BITS.items()}


def read_tcp_info(sock: Socket, linux: tuple[int, int]) -> dict[str, int]:
    """TCP_INFO of ``sock``, which a kernel of that version fills in; OSError when it is no TCP socket."""
    return decode_tcp_info(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1024), linux)


def read_tcp_state(sock: Socket) -> int:
    """TCP_INFO's first field alone: ``tcpi_state``."""
    return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]


def encode_tcp_info(info: Mapping[str, int]) -> bytes:
    """The struct of 7.2 up to its last field that ``info`` has, bit fields put together; what it lacks before is 0."""
    packed = {
        "tcpi_wscale": info.get("tcpi_snd_wscale", 0) | info.get("tcpi_rcv_wscale", 0) << 4,
        "tcpi_flags": info.get("tcpi_delivery_rate_app_limited", 0) | info.get("tcpi_fastopen_client_fail", 0) << 1,
        **info,
    }
    told = [info[name] << shift for name, (shift, _) in _ACCECN_BITS.items() if name in info]
    if told:
        packed["tcpi_accecn"] = sum(told)
    count = 1 + max(index for index, name in enumerate(_NAMES) if name in packed)
    return struct.pack("=" + _FORMAT[:count], *(packed.get(name, 0) for name in _NAMES[:count]))
