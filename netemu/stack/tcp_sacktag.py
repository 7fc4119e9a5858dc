"""One SACK block on its way over the retransmission queue, and what it does to each segment (net/ipv4/tcp_input.c).

Segments that were SACKed one behind the other become one, so that a long hole costs little; each keeps its count of
packets. A block that ends inside a segment of several packets cuts it at a multiple of the MSS.
"""
# ruff: noqa: PLR0911, PLR0912, PLR0917 (functions take and decide what the kernel's of that name do)

from __future__ import annotations

from typing import TYPE_CHECKING

from netemu.packet.tcp import FIN
from netemu.stack import tcp_fragment, tcp_rate, tcp_recovery, wmem
from netemu.stack.skbuff import (
    TCPCB_EVER_RETRANS,
    TCPCB_LOST,
    TCPCB_RETRANS,
    TCPCB_SACKED_ACKED,
    TCPCB_SACKED_RETRANS,
    TCPCB_TAGBITS,
)
from netemu.stack.tcp_h import FLAG_DATA_SACKED, FLAG_ONLY_ORIG_SACKED, FLAG_ORIG_SACK_ACKED, tcp_highest_sack_seq

if TYPE_CHECKING:
    from netemu.stack.cong import RateSample
    from netemu.stack.skbuff import SkBuff
    from netemu.stack.sock import TcpSock

_MAX_SHIFTED_BYTES, _MAX_SHIFTED_PACKETS = 65535 * 8, 65535


class SacktagState:
    """``struct tcp_sacktag_state``: what the blocks of one ACK say together.

    ``first_sackt`` and ``last_sackt``: when the earliest and the latest of the segments SACKed now, each sent once,
    left (us, 0: none); ``reord``: the lowest of them below what was SACKed before.
    """

    __slots__ = ("delivered_bytes", "first_sackt", "flag", "last_sackt", "rate", "reord", "sack_delivered")

    def __init__(self, rate: RateSample) -> None:
        self.first_sackt = self.last_sackt = self.reord = self.sack_delivered = self.flag = self.delivered_bytes = 0
        self.rate = rate


def tcp_sacktag_one(
    sk: TcpSock, state: SacktagState, skb: SkBuff, start_seq: int, end_seq: int, dup_sack: bool, pcount: int
) -> int:
    """Account for ``pcount`` packets of ``skb``, [start_seq, end_seq), being SACKed; the tags they have then."""
    sacked = skb.sacked
    if dup_sack and sacked & TCPCB_RETRANS:
        if sk.undo_marker and sk.undo_retrans > 0 and end_seq > sk.undo_marker:
            sk.undo_retrans = max(0, sk.undo_retrans - pcount)
        if sacked & TCPCB_SACKED_ACKED and start_seq < state.reord:
            state.reord = start_seq
    if end_seq <= sk.snd_una:
        return sacked  # acknowledged by the same ACK, and about to go
    if not sacked & TCPCB_SACKED_ACKED:
        sent_us = skb.skb_mstamp_ns // 1000
        tcp_recovery.tcp_rack_advance(sk, sacked, end_seq, sent_us)
        if sacked & TCPCB_SACKED_RETRANS:
            # Not tagged lost: then the retransmission is believed to be on its way still.
            if sacked & TCPCB_LOST:
                sacked &= ~(TCPCB_LOST | TCPCB_SACKED_RETRANS)
                sk.lost_out -= pcount
                sk.retrans_out -= pcount
        else:
            if not sacked & TCPCB_RETRANS:
                if start_seq < state.reord and start_seq < tcp_highest_sack_seq(sk):
                    state.reord = start_seq
                if end_seq <= sk.high_seq:
                    state.flag |= FLAG_ORIG_SACK_ACKED
                if end_seq <= sk.frto_highmark:
                    state.flag |= FLAG_ONLY_ORIG_SACKED
                if not state.first_sackt:
                    state.first_sackt = sent_us
                state.last_sackt = sent_us
            if sacked & TCPCB_LOST:
                sacked &= ~TCPCB_LOST
                sk.lost_out -= pcount
        sacked |= TCPCB_SACKED_ACKED
        state.flag |= FLAG_DATA_SACKED
        sk.sacked_out += pcount
        state.sack_delivered += pcount
        state.delivered_bytes += end_seq - start_seq
    if dup_sack and sacked & TCPCB_SACKED_RETRANS:
        # A needless retransmission arrived: neither it nor the original is in flight.
        sacked &= ~TCPCB_SACKED_RETRANS
        sk.retrans_out -= pcount
    return sacked


