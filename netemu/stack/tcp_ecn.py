"""Explicit congestion notification of RFC 3168 (include/net/tcp_ecn.h of 7.2, tcp_input.c and tcp_output.c before).

The receiver that sees CE demands CWR: every ACK has ECE until a segment has CWR. The sender that sees ECE reduces its
window once per round trip and says so with CWR. ``tcp_ecn``: 0 never, 1 always, 2 (default) when the peer asks.
Accurate ECN (``tcp_ecn`` 3 to 5, since 6.18) stands in :mod:`netemu.stack.tcp_accecn`; by default 7.2 does not
negotiate it, and answers a SYN that asks for it as one that asks for classic ECN.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netemu.packet.ip import CE, ECT_0, NOT_ECT
from netemu.packet.tcp import AE, CWR, ECE, SYN
from netemu.stack import tcp_accecn, tcp_ack_snd
from netemu.stack.cong import CA_EVENT_ECN_IS_CE, CA_EVENT_ECN_NO_CE
from netemu.stack.sock import ICSK_ACK_NOW
from netemu.stack.tcp_accecn_h import (
    TCP_ECN_MODE_ACCECN,
    TCP_ECN_MODE_ANY,
    of,
    tcp_accecn_ace,
    tcp_accecn_reflector_flags,
    tcp_accecn_syn_requested,
    tcp_ecn_mode_accecn,
)

if TYPE_CHECKING:
    from netemu.stack.skbuff import SkBuff
    from netemu.stack.sock import TcpSock

TCP_ECN_OK, TCP_ECN_QUEUE_CWR, TCP_ECN_DEMAND_CWR, TCP_ECN_SEEN = 1, 2, 4, 8
"""Bits of ``ecn_flags`` (7.2 calls the first TCP_ECN_MODE_RFC3168)."""

INET_ECN_MASK = 3


def INET_ECN_xmit(sk: TcpSock) -> None:
    """What this socket sends is ECN-capable: ECT(0) (include/net/inet_ecn.h)."""
    sk.tos |= ECT_0


def INET_ECN_dontxmit(sk: TcpSock) -> None:
    """What this socket sends is not ECN-capable."""
    sk.tos &= ~INET_ECN_MASK


# ---- the handshake


def tcp_ecn_send_syn(sk: TcpSock, skb: SkBuff) -> None:
    """Ask for ECN with ECE and CWR on the SYN, if ``tcp_ecn`` or the congestion control wants it."""
    wanted = sk.net.sysctl.tcp_ecn
    use_ecn = wanted in (1, 4) or sk.icsk_ca_ops.needs_ecn
    sk.ecn_flags = 0
    if wanted == 3:
        tcp_accecn.ask(sk, skb)
    elif use_ecn:
        skb.tcp_flags |= ECE | CWR
        sk.ecn_flags = TCP_ECN_OK
        if sk.icsk_ca_ops.needs_ecn:
            INET_ECN_xmit(sk)


def tcp_ecn_clear_syn(sk: TcpSock, skb: SkBuff) -> None:
    """A SYN that is sent again does not ask for ECN: a firewall may have eaten the first for it (RFC 3168 6.1.1.1)."""
    if sk.net.sysctl.tcp_ecn_fallback:
        skb.tcp_flags &= ~(AE | ECE | CWR)


def tcp_ecn_create_request(listener: TcpSock, skb: SkBuff) -> bool:
    """Whether a SYN that arrived at ``listener`` and its answer agree on ECN (tcp_input.c).

    A SYN with an ECN mark in its IP header is not answered so, unless the congestion control needs ECN: the
    standard forbids it, and broken networks set all bits.
    """
    if skb.tcp_flags & (ECE | CWR) != ECE | CWR:
        return False
    not_ect = skb.tos & INET_ECN_MASK == NOT_ECT or skb.tcp_flags & AE != 0
    ecn_ok = listener.net.sysctl.tcp_ecn != 0
    return (not_ect and ecn_ok) or listener.icsk_ca_ops.needs_ecn


def tcp_ecn_make_synack(ecn_ok: bool, flags: int) -> int:
    """``flags`` of a SYN-ACK, with ECE when the request agreed on ECN."""
    return flags | ECE if ecn_ok else flags


def tcp_ecn_openreq_child(sk: TcpSock, ecn_ok: bool) -> None:
    """The child of a request begins with what the request agreed on (tcp_minisocks.c)."""
    sk.ecn_flags = TCP_ECN_OK if ecn_ok else 0


def tcp_ecn_send_synack(sk: TcpSock, skb: SkBuff) -> None:
    """Flags of the SYN-ACK of a simultaneous open."""
    skb.tcp_flags &= ~CWR
    if not sk.ecn_flags & TCP_ECN_OK:
        skb.tcp_flags &= ~ECE
    elif sk.icsk_ca_ops.needs_ecn:
        INET_ECN_xmit(sk)
    if tcp_ecn_mode_accecn(sk):
        state = of(sk)
        skb.tcp_flags = skb.tcp_flags & ~(AE | CWR | ECE) | tcp_accecn_reflector_flags(state.syn_ect_rcv)
        state.syn_ect_snt = sk.tos & INET_ECN_MASK


def tcp_ecn_rcv_synack(sk: TcpSock, skb: SkBuff) -> None:
    """The SYN-ACK agrees with ECE alone, and to Accurate ECN with most else; what is left ends ECN."""
    if sk.ecn_flags & TCP_ECN_MODE_ACCECN:
        ace = tcp_accecn_ace(skb.tcp_flags)
        if ace in (0, 7):
            sk.ecn_flags &= ~TCP_ECN_MODE_ANY
        elif ace == 1:
            sk.ecn_flags = sk.ecn_flags & ~TCP_ECN_MODE_ANY | TCP_ECN_OK
        else:
            tcp_accecn.tcp_ecn_rcv_synack_accecn(sk, skb)
        return
    if sk.ecn_flags & TCP_ECN_OK and skb.tcp_flags & (ECE | CWR) != ECE:
        sk.ecn_flags &= ~TCP_ECN_OK


def tcp_ecn_rcv_syn(sk: TcpSock, skb: SkBuff) -> None:
    """The SYN of a simultaneous open agrees with both flags; all else ends ECN."""
    if sk.ecn_flags & TCP_ECN_MODE_ACCECN:
        if tcp_accecn_syn_requested(skb.tcp_flags):
            state = of(sk)
            state.syn_ect_rcv = state.prev_ecnfield = skb.tos & INET_ECN_MASK
            sk.ecn_flags = sk.ecn_flags & ~TCP_ECN_MODE_ANY | TCP_ECN_MODE_ACCECN
            return
        sk.ecn_flags &= ~TCP_ECN_MODE_ACCECN
    if sk.ecn_flags & TCP_ECN_OK and skb.tcp_flags & (ECE | CWR) != ECE | CWR:
        sk.ecn_flags &= ~TCP_ECN_OK


# ---- the sender


def tcp_ecn_rcv_ecn_echo(sk: TcpSock, skb: SkBuff) -> bool:
    """Whether an ACK says that a segment met congestion; on a SYN-ACK the flag is the agreement on ECN."""
    return skb.tcp_flags & (ECE | SYN) == ECE and sk.ecn_flags & TCP_ECN_OK != 0


def tcp_ecn_queue_cwr(sk: TcpSock) -> None:
    """The window was reduced: say so on the next new data."""
    if sk.ecn_flags & TCP_ECN_OK:
        sk.ecn_flags |= TCP_ECN_QUEUE_CWR


def tcp_ecn_withdraw_cwr(sk: TcpSock) -> None:
    """The reduction was undone: say nothing."""
    sk.ecn_flags &= ~TCP_ECN_QUEUE_CWR


def tcp_ecn_send(sk: TcpSock, skb: SkBuff, flags: int) -> int:
    """``flags`` of an outgoing segment with its ECN bits; the socket's ECT mark follows (tcp_output.c).

    ECT is for new data only, never for what is sent again (RFC 3168 6.1.5) or for bare ACKs: ``sk.tos`` says so for
    this segment. CWR goes with the first new data after a reduction.
    """
    if not sk.ecn_flags & TCP_ECN_OK:
        if not tcp_ecn_mode_accecn(sk):
            return flags
        if tcp_accecn.may_send_ect(sk):
            INET_ECN_xmit(sk)
        else:
            INET_ECN_dontxmit(sk)
        return tcp_accecn.tcp_accecn_set_ace(sk, flags)
    if skb.data and skb.seq >= sk.snd_nxt:
        INET_ECN_xmit(sk)
        if sk.ecn_flags & TCP_ECN_QUEUE_CWR:
            sk.ecn_flags &= ~TCP_ECN_QUEUE_CWR
            flags |= CWR
    elif not sk.icsk_ca_ops.needs_ecn:
        INET_ECN_dontxmit(sk)
    if sk.ecn_flags & TCP_ECN_DEMAND_CWR:
        flags |= ECE
    return flags


# ---- the receiver


def tcp_ecn_accept_cwr(sk: TcpSock, skb: SkBuff) -> None:
    """CWR ends the demand; since the sender's window may be one segment now, data with CWR is acknowledged at once."""
    if sk.ecn_flags & TCP_ECN_OK and skb.tcp_flags & CWR:
        sk.ecn_flags &= ~TCP_ECN_DEMAND_CWR
        if skb.seq != skb.end_seq:
            sk.ack_pending |= ICSK_ACK_NOW


