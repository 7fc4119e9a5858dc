"""One direction of a link: told of arrivals, answers with verdicts.

The order of effects is that of :mod:`netemu.specs.link`: drop list, random loss, corrupt, duplicate, queue limit and
ECN mark, serialisation at the rate, delay with jitter; a reordered packet skips the delay, as in netem.

Meanings that need to be said once:

- The packet being serialised counts as waiting until its last bit has left; who arrives at that very time finds its
  place free. ACK clocking makes this the rule, not a rarity: in slow start on an idle line each pair of segments
  arrives just when the line has sent one. Without a rate nothing ever waits.
- A copy made by ``duplicate_ratio`` enters the queue right behind its original. Where the queue has no room for it,
  it is not made: nothing that anybody sent is lost by that.
- Jitter is uniform in [delay - jitter, delay + jitter] per packet, and packets overtake each other under it; so they
  do when a schedule makes the delay smaller, as on a path that became shorter.
- A change of rate also reaches the packets waiting; a change of delay holds for packets that leave the line after it.
- Before the start of traffic, and for the lab's own probes at any time, drop lists, loss, corruption,
  duplication and reordering are off, and nothing is counted.
"""

from __future__ import annotations

from collections import deque

from netemu.link.draws import Draws
from netemu.link.drops import DropList
from netemu.link.headers import Headers
from netemu.link.loss import LossModel
from netemu.link.parameters import LinkParameters
from netemu.link.timeline import Timeline

SAME_TIME_NS = 50
"""What is this close is at one time where time is virtual: there a guest is 1 to 3 ns late now and then, and ties of
arrivals and departures, which are exact but for that, must not be decided by it."""

FORWARD, DROP_LIST, DROP_LOSS, DROP_QUEUE, DUPLICATE = "forward", "drop_list", "drop_loss", "drop_queue", "duplicate"
ACTIONS = (FORWARD, DROP_LIST, DROP_LOSS, DROP_QUEUE, DUPLICATE)
"""Every action a verdict may have; ``duplicate`` is that of the copy made."""


class Verdict:
    """What happens to one packet. ``due_ns`` is -1 for a dropped one, ``corrupt_bit`` -1 for an intact one.

    ``corrupt_bit`` counts from the first bit of the IP packet, most significant first. ``queue_packets`` and
    ``queue_bytes`` are what the packet found waiting. ``copy`` is the verdict of the copy to be sent as well.
    """

    __slots__ = (
        "action",
        "copy",
        "corrupt_bit",
        "due_ns",
        "marked",
        "queue_bytes",
        "queue_packets",
        "reordered",
    )

    def __init__(self, action: str, due_ns: int, queue_packets: int, queue_bytes: int) -> None:
        self.action = action
        self.due_ns = due_ns
        self.queue_packets = queue_packets
        self.queue_bytes = queue_bytes
        self.marked = False
        self.corrupt_bit = -1
        self.reordered = False
        self.copy: Verdict | None = None


class _Overtaking:
    """The streams that decide the time a packet spends behind the line."""

    __slots__ = ("jitter", "reorder")

    def __init__(self, seed: int, whose: str) -> None:
        self.jitter = Draws(seed, f"{whose} jitter")
        self.reorder = Draws(seed, f"{whose} reorder")


