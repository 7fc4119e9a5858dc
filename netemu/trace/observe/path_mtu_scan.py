"""Steps of the path MTU, flow by flow, from the sizes of full segments, their fate and ICMP reports; compiled.

Kernel: ``tcp_v4_mtu_reduced``, ``tcp_mtu_probing`` (net/ipv4/tcp_timer.c), ``tcp_mtu_probe`` (net/ipv4/tcp_output.c),
Linux 6.12. RFC 1191, RFC 8201, RFC 4821. docs/analysis.md explains the rules.
"""
# mypy: disable-error-code="no-any-return"
# ruff: noqa: PLR0917 (compiled functions take their state by position)

from __future__ import annotations

from typing import Any

from netemu.packet.tcp import ACK, FIN, PSH, RST, SYN
from netemu.trace.compiled import compiled, entry
from netemu.trace.layout import flow_at as known_flow_at
from netemu.trace.layout import in_lines, words
from netemu.trace.memory import i64, record_at
from netemu.trace.verdict import KIND_NEW, KIND_TAIL_LOSS_PROBE, KIND_TIMEOUT

(
    NONE,
    HANDSHAKE,
    KNOWN_BEFORE,
    ICMP_FRAGMENTATION_NEEDED,
    ICMP_PACKET_TOO_BIG,
    MTU_PROBE_CONFIRMED,
    MTU_PROBE_LOST,
    BLACKHOLE_PROBE,
    BLACK_HOLE_SUSPECTED,
    UNKNOWN,
) = range(10)
"""Causes; :data:`netemu.recording.kinds.PATH_MTU_CAUSES` without its first, which stands for no row."""

_SUSPECT_TIMEOUTS = 3
"""net.ipv4.tcp_retries1: after so many retransmissions Linux takes the path for broken."""
_SMALLEST_BYTES = 88
"""IPv4 packet of TCP_MIN_SND_MSS (48): no full segment is smaller."""
_LARGEST_UNKNOWN_BYTES = 9216
"""A packet larger than jumbo frames, where no SYN tells the MSS, is a super-segment."""

ROW = words("flow t_ns frame cause before after probe proven_ns timeouts since_ns version router_hi router_lo")
"""One row of the table ``path_mtu``; 0 stands for null, but in times, where it is -1."""

ROWS_PER_PACKET, ROWS_PER_FLOW = 3, 1
"""The most that a packet or ICMP message gives, and the end of a flow."""

FLOW = in_lines(
    """
una nxt head_ns mark_end proven_ns mtu:u4 limit:i4 max_window:i4 probe_size:u4 timeouts:u4 full:i1 row_cause:i1
suspected:i1
""",
    "run_end run_ns probe_start probe_end run_size:u4 run_frame:u4 row_timeouts:u4 row_probe:u4 probe_ns syn_ns",
    "probe_frame syn_frame row_ns row_frame row_before row_since_ns row_version row_router_hi row_router_lo",
)
"""State of one flow as sender. ``row_*`` is the step that holds; it becomes a row when the next one comes.

``full``: a packet of size ``mtu`` has been sent since the step. ``mark_end``: where the oldest of those not yet
acknowledged ends. ``run_*``: the last segment that more data of the same write followed. ``probe_*``: a single packet
larger than ``mtu``. ``max_window``: the largest that the peer offered."""

BOTH_LINES, DATA_LINES = 1, 2
"""How many lines of memory of a flow a packet needs: where its data is acknowledged; where it sends data."""

flow_at, row_at = record_at(FLOW), record_at(ROW)


@compiled
def _flush(rows: int, count: int, flow: int, s: Any) -> int:
    """The step that held becomes a row."""
    if s.row_cause == NONE:
        return count
    r = row_at(rows, count)
    r.flow, r.t_ns, r.frame, r.cause, r.before, r.after = flow, s.row_ns, s.row_frame, s.row_cause, s.row_before, s.mtu
    r.probe, r.timeouts, r.since_ns = s.row_probe, s.row_timeouts, s.row_since_ns
    r.proven_ns = s.proven_ns if s.proven_ns > 0 else -1
    r.version, r.router_hi, r.router_lo = s.row_version, s.row_router_hi, s.row_router_lo
    return count + 1


@compiled
def _step(rows: int, count: int, flow: int, s: Any, cause: int, size: int, t_ns: int, frame: int) -> int:
    count = _flush(rows, count, flow, s)
    s.row_cause, s.row_ns, s.row_frame, s.row_before = cause, t_ns, frame, s.mtu
    s.row_probe = s.row_timeouts = s.row_version = s.row_router_hi = s.row_router_lo = i64(0)
    s.row_since_ns = i64(-1)
    s.mtu, s.full, s.mark_end, s.proven_ns, s.run_size, s.suspected = size, i64(0), i64(0), i64(0), i64(0), i64(0)
    return count


