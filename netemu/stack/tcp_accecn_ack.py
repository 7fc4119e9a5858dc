"""What an ACK says of marks in Accurate ECN (net/ipv4/tcp_input.c, __tcp_accecn_process and tcp_accecn_process_option).

Its three bits count packets modulo eight: an ACK of more than that may hide eight more, which the option's bytes tell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netemu.packet.ip import CE, Options
from netemu.stack.sock import ICSK_ACK_NOW, TCP_CA_CWR, TCP_CA_Open
from netemu.stack.tcp_accecn_h import (
    ACE_MASK,
    ACE_MAX_DELTA,
    CEPINIT_OFFSET,
    INIT_OFFSET,
    OPT_COUNTER_SEEN,
    OPT_FAIL_RECV,
    OPT_FAIL_SEEN,
    ORDERS,
    PERFIELD,
    AccEcn,
    of,
    saw_opt_fail_recv,
    tcp_accecn_ace,
    tcp_accecn_option_init,
)
from netemu.stack.tcp_h import FLAG_ECE, FLAG_FORWARD_PROGRESS, FLAG_SLOWPATH, FLAG_SYN_ACKED, FLAG_TS_PROGRESS

if TYPE_CHECKING:
    from netemu.stack.skbuff import SkBuff
    from netemu.stack.sock import TcpSock

_24_BITS = 0xFFFFFF
_EWMA_WEIGHT, _EWMA_PRECISION, _ACK_COMP_THRESH = 6, 6, 4
_TOO_LATE_BYTES = (1 << 23) - 1


def tcp_accecn_process(sk: TcpSock, skb: SkBuff, packets: int, size: int, flag: int) -> int:
    """What an ACK says of marks; its flags, with FLAG_ECE where some arrived. It delivered ``packets`` of ``size``
    bytes."""
    delta = _ce_delta(sk, skb, packets, size, flag)
    if delta <= 0:
        return flag
    sk.delivered_ce += delta
    return flag | FLAG_ECE


def _ce_delta(sk: TcpSock, skb: SkBuff, packets: int, size: int, flag: int) -> int:
    """How many more marked packets (__tcp_accecn_process)."""
    state = of(sk)
    old_ceb = state.delivered_ecn_bytes[CE]
    if not flag & (FLAG_FORWARD_PROGRESS | FLAG_TS_PROGRESS):
        return 0
    valid = _process_option(sk, state, skb.options, size, flag)
    if packets:
        ewma = state.pkts_acked_ewma
        new = packets << _EWMA_PRECISION
        if ewma:
            new = ((ewma << _EWMA_WEIGHT) - ewma + new) >> _EWMA_WEIGHT
        state.pkts_acked_ewma = min(new, 0xFFFF)
    if (not flag & FLAG_SLOWPATH and packets <= ACE_MASK) or flag & FLAG_SYN_ACKED:
        return 0
    if state.received_ce_pending >= ACE_MAX_DELTA:
        sk.ack_pending |= ICSK_ACK_NOW
    delta = (tcp_accecn_ace(skb.tcp_flags) - CEPINIT_OFFSET - sk.delivered_ce) & ACE_MASK
    if packets <= ACE_MASK:
        return delta
    safe_delta = packets - ((packets - delta) & ACE_MASK)
    if valid:
        return _delta_by_bytes(sk, delta, safe_delta, state.delivered_ecn_bytes[CE] - old_ceb, packets, size)
    return delta if state.pkts_acked_ewma > _ACK_COMP_THRESH << _EWMA_PRECISION else safe_delta


def _delta_by_bytes(sk: TcpSock, delta: int, safe_delta: int, ceb: int, packets: int, size: int) -> int:  # noqa: PLR0917
    """Where the count may have gone round: ``delta`` or more, by the bytes that the option told of."""
    if not ceb:
        return delta
    calm = sk.sack_ok or sk.icsk_ca_state in (TCP_CA_Open, TCP_CA_CWR)
    if packets >= (ACE_MASK + 1) * 2 and calm:
        if size <= ceb:
            return safe_delta
        return min(safe_delta, delta + (-(-ceb * packets // size) & ~ACE_MASK))
    if ceb > delta * sk.mss_cache:
        return safe_delta
    return delta if ceb < safe_delta * sk.mss_cache >> 1 else safe_delta


def _process_option(sk: TcpSock, state: AccEcn, options: Options, size: int, flag: int) -> bool:
    """Take the option's counters in; whether they can be relied on (tcp_accecn_process_option)."""
    if state.fail_mode & OPT_FAIL_RECV:
        return False
    if not flag & FLAG_SLOWPATH or options.accecn is None:
        return _without_option(sk, state, size)
    kind, value = options.accecn
    if state.saw_opt < OPT_COUNTER_SEEN:
        saw_opt_fail_recv(state, tcp_accecn_option_init(options))
    estimate = state.est_ecnfield
    good, changed, ambiguous = estimate != 0, False, False
    for place, mark in enumerate(ORDERS[kind][: len(value) // PERFIELD]):
        told = int.from_bytes(value[3 * place : 3 * place + 3], "big") - INIT_OFFSET[mark]
        delta = (told - state.delivered_ecn_bytes[mark]) & _24_BITS
        delta -= (delta & 0x800000) << 1
        state.delivered_ecn_bytes[mark] += delta
        if delta < 0:
            good, ambiguous = False, True
        if delta and mark != estimate:
            if not changed:
                state.est_ecnfield, changed = mark, True
            else:
                good, ambiguous = False, True
    if ambiguous:
        state.est_ecnfield = 0
    return good


def _without_option(sk: TcpSock, state: AccEcn, size: int) -> bool:
    """An ACK without: the bytes had the mark that the last ones had."""
    if not state.saw_opt:
        if sk.bytes_sent >= _TOO_LATE_BYTES:
            saw_opt_fail_recv(state, OPT_FAIL_SEEN)
        return False
    if not state.est_ecnfield:
        return False
    state.delivered_ecn_bytes[state.est_ecnfield] += size
    return True
