"""Captures that the tests of what is shown share."""

from __future__ import annotations

from tests.trace.build import Record, Talk


def lossy(port: int = 40000, segments: int = 3) -> Talk:
    """A connection with one timeout; port and size tell it from others."""
    talk = Talk(ports=(port, 80), sack=False)
    talk.handshake()
    for i in range(segments):
        talk.say(20 + i / 10, "a", 1 + 1000 * i, 1, 1000)
    talk.say(300, "a", 1, 1, 1000)
    talk.say(310, "b", 1, 1 + 1000 * segments)
    return talk


def several(*segments: int) -> list[Record]:
    """Packets of connections from ports 40000, 40001 ..., each of so many segments, in order of time."""
    talks = [lossy(40000 + i, count) for i, count in enumerate(segments)]
    return sorted((record for talk in talks for record in talk.records), key=lambda record: record[0])


def documented() -> list[Record]:
    """The capture of docs/analysis.md: a loss that SACK repairs, and another connection's timeout."""
    talk = Talk()
    talk.handshake()
    for i in range(4):
        talk.say(20 + i / 10, "a", 1 + 1448 * i, 1, 1448)
    for i in (2, 3, 4):
        talk.say(30 + i / 10, "b", 1, 1, sack=[(1449, 1 + 1448 * i)])
    talk.say(30.5, "a", 1, 1, 1448)
    talk.say(41, "b", 1, 5793)
    talk.close(50, 5793, 1)
    return sorted([*talk.records, *lossy(40001).records], key=lambda record: record[0])
