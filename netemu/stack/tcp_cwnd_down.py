"""Rate halving, what reduced the window before PRR (net/ipv4/tcp_input.c until 3.1; Mathis, Semke and Mahdavi 1999).

Over the round trip of a reduction the window falls by one for every second ACK, so that a segment leaves for every
second one delivered, and it is never more than one above what is in flight: a burst of losses empties the network, and
the window with it. Read in 2.4.27, 2.6.32 and 3.0. :mod:`netemu.stack.tcp_prr` is what came after.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netemu.stack.tcp_h import (
    FLAG_ANY_PROGRESS,
    FLAG_DSACKING_ACK,
    FLAG_NOT_DUP,
    tcp_packets_in_flight,
)

if TYPE_CHECKING:
    from netemu.stack.sock import TcpSock


def tcp_cwnd_min(sk: TcpSock) -> int:
    """Where the halving stops: ssthresh; half of it with reno, which counts on losses to stop the ACKs before."""
    return sk.snd_ssthresh >> 1 if sk.icsk_ca_ops.name == "reno" else sk.snd_ssthresh


def tcp_cwnd_down(sk: TcpSock, flag: int) -> None:
    """One ACK of a reduction; without SACK duplicates count as deliveries."""
    if flag & (FLAG_ANY_PROGRESS | FLAG_DSACKING_ACK) or (not sk.sack_ok and not flag & FLAG_NOT_DUP):
        decr = sk.snd_cwnd_cnt + 1
        sk.snd_cwnd_cnt = decr & 1
        if decr > 1 and sk.snd_cwnd > tcp_cwnd_min(sk):
            sk.snd_cwnd -= decr >> 1
        sk.snd_cwnd = min(sk.snd_cwnd, tcp_packets_in_flight(sk) + 1)
        sk.snd_cwnd_stamp = sk.net.jiffies


def tcp_complete_cwr(sk: TcpSock) -> None:
    """The reduction is over: no more than ssthresh, unless it was undone."""
    if sk.undo_marker and sk.snd_cwnd > sk.snd_ssthresh:
        sk.snd_cwnd = sk.snd_ssthresh
        sk.snd_cwnd_stamp = sk.net.jiffies


def tcp_moderate_cwnd(sk: TcpSock) -> None:
    """Outside Open: no burst of more than the path is known to reorder, whatever one ACK acknowledged."""
    sk.snd_cwnd = min(sk.snd_cwnd, tcp_packets_in_flight(sk) + sk.reordering)
    sk.snd_cwnd_stamp = sk.net.jiffies
