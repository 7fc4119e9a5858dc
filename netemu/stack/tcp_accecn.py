"""Accurate ECN (RFC 9768; include/net/tcp_ecn.h, net/ipv4/tcp_input.c and tcp_output.c of 7.2): each ACK counts the
packets that arrived marked, where classic ECN says once per round trip that some did.

The three header bits AE, CWR and ECE hold that count, from 5 on, modulo eight (ACE); an option holds bytes that arrived
with ECT(1), CE and ECT(0), each modulo 2**24. In the handshake the same bits tell the marks of the SYN and the SYN-ACK,
so that a path that changes them is found out. ``net.ipv4.tcp_ecn`` 3 asks for it and takes it, 4 and 5 only take it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netemu.packet.ip import CE, NOT_ECT, Options
from netemu.packet.tcp import AE, CWR, ECE
from netemu.stack import tcp_send
from netemu.stack.sock import ICSK_ACK_NOW
from netemu.stack.tcp_accecn_h import (
    ACE_FAIL_RECV,
    ACE_FAIL_SEND,
    ACE_MASK,
    CEPINIT_OFFSET,
    FIELD_OF,
    INIT_OFFSET,
    NUMFIELDS,
    OPT_COUNTER_SEEN,
    OPT_FAIL_RECV,
    OPT_FAIL_SEEN,
    OPT_FAIL_SEND,
    OPTION_FULL,
    OPTION_PERSIST,
    ORDERS,
    PERFIELD,
    TCP_ACCECN_MAXSIZE,
    TCP_ECN_MODE_ACCECN,
    TCP_ECN_MODE_ANY,
    TCP_ECN_MODE_PENDING,
    TCP_ECN_SEEN,
    TCPOPT_ACCECN1,
    TOLD,
    AccEcn,
    ace_flags,
    of,
    saw_opt_fail_recv,
    tcp_accecn_ace,
    tcp_accecn_option_init,
    tcp_accecn_reflector_flags,
    tcp_ecn_mode_accecn,
)

if TYPE_CHECKING:
    from netemu.stack.request_sock import RequestSock
    from netemu.stack.skbuff import SkBuff
    from netemu.stack.sock import TcpSock

_ECN_MASK, _24_BITS = 3, 0xFFFFFF


def ask(sk: TcpSock, skb: SkBuff) -> None:
    """Set the bits of a SYN that asks for it."""
    skb.tcp_flags |= AE | ECE | CWR
    sk.ecn_flags = TCP_ECN_MODE_PENDING
    of(sk).syn_ect_snt = sk.tos & _ECN_MASK


# ---- the handshake


def tcp_accecn_synack_flags(req: RequestSock, in_vain: bool) -> int:
    """The bits of a SYN-ACK; none of them where the last one that told was not answered."""
    return 0 if in_vain else tcp_accecn_reflector_flags(req.syn_ect_rcv)


def synack_option(req: RequestSock, room: int) -> tuple[int, bytes] | None:
    """The option of a SYN-ACK: counters at their beginning, as many as fit."""
    saving = 2 if req.sack_ok and not req.tstamp_ok else 1 if req.wscale_ok else 0
    fields, _, _ = tcp_options_fit_accecn(0, room, 0, saving)
    return None if fields < 0 else accecn_option([0, 0, 0, 0], fields)


def tcp_ecn_rcv_synack_accecn(sk: TcpSock, skb: SkBuff) -> None:
    """The SYN-ACK agrees."""
    state, ace = of(sk), tcp_accecn_ace(skb.tcp_flags)
    pending = sk.ecn_flags & TCP_ECN_MODE_ANY == TCP_ECN_MODE_PENDING
    if ace == 5 and not pending:
        return
    sk.ecn_flags = sk.ecn_flags & ~TCP_ECN_MODE_ANY | TCP_ECN_MODE_ACCECN
    state.syn_ect_rcv = skb.tos & _ECN_MASK
    if skb.options.accecn is not None and state.saw_opt < OPT_COUNTER_SEEN:
        saw_opt_fail_recv(state, tcp_accecn_option_init(skb.options))
        state.opt_demand = 2
    if skb.tos & _ECN_MASK == CE and (ace == 5 or _syn_feedback_is_valid(sk, ace, state.syn_ect_snt)):
        state.received_ce += 1
        state.received_ce_pending += 1


def tcp_accecn_openreq_child(sk: TcpSock, req: RequestSock, skb: SkBuff) -> None:
    """A connection whose request agreed (tcp_ecn_openreq_child)."""
    sk.ecn_flags = TCP_ECN_MODE_ACCECN
    state = of(sk)
    state.syn_ect_snt = req.syn_ect_snt
    tcp_accecn_third_ack(sk, skb, req.syn_ect_snt)
    state.saw_opt = req.saw_accecn_opt
    state.fail_mode |= req.accecn_fail_mode & (ACE_FAIL_SEND | ACE_FAIL_RECV)
    state.prev_ecnfield = req.syn_ect_rcv
    state.opt_demand = 1
    tcp_ecn_received_counters(sk, skb)


def tcp_accecn_third_ack(sk: TcpSock, skb: SkBuff, sent_ect: int) -> None:
    """The handshake's last ACK tells the mark with which the SYN-ACK came (table 4 of the RFC)."""
    state, ace = of(sk), tcp_accecn_ace(skb.tcp_flags)
    if skb.options.sack or ace in (7, 5, 1):
        return
    if not ace:
        state.fail_mode |= ACE_FAIL_RECV | OPT_FAIL_RECV
    elif skb.seq == skb.end_seq and _syn_feedback_is_valid(sk, ace, sent_ect) and TOLD[ace] == CE:
        sk.delivered_ce = sk.delivered_ce or 1