def tcp_data_ecn_check(sk: TcpSock, skb: SkBuff) -> None:
    """Look at the mark of data that arrived: CE begins the demand for CWR, with quick ACKs (tcp_input.c)."""
    if not sk.ecn_flags & TCP_ECN_MODE_ANY:
        return
    mark = skb.tos & INET_ECN_MASK
    if mark == NOT_ECT:
        if sk.ecn_flags & TCP_ECN_SEEN:  # a retransmission, most likely: the sender has lost something
            tcp_ack_snd.tcp_enter_quickack_mode(sk, 2)
        return
    if mark == CE:
        if sk.icsk_ca_ops.needs_ecn:
            sk.icsk_ca_ops.cwnd_event(sk, CA_EVENT_ECN_IS_CE)
        if sk.ecn_flags & (TCP_ECN_DEMAND_CWR | TCP_ECN_OK) == TCP_ECN_OK:
            tcp_ack_snd.tcp_enter_quickack_mode(sk, 2)
            sk.ecn_flags |= TCP_ECN_DEMAND_CWR
    elif sk.icsk_ca_ops.needs_ecn:
        sk.icsk_ca_ops.cwnd_event(sk, CA_EVENT_ECN_NO_CE)
    if sk.ecn_flags & TCP_ECN_OK:
        sk.ecn_flags |= TCP_ECN_SEEN
