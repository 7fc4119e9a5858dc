"""Loss detection by counting, RFC 6675 in Linux's way: what kernels do with SACK when ``tcp_recovery`` lacks bit 1,
which is not their default. net/ipv4/tcp_input.c has it in 6.12, and no longer in 7.2; before RACK (4.4) there was
nothing else, and FACK (:mod:`netemu.stack.tcp_fack`) was the usual way to count.

A segment is lost when at least ``reordering`` segments above it were SACKed. On kernels without it (the profile's
``dupthresh_recovery`` is False) every question here has RACK's answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netemu.stack import tcp_fack, tcp_recovery
from netemu.stack.skbuff import TCPCB_LOST, TCPCB_SACKED_ACKED
from netemu.stack.tcp_h import FLAG_DATA_SACKED, TCP_RACK_LOSS_DETECTION, tcp_highest_sack_seq

if TYPE_CHECKING:
    from netemu.stack.sock import TcpSock


def tcp_is_rack(sk: TcpSock) -> bool:
    """Whether losses are found by time."""
    net = sk.net
    return not net.profile.dupthresh_recovery or net.sysctl.tcp_recovery & TCP_RACK_LOSS_DETECTION != 0


def tcp_time_to_recover(sk: TcpSock) -> bool:
    """Whether a recovery is to begin: something is marked lost, or so many duplicates came."""
    if sk.frto_counter:
        return False
    if sk.lost_out:
        return True
    if sk.net.profile.fack:
        return tcp_fack.tcp_time_to_recover(sk)
    return not tcp_is_rack(sk) and sk.sacked_out + 1 > sk.reordering


def tcp_force_fast_retransmit(sk: TcpSock) -> bool:
    """Whether data was SACKed more than the reordering degree beyond what is acknowledged."""
    if sk.net.profile.fack:
        return tcp_fack.tcp_fackets_out(sk) > sk.reordering
    return tcp_highest_sack_seq(sk) > sk.snd_una + sk.reordering * sk.mss_cache


def tcp_do_lost(sk: TcpSock, num_dupack: int, flag: int) -> bool:
    """Whether this ACK may make the scoreboard count losses."""
    if tcp_is_rack(sk):
        return False
    return num_dupack > 0 or (flag & FLAG_DATA_SACKED != 0 and tcp_force_fast_retransmit(sk))


def tcp_do_lost_partial(sk: TcpSock, do_lost: bool) -> bool:
    """The same for a partial ACK of a recovery that was not undone."""
    if tcp_is_rack(sk):
        return do_lost
    return tcp_force_fast_retransmit(sk)


def tcp_update_scoreboard(sk: TcpSock, do_lost: bool, fast_rexmit: bool) -> None:
    """Mark lost what has enough SACKed segments above it, at a recovery's begin the first one at least."""
    if tcp_is_rack(sk) or not sk.sack_ok:
        return
    if tcp_fack.tcp_is_fack(sk):
        if do_lost or tcp_fack.tcp_head_timedout(sk):
            tcp_fack.tcp_update_scoreboard(sk)
        return
    if not do_lost:
        return
    sacked_upto = sk.sacked_out - sk.reordering
    if sacked_upto >= 0:
        tcp_mark_head_lost(sk, sacked_upto, False)
    elif fast_rexmit:
        tcp_mark_head_lost(sk, 1, True)


def tcp_mark_head_lost(sk: TcpSock, packets: int, mark_head: bool) -> None:
    """Mark segments from the first on until more than ``packets`` SACKed ones were passed; ``mark_head``: only one.

    The kernel remembers where it stopped and goes on from there; that saves time and changes nothing.
    """
    passed = 0
    for skb in sk.tcp_rtx_queue:
        if skb.end_seq > sk.snd_nxt:
            return
        if skb.sacked & TCPCB_SACKED_ACKED:
            passed += skb.tcp_gso_segs
        if passed > packets:
            return
        if not skb.sacked & TCPCB_LOST:
            tcp_recovery.tcp_mark_skb_lost(sk, skb)
        if mark_head:
            return
