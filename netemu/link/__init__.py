"""What a link does to a packet: rate, delay, queue, loss; pure, with the seed and the time passed in.

One :class:`LinkModel` is one direction of a link. It holds no packet, no clock and no socket: it is told that a
packet of so many bytes arrived at such a time, and answers with a :class:`Verdict`. The user-space relay and the
simulator share it, so a plan's losses are the same packets in both. Standard library only, and only its light
part: the relay must start in milliseconds.
"""

from netemu.link.headers import Headers, parse_headers
from netemu.link.model import LinkModel, Verdict
from netemu.link.parameters import LinkParameters

__all__ = ["Headers", "LinkModel", "LinkParameters", "Verdict", "parse_headers"]
