"""What the network did to packets, and which retransmissions were needless: from captures at both of its ends.

The same packet is found at the other end by what it keeps on its way. One that arrives twice and was sent once is the
network's copy; a first transmission that arrives behind what lies above it in the sequence was overtaken. An overtaken
retransmission is both a retransmission and reordered, which no tool's single verdict can say; it is left out of the
reordering's truth.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from tests.accuracy.frames import Frame
from tests.accuracy.kernel_truth import RETRANSMISSIONS

UNJUDGED = "unjudged"
"""Mark of a received packet that is left out where reordering is judged."""


def follow(sent: Sequence[Frame], received: Sequence[Frame]) -> list[list[int]]:
    """For each packet sent, the places of its arrivals in ``received``; more than one where the network copied it."""
    waiting: dict[object, list[int]] = defaultdict(list)
    for index, frame in enumerate(sent):
        waiting[frame.identity].append(index)
    arrivals: list[list[int]] = [[] for _ in sent]
    taken: dict[object, int] = defaultdict(int)
    for place, frame in enumerate(received):
        alike = waiting.get(frame.identity, [])
        if alike:
            # Packets alike in all that is kept: the first arrivals are of the first ones sent.
            arrivals[alike[min(taken[frame.identity], len(alike) - 1)]].append(place)
            taken[frame.identity] += 1
    return arrivals


def mark_received(sent: Sequence[Frame], received: Sequence[Frame], arrivals: Sequence[Sequence[int]]) -> None:
    """Mark copies and overtaken first transmissions among ``received``; ``sent`` has its classes already."""
    sender: dict[int, int] = {}
    for index, places in enumerate(arrivals):
        for nth, place in enumerate(places):
            sender[place] = index
            if nth and received[place].length:
                received[place].truth.add("network_duplicate")
    latest, highest = -1, 0
    base = next((frame.seq for frame in sent if frame.length), 0)
    for place, frame in enumerate(received):
        index = sender.get(place)
        if index is None or not frame.length:
            continue
        start = _near(frame.seq - base)
        if index < latest and "network_duplicate" not in frame.truth:
            if any(kind in sent[index].truth for kind in RETRANSMISSIONS):
                frame.truth.add(UNJUDGED)
            elif start < highest:
                frame.truth.add("out_of_order")
        latest, highest = max(latest, index), max(highest, start + frame.length)


def mark_needless(sent: Sequence[Frame], arrivals: Sequence[Sequence[int]]) -> None:
    """Mark retransmissions whose every byte reached the receiver by packets that were sent before them."""
    delivered: list[tuple[int, int]] = []
    base = next((frame.seq for frame in sent if frame.length), 0)
    for frame, places in zip(sent, arrivals, strict=True):
        start = _near(frame.seq - base)
        end = start + frame.length
        if any(kind in frame.truth for kind in RETRANSMISSIONS) and _covered(delivered, start, end):
            frame.truth.add("spurious")
        if places and frame.length:
            delivered = _joined(delivered, start, end)


def _near(distance: int) -> int:
    """Runs are far shorter than the sequence space."""
    return (distance + 0x40000000) % 0x100000000 - 0x40000000


def _covered(ranges: Iterable[tuple[int, int]], start: int, end: int) -> bool:
    return any(low <= start and end <= high for low, high in ranges)


def _joined(ranges: list[tuple[int, int]], start: int, end: int) -> list[tuple[int, int]]:
    """Ranges with ``[start, end)`` put in; they stay apart from each other."""
    rest = []
    for low, high in ranges:
        if high < start or end < low:
            rest.append((low, high))
        else:
            start, end = min(start, low), max(end, high)
    return sorted([*rest, (start, end)])
