"""Why a kernel sent again, packet by packet: from its tracepoints, proven by its counters.

``tcp:tcp_retransmit_skb`` is one retransmission, ``tcp:tcp_cong_state_set`` gives the congestion state it was made in
(since Linux 5.18): in CA_Loss the retransmission timer is the cause, in Recovery the receiver's reports; in any other
state Linux retransmits by the probe timer alone (callers of ``__tcp_retransmit_skb``, net/ipv4). SYN and SYN-ACK are
told by the socket's state and by ``tcp:tcp_retransmit_synack``. The n-th event of a connection is the n-th packet of
it, at its sender, that begins below the highest sent. Where events, packets and the namespace's counters do not agree
to the last one, the connection's truth is not observable, and nothing of it is judged. A kernel without
``tcp_cong_state_set`` tells no cause but by its counters, and only where all retransmissions of a host had the same.
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from tests.accuracy.frames import ACK, FIN, RST, SYN, Endpoint, Frame

RETRANSMISSIONS = ("timeout", "fast", "tail_loss_probe", "syn", "syn_ack", "fin")
_RECOVERY, _LOSS = 3, 4
_LATEST_NS = 20_000_000
"""How far the event may lie from the capture's time of the packet; on a busy machine the two are not one instant."""

Flow = tuple[Endpoint, Endpoint]


def endpoint(text: str) -> Endpoint:
    """``10.0.0.1:80`` or ``[fd00::1]:80`` as bytes and port."""
    address, _, port = text.rpartition(":")
    return ipaddress.ip_address(address.strip("[]")).packed, int(port)


UNTOLD = "untold"
"""The cause of a retransmission on a kernel that does not say in which state it was made."""


def events_by_flow(
    events: Iterable[Mapping[str, Any]], *, states_told: bool = True
) -> dict[Flow, list[tuple[int, str]]]:
    """Flow -> (t_ns, class) of each retransmission, the class by cause alone; ``timer`` marks a timer's first."""
    found: dict[Flow, list[tuple[int, str]]] = {}
    states: dict[Flow, int] = {}
    fresh: set[Flow] = set()
    for event in events:
        if event["event"] not in ("tcp_cong_state_set", "tcp_retransmit_skb", "tcp_retransmit_synack"):
            continue
        flow = endpoint(event["local"]), endpoint(event["remote"])
        if event["event"] == "tcp_cong_state_set":
            states[flow] = event["cong_state"]
            if event["cong_state"] == _LOSS:
                fresh.add(flow)
        elif event.get("err", 0) == 0:
            cause = _cause(event, states.get(flow, 0) if states_told else None, flow in fresh)
            fresh.discard(flow)
            found.setdefault(flow, []).append((event["t_ns"], cause))
    return found


def _cause(event: Mapping[str, Any], state: int | None, fresh: bool) -> str:
    if event["event"] == "tcp_retransmit_synack":
        return "syn_ack"
    if event["state"] == "TCP_SYN_SENT":
        return "syn"
    if state is None:
        return UNTOLD
    if state == _LOSS:
        return "timer" if fresh else "timeout"
    return "fast" if state == _RECOVERY else "tail_loss_probe"


def by_counters(events: Iterable[list[tuple[int, str]]], counters: Mapping[str, int]) -> str | None:
    """Put the one cause that a host's counters leave into its untold events; why not, where they leave several."""
    told = list(events)
    untold = sum(cause == UNTOLD for flow in told for _, cause in flow)
    fast, timeout = (counters.get(f"TcpExt{name}", 0) for name in ("TCPFastRetrans", "TCPSlowStartRetrans"))
    timers = counters.get("TcpExtTCPTimeouts", 0) - counters.get("TcpExtTCPSynRetrans", 0)
    if not untold:
        return None
    if fast == untold:
        causes = ["fast"] * untold
    elif not fast and not timeout and timers <= 0:
        causes = ["tail_loss_probe"] * untold
    elif not fast and not counters.get("TcpExtTCPLossProbes", 0):
        causes = ["timer"] * (untold - timeout) + ["timeout"] * timeout
    else:
        return "no tcp_cong_state_set, and several causes"
    given = iter(causes)
    for flow in told:
        flow[:] = [(t_ns, next(given) if cause == UNTOLD else cause) for t_ns, cause in flow]
    return None


def sent_again(frames: Iterable[Frame]) -> list[Frame]:
    """The packets of one flow, at its sender, that begin below the highest sent; and marks what is a probe."""
    again: list[Frame] = []
    highest: int | None = None
    for frame in frames:
        end = (frame.seq + frame.length) & 0xFFFFFFFF
        if frame.flags & RST:
            continue
        if highest is None or (frame.flags & SYN and not again and frame.seq != (highest - 1) & 0xFFFFFFFF):
            highest = end
        elif frame.length and _before(frame.seq, highest):
            again.append(frame)
            highest = end if _before(highest, end) else highest
        elif frame.length:
            highest = end
        elif frame.flags & ACK and frame.seq == (highest - 1) & 0xFFFFFFFF:
            frame.truth.add("probe")
    return again


def _before(one: int, other: int) -> bool:
    return ((one - other) & 0xFFFFFFFF) >= 0x80000000


def label(again: list[Frame], events: list[tuple[int, str]]) -> str | None:
    """Give each retransmitted packet its class; the reason when packets and events do not agree."""
    if len(again) != len(events):
        return f"{len(again)} packets sent again, {len(events)} events"
    for frame, (t_ns, _) in zip(again, events, strict=True):
        if abs(frame.t_ns - t_ns) > _LATEST_NS:
            return f"a packet and its event are {abs(frame.t_ns - t_ns) / 1e6:.1f} ms apart"
    for frame, (_, cause) in zip(again, events, strict=True):
        bare_fin = frame.flags & FIN and not frame.payload
        frame.truth.add("fin" if bare_fin else "timeout" if cause == "timer" else cause)
    return None


def counters_disagree(causes: Counter[str], counters: Mapping[str, int]) -> str | None:
    """What a host's counters say otherwise than the causes of all its retransmissions."""
    syn = causes["syn"] + causes["syn_ack"]
    expected = {
        "TcpRetransSegs": causes.total(),
        "TcpExtTCPSynRetrans": syn,
        "TcpExtTCPFastRetrans": causes["fast"],
        "TcpExtTCPSlowStartRetrans": causes["timeout"],
    }
    for name, count in expected.items():
        if counters.get(name, 0) != count:
            return f"{name} grew by {counters.get(name, 0)}, the events make {count}"
    if counters.get("TcpExtTCPLossProbes", 0) < causes["tail_loss_probe"]:
        return "more probes than TCPLossProbes"
    return None


def label_probes(frames: Iterable[Frame], counters: Mapping[str, int]) -> str | None:
    """Give each probe its name, where the host's counters tell that all were of one kind."""
    probes = [frame for frame in frames if "probe" in frame.truth]
    window, alive = counters.get("TcpExtTCPWinProbe", 0), counters.get("TcpExtTCPKeepAlive", 0)
    for frame in probes:
        frame.truth.discard("probe")
    if (window and alive) or window + alive != len(probes):
        return f"{len(probes)} probes, TCPWinProbe {window}, TCPKeepAlive {alive}"
    for frame in probes:
        frame.truth.add("window_probe" if window else "keepalive")
    return None
