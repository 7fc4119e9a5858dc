"""Duplicate ACKs as RFC 5681 section 2 defines them, found in the capture at the sender of the data alone.

Only there is known what is outstanding. No kernel counts what it takes for one, so this truth is the definition's,
written down a second time and apart from the analyzer.
"""

from __future__ import annotations

from collections.abc import Sequence

from tests.accuracy.frames import ACK, FIN, RST, SYN, Frame


def _beyond(one: int, other: int) -> bool:
    return 0 < (one - other) & 0xFFFFFFFF < 0x80000000


def mark_duplicates(sent: Sequence[Frame], received: Sequence[Frame]) -> None:
    """Mark the duplicate ACKs among ``received``; both are of one connection and one capture, numbered as it is."""
    ours = {id(frame) for frame in sent}
    highest_sent: int | None = None
    highest_ack: int | None = None
    window: int | None = None
    for frame in sorted([*sent, *received], key=lambda one: one.number):
        if id(frame) in ours:
            end = (frame.seq + frame.length) & 0xFFFFFFFF
            if frame.flags & SYN and highest_sent is not None and frame.seq != (highest_sent - 1) & 0xFFFFFFFF:
                highest_sent = highest_ack = window = None
            if highest_sent is None or _beyond(end, highest_sent):
                highest_sent = end
            continue
        if frame.flags & RST or not frame.flags & ACK:
            continue
        outstanding = highest_sent is not None and highest_ack is not None and _beyond(highest_sent, highest_ack)
        bare = not frame.payload and not frame.flags & (SYN | FIN)
        if outstanding and bare and frame.ack == highest_ack and frame.window == window:
            frame.truth.add("duplicate_ack")
        window = frame.window
        if highest_ack is None or _beyond(frame.ack, highest_ack):
            highest_ack = frame.ack
