"""Selective acknowledgements as they arrive: which blocks are believed, and which part of the queue each covers
(net/ipv4/tcp_input.c, tcp_sacktag_write_queue; RFC 2018, RFC 2883 for D-SACK).

A segment of the retransmission queue has three tags, counted in ``sacked_out``, ``lost_out`` and ``retrans_out``:

====  =========  ==============================================================
tag   in flight  meaning
====  =========  ==============================================================
none  1          sent
S     0          the receiver has it
L     0          lost
R     2          sent twice, both may arrive
L|R   1          lost and sent again
S|R   1          the receiver has it, its retransmission is on the way
====  =========  ==============================================================

How a block is walked over and what it does to a segment is in :mod:`netemu.stack.tcp_sacktag`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netemu.stack import tcp_fack, tcp_sacktag
from netemu.stack.sock import TCP_CA_Loss
from netemu.stack.tcp_h import FLAG_DSACK_TLP, FLAG_DSACKING_ACK, FLAG_ONLY_ORIG_SACKED, tcp_highest_sack_seq

if TYPE_CHECKING:
    from netemu.stack.skbuff import SkBuff
    from netemu.stack.sock import TcpSock
    from netemu.stack.tcp_sacktag import SacktagState

TCP_NUM_SACKS = 4
Block = tuple[int, int]


def tcp_sacktag_write_queue(sk: TcpSock, ack_skb: SkBuff, prior_snd_una: int, state: SacktagState) -> int:
    """Tag the retransmission queue by an ACK's SACK blocks; the flags that follow."""
    options: Any = ack_skb.options
    wire: tuple[Block, ...] = options.sack[:TCP_NUM_SACKS]
    state.flag = 0
    state.reord = sk.snd_nxt
    if not sk.sacked_out:
        sk.highest_sack = sk.tcp_rtx_queue.head
    found_dup_sack = tcp_check_dsack(sk, ack_skb, wire, prior_snd_una, state)
    if ack_skb.ack_seq < prior_snd_una - sk.max_window:
        return 0
    if not sk.packets_out:
        return state.flag
    blocks, first = _used_blocks(sk, ack_skb, wire, found_dup_sack, prior_snd_una)
    _tag_blocks(sk, state, blocks, first if found_dup_sack else -1)
    sk.recv_sack_cache = blocks
    if sk.net.profile.fack:
        tcp_fack.tcp_mark_lost_retrans(sk)
    if sk.frto_highmark and blocks and max(end_seq for _, end_seq in blocks) > sk.frto_highmark:
        state.flag &= ~FLAG_ONLY_ORIG_SACKED
    in_frto = sk.frto_highmark and sk.snd_una <= sk.frto_highmark
    if (sk.icsk_ca_state != TCP_CA_Loss or sk.undo_marker) and not in_frto:
        tcp_check_sack_reordering(sk, state.reord, False)
    return state.flag


def _used_blocks(
    sk: TcpSock, ack_skb: SkBuff, wire: tuple[Block, ...], found_dup_sack: bool, prior_snd_una: int
) -> tuple[list[Block], int]:
    """The blocks worth a walk, in the queue's order, and where among them the ACK's first block is (-1: dropped)."""
    blocks: list[Block] = []
    first = 0
    for i, (start_seq, end_seq) in enumerate(wire):
        dup_sack = i == 0 and found_dup_sack
        if not tcp_is_sackblock_valid(sk, dup_sack, start_seq, end_seq):
            if dup_sack:
                sk.net.mib.inc("TCPDSACKIgnoredOld" if sk.undo_marker else "TCPDSACKIgnoredNoUndo")
            else:
                if ack_skb.ack_seq != sk.snd_una and end_seq <= sk.snd_una:
                    continue  # an ACK that was overtaken
                sk.net.mib.inc("TCPSACKDiscard")
            if i == 0:
                first = -1
        elif end_seq <= prior_snd_una:
            if i == 0:
                first = -1
        else:
            blocks.append((start_seq, end_seq))
    if len(blocks) > 1:
        first = _sort(blocks, first)
    return blocks, first


def _sort(blocks: list[Block], first: int) -> int:
    """Order blocks by where they start, equal ones as they came; where the one at ``first`` is then."""
    order = sorted(range(len(blocks)), key=lambda i: blocks[i][0])
    blocks[:] = [blocks[i] for i in order]
    return order.index(first) if first >= 0 else -1


def tcp_is_sackblock_valid(sk: TcpSock, is_dsack: bool, start_seq: int, end_seq: int) -> bool:
    """Whether a block can be true: within what is outstanding, or a D-SACK of what was before it.

    One that starts at ``snd_una`` contradicts its own ACK. A D-SACK below ``undo_marker`` has nothing to undo.
    """
    if end_seq > sk.snd_nxt or start_seq >= end_seq:
        return False
    if start_seq > sk.snd_una:
        return True
    if not is_dsack or not sk.undo_marker or end_seq > sk.snd_una:
        return False
    if start_seq >= sk.undo_marker:
        return True
    return end_seq > sk.undo_marker and start_seq >= end_seq - sk.max_window