def _syn_feedback_is_valid(sk: TcpSock, ace: int, sent: int) -> bool:
    """Whether the mark that the peer tells can have become of the one sent."""
    told = TOLD[ace]
    if not sk.net.sysctl.tcp_ecn_fallback or told == sent:
        return True
    if NOT_ECT in (told, sent) or sent == CE:
        of(sk).fail_mode |= ACE_FAIL_RECV
        return False
    return True


def tcp_accecn_syn_again(req: RequestSock, skb: SkBuff) -> None:
    """The SYN comes again, perhaps without the bits (tcp_check_req)."""
    req.syn_ect_rcv = skb.tos & _ECN_MASK
    if not tcp_accecn_ace(skb.tcp_flags):
        req.accecn_fail_mode |= ACE_FAIL_RECV


def tcp_accecn_synack_again(req: RequestSock) -> None:
    """A SYN-ACK was sent more than twice: perhaps the bits are what does not arrive."""
    if req.accecn_ok and req.num_retrans > 1:
        req.accecn_fail_mode |= ACE_FAIL_SEND


def tcp_accecn_ack_of_request(req: RequestSock, options: Options) -> None:
    """The option of the handshake's last ACK (tcp_check_req)."""
    if req.accecn_ok and options.accecn is not None and req.saw_accecn_opt < OPT_COUNTER_SEEN:
        req.saw_accecn_opt = tcp_accecn_option_init(options)
        if req.saw_accecn_opt == OPT_FAIL_SEEN:
            req.accecn_fail_mode |= OPT_FAIL_RECV


def tcp_accecn_syn_in_connection(sk: TcpSock, skb: SkBuff) -> None:
    """A SYN or SYN-ACK for a connection: the challenge reflects its mark (tcp_validate_incoming)."""
    state = of(sk)
    state.syn_ect_rcv = skb.tos & _ECN_MASK
    if skb.options.accecn is not None and state.saw_opt < OPT_COUNTER_SEEN:
        saw_opt_fail_recv(state, tcp_accecn_option_init(skb.options))
        state.opt_demand = max(1, state.opt_demand)


def tcp_send_ack_reflect_ect(sk: TcpSock) -> None:
    """An ACK that tells the mark of a SYN instead of a count."""
    flags = tcp_accecn_reflector_flags(of(sk).syn_ect_rcv) if tcp_ecn_mode_accecn(sk) else 0
    tcp_send.__tcp_send_ack(sk, sk.rcv_nxt, flags)


# ---- what is sent


def tcp_accecn_set_ace(sk: TcpSock, flags: int) -> int:
    """``flags`` of a segment with the count, unless it has the bits of a handshake."""
    if flags & (AE | CWR | ECE):
        return flags
    state = of(sk)
    state.received_ce_pending = 0
    return flags | ace_flags((state.received_ce + CEPINIT_OFFSET) & ACE_MASK)