class LinkModel:
    """The state of one direction of a link under ``seed`` (see :func:`netemu.link.draws.derive_seed`).

    A packet's place in the queue is free for an arrival that comes up to ``early_ns`` before its last bit has left.
    """

    def __init__(self, parameters: LinkParameters, seed: int, early_ns: int = 0) -> None:
        self._parameters = parameters
        self._timeline = Timeline(parameters.phases)
        self._drops = DropList(parameters.drops) if parameters.drops else None
        self._loss = LossModel(seed)
        self._corrupt = Draws(seed, "corrupt")
        self._corrupt_bit = Draws(seed, "corrupt bit")
        self._duplicate = Draws(seed, "duplicate")
        self._originals = _Overtaking(seed, "original")
        self._copies = _Overtaking(seed, "copy")
        self._probes = _Overtaking(seed, "probe")
        self._waiting: deque[tuple[int, int]] = deque()  # (when its last bit leaves, IP bytes)
        self._waiting_bytes = 0
        self._line_free_ns = 0
        self._now_ns = 0
        self._early_ns = early_ns
        self._t0_ns: int | None = None
        self._count = 0  # arrivals that are subject to chance
        self._exempt = 0
        # Most links never change and neither corrupt nor duplicate: what is asked of each packet is known beforehand.
        self._constant = parameters.phases[0] if len(parameters.phases) == 1 else None
        self._alters = parameters.corrupt_ratio > 0.0 or parameters.duplicate_ratio > 0.0
        #: Whether :meth:`arrive` must be given the headers of packets (for drop lists and ECN marks).
        self.needs_headers = self._drops is not None or parameters.ecn_threshold is not None

    def start(self, t0_ns: int) -> None:
        """Traffic starts at ``t0_ns``: chance, drop lists and the schedule begin then."""
        self._timeline.start(t0_ns)
        self._t0_ns = t0_ns

    def arrive(self, now_ns: int, ip_bytes: int, headers: Headers | None = None, probe: bool = False) -> Verdict:
        """The fate of a packet of ``ip_bytes`` arriving at ``now_ns``, which must never go back.

        ``headers`` are needed when :attr:`needs_headers` says so; None then stands for a frame that is no IP, which
        drop lists do not count. ``probe`` marks the lab's own frames.
        """
        if now_ns < self._now_ns:
            raise ValueError(f"arrival at {now_ns} after one at {self._now_ns}")
        self._now_ns = now_ns
        waiting = self._waiting
        left_ns = now_ns + self._early_ns
        while waiting and waiting[0][0] <= left_ns:
            self._waiting_bytes -= waiting.popleft()[1]
        if probe or self._t0_ns is None or now_ns < self._t0_ns:
            index = self._exempt
            self._exempt += 1
            return self._enqueue(ip_bytes, headers, index, self._probes, may_overtake=False)
        index = self._count
        self._count += 1
        if self._drops is not None and headers is not None and self._drops.drops(headers):
            return Verdict(DROP_LIST, -1, len(waiting), self._waiting_bytes)
        loss = (self._constant or self._timeline.at(now_ns)).loss
        if loss is not None and self._loss.loses(loss, index):
            return Verdict(DROP_LOSS, -1, len(waiting), self._waiting_bytes)
        if self._alters:
            return self._pass(ip_bytes, headers, index)
        return self._enqueue(ip_bytes, headers, index, self._originals, may_overtake=True)

    def unmet_drops(self) -> list[str]:
        """The drop rules that have not dropped all they were asked to, as texts."""
        return [] if self._drops is None else self._drops.unmet()

    def least_transit_ns(self, ip_bytes: int) -> int:
        """No packet of at least ``ip_bytes`` leaves sooner than this after its arrival, ever."""
        line_bytes = ip_bytes + self._parameters.overhead_bytes
        return self._timeline.smallest_ns(line_bytes, without_delay=self._parameters.reorder_ratio > 0.0)

    def _pass(self, ip_bytes: int, headers: Headers | None, index: int) -> Verdict:
        parameters = self._parameters
        corrupt_bit = -1
        if parameters.corrupt_ratio > 0.0 and self._corrupt.ratio(index) < parameters.corrupt_ratio:
            corrupt_bit = self._corrupt_bit.word(index) % (8 * ip_bytes)
        verdict = self._enqueue(ip_bytes, headers, index, self._originals, may_overtake=True)
        verdict.corrupt_bit = corrupt_bit if verdict.action == FORWARD else -1
        if parameters.duplicate_ratio > 0.0 and self._duplicate.ratio(index) < parameters.duplicate_ratio:
            copy = self._enqueue(ip_bytes, headers, index, self._copies, may_overtake=True)
            if copy.action == FORWARD:
                copy.action = DUPLICATE
                copy.corrupt_bit = corrupt_bit
                verdict.copy = copy
        return verdict

    def _has_room(self, ip_bytes: int) -> bool:
        limit = self._parameters.queue_packets
        if limit is not None:
            return len(self._waiting) < limit
        assert self._parameters.queue_bytes is not None  # from_mapping: exactly one of the two
        return self._waiting_bytes + ip_bytes <= self._parameters.queue_bytes

    def _is_marked(self, headers: Headers | None) -> bool:
        threshold = self._parameters.ecn_threshold
        if threshold is None or headers is None or headers.ecn not in (1, 2):
            return False
        found = len(self._waiting) if self._parameters.queue_packets is not None else self._waiting_bytes
        return found >= threshold

    def _enqueue(
        self, ip_bytes: int, headers: Headers | None, index: int, streams: _Overtaking, *, may_overtake: bool
    ) -> Verdict:
        found_packets, found_bytes = len(self._waiting), self._waiting_bytes
        if not self._has_room(ip_bytes):
            return Verdict(DROP_QUEUE, -1, found_packets, found_bytes)
        verdict = Verdict(FORWARD, -1, found_packets, found_bytes)
        parameters, now_ns = self._parameters, self._now_ns
        if parameters.ecn_threshold is not None:
            verdict.marked = self._is_marked(headers)
        begin_ns = now_ns if now_ns > self._line_free_ns else self._line_free_ns
        leave_ns = self._timeline.finish_ns(begin_ns, ip_bytes + parameters.overhead_bytes)
        self._line_free_ns = leave_ns
        if leave_ns > now_ns:
            self._waiting.append((leave_ns, ip_bytes))
            self._waiting_bytes += ip_bytes
        phase = self._constant or self._timeline.at(leave_ns)
        reorder_ratio = parameters.reorder_ratio
        if may_overtake and reorder_ratio > 0.0 and streams.reorder.ratio(index) < reorder_ratio:
            verdict.reordered = True
            verdict.due_ns = leave_ns
            return verdict
        verdict.due_ns = leave_ns + phase.delay_ns
        if phase.jitter_ns:
            verdict.due_ns += streams.jitter.word(index) % (2 * phase.jitter_ns + 1) - phase.jitter_ns
        return verdict
