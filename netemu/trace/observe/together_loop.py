"""One way through a chunk's packets for all observers of TCP flows: each row is read once; compiled."""

from __future__ import annotations

from typing import Any

from netemu.trace.compiled import compiled, entry
from netemu.trace.layout import FLOW, Batch, column_at, icmp_at, words
from netemu.trace.memory import i64, le32, record_at
from netemu.trace.observe import path_mtu_scan, sender_loop, sender_state, windows_scan
from netemu.trace.observe.rows import await_rows, await_state, take_rows

BATCH = 32
"""Packets read at a time."""
PACKET = Batch(
    """
t_ns flow frame flags kind payload_bytes window_bytes ack_offset_bytes seq_offset_bytes ts_val ca_state dsack
sack_blocks ip_bytes ip_version dont_fragment fragment ip_id network_duplicate
""",
    BATCH,
)
"""The columns of a packet that are looked at."""
LOOP = words("""
columns size packets flows icmp icmp_count icmp_next
mtu_state mtu_rows mtu_count windows_state windows_rows windows_count sender
""")
"""The chunk's columns, their length, room for :data:`BATCH` packets, the flows of the pass, ICMP messages; state, rows
and their count of the observers of path MTU and windows; the address of the sender observer's own record."""

_COLUMNS, _COLUMN_WORDS = len(PACKET.names), PACKET.column_words
_FLOW_COLUMN, _PAYLOAD_COLUMN = PACKET.place("flow"), PACKET.place("payload_bytes")
_AHEAD = 8
"""Rows between asking for the state of a flow and using it: some 200 ns, what memory takes at most."""
_FLOW_BYTES, _MTU_BYTES, _WINDOWS_BYTES, _SENDER_BYTES = (
    FLOW.itemsize,
    path_mtu_scan.FLOW.itemsize,
    windows_scan.FLOW.itemsize,
    sender_state.SENDER_FLOW.itemsize,
)
_MTU = path_mtu_scan.BOTH_LINES, path_mtu_scan.DATA_LINES
_WINDOWS = windows_scan.BOTH_LINES, windows_scan.MOST_LINES
_SENDER = sender_state.BOTH_LINES, sender_state.ACK_LINES, sender_state.DATA_LINES
packet_at, loop_at = PACKET.at, record_at(LOOP)


@compiled
def _await(st: Any, senders: int, flow: int, payload: int) -> None:
    """Have on its way what is known of both flows of a packet of ``flow``, as much as it needs."""
    await_state(st.flows, flow, _FLOW_BYTES, 1, 1)
    if payload:
        await_state(st.mtu_state, flow, _MTU_BYTES, _MTU[1], _MTU[0])
        await_state(st.windows_state, flow, _WINDOWS_BYTES, _WINDOWS[1], _WINDOWS[0])
        await_state(senders, flow, _SENDER_BYTES, _SENDER[2], _SENDER[0])
    else:
        await_state(st.mtu_state, flow, _MTU_BYTES, 0, _MTU[0])
        await_state(st.windows_state, flow, _WINDOWS_BYTES, _WINDOWS[0], _WINDOWS[1])
        await_state(senders, flow, _SENDER_BYTES, _SENDER[0], _SENDER[1])


@entry
def observe(loop: int, i: int) -> int:
    """Take packets from row ``i`` on until the chunk ends, or the room for rows; returns the next row to take."""
    st = loop_at(loop, 0)
    sender, size = sender_state.sender_state_at(st.sender, 0), st.size
    flows, payloads = column_at(st.columns, _FLOW_COLUMN).address, column_at(st.columns, _PAYLOAD_COLUMN).address
    while i < size:
        some = min(i64(BATCH), size - i)
        if i + 3 * BATCH <= size:
            await_rows(st.columns, _COLUMNS, i + 2 * BATCH, i64(BATCH))
        take_rows(st.columns, _COLUMNS, i, some, st.packets, _COLUMN_WORDS)
        for k in range(some):
            if sender_loop.is_full(sender):
                return i
            if i + _AHEAD < size:
                later = le32(flows, 4 * (i + _AHEAD))
                if later < i64(0x80000000):  # -1: of no connection
                    _await(st, sender.flows, later, le32(payloads, 4 * (i + _AHEAD)))
            c = packet_at(st.packets, k)
            if st.icmp_next < st.icmp_count and icmp_at(st.icmp, st.icmp_next).frame == c.frame:
                report = icmp_at(st.icmp, st.icmp_next)
                st.mtu_count = path_mtu_scan.on_report(st.mtu_rows, st.mtu_count, st.mtu_state, report)
                st.icmp_next += 1
            if c.flow >= 0:
                st.mtu_count = path_mtu_scan.on_packet(st.mtu_rows, st.mtu_count, st.mtu_state, c, st.flows)
                st.windows_count = windows_scan.on_packet(
                    st.windows_rows, st.windows_count, st.windows_state, c, st.flows
                )
                sender_loop.on_packet(sender, c)
            i += 1
    return i