def tcp_sacktag_walk(
    start: SkBuff | None,
    sk: TcpSock,
    next_dup: tuple[int, int] | None,
    state: SacktagState,
    start_seq: int,
    end_seq: int,
    dup_sack_in: bool,
) -> SkBuff | None:
    """Walk from ``start`` over what the block covers; where the walk ended. ``next_dup``: a D-SACK that comes next."""
    skb = start
    while skb is not None and skb.seq < end_seq:
        in_sack = 0
        dup_sack = dup_sack_in
        if next_dup is not None and skb.seq < next_dup[1]:
            in_sack = tcp_match_skb_to_sack(sk, skb, next_dup[0], next_dup[1])
            dup_sack = dup_sack or in_sack > 0
        if in_sack <= 0:
            merged = tcp_shift_skb_data(sk, skb, state, start_seq, end_seq, dup_sack)
            if merged is not None and merged is not skb:
                skb = merged.next
                continue
            in_sack = 0 if merged is skb else tcp_match_skb_to_sack(sk, skb, start_seq, end_seq)
        if in_sack < 0:
            break
        if in_sack:
            skb.sacked = tcp_sacktag_one(sk, state, skb, skb.seq, skb.end_seq, dup_sack, skb.tcp_gso_segs)
            tcp_rate.tcp_rate_skb_delivered(sk, skb, state.rate)
            if skb.sacked & TCPCB_SACKED_ACKED:
                sk.tsorted_sent_queue.unlink(skb)
            if skb.seq >= tcp_highest_sack_seq(sk):
                sk.highest_sack = skb.next
        skb = skb.next
    return skb


def tcp_sacktag_skip(skb: SkBuff | None, sk: TcpSock, skip_to_seq: int) -> SkBuff | None:
    """The segment that holds ``skip_to_seq``, or ``skb`` if that is beyond it; None: there is none.

    The kernel searches its tree; a list is searched from the nearest place known to come before.
    """
    if skb is not None and skb.seq > skip_to_seq:
        return skb
    if skb is None:
        hint = sk.highest_sack if sk.sacked_out else None
        skb = hint if hint is not None and hint.seq <= skip_to_seq else sk.tcp_rtx_queue.head
        if skb is not None and skb.seq > skip_to_seq:
            return None
    while skb is not None and skb.end_seq <= skip_to_seq:
        skb = skb.next
    return skb


def tcp_maybe_skipping_dsack(
    skb: SkBuff | None, sk: TcpSock, next_dup: tuple[int, int] | None, state: SacktagState, skip_to_seq: int
) -> SkBuff | None:
    """Before skipping to ``skip_to_seq`` walk over a D-SACK that starts below it."""
    if next_dup is not None and next_dup[0] < skip_to_seq:
        skb = tcp_sacktag_skip(skb, sk, next_dup[0])
        skb = tcp_sacktag_walk(skb, sk, None, state, next_dup[0], next_dup[1], True)
    return skb


def tcp_match_skb_to_sack(sk: TcpSock, skb: SkBuff, start_seq: int, end_seq: int) -> int:
    """1 when the segment is inside the block, if need be cut first so that it is; 0 when not; negative: not cut."""
    in_sack = start_seq <= skb.seq and end_seq >= skb.end_seq
    if skb.tcp_gso_segs > 1 and not in_sack and skb.end_seq > start_seq:
        mss = skb.gso_size
        in_sack = start_seq <= skb.seq
        if not in_sack:
            pkt_len = max(start_seq - skb.seq, mss)
        else:
            pkt_len = end_seq - skb.seq
            if pkt_len < mss:
                return -22
        if pkt_len > mss:
            new_len = pkt_len // mss * mss
            if not in_sack and new_len < pkt_len:
                new_len += mss
            pkt_len = new_len
        if pkt_len >= len(skb.data) and not in_sack:
            return 0
        failed = tcp_fragment.tcp_fragment(sk, tcp_fragment.TCP_FRAG_IN_RTX_QUEUE, skb, pkt_len, mss)
        if failed < 0:
            return failed
    return int(in_sack)


def tcp_shift_skb_data(
    sk: TcpSock, skb: SkBuff, state: SacktagState, start_seq: int, end_seq: int, dup_sack: bool
) -> SkBuff | None:
    """Move what the block covers of ``skb`` into the SACKed segment before it, and tag it so.

    The segment it went to; ``skb`` itself when the block covers nothing of it that can be tagged; None when it cannot
    be joined and is to be tagged where it is.
    """
    span = _shiftable(sk, skb, start_seq, end_seq, dup_sack)
    if span is None:
        sk.net.mib.inc("TCPSackShiftFallback")
        return None
    prev, pcount, length, mss = span
    if prev is None:
        return skb
    _skb_shift(prev, skb, length)
    if not tcp_shifted_skb(sk, prev, skb, state, pcount, length, mss, dup_sack):
        return prev
    # The hole that it filled may have been the last one before another SACKed segment.
    following = prev.next
    if (
        following is None
        or not following.data
        or following.sacked & TCPCB_TAGBITS != TCPCB_SACKED_ACKED
        or mss != _seglen(following)
        or prev.eor
        or not _fits(prev, following.tcp_gso_segs, len(following.data))
    ):
        return prev
    length, pcount = len(following.data), following.tcp_gso_segs
    _skb_shift(prev, following, length)
    tcp_shifted_skb(sk, prev, following, state, pcount, length, mss, False)
    return prev


