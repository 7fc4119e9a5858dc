"""What happens to advertised windows, flow by flow: growth, shrinking, silly windows, stalls; compiled.

RFC 9293 sections 3.8.6 (shrinking, zero windows) and 3.8.6.2.2 (silly windows, receiver's side), RFC 7323 section 2.4
(a scaled window may retract by less than its unit). docs/analysis.md explains the rules.
"""
# mypy: disable-error-code="no-any-return"
# ruff: noqa: PLR0917 (compiled functions take their state by position)

from __future__ import annotations

from typing import Any

from netemu.packet.tcp import ACK, RST, SYN
from netemu.trace.compiled import compiled, entry
from netemu.trace.layout import flow_at as known_flow_at
from netemu.trace.layout import in_lines, words
from netemu.trace.memory import i64, record_at
from netemu.trace.timers import TCP_RTO_MIN_NS
from netemu.trace.verdict import KIND_NEW, KIND_WINDOW_PROBE

SCALE_INFERRED, GROWTH, SHRUNK, SILLY, ZERO_WINDOW, SENDER_IDLE = range(1, 7)
"""Codes of :data:`netemu.recording.kinds.WINDOW_KINDS`, from 1."""
NOT_ENDED, WINDOW_UPDATE, PROBE_ANSWER, RESET = range(4)
"""How a zero window ended; codes of :data:`netemu.recording.kinds.WINDOW_ENDS`, from 1."""

ROW = words("flow kind t_ns frame end_ns end_frame ended_by before after bytes count total_ns")
"""One row of the table ``windows``; 0 stands for null in ``end_frame`` and ``ended_by``, -1 elsewhere."""

ROWS_PER_PACKET, ROWS_PER_FLOW = 4, 6
"""The most that a packet or ICMP message gives, and the end of a flow."""

FLOW = in_lines(
    """
ack edge nxt last_ts window:i4 largest:i4 segment:i4 zero_frame:u4 shrunk_frame:u4 small:i4 last_id:u2 seen:i1 first:i1
probed:i1 shift:i1
""",
    """
sent_ns acked_ns small_ns last_ns acked_frame:u4 small_frame:u4 last_frame:u4 silly_count:u4 stepped:i4 step_frame:u4
silly_frame:u4 silly_end_frame:u4
""",
    """
step_ns zero_ns zero_before probes shrunk_ns shrunk_before shrunk_bytes shrunk_count
silly_ns silly_end_ns silly_bytes idle_count idle_total_ns idle_ns idle_end_ns idle_frame idle_end_frame
""",
)
"""One direction: the windows it advertises; ``nxt``, ``segment``, ``sent``, ``acked`` and ``idle``: the data it sends.

``largest`` was advertised at ``last_ns``; where the scale is not known, that is when ``shift`` was found too small."""

BOTH_LINES, MOST_LINES = 1, 2
"""How many lines of memory of a flow a packet needs: at least; where it sends data, or its data is acknowledged."""

flow_at, row_at = record_at(FLOW), record_at(ROW)


@compiled
def _row(rows: int, count: int, flow: int, kind: int, t_ns: int, frame: int) -> Any:
    r = row_at(rows, count)
    r.flow, r.kind, r.t_ns, r.frame = flow, kind, t_ns, frame
    r.end_ns = r.before = r.after = r.bytes = r.count = r.total_ns = i64(-1)
    r.end_frame = r.ended_by = i64(0)
    return r


@compiled
def _end_zero(rows: int, count: int, flow: int, s: Any, t_ns: int, frame: int, ended_by: int, window: int) -> int:
    r = _row(rows, count, flow, ZERO_WINDOW, s.zero_ns, s.zero_frame)
    r.before, r.count, r.ended_by = s.zero_before, s.probes, ended_by
    if ended_by != NOT_ENDED:
        r.end_ns, r.end_frame, r.total_ns = t_ns, frame, t_ns - s.zero_ns
        r.after = window
    s.zero_frame = i64(0)
    return count + 1


@compiled
def _end_shrunk(rows: int, count: int, flow: int, s: Any, t_ns: int, frame: int) -> int:
    r = _row(rows, count, flow, SHRUNK, s.shrunk_ns, s.shrunk_frame)
    r.before, r.bytes, r.count = s.shrunk_before, s.shrunk_bytes, s.shrunk_count
    if frame:
        r.end_ns, r.end_frame, r.total_ns = t_ns, frame, t_ns - s.shrunk_ns
    s.shrunk_frame = i64(0)
    return count + 1


