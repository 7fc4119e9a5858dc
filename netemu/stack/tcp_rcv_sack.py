"""SACK and D-SACK blocks as the receiver keeps them: the newest first, four at most (RFC 2018, RFC 2883).

``selective_acks`` has the blocks above ``rcv_nxt``, ``duplicate_sack`` what arrived twice with the present segment.
Sources: tcp_dsack_set, tcp_sack_new_ofo_skb and others in net/ipv4/tcp_input.c, Linux 7.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netemu.stack import tcp_ack_snd

if TYPE_CHECKING:
    from netemu.stack.sock import TcpSock

TCP_NUM_SACKS = 4
TCP_SACK_BLOCKS_EXPECTED = 2
"""Of the blocks this many are hoped to arrive; one that moves to the front from behind must be told at once."""


def _touch(block: tuple[int, int], seq: int, end_seq: int) -> bool:
    """Whether a block and a range overlap or adjoin (tcp_sack_extend)."""
    return seq <= block[1] and block[0] <= end_seq


def tcp_dsack_set(sk: TcpSock, seq: int, end_seq: int) -> None:
    """``seq`` to ``end_seq`` arrived twice: the next ACK says so."""
    if sk.sack_ok and sk.net.sysctl.tcp_dsack:
        sk.net.mib.inc("TCPDSACKOldSent" if seq < sk.rcv_nxt else "TCPDSACKOfoSent")
        sk.duplicate_sack = (seq, end_seq)


def tcp_dsack_extend(sk: TcpSock, seq: int, end_seq: int) -> None:
    """More of what the same segment brought arrived twice; what does not adjoin is not told."""
    block = sk.duplicate_sack
    if block is None:
        tcp_dsack_set(sk, seq, end_seq)
    elif _touch(block, seq, end_seq):
        sk.duplicate_sack = (min(seq, block[0]), max(end_seq, block[1]))


def tcp_sack_new_ofo_skb(sk: TcpSock, seq: int, end_seq: int) -> None:
    """A segment behind a gap: its block comes first (RFC 2018 section 4), others it touches are merged into it."""
    blocks = sk.selective_acks
    for index, block in enumerate(blocks):
        if _touch(block, seq, end_seq):
            if index >= TCP_SACK_BLOCKS_EXPECTED:
                # The ACK that leaves shows the blocks as they were before this segment.
                blocks[index] = (min(seq, block[0]), max(end_seq, block[1]))
                tcp_ack_snd.tcp_sack_compress_send_ack(sk)
            del blocks[index]
            blocks.insert(0, (min(seq, block[0]), max(end_seq, block[1])))
            _coalesce_first(blocks)
            return
    if len(blocks) >= TCP_SACK_BLOCKS_EXPECTED:
        tcp_ack_snd.tcp_sack_compress_send_ack(sk)
    del blocks[TCP_NUM_SACKS - 1 :]
    blocks.insert(0, (seq, end_seq))


def _coalesce_first(blocks: list[tuple[int, int]]) -> None:
    """Merge into the first block those that it has grown to touch (tcp_sack_maybe_coalesce)."""
    first = blocks[0]
    index = 1
    while index < len(blocks):
        if _touch(first, *blocks[index]):
            first = (min(first[0], blocks[index][0]), max(first[1], blocks[index][1]))
            del blocks[index]
        else:
            index += 1
    blocks[0] = first


def tcp_sack_remove(sk: TcpSock) -> None:
    """``rcv_nxt`` has advanced: forget blocks that it covers."""
    if sk.out_of_order_queue.head is None:
        sk.selective_acks.clear()
    else:
        sk.selective_acks[:] = [block for block in sk.selective_acks if block[0] > sk.rcv_nxt]


def tcp_sack_reset(sk: TcpSock) -> None:
    """Forget all of it."""
    sk.selective_acks.clear()
    sk.duplicate_sack = None
