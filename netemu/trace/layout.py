"""The memory shared by the compiled functions: one scratch packet, growing tables of state, output columns.

Everything is a 64-bit integer while it is worked on, since mixing signed and unsigned makes Numba go to floating
point; the output columns have the types of :mod:`netemu.recording.tables`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

_PACKET_FIELDS = """
t_ns offset cap_bytes wire_bytes link capture frame row
ip_version protocol ip_bytes ttl ecn dont_fragment fragment ip_id fragment_offset more_fragments
src_hi src_lo dst_hi dst_lo sport dport network transport
malformed truncated
flags seq ack header_bytes payload window options_bytes ts_val ts_ecr sack_count mss wscale sack_permitted
icmp_type icmp_code icmp_mtu icmp_error quoted_protocol
q_src_hi q_src_lo q_dst_hi q_dst_lo q_sport q_dport q_seq
connection direction seq_offset ack_offset window_bytes dsack kind spurious out_of_order duplicate_ack
flight network_duplicate
""".split()

PACKET = np.dtype([(name, np.int64) for name in _PACKET_FIELDS])
"""The scratch packet: what the bytes say (up to ``quoted``), then what the connection's state says."""

CONNECTION = np.dtype(
    [
        (name, np.int64)
        for name in """
        capture index addr_lo_hi addr_lo_lo addr_hi_hi addr_hi_lo port_lo port_hi client_is_low
        start_ns end_ns syn_seen syn_ack_seen fin_seen rst_seen syn_seq packets
        """.split()
    ]
)
"""One connection; ``addr_lo`` and ``port_lo`` are the end that sorts first."""

_COUNTERS = """
packets data_segments payload_bytes unique_payload_bytes zero_windows
retransmits_timeout retransmits_fast retransmits_tail_loss_probe retransmits_syn retransmits_syn_ack retransmits_fin
spurious_retransmits window_probes keepalives out_of_order_segments duplicate_acks sack_blocks
max_window_bytes mss_used_bytes super_segments
""".split()

_FLOW_STATE = """
isn_known isn nxt una mss_announced wscale sack_permitted syn_sent syn_ack_sent syn_ns syn_ts_val
syn_retransmitted syn_ip_id fin_sent first_data_ns last_data_ns last_probe_kind
last_window ack_seen
ring_base ring_capacity ring_head ring_count sacked_count highest_sacked
ca_state high_seq frto loss_ns retrans_stamp undo_events tlp_high dupacks
srtt_ns mdev_ns mdev_max_ns rttvar_ns rtt_seq min_rtt_ns backoff timer_base_ns last_send_ns last_ack_ns
rack_ns rack_end rack_rtt_ns
pmtu pmtu_icmp pmtu_icmp_ns pmtu_icmp_seen run_bytes run_end
retrans_last sack_0_start sack_0_end sack_1_start sack_1_end sack_2_start sack_2_end sack_3_start sack_3_end
""".split()

FLOW = np.dtype([(name, np.int64) for name in _COUNTERS + _FLOW_STATE])
"""One direction of a connection, as its sender; flow ``2 * connection + direction``."""

COUNTERS = tuple(_COUNTERS)

SEGMENT = np.dtype(
    [
        (name, np.int64)
        for name in "start end first_ns sent_ns ts_val ip_id ip_bytes event sacked retransmitted gap run".split()
    ]
)
"""Sent and not yet acknowledged sequence space; ``gap`` is space that this capture has not shown."""

EVENT = np.dtype([(name, np.int64) for name in "flow start end row sent_ns kind ts_val spurious previous".split()])
"""One retransmission; a flow's events are linked by ``previous``."""

RTT_SAMPLE = np.dtype([(name, np.int64) for name in "connection direction t_ns rtt_ns".split()])
SACK_BLOCK = np.dtype([(name, np.int64) for name in "frame connection direction t_ns start end".split()])
ICMP_ERROR = np.dtype(
    [(name, np.int64) for name in "capture frame t_ns version type code mtu src_hi src_lo connection direction".split()]
)

MAX_SACK_BLOCKS = 4
MAX_RING = 1 << 16
"""Segments kept in flight per direction; the oldest are forgotten beyond this."""