@compiled
def _finding(rows: int, count: int, flow: int, s: Any, cause: int, t_ns: int, frame: int, since_ns: int) -> int:
    """A row that is no step: what holds goes on holding."""
    r = row_at(rows, count)
    r.flow, r.t_ns, r.frame, r.cause, r.before, r.after = flow, t_ns, frame, cause, s.mtu, s.mtu
    r.probe = r.timeouts = r.version = r.router_hi = r.router_lo = i64(0)
    r.proven_ns, r.since_ns = i64(-1), since_ns
    return count + 1


@compiled
def _begin(rows: int, count: int, flow: int, s: Any, flows: int, header: int, start: int) -> int:
    """The first payload of a flow: what the handshake allows (RFC 9293 section 3.7.1, without option 536 and 1220)."""
    s.limit, s.una = i64(-1), max(s.una, start)
    if not s.syn_frame:
        return count
    least = i64(536) if header == 40 else i64(1220)
    own, peer = known_flow_at(flows, flow).mss_announced, known_flow_at(flows, flow ^ 1).mss_announced
    own, peer = (own if own > 0 else least), (peer if peer > 0 else least)
    s.limit = peer
    if s.row_cause != NONE:
        return count
    return _step(rows, count, flow, s, HANDSHAKE, min(own, peer) + header, s.syn_ns, s.syn_frame)


@compiled
def _on_icmp(rows: int, count: int, s: Any, report: Any) -> int:
    """A router reports its MTU. One that is not smaller changes nothing, but may be the answer to a probe."""
    v4 = report.version == 4
    if not ((v4 and report.type == 3 and report.code == 4) or (not v4 and report.type == 2)) or report.mtu <= 0:
        return count
    flow = 2 * report.connection + report.direction
    if s.mtu and report.mtu >= s.mtu:
        if s.probe_size > report.mtu:
            count = _probe_lost(rows, count, flow, s, report.t_ns, report.frame)
            r = row_at(rows, count - 1)
            r.version, r.router_hi, r.router_lo = report.version, report.src_hi, report.src_lo
        return count
    cause = ICMP_FRAGMENTATION_NEEDED if v4 else ICMP_PACKET_TOO_BIG
    count = _step(rows, count, flow, s, cause, report.mtu, report.t_ns, report.frame)
    s.row_version, s.row_router_hi, s.row_router_lo = report.version, report.src_hi, report.src_lo
    s.probe_size = 0
    return count


@compiled
def _probe_lost(rows: int, count: int, flow: int, s: Any, t_ns: int, frame: int) -> int:
    count = _finding(rows, count, flow, s, MTU_PROBE_LOST, t_ns, frame, s.probe_ns)
    row_at(rows, count - 1).probe = s.probe_size
    s.probe_size = i64(0)
    return count


@compiled
def _on_ack(rows: int, count: int, flow: int, s: Any, ack: int, t_ns: int, frame: int) -> int:
    """Bytes of ``flow`` were acknowledged: what carried them passes the path."""
    s.una, s.timeouts, s.head_ns = ack, i64(0), t_ns
    if s.probe_size and ack >= s.probe_end:
        size, since_ns = s.probe_size, s.probe_ns
        count = _step(rows, count, flow, s, MTU_PROBE_CONFIRMED, size, t_ns, frame)
        s.row_probe, s.row_since_ns, s.proven_ns, s.probe_size = size, since_ns, t_ns, i64(0)
    if s.mark_end and ack >= s.mark_end:
        s.proven_ns, s.mark_end = t_ns, i64(0)
    return count


@compiled
def _why_another(s: Any) -> int:
    """Full segments of another size, and nothing in the capture says why."""
    return KNOWN_BEFORE if s.row_cause in (NONE, HANDSHAKE) and not s.full else UNKNOWN


@compiled
def _on_larger(rows: int, count: int, flow: int, s: Any, size: int, start: int, end: int, t_ns: int, frame: int) -> int:
    """New data in a packet larger than what holds: alone it is a probe; a second one shows that more is allowed."""
    if s.probe_size == size and start == s.probe_end:
        count = _step(rows, count, flow, s, _why_another(s), size, s.probe_ns, s.probe_frame)
        s.full, s.mark_end, s.probe_size = i64(1), end, i64(0)
    elif s.probe_size == 0:
        s.probe_size, s.probe_start, s.probe_end, s.probe_ns, s.probe_frame = size, start, end, t_ns, frame
    return count


@compiled
def _on_cut(rows: int, count: int, flow: int, s: Any, size: int, start: int, end: int, t_ns: int, frame: int) -> int:
    """New data that the sender cut off although more of the same write follows (no PSH), smaller than what holds.

    Two of one size back to back are full segments. Not where the receiver's window is so small that it decides
    (``tcp_bound_to_half_wnd``); nor where they were cut before a probe showed that they may be larger.
    """
    if s.run_size != size or s.run_end != start:
        s.run_size, s.run_ns, s.run_frame = size, t_ns, frame
    elif not 0 < s.max_window < 2 * s.mtu and (s.full or s.row_cause != MTU_PROBE_CONFIRMED):
        count = _step(rows, count, flow, s, _why_another(s), size, s.run_ns, s.run_frame)
        s.full, s.mark_end = i64(1), end
    s.run_end = end
    return count