@compiled
def _end_silly(rows: int, count: int, flow: int, s: Any) -> int:
    """One small advance is no syndrome; an episode has two at least."""
    if s.silly_count > 1:
        r = _row(rows, count, flow, SILLY, s.silly_ns, s.silly_frame)
        r.end_ns, r.end_frame, r.bytes, r.count = s.silly_end_ns, s.silly_end_frame, s.silly_bytes, s.silly_count
        r.total_ns = s.silly_end_ns - s.silly_ns
        count += 1
    s.silly_count = s.silly_bytes = i64(0)
    return count


@compiled
def _grown(rows: int, count: int, flow: int, s: Any, t_ns: int, frame: int) -> int:
    r = _row(rows, count, flow, GROWTH, s.step_ns, s.step_frame)
    r.end_ns, r.end_frame, r.before, r.after, r.total_ns = t_ns, frame, s.stepped, s.largest, t_ns - s.step_ns
    s.stepped, s.step_ns, s.step_frame = s.largest, t_ns, frame
    return count + 1


@compiled
def _on_size(rows: int, count: int, flow: int, s: Any, window: int, t_ns: int, frame: int) -> int:
    """The largest window so far; a row whenever it has doubled."""
    if not s.first:
        s.first, s.largest, s.stepped, s.step_ns, s.step_frame = i64(1), window, window, t_ns, frame
    if window > s.largest:
        s.largest, s.last_ns, s.last_frame = window, t_ns, frame
        if s.stepped and window >= 2 * s.stepped:
            count = _grown(rows, count, flow, s, t_ns, frame)
    return count


@compiled
def _on_zero(rows: int, count: int, flow: int, s: Any, window: int, t_ns: int, frame: int) -> int:
    if window == 0 and not s.zero_frame:
        s.zero_ns, s.zero_frame, s.zero_before, s.probes = t_ns, frame, s.window, i64(0)
    elif window and s.zero_frame:
        count = _end_zero(rows, count, flow, s, t_ns, frame, PROBE_ANSWER if s.probed else WINDOW_UPDATE, window)
    s.probed = i64(0)
    return count


