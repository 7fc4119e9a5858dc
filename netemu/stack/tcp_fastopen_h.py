"""What sockets remember for Fast Open, and its option (include/linux/tcp.h, include/net/request_sock.h; RFC 7413)."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from netemu.packet.ip import Options

if TYPE_CHECKING:
    from netemu.stack.tcp_fastopen_cookie import Keys

TFO_CLIENT_ENABLE, TFO_SERVER_ENABLE, TFO_CLIENT_NO_COOKIE = 0x1, 0x2, 0x4
TFO_SERVER_COOKIE_NOT_REQD, TFO_SERVER_WO_SOCKOPT1 = 0x200, 0x400
"""Bits of net.ipv4.tcp_fastopen (include/net/tcp.h)."""

TFO_COOKIE_UNAVAILABLE, TFO_DATA_NOT_ACKED, TFO_SYN_RETRANSMITTED = 1, 2, 3
"""tcpi_fastopen_client_fail: why a client's Fast Open came to nothing; 0: it did not."""

TCPOPT_FASTOPEN, TCPOPT_EXP = 34, 254
TCPOPT_FASTOPEN_MAGIC = b"\xf9\x89"
TCP_FASTOPEN_COOKIE_MIN, TCP_FASTOPEN_COOKIE_MAX = 4, 16
_OPTION_BASE = 2  # kind and length


class FastopenCookie:
    """``struct tcp_fastopen_cookie``. ``value``: None: no option (len -1); empty: a request for one.

    ``exp``: in the experimental option that drafts of RFC 7413 had, and Linux before 4.1.
    """

    __slots__ = ("exp", "value")

    def __init__(self, value: bytes | None = None, exp: bool = False) -> None:
        self.value, self.exp = value, exp

    def option(self) -> tuple[int, bytes] | None:
        """The option that carries it, as kind and value; None where there is none."""
        if self.value is None:
            return None
        return (TCPOPT_EXP, TCPOPT_FASTOPEN_MAGIC + self.value) if self.exp else (TCPOPT_FASTOPEN, self.value)


def tcp_parse_fastopen_option(options: Options, *, only_exp: bool) -> FastopenCookie:
    """The cookie of a SYN or SYN-ACK: the last option's of an even length; of a length that no cookie has, None.

    ``only_exp``: the era knows the experimental option alone.
    """
    found = FastopenCookie()
    for kind, value in options.other:
        exp = kind == TCPOPT_EXP and value[:2] == TCPOPT_FASTOPEN_MAGIC
        if not exp and (kind != TCPOPT_FASTOPEN or only_exp):
            continue
        cookie = value[2:] if exp else value
        if len(cookie) & 1:
            continue
        valid = not cookie or TCP_FASTOPEN_COOKIE_MIN <= len(cookie) <= TCP_FASTOPEN_COOKIE_MAX
        found = FastopenCookie(cookie if valid else None, exp)
    return found


def with_cookie(options: Options, foc: FastopenCookie, room: int) -> Options:
    """``options`` with the cookie's behind them, where ``room`` bytes hold it; else as they are."""
    option = foc.option()
    if option is None or (_OPTION_BASE + len(option[1]) + 3) & ~3 > room:
        return options
    return Options(
        options.mss, options.window_scale, options.sack_permitted, options.ts_val, options.ts_ecr, options.sack,
        (*options.other, option),
    )  # fmt: skip


class FastopenRequest:
    """``struct tcp_fastopen_request``: what a client wants to send with its SYN. ``data`` None: nothing is left.

    ``copied``: bytes that the SYN took.
    """

    __slots__ = ("cookie", "copied", "data")

    def __init__(self, data: bytes | None, cookie: FastopenCookie) -> None:
        self.data, self.cookie = data, cookie
        self.copied = 0


class TcpFastopen:
    """The members of ``struct tcp_sock`` about Fast Open, and the listener's ``struct fastopen_queue``."""

    __slots__ = (
        "fastopen_client_fail", "fastopen_connect", "fastopen_no_cookie", "fastopen_req", "keys", "max_qlen", "qlen",
        "rskq_rst", "syn_data_acked", "syn_fastopen", "syn_fastopen_ch", "syn_fastopen_child", "syn_fastopen_exp",
    )  # fmt: skip

    def __init__(self) -> None:
        self.fastopen_connect = False  # TCP_FASTOPEN_CONNECT
        self.fastopen_no_cookie = False  # TCP_FASTOPEN_NO_COOKIE
        self.fastopen_client_fail = 0  # TFO_*
        self.fastopen_req: FastopenRequest | None = None
        self.syn_fastopen = False  # the SYN had the option
        self.syn_fastopen_exp = False  # in its experimental form
        self.syn_fastopen_ch = False  # the first after a pause of Fast Open
        self.syn_data_acked = False
        self.syn_fastopen_child = False  # a connection that a cookie opened
        self.max_qlen = 0  # TCP_FASTOPEN: connections whose handshake may be unfinished; 0: none
        self.qlen = 0
        self.rskq_rst: deque[int] = deque()  # jiffies up to which a connection counts that was reset
        self.keys: Keys | None = None  # TCP_FASTOPEN_KEY; None: the host's

    def disconnected(self) -> None:
        """What tcp_disconnect sets back: all that is not the user's."""
        self.fastopen_req = None
        self.fastopen_client_fail = 0
        self.syn_data_acked = self.syn_fastopen_child = False