def tcp_check_dsack(
    sk: TcpSock, ack_skb: SkBuff, wire: tuple[Block, ...], prior_snd_una: int, state: SacktagState
) -> bool:
    """Whether the first block reports a duplicate: it is below the ACK, or inside the second block."""
    start_seq, end_seq = wire[0]
    if start_seq < ack_skb.ack_seq:
        sk.net.mib.inc("TCPDSACKRecv")
    elif len(wire) > 1 and end_seq <= wire[1][1] and start_seq >= wire[1][0]:
        sk.net.mib.inc("TCPDSACKOfoRecv")
    else:
        return False
    dup_segs = tcp_dsack_seen(sk, start_seq, end_seq, state)
    if not dup_segs:
        sk.net.mib.inc("TCPDSACKIgnoredDubious")
        return False
    sk.net.mib.inc("TCPDSACKRecvSegs", dup_segs)
    if sk.undo_marker and sk.undo_retrans > 0 and sk.undo_marker < end_seq <= prior_snd_una:
        sk.undo_retrans = max(0, sk.undo_retrans - dup_segs)
    return True


def tcp_dsack_seen(sk: TcpSock, start_seq: int, end_seq: int, state: SacktagState) -> int:
    """Take notice of a D-SACK; how many segments it reports, 0 for one that this sender cannot have caused: larger than
    any window, or more duplicates than there were retransmissions."""
    if start_seq >= end_seq:
        return 0
    seq_len = end_seq - start_seq
    if seq_len > sk.max_window:
        return 0
    dup_segs = 1
    if seq_len > sk.mss_cache:
        dup_segs = -(-seq_len // sk.mss_cache)
    elif sk.tlp_high_seq and sk.tlp_high_seq == end_seq and sk.net.profile.probe_dsack_apart:
        state.flag |= FLAG_DSACK_TLP
    sk.dsack_dups += dup_segs
    if sk.dsack_dups > sk.total_retrans:
        return 0
    sk.dsack_seen = True
    # RACK widens its window only for what reordering caused, not for a probe that a timer sent.
    if not sk.net.profile.probe_dsack_apart or (sk.reord_seen and not state.flag & FLAG_DSACK_TLP):
        sk.rack_dsack_seen = True
    state.flag |= FLAG_DSACKING_ACK
    state.sack_delivered += dup_segs
    return dup_segs


def tcp_check_sack_reordering(sk: TcpSock, low_seq: int, by_timestamp: bool) -> None:
    """Something above ``low_seq`` arrived before what starts there, which was sent once: the path reorders, by as many
    segments as lie between."""
    fack = tcp_highest_sack_seq(sk)
    if low_seq >= fack:
        return
    metric = fack - low_seq
    mss = sk.mss_cache
    if mss and metric > sk.reordering * mss:
        sk.reordering = min((metric + mss - 1) // mss, sk.net.sysctl.tcp_max_reordering)
        sk.fack_disabled = True
    sk.reord_seen += 1
    sk.net.mib.inc("TCPTSReorder" if by_timestamp else "TCPSACKReorder")


def _tag_blocks(sk: TcpSock, state: SacktagState, blocks: list[Block], dup_index: int) -> None:
    """Walk over each block, past what the last ACK's blocks (``recv_sack_cache``) covered already.

    ``dup_index``: which block is the D-SACK, -1: none. It is walked as a duplicate whatever was covered.
    """
    cache = sk.recv_sack_cache if sk.sacked_out else []
    c = 0
    skb: SkBuff | None = None
    i = 0
    while i < len(blocks):
        start_seq, end_seq = blocks[i]
        dup_sack = i == dup_index
        next_dup = blocks[i + 1] if dup_index >= 0 and i + 1 == dup_index else None
        while c < len(cache) and start_seq >= cache[c][1]:
            c += 1
        if c < len(cache) and not dup_sack and end_seq > cache[c][0]:
            cache_start, cache_end = cache[c]
            if start_seq < cache_start:
                skb = tcp_sacktag.tcp_sacktag_skip(skb, sk, start_seq)
                skb = tcp_sacktag.tcp_sacktag_walk(skb, sk, next_dup, state, start_seq, cache_start, dup_sack)
            if end_seq <= cache_end:
                i += 1
                continue
            skb = tcp_sacktag.tcp_maybe_skipping_dsack(skb, sk, next_dup, state, cache_end)
            c += 1
            if tcp_highest_sack_seq(sk) != cache_end:
                skb = tcp_sacktag.tcp_sacktag_skip(skb, sk, cache_end)
                continue
            skb = sk.highest_sack
            if skb is None:
                break
        else:
            if start_seq >= tcp_highest_sack_seq(sk):
                skb = sk.highest_sack
                if skb is None:
                    break
            skb = tcp_sacktag.tcp_sacktag_skip(skb, sk, start_seq)
        skb = tcp_sacktag.tcp_sacktag_walk(skb, sk, next_dup, state, start_seq, end_seq, dup_sack)
        i += 1