FIELDS = (
    ("frame", np.uint32),
    ("capture", np.uint16),
    ("t_ns", np.int64),
    ("connection", np.int32),
    ("direction", np.int8),
    ("ip_version", np.uint8),
    ("protocol", np.uint8),
    ("ip_bytes", np.int32),
    ("ttl", np.uint8),
    ("ecn", np.uint8),
    ("dont_fragment", np.uint8),
    ("fragment", np.uint8),
    ("flags", np.uint16),
    ("seq", np.uint32),
    ("ack", np.uint32),
    ("seq_offset_bytes", np.int64),
    ("ack_offset_bytes", np.int64),
    ("payload_bytes", np.int32),
    ("window_bytes", np.int64),
    ("ts_val", np.int64),
    ("ts_ecr", np.int64),
    ("sack_blocks", np.uint8),
    ("dsack", np.uint8),
    ("kind", np.uint8),
    ("spurious", np.uint8),
    ("out_of_order", np.uint8),
    ("duplicate_ack", np.uint8),
    ("flight_bytes", np.int64),
    ("network_duplicate", np.uint8),
)
"""Columns that a chunk of packets gives, in the order of :data:`netemu.recording.tables.PACKETS`."""


class Columns(NamedTuple):
    """Output of one chunk: one array per column."""

    frame: Any
    capture: Any
    t_ns: Any
    connection: Any
    direction: Any
    ip_version: Any
    protocol: Any
    ip_bytes: Any
    ttl: Any
    ecn: Any
    dont_fragment: Any
    fragment: Any
    flags: Any
    seq: Any
    ack: Any
    seq_offset_bytes: Any
    ack_offset_bytes: Any
    payload_bytes: Any
    window_bytes: Any
    ts_val: Any
    ts_ecr: Any
    sack_blocks: Any
    dsack: Any
    kind: Any
    spurious: Any
    out_of_order: Any
    duplicate_ack: Any
    flight_bytes: Any
    network_duplicate: Any


class State(NamedTuple):
    """Everything that lives across chunks; arrays are replaced by larger copies between calls, never within one."""

    packet: Any  # PACKET[1], the scratch packet
    sack: Any  # int64[2 * MAX_SACK_BLOCKS], its SACK edges as sent
    blocks: Any  # int64[2 * MAX_SACK_BLOCKS], the same as offsets
    table: Any  # int64[2**k], open addressing: connection + 1, 0 empty
    connections: Any  # CONNECTION[]
    flows: Any  # FLOW[], two per connection
    segments: Any  # SEGMENT[], the pool of rings
    free: Any  # int64[20], head of the free list per size class, -1 none
    events: Any  # EVENT[]
    patches: Any  # int64[], events whose spurious flag was raised after their packet was stored
    rtt: Any  # RTT_SAMPLE[], drained per chunk
    sacks: Any  # SACK_BLOCK[], drained per chunk
    icmp: Any  # ICMP_ERROR[], drained per chunk
    captures: Any  # int64[], connections counted per capture
    fragments: Any  # int64[64, 24], unfinished TCP fragments
    counts: Any  # int64[], see the C_* indices


(
    C_CONNECTIONS,
    C_SEGMENTS,
    C_EVENTS,
    C_PATCHES,
    C_RTT,
    C_SACKS,
    C_ICMP,
    C_FRAMES,
    C_MALFORMED,
    C_TRUNCATED,
    C_CLOCK_BACKWARDS,
    C_NOT_IP,
    C_SUPER,
    C_LAST_NS,
    C_UNSEEN,
    C_ROW,
    C_MAX_RING,
    C_STRAY,
) = range(18)


def new_columns(rows: int) -> Columns:
    """Columns for ``rows`` packets, uninitialised."""
    return Columns(*(np.empty(rows, dtype) for _, dtype in FIELDS))


def new_state(chunk_rows: int) -> State:
    """Empty state whose per-chunk lists hold what ``chunk_rows`` packets can emit."""
    return State(
        packet=np.zeros(1, PACKET),
        sack=np.zeros(2 * MAX_SACK_BLOCKS, np.int64),
        blocks=np.zeros(2 * MAX_SACK_BLOCKS, np.int64),
        table=np.zeros(1 << 12, np.int64),
        connections=np.zeros(1 << 10, CONNECTION),
        flows=np.zeros(1 << 11, FLOW),
        segments=np.zeros(1 << 16, SEGMENT),
        free=np.full(20, -1, np.int64),
        events=np.zeros(1 << 12, EVENT),
        patches=np.zeros(1 << 12, np.int64),
        rtt=np.zeros(chunk_rows + 8, RTT_SAMPLE),
        sacks=np.zeros(chunk_rows + 8, SACK_BLOCK),
        icmp=np.zeros(1 << 12, ICMP_ERROR),
        captures=np.zeros(1 << 10, np.int64),
        fragments=np.zeros((64, 24), np.int64),
        counts=np.zeros(32, np.int64),
    )
