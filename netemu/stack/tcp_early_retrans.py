"""Early retransmit (RFC 5827; net/ipv4/tcp_input.c of 3.5 to 4.11): fewer than four segments out can never bring three
duplicates, so for them one less than their number is enough.

Such a small window may as well have been reordered a little, so it waits a quarter of the RTT first
(``tcp_early_retrans`` 2 and 3). RACK and the loss probe took its place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netemu.stack import tcp_dupthresh, tcp_fastretrans, tcp_recovery, tcp_retransmit, tcp_timer
from netemu.stack.jiffies import msecs_to_jiffies, usecs_to_jiffies
from netemu.stack.sock import ICSK_TIME_EARLY_RETRANS
from netemu.stack.tcp_h import FLAG_ECE

if TYPE_CHECKING:
    from netemu.stack.sock import TcpSock

NOT_DUE, PAUSED, DUE = range(3)


def tcp_early_retransmit(sk: TcpSock, flag: int) -> int:
    """Whether an ACK makes a recovery due before three duplicates: NOT_DUE; PAUSED: a timer will tell; DUE."""
    if not do_early_retrans(sk) or sk.retrans_out or not sk.sacked_out or sk.sk_write_queue.head is not None:
        return NOT_DUE
    if not sk.sacked_out < sk.packets_out < 4:
        return NOT_DUE
    if tcp_pause_early_retransmit(sk, flag):
        return PAUSED
    _mark_first_lost(sk)
    return DUE


def do_early_retrans(sk: TcpSock) -> bool:
    """Whether the connection may: the era has it, ``tcp_early_retrans`` is 1 to 3, and nothing was reordered so far."""
    sysctl = sk.net.sysctl
    allowed = 1 <= sysctl.tcp_early_retrans <= 3 and sysctl.tcp_reordering == 3
    return sk.net.profile.early_retransmit and allowed and not sk.reord_seen


def tcp_pause_early_retransmit(sk: TcpSock, flag: int) -> bool:
    """Wait a quarter of the RTT, unless the ACK tells of congestion or the RTO is nearer."""
    net, hz = sk.net, sk.net.profile.hz
    if net.sysctl.tcp_early_retrans < 2 or flag & FLAG_ECE or not sk.srtt_us:
        return False
    delay = max(usecs_to_jiffies(sk.srtt_us >> 5, hz), msecs_to_jiffies(2, hz))
    if sk.icsk_timeout <= net.jiffies + delay:
        return False
    tcp_timer.tcp_reset_xmit_timer(sk, ICSK_TIME_EARLY_RETRANS, delay, False)
    return True


def tcp_resume_early_retransmit(sk: TcpSock) -> None:
    """The wait is over, and nothing more came: the first segment is lost (net/ipv4/tcp_timer.c)."""
    tcp_timer.tcp_rearm_rto(sk)
    if do_early_retrans(sk):
        _mark_first_lost(sk)
        tcp_fastretrans.tcp_enter_recovery(sk, False)
        tcp_dupthresh.tcp_update_scoreboard(sk, True, True)
        tcp_retransmit.tcp_xmit_retransmit_queue(sk)


def _mark_first_lost(sk: TcpSock) -> None:
    """The first segment: without SACK duplicates tell of none, and with it the scoreboard counts up to three; the
    kernels sent it as one that lies before what was SACKed (tcp_can_forward_retransmit)."""
    head = sk.tcp_rtx_queue.head
    if head is not None:
        tcp_recovery.tcp_mark_skb_lost(sk, head)
