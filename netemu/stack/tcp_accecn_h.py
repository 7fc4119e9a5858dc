"""State and bits of Accurate ECN, :mod:`netemu.stack.tcp_accecn` (include/net/tcp.h, include/net/tcp_ecn.h)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netemu.packet.ip import CE, ECT_0, ECT_1, NOT_ECT, Options
from netemu.packet.tcp import AE, CWR, ECE

if TYPE_CHECKING:
    from netemu.stack.sock import TcpSock

TCP_ECN_MODE_RFC3168, TCP_ECN_MODE_ACCECN = 1, 16
TCP_ECN_MODE_ANY = TCP_ECN_MODE_PENDING = TCP_ECN_MODE_RFC3168 | TCP_ECN_MODE_ACCECN
TCP_ECN_SEEN = 8
OPT_NOT_SEEN, OPT_EMPTY_SEEN, OPT_COUNTER_SEEN, OPT_FAIL_SEEN = range(4)
ACE_FAIL_SEND, ACE_FAIL_RECV, OPT_FAIL_SEND, OPT_FAIL_RECV = 1, 2, 4, 8
"""accecn_fail_mode (include/uapi/linux/tcp.h)."""

TCPOPT_ACCECN0, TCPOPT_ACCECN1 = 172, 174
TCP_ACCECN_MAXSIZE, PERFIELD, NUMFIELDS = 11, 3, 3
OPTION_MINIMUM, OPTION_FULL, OPTION_PERSIST = 1, 2, 3
CEPINIT_OFFSET, ACE_MASK, ACE_MAX_DELTA = 5, 7, 6
INIT_OFFSET = {ECT_1: 1, CE: 0, ECT_0: 1}
FIELD_OF = {NOT_ECT: 0, ECT_1: 1, CE: 2, ECT_0: 3}
ORDERS = {TCPOPT_ACCECN0: (ECT_0, CE, ECT_1), TCPOPT_ACCECN1: (ECT_1, CE, ECT_0)}
_REFLECTED = {NOT_ECT: 0b010, ECT_1: 0b011, ECT_0: 0b100, CE: 0b110}
TOLD = (ECT_0, ECT_1, NOT_ECT, ECT_1, ECT_0, ECT_1, CE, ECT_1)


class AccEcn:
    """The members of ``struct tcp_sock`` about it. Bytes are by the mark, a number from 1 to 3."""

    __slots__ = (
        "delivered_ecn_bytes", "est_ecnfield", "fail_mode", "minlen", "opt_demand", "opt_sent_w_dsack", "opt_tstamp",
        "pkts_acked_ewma", "prev_ecnfield", "received_ce", "received_ce_pending", "received_ecn_bytes", "saw_opt",
        "syn_ect_rcv", "syn_ect_snt",
    )  # fmt: skip

    def __init__(self) -> None:
        self.syn_ect_snt = self.syn_ect_rcv = self.prev_ecnfield = 0
        self.received_ce = self.received_ce_pending = 0
        self.received_ecn_bytes, self.delivered_ecn_bytes = [0, 0, 0, 0], [0, 0, 0, 0]
        self.minlen = self.opt_demand = self.est_ecnfield = 0
        self.opt_tstamp = 0  # us
        self.opt_sent_w_dsack = False
        self.saw_opt = OPT_NOT_SEEN
        self.fail_mode = 0
        self.pkts_acked_ewma = 0


def tcp_ecn_mode_accecn(sk: TcpSock) -> bool:
    """Whether it was agreed on."""
    return sk.ecn_flags & TCP_ECN_MODE_ANY == TCP_ECN_MODE_ACCECN


def of(sk: TcpSock) -> AccEcn:
    """The socket's state; a new one where it has none."""
    if sk.accecn is None:
        sk.accecn = AccEcn()
    return sk.accecn


def tcp_accecn_ace(flags: int) -> int:
    """The three bits as a number."""
    return bool(flags & AE) << 2 | bool(flags & CWR) << 1 | bool(flags & ECE)


def ace_flags(ace: int) -> int:
    """And back."""
    return AE * (ace >> 2 & 1) | CWR * (ace >> 1 & 1) | ECE * (ace & 1)


def tcp_accecn_syn_requested(flags: int) -> bool:
    """Whether a SYN asks for it: any of the bits but those of classic ECN."""
    return tcp_accecn_ace(flags) not in (0, 3)


def tcp_accecn_reflector_flags(ect: int) -> int:
    """How a SYN-ACK tells the mark of the SYN, and the ACK of a SYN-ACK that one's."""
    return ace_flags(_REFLECTED[ect & 3])


def saw_opt_fail_recv(state: AccEcn, saw_opt: int) -> None:
    """Note what the peer's option was like."""
    state.saw_opt = saw_opt
    if saw_opt == OPT_FAIL_SEEN:
        state.fail_mode |= OPT_FAIL_RECV


def tcp_accecn_option_init(options: Options) -> int:
    """What a first option is like: empty, with counters, or with zeros where none can be."""
    assert options.accecn is not None
    _, value = options.accecn
    if len(value) < PERFIELD:
        return OPT_EMPTY_SEEN
    if not any(value[:3]) or (len(value) >= 3 * PERFIELD and not any(value[6:9])):
        return OPT_FAIL_SEEN
    return OPT_COUNTER_SEEN


def with_accecn(options: Options, accecn: tuple[int, bytes] | None) -> Options:
    """``options`` with that option."""
    return Options(
        options.mss, options.window_scale, options.sack_permitted, options.ts_val, options.ts_ecr, options.sack,
        options.other, accecn,
    )  # fmt: skip