def _shiftable(
    sk: TcpSock, skb: SkBuff, start_seq: int, end_seq: int, dup_sack: bool
) -> tuple[SkBuff | None, int, int, int] | None:
    """(segment to join, packets, bytes, MSS); with None for the segment: nothing to tag; None: not to be joined."""
    prev = skb.prev
    if not dup_sack and skb.sacked & (TCPCB_LOST | TCPCB_SACKED_RETRANS) == TCPCB_SACKED_RETRANS:
        return None
    if not skb.data or skb.end_seq <= sk.snd_una or prev is None:
        return None
    if prev.sacked & TCPCB_TAGBITS != TCPCB_SACKED_ACKED or prev.eor:
        return None
    if start_seq <= skb.seq and end_seq >= skb.end_seq:
        length, pcount, mss = len(skb.data), skb.tcp_gso_segs, _seglen(skb)
        if mss != _seglen(prev):
            return None
    else:
        if skb.end_seq <= start_seq or skb.tcp_gso_segs <= 1:
            return None, 0, 0, 0
        if start_seq > skb.seq:
            return None
        mss = skb.gso_size
        if mss != _seglen(prev):
            return None
        pcount = (end_seq - skb.seq) // mss
        if not pcount:
            return None, 0, 0, 0
        length = pcount * mss
    if skb.seq + length <= sk.snd_una or not _fits(prev, pcount, length):
        return None
    return prev, pcount, length, mss


def tcp_shifted_skb(
    sk: TcpSock, prev: SkBuff, skb: SkBuff, state: SacktagState, pcount: int, shifted: int, mss: int, dup_sack: bool
) -> bool:
    """Account for ``shifted`` bytes, ``pcount`` packets, that went from ``skb`` to ``prev``; whether it is used up."""
    start_seq = skb.seq
    tcp_sacktag_one(sk, state, skb, start_seq, start_seq + shifted, dup_sack, pcount)
    tcp_rate.tcp_rate_skb_delivered(sk, skb, state.rate)
    prev.end_seq += shifted
    skb.seq += shifted
    prev.tcp_gso_segs += pcount
    skb.tcp_gso_segs -= pcount
    if not prev.gso_size:
        prev.gso_size = mss
    if skb.tcp_gso_segs <= 1:
        skb.gso_size = 0
    prev.sacked |= skb.sacked & TCPCB_EVER_RETRANS
    if skb.data:
        sk.net.mib.inc("TCPSackShifted")
        return False
    if skb is sk.retransmit_skb_hint:
        sk.retransmit_skb_hint = prev
    prev.tcp_flags |= skb.tcp_flags
    prev.eor = skb.eor
    if skb.tcp_flags & FIN:
        prev.end_seq += 1
    if skb is sk.highest_sack:
        sk.highest_sack = skb.next
    prev.tx_delivered_mstamp = 0
    tcp_rtx_queue_unlink_and_free(skb, sk)
    sk.net.mib.inc("TCPSackMerged")
    return True


def tcp_rtx_queue_unlink_and_free(skb: SkBuff, sk: TcpSock) -> None:
    """A segment leaves the retransmission queue for good (include/net/tcp.h)."""
    sk.tsorted_sent_queue.unlink(skb)
    sk.tcp_rtx_queue.unlink(skb)
    wmem.tcp_wmem_free_skb(sk, skb)


def _seglen(skb: SkBuff) -> int:
    return len(skb.data) if skb.tcp_gso_segs == 1 else skb.gso_size


def _fits(to: SkBuff, pcount: int, shiftlen: int) -> bool:
    """tcp_skb_shift's limits."""
    return len(to.data) + shiftlen < _MAX_SHIFTED_BYTES and to.tcp_gso_segs + pcount <= _MAX_SHIFTED_PACKETS


def _skb_shift(to: SkBuff, source: SkBuff, shiftlen: int) -> None:
    """Move payload and the memory charged for it (net/core/skbuff.c, skb_shift)."""
    to.data += source.data[:shiftlen]
    source.data = source.data[shiftlen:]
    to.truesize += shiftlen
    source.truesize -= shiftlen