def may_send_ect(sk: TcpSock) -> bool:
    """Whether packets are to be marked as capable: not where the path harms the bits."""
    return not of(sk).fail_mode & (ACE_FAIL_RECV | ACE_FAIL_SEND)


def established_fields(sk: TcpSock, room: int, sacks: int) -> tuple[int, int, int]:
    """Fields of the option of a segment now (-1: none), the bytes it takes of ``room``, and the SACK blocks beside."""
    state, sysctl = of(sk), sk.net.sysctl
    wanted = sysctl.tcp_ecn_option
    if not wanted or not state.saw_opt or (wanted < OPTION_PERSIST and state.fail_mode & OPT_FAIL_SEND):
        return -1, 0, sacks
    if wanted < OPTION_FULL and not state.opt_demand and not _beacon_is_due(sk, state):
        return -1, 0, sacks
    return tcp_options_fit_accecn(state.minlen, room, sacks, 2 if sacks else 0)


def _beacon_is_due(sk: TcpSock, state: AccEcn) -> bool:
    beacon = sk.net.sysctl.tcp_ecn_option_beacon
    return beacon != 0 and (sk.tcp_mstamp - state.opt_tstamp) * beacon >= sk.srtt_us >> 3


def tcp_options_fit_accecn(required: int, room: int, sacks: int, saving: int) -> tuple[int, int, int]:
    """The most fields that ``room`` has place for, ``required`` at least (else -1), by bytes and remaining SACK blocks.

    ``saving``: NOPs before other options in whose place the option's last bytes may stand.
    """
    size, fields, left, reduced = TCP_ACCECN_MAXSIZE, NUMFIELDS, room, 0
    while fields >= required:
        aligned = (size + 3) & ~3 if size & 3 > saving else size & ~3
        if left >= aligned:
            return fields, aligned - 8 * reduced, sacks - reduced
        if fields == required and sacks - reduced > 2 and required > 0:
            reduced, left = reduced + 1, left + 8
            fields, size = NUMFIELDS, TCP_ACCECN_MAXSIZE
            continue
        fields, size = fields - 1, size - PERFIELD
    return -1, 0, sacks


def accecn_option(received: list[int], fields: int) -> tuple[int, bytes]:
    """The option with the first ``fields`` of the counters ECT(1), CE, ECT(0)."""
    order = ORDERS[TCPOPT_ACCECN1][:fields]
    return TCPOPT_ACCECN1, b"".join(
        ((received[mark] + INIT_OFFSET[mark]) & _24_BITS).to_bytes(3, "big") for mark in order
    )


def option_sent(sk: TcpSock, sent: bool) -> None:
    """A segment left with the option, or without."""
    state = of(sk)
    if not sent:
        state.opt_sent_w_dsack = False
        return
    state.minlen = 0
    state.opt_tstamp = sk.tcp_mstamp
    state.opt_sent_w_dsack = sk.duplicate_sack is not None
    if state.opt_demand:
        state.opt_demand -= 1


def tcp_rcv_spurious_retrans(sk: TcpSock, skb: SkBuff) -> None:
    """Data came a third time: the ACK with the option and the D-SACK for the second must have been lost."""
    state = of(sk)
    if state.opt_sent_w_dsack and sk.duplicate_sack is not None and skb.seq == sk.duplicate_sack[0]:
        state.fail_mode |= OPT_FAIL_SEND


# ---- what arrives


def tcp_ecn_received_counters(sk: TcpSock, skb: SkBuff) -> None:
    """Count the mark of a packet that arrived, and its bytes; a change of marks is told at once."""
    state, mark, size = of(sk), skb.tos & _ECN_MASK, len(skb.data)
    if mark != NOT_ECT:
        sk.ecn_flags |= TCP_ECN_SEEN
        packets = max(1, skb.tcp_gso_segs) if mark == CE else 0
        state.received_ce += packets
        state.received_ce_pending = min(state.received_ce_pending + packets, 15)
        if size:
            before = state.received_ecn_bytes[mark]
            state.received_ecn_bytes[mark] = before + size
            state.minlen = max(state.minlen, FIELD_OF[mark])
            if (before ^ before + size) >> 22:
                state.opt_demand = max(1, state.opt_demand)
    edge = state.prev_ecnfield != mark
    if edge or mark == CE:
        state.prev_ecnfield = mark
        if edge:
            sk.ack_pending |= ICSK_ACK_NOW
        state.opt_demand = 2