@compiled
def _on_again(rows: int, count: int, flow: int, s: Any, size: int, start: int, c: Any) -> int:
    """A retransmission: a probe that was lost, a full segment that does not pass, or the first that is cut smaller."""
    t_ns, frame = c.t_ns, i64(c.frame)
    if s.probe_size and start <= s.probe_start and size < s.probe_size:
        count = _probe_lost(rows, count, flow, s, t_ns, frame)
    if s.mark_end and start < s.mark_end and size < s.mtu:
        s.mark_end = i64(0)
    if c.kind != KIND_TIMEOUT or start != s.una or s.mtu == 0:
        return count
    if size == s.mtu:
        s.timeouts += 1
        if s.timeouts >= _SUSPECT_TIMEOUTS and s.proven_ns <= 0 and not s.suspected:
            count = _finding(rows, count, flow, s, BLACK_HOLE_SUSPECTED, t_ns, frame, s.head_ns)
            row_at(rows, count - 1).timeouts = s.timeouts
            s.suspected = i64(1)
    elif not c.flags & (PSH | FIN) and size < s.mtu and s.full and s.timeouts + s.row_timeouts > 1 and s.proven_ns <= 0:
        timeouts = s.timeouts
        count = _step(rows, count, flow, s, BLACKHOLE_PROBE, size, t_ns, frame)
        s.row_timeouts, s.row_since_ns, s.full = timeouts, s.head_ns, i64(1)
        s.mark_end = start + i64(c.payload_bytes) if c.dont_fragment else i64(0)
    return count


@compiled
def _on_data(rows: int, count: int, flow: int, s: Any, size: int, start: int, c: Any) -> int:
    t_ns, frame, kind = c.t_ns, i64(c.frame), i64(c.kind)
    end = start + i64(c.payload_bytes)
    cut = not c.flags & (PSH | FIN)
    if kind == KIND_NEW:
        if s.una >= s.nxt:
            s.head_ns = t_ns
        s.nxt = max(s.nxt, end)
    if size != s.mtu:
        if kind != KIND_NEW:
            return _on_again(rows, count, flow, s, size, start, c)
        if s.mtu and size > s.mtu:
            by_icmp = s.row_cause in (ICMP_FRAGMENTATION_NEEDED, ICMP_PACKET_TOO_BIG)
            if s.full or not by_icmp:  # else it was under way when the report came
                return _on_larger(rows, count, flow, s, size, start, end, t_ns, frame)
        elif cut and size >= _SMALLEST_BYTES:
            return _on_cut(rows, count, flow, s, size, start, end, t_ns, frame)
        return count
    if kind == KIND_NEW or s.row_cause != MTU_PROBE_CONFIRMED:  # what was queued before is smaller still
        s.full = i64(1)
    if kind != KIND_NEW:
        count = _on_again(rows, count, flow, s, size, start, c)
    if s.proven_ns <= 0 and s.mark_end == 0 and c.dont_fragment:
        s.mark_end = end
    return count


@compiled
def on_report(rows: int, count: int, state: int, report: Any) -> int:
    """Take an ICMP message in; returns the rows then written, three for a message or packet at most."""
    if report.connection < 0:
        return count
    return _on_icmp(rows, count, flow_at(state, 2 * report.connection + report.direction), report)


@compiled
def on_packet(rows: int, count: int, state: int, c: Any, flows: int) -> int:
    """Take the packet ``c`` in; ``flows`` is what the pass knows of each flow. Returns the rows then written."""
    flow, flags = i64(c.flow), i64(c.flags)
    s, peer = flow_at(state, flow), flow_at(state, flow ^ 1)
    if flags & (SYN | RST):
        if flags & SYN:
            s.syn_ns = peer.syn_ns = c.t_ns
            s.syn_frame = peer.syn_frame = i64(c.frame)
        return count
    if flags & ACK:
        peer.max_window = max(peer.max_window, c.window_bytes)
        ack = c.ack_offset_bytes
        if ack > peer.una:
            count = _on_ack(rows, count, flow ^ 1, peer, ack, c.t_ns, i64(c.frame))
    payload, kind = i64(c.payload_bytes), i64(c.kind)
    if payload <= 0 or c.fragment or not KIND_NEW <= kind <= KIND_TAIL_LOSS_PROBE:
        return count
    if s.limit == 0:
        header = i64(40) if c.ip_version == 4 else i64(60)
        count = _begin(rows, count, flow, s, flows, header, c.seq_offset_bytes)
    if payload > s.limit if s.limit > 0 else i64(c.ip_bytes) > _LARGEST_UNKNOWN_BYTES:
        return count
    return _on_data(rows, count, flow, s, i64(c.ip_bytes), c.seq_offset_bytes, c)


@entry
def finish(state: int, flows: int, rows: int) -> int:
    """The steps that hold at the end of the file, at most one per flow."""
    count = i64(0)
    for flow in range(flows):
        count = _flush(rows, count, flow, flow_at(state, flow))
    return count