@compiled
def _on_edge(rows: int, count: int, flow: int, s: Any, peer: Any, edge: int, unit: int, t_ns: int, frame: int) -> int:
    """The right edge moved: back, or by so little that a sender that waits for it could send no full segment."""
    if s.edge - edge >= unit:
        if not s.shrunk_frame:
            s.shrunk_ns, s.shrunk_frame, s.shrunk_before, s.shrunk_bytes = t_ns, frame, s.window, i64(0)
            s.shrunk_count = i64(0)
        s.shrunk_bytes = max(s.shrunk_bytes, s.edge - edge)
        s.shrunk_count += 1
        return count
    if s.shrunk_frame and edge >= s.edge:
        count = _end_shrunk(rows, count, flow, s, t_ns, frame)
    if edge <= s.edge:
        return count
    if s.edge - peer.nxt < peer.segment:
        s.small = edge - s.edge if edge - s.edge < min(peer.segment, s.largest // 2) else i64(0)
        s.small_ns, s.small_frame = t_ns, frame
        if s.silly_count and not s.small:
            count = _end_silly(rows, count, flow, s)
    s.edge = edge
    return count


@compiled
def _is_silly(s: Any, peer: Any, payload: int, end: int) -> bool:
    """A segment that is small because it fills a window that had opened by little."""
    return peer.small > 0 and payload < s.segment and end == peer.edge


@compiled
def _on_silly(peer: Any) -> None:
    if peer.silly_count == 0:
        peer.silly_ns, peer.silly_frame = peer.small_ns, peer.small_frame
    peer.silly_count += 1
    peer.silly_bytes += peer.small
    peer.silly_end_ns, peer.silly_end_frame, peer.small = peer.small_ns, peer.small_frame, i64(0)


@compiled
def _is_older(s: Any, c: Any, ack: int) -> bool:
    """Sent before the newest advertisement: it acknowledges less, or timestamp or IP identification tell."""
    if ack < s.ack:
        return True
    ts = c.ts_val
    if ts >= 0 and s.last_ts >= 0 and ts != s.last_ts:
        return ((ts - s.last_ts) & 0xFFFFFFFF) >= 0x80000000
    number = i64(c.ip_id)
    return number > 0 and s.last_id > 0 and ((number - s.last_id) & 0xFFFF) >= 0x8000


@compiled
def _on_ack(rows: int, count: int, s: Any, peer: Any, c: Any, known: bool, shift: int) -> int:
    flow, t_ns, frame, ack, window = (
        i64(c.flow),
        c.t_ns,
        i64(c.frame),
        c.ack_offset_bytes,
        c.window_bytes,
    )
    if s.seen and _is_older(s, c, ack):
        return count
    s.last_ts, s.last_id = c.ts_val, i64(c.ip_id)
    if (ack > s.ack and ack >= peer.nxt) or window >= max(peer.segment, 1) > s.window:
        peer.acked_ns, peer.acked_frame = t_ns, frame  # from here on nothing holds the sender
    count = _on_zero(rows, count, flow, s, window, t_ns, frame)
    if known:
        if s.seen:
            count = _on_edge(rows, count, flow, s, peer, ack + window, i64(1) << shift, t_ns, frame)
        else:
            s.edge = ack + window
        count = _on_size(rows, count, flow, s, window, t_ns, frame)
    s.ack, s.window, s.seen = ack, window, i64(1)
    return count


@compiled
def _on_data(s: Any, peer: Any, c: Any, known: bool) -> None:
    """New data: what the sender may send shows a window's scale; when it sends after a silence, who was silent."""
    t_ns, frame, payload = c.t_ns, i64(c.frame), i64(c.payload_bytes)
    end = c.seq_offset_bytes + payload
    if not known and peer.seen and peer.window and end > peer.ack + (peer.window << peer.shift):
        while peer.shift < 14 and end > peer.ack + (peer.window << peer.shift):
            peer.shift += 1
        peer.last_ns, peer.last_frame = t_ns, frame
    if s.acked_ns > 0 and peer.ack >= s.nxt and not peer.zero_frame:
        rto = TCP_RTO_MIN_NS + s.acked_ns - s.sent_ns
        silent = t_ns - s.acked_ns
        if silent > rto and peer.window >= s.segment:
            s.idle_count += 1
            s.idle_total_ns += silent
            if silent > s.idle_end_ns - s.idle_ns:
                s.idle_ns, s.idle_end_ns, s.idle_frame, s.idle_end_frame = s.acked_ns, t_ns, s.acked_frame, frame
    if _is_silly(s, peer, payload, end):
        _on_silly(peer)
    s.segment, s.nxt, s.sent_ns = max(s.segment, payload), max(s.nxt, end), t_ns


@compiled
def on_packet(rows: int, count: int, state: int, c: Any, flows: int) -> int:
    """Take the packet ``c`` in; ``flows`` is what the pass knows of each flow.

    Returns the rows then written, four for a packet at most.
    """
    flow, flags = i64(c.flow), i64(c.flags)
    s, peer = flow_at(state, flow), flow_at(state, flow ^ 1)
    if flags & RST:
        if s.zero_frame:
            count = _end_zero(rows, count, flow, s, c.t_ns, i64(c.frame), RESET, i64(0))
        return count
    if flags & SYN or c.network_duplicate:
        return count
    own, other = known_flow_at(flows, flow), known_flow_at(flows, flow ^ 1)
    known = bool(own.syn_sent | own.syn_ack_sent) and bool(other.syn_sent | other.syn_ack_sent)
    kind = c.kind
    if kind == KIND_NEW and c.payload_bytes > 0:
        _on_data(s, peer, c, known)
    elif kind == KIND_WINDOW_PROBE:
        peer.probes += 1
        peer.probed = i64(1)
    if flags & ACK:
        both = own.wscale >= 0 and other.wscale >= 0
        count = _on_ack(rows, count, s, peer, c, known, own.wscale if both else i64(0))
    return count


@entry
def finish(state: int, flows: int, rows: int) -> int:
    """What holds at the end of the file, and each direction's sums: at most six rows a flow."""
    count = i64(0)
    for flow in range(flows):
        s = flow_at(state, flow)
        if s.zero_frame:
            count = _end_zero(rows, count, flow, s, i64(0), i64(0), NOT_ENDED, i64(0))
        if s.shrunk_frame:
            count = _end_shrunk(rows, count, flow, s, i64(0), i64(0))
        count = _end_silly(rows, count, flow, s)
        if s.largest > s.stepped:
            count = _grown(rows, count, flow, s, s.last_ns, s.last_frame)
        if s.shift:
            r = _row(rows, count, flow, SCALE_INFERRED, s.last_ns, s.last_frame)
            r.count = s.shift
            count += 1
        if s.idle_count:
            r = _row(rows, count, flow, SENDER_IDLE, s.idle_ns, s.idle_frame)
            r.end_ns, r.end_frame, r.count, r.total_ns = s.idle_end_ns, s.idle_end_frame, s.idle_count, s.idle_total_ns
            count += 1
    return count
