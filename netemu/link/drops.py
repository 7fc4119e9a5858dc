"""Exact drops: "the 3rd data segment", counted per rule in order of arrival (:class:`netemu.specs.DropRule`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from netemu.link.headers import ACK, FIN, RST, SYN, TCP, UDP, Headers
from netemu.link.parameters import DropParameters
from netemu.seq import after, seq_add

_Flow = tuple[bytes, bytes, int, int]


class FlowState:
    """What ``new_data`` and ``window_update`` need to know of one direction of a connection."""

    __slots__ = ("highest", "window")

    def __init__(self) -> None:
        self.highest: int | None = None  # sequence number after everything sent so far
        self.window: int | None = None  # last window advertised; scaling cannot turn zero into anything else

    def sends_new_data(self, headers: Headers) -> bool:
        """Whether this segment carries payload beyond everything this flow sent before; notes what it sent."""
        start = seq_add(headers.seq, 1) if headers.flags & SYN else headers.seq
        end = seq_add(start, headers.payload_bytes)
        is_new = self.highest is None or headers.flags & SYN != 0 or after(end, self.highest)
        if is_new:
            self.highest = end
        return is_new and headers.payload_bytes > 0

    def opens_window(self, headers: Headers) -> bool:
        """Whether this segment is a pure ACK that raises the advertised window from zero; notes its window."""
        was_closed = self.window == 0
        if not headers.flags & RST:
            self.window = headers.window
        return was_closed and headers.window > 0 and is_pure_ack(headers)


def is_pure_ack(headers: Headers) -> bool:
    """A TCP segment with ACK and without payload, SYN, FIN or RST."""
    return headers.flags & (ACK | SYN | FIN | RST) == ACK and headers.payload_bytes == 0


_BY_HEADER: dict[str, Callable[[Headers], bool]] = {
    "any": lambda h: True,
    "data": lambda h: h.protocol == TCP and h.payload_bytes > 0,
    "ack": lambda h: h.flags >= 0 and is_pure_ack(h),
    "syn": lambda h: h.flags >= 0 and h.flags & (SYN | ACK) == SYN,
    "syn_ack": lambda h: h.flags >= 0 and h.flags & (SYN | ACK) == SYN | ACK,
    "fin": lambda h: h.flags >= 0 and h.flags & FIN != 0,
    "rst": lambda h: h.flags >= 0 and h.flags & RST != 0,
    "icmp": Headers.is_icmp_error,
    "udp": lambda h: h.protocol == UDP,
}


class _Rule:
    __slots__ = ("count", "kind", "nth", "port")

    def __init__(self, parameters: DropParameters) -> None:
        self.kind = parameters.kind
        self.nth = None if parameters.nth is None else frozenset(parameters.nth)
        self.port = parameters.port
        self.count = 0

    def concerns(self, headers: Headers) -> bool:
        return self.port is None or self.port in (headers.source_port, headers.destination_port)


class DropList:
    """All rules of one direction. Every rule counts every packet of its kind, also those another rule drops."""

    __slots__ = ("_flows", "_rules")

    def __init__(self, rules: Sequence[DropParameters]) -> None:
        self._rules = [_Rule(rule) for rule in rules]
        self._flows: dict[_Flow, FlowState] = {}

    def drops(self, headers: Headers) -> bool:
        """Count this packet, and say whether some rule names it."""
        new_data = window_update = False
        if headers.flags >= 0:
            flow = self._flows.setdefault(headers.flow(), FlowState())
            new_data, window_update = flow.sends_new_data(headers), flow.opens_window(headers)
        dropped = False
        for rule in self._rules:
            if rule.kind == "new_data":
                matches = new_data
            elif rule.kind == "window_update":
                matches = window_update
            else:
                matches = _BY_HEADER[rule.kind](headers)
            if matches and rule.concerns(headers):
                rule.count += 1
                dropped = dropped or rule.nth is None or rule.count in rule.nth
        return dropped

    def unmet(self) -> list[str]:
        """The rules whose every packet never came, such as ``"data: saw 2, asked to drop 3"``; never one for all."""
        return [
            f"{rule.kind}{'' if rule.port is None else f' port {rule.port}'}:"
            f" saw {rule.count}, asked to drop number {max(rule.nth)}"
            for rule in self._rules
            if rule.nth is not None and rule.count < max(rule.nth)
        ]
