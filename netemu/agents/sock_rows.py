"""Raw ``sock_diag`` answers to the lines of ``samples/sockets.jsonl`` (``recording.tables.SOCKETS``)."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any

from netemu.agents.sock_diag import INET_DIAG_CONG, INET_DIAG_INFO, INET_DIAG_SKMEMINFO, messages
from netemu.agents.tcp_info import CA_STATES, STATES, layout

_INFINITE_SSTHRESH = 0x7FFFFFFF
_DIAG = struct.Struct("=4B2s2s16s16sI2I")  # inet_diag_msg up to the cookie; ports in network order
_DIAG_BYTES = 72
_ATTR = struct.Struct("=HH")
_SKMEM = struct.Struct("=6I4x2I")  # without SK_MEMINFO_OPTMEM

_IDENTITY = ("local", "remote", "cookie", "state")
_INFO = (  # column, field of tcp_info, factor to the column's unit
    ("snd_cwnd_segments", "tcpi_snd_cwnd", 1),
    ("snd_ssthresh_segments", "tcpi_snd_ssthresh", 1),
    ("snd_mss_bytes", "tcpi_snd_mss", 1),
    ("pmtu_bytes", "tcpi_pmtu", 1),
    ("rto_ns", "tcpi_rto", 1000),
    ("srtt_ns", "tcpi_rtt", 1000),
    ("rttvar_ns", "tcpi_rttvar", 1000),
    ("total_retrans", "tcpi_total_retrans", 1),
    ("unacked_segments", "tcpi_unacked", 1),
    ("notsent_bytes", "tcpi_notsent_bytes", 1),
    ("busy_ns", "tcpi_busy_time", 1000),
    ("rwnd_limited_ns", "tcpi_rwnd_limited", 1000),
    ("sndbuf_limited_ns", "tcpi_sndbuf_limited", 1000),
    ("rcv_space_bytes", "tcpi_rcv_space", 1),
)
_SKMEM_COLUMNS = (
    "rmem_alloc_bytes",
    "rcvbuf_bytes",
    "wmem_alloc_bytes",
    "sndbuf_bytes",
    "fwd_alloc_bytes",
    "wmem_queued_bytes",
    "backlog_bytes",
    "drops",
)
COLUMNS = (*_IDENTITY, "ca_state", "snd_wnd_bytes", *(name for name, _, _ in _INFO), *_SKMEM_COLUMNS, "congestion")
"""Order of a row's values: those of ``SOCKETS`` but ``t_ns`` and ``host``, and TCP_CONGESTION's name."""

_TEXT = ("local", "remote", "state", "ca_state", "congestion")
_LINE = '{{"t_ns":%d,"host":"%s",{}}}\n'.format(
    ",".join(f'"{name}":"%s"' if name in _TEXT else f'"{name}":%s' for name in COLUMNS)
)
_NO_INFO: tuple[Any, ...] = (None,) * (2 + len(_INFO))
_NO_SKMEM: tuple[Any, ...] = (None,) * len(_SKMEM_COLUMNS)
_FACTORS = tuple(factor for _, _, factor in _INFO)


class Rows:
    """Decodes answers; remembers how each socket is written and how long the kernel's tcp_info is."""

    def __init__(self) -> None:
        self._endpoints: dict[bytes, tuple[str, str, int]] = {}
        self._pickers: dict[int, Any] = {}

    def rows(self, part: bytes) -> Iterator[tuple[Any, ...]]:
        """The values of :data:`COLUMNS` for each socket; None for what it has not (TCP_INFO in SYN_RECV)."""
        for at, end in messages(part):
            info, memory, congestion = _NO_INFO, _NO_SKMEM, None
            attribute = at + _DIAG_BYTES
            while attribute + 4 <= end:
                length, kind = _ATTR.unpack_from(part, attribute)
                if kind == INET_DIAG_INFO:
                    info = self._info(part, attribute + 4, length - 4)
                elif kind == INET_DIAG_SKMEMINFO:
                    memory = _SKMEM.unpack_from(part, attribute + 4)
                elif kind == INET_DIAG_CONG:
                    congestion = part[attribute + 4 : attribute + length].rstrip(b"\0").decode()
                attribute += length + 3 & ~3
            yield (*self._identity(part, at), STATES[part[at + 1]], *info, *memory, congestion)

    def lines(self, t_ns: int, host: str, part: bytes) -> str:
        """One JSON object per socket and line."""
        return "".join([line(t_ns, host, row) for row in self.rows(part)])

    def _info(self, part: bytes, at: int, size: int) -> tuple[Any, ...]:
        picker = self._pickers.get(size)
        if picker is None:
            picker = self._pickers[size] = _picker(size)
        unpack_from, pick = picker
        return _info_columns(*pick((*unpack_from(part, at), None)))

    def _identity(self, part: bytes, at: int) -> tuple[str, str, int]:
        key = part[at : at + 52]
        key = key[:1] + key[4:]  # state, timer and retrans change
        found = self._endpoints.get(key)
        if found is None:
            family, _, _, _, sport, dport, src, dst, _, low, high = _DIAG.unpack_from(part, at)
            found = (_endpoint(family, src, sport), _endpoint(family, dst, dport), high << 32 | low)
            self._endpoints[key] = found
        return found


def line(t_ns: int, host: str, row: Sequence[object]) -> str:
    """The JSON object of one socket, and a newline; ``row``: the values of :data:`COLUMNS`."""
    return (_LINE % (t_ns, host, *row)).replace('"None"', "null").replace(":None", ":null")


def row_of(
    identity: tuple[str, str, int, int], info: Mapping[str, int] | None, memory: Sequence[int] | None, congestion: str
) -> tuple[Any, ...]:
    """The values of :data:`COLUMNS` of a socket known by name and not by netlink's bytes.

    ``identity``: local, remote, cookie and the state's number; ``info``: fields of tcp_info; ``memory``: the SK_MEMINFO
    array in the kernel's order; both are None for a connection that is not open yet.
    """
    local, remote, cookie, state = identity
    known, kept, named = _NO_INFO, _NO_SKMEM, None
    if info is not None and memory is not None:
        known = _info_columns(info["tcpi_ca_state"], info.get("tcpi_snd_wnd"), *(info[field] for _, field, _ in _INFO))
        kept, named = (*memory[:6], *memory[7:9]), congestion
    return (local, remote, cookie, STATES[state], *known, *kept, named)


def _info_columns(ca_state: int, snd_wnd: int | None, *numbers: int) -> tuple[Any, ...]:
    values: list[int | None] = [number * factor for number, factor in zip(numbers, _FACTORS, strict=True)]
    if numbers[1] >= _INFINITE_SSTHRESH:
        values[1] = None
    return (CA_STATES[ca_state], snd_wnd, *values)


def _picker(size: int) -> tuple[Any, Any]:
    """How to unpack a tcp_info of ``size`` bytes, and how to pick the columns; an absent snd_wnd is the last, None."""
    names, form = layout(size)
    wanted = ["tcpi_ca_state", "tcpi_snd_wnd", *(field for _, field, _ in _INFO)]
    return form.unpack_from, itemgetter(*(names.index(name) if name in names else len(names) for name in wanted))


def _endpoint(family: int, address: bytes, port: bytes) -> str:
    number = int.from_bytes(port, "big")
    if family == socket.AF_INET:
        return f"{socket.inet_ntop(family, address[:4])}:{number}"
    return f"[{socket.inet_ntop(family, address)}]:{number}"
