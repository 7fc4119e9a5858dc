"""The memory shared by the compiled functions: one scratch packet, growing tables of state, output columns.

Everything is a 64-bit integer while it is worked on, since mixing signed and unsigned makes Numba go to floating
point; the output columns have the types of :mod:`netemu.recording.tables`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from netemu.trace.memory import record_at
from netemu.trace.reserved import reserved

LINE_BYTES = 64
"""What comes from memory at a time."""


def _record(parts: Sequence[tuple[int, str]], size: int | None = None) -> np.dtype[Any]:
    """A record of fields from some offsets on; ``size`` where it is longer than they are."""
    names: list[str] = []
    kinds, offsets = [], []
    for offset, text in parts:
        at = offset
        for name, _, kind in (word.partition(":") for word in text.split()):
            names.append(name)
            kinds.append(np.dtype(kind or np.int64))
            offsets.append(at)
            at += kinds[-1].itemsize
            if offsets[-1] % kinds[-1].itemsize:
                raise ValueError(f"{name}: is not at a multiple of its size")
    end = -(-max(at + kind.itemsize for at, kind in zip(offsets, kinds, strict=True)) // 8) * 8
    return np.dtype({"names": names, "formats": kinds, "offsets": offsets, "itemsize": size or end})


def words(names: str, unnamed: int = 0) -> np.dtype[Any]:
    """A record of 64-bit integers with these names, and as many more after them without.

    ``name:i4`` is one that is kept in four bytes (``i1``, ``i2``; ``u1``, ``u2``, ``u4`` without a sign): where it
    stands must be a multiple of them.
    """
    named = _record([(0, names)])
    return _record([(0, names)], named.itemsize + 8 * unnamed) if unnamed else named


def in_lines(*lines: str) -> np.dtype[Any]:
    """A record as of :func:`words` that has each of ``lines`` in a line of memory of its own, the last in several."""
    long = [line for line in lines[:-1] if words(line).itemsize > LINE_BYTES]
    if long:
        raise ValueError(f"longer than a line of memory: {long[0]}")
    size = LINE_BYTES * (len(lines) - 1) + -(-words(lines[-1]).itemsize // LINE_BYTES) * LINE_BYTES
    return _record([(LINE_BYTES * k, line) for k, line in enumerate(lines)], size)


class Batch:
    """Some records of 64-bit integers by column: a row is worked on as a record, a column is moved as a whole.

    The compiled function ``at`` takes an address and a row. Columns are not a power of two of bytes apart: loads would
    wait for stores to other columns that only look like theirs (the lowest 12 bits of addresses are compared first).
    """

    def __init__(self, names: str, rows: int) -> None:
        self.names, self.column_words = tuple(names.split()), rows + LINE_BYTES // 8
        step = 8 * self.column_words
        offsets = [step * place for place in range(len(self.names))]
        formats = [np.int64] * len(offsets)
        size = step * len(offsets)
        self.at = record_at(
            np.dtype({"names": self.names, "formats": formats, "offsets": offsets, "itemsize": size}), 8
        )
        self.words = size // 8

    def place(self, name: str) -> int:
        """The number of a column."""
        return self.names.index(name)

    def column(self, memory: Any, name: str) -> Any:
        """A column's rows in the words where a batch lies."""
        first = self.place(name) * self.column_words
        return memory[first : first + self.column_words - LINE_BYTES // 8]


_PACKET_ZERO = """
ip_version protocol ip_bytes ttl ecn dont_fragment fragment fragment_offset more_fragments src_hi src_lo dst_hi dst_lo
header_bytes jumbo sport dport malformed bad_options truncated tunnels flags seq ack payload window options_bytes
sack_count sack_permitted tcp_options low hash words_read icmp_type icmp_code icmp_mtu icmp_error quoted_protocol
seq_offset ack_offset window_bytes dsack kind spurious out_of_order duplicate_ack network_duplicate
ack_kind acked zero_window window_full ca_state
"""
_PACKET_UNKNOWN = """
ip_id transport ts_val ts_ecr mss wscale connection direction flow number flight ack_rtt_ns
"""
_PACKET_OTHERS = """
t_ns at offset cap_bytes wire_bytes link capture frame row ipv4_id network
q_src_hi q_src_lo q_dst_hi q_dst_lo q_sport q_dport q_seq word_0 word_1 word_2
before_state before_rto_ns before_waited_ns before_row before_silence_ns before_rack before_backoff
before_dupacks before_sacked
inner sack expected
"""

CONNECTION = in_lines(
    """
addr_lo_hi addr_lo_lo addr_hi_hi addr_hi_lo end_ns index:i4 previous:i4 packets:u4 port_lo:u2 port_hi:u2 scope:i2
client_is_low:i1 fin_seen:i1 rst_seen:i1 reset_by:i1 syn_seen:i1 syn_ack_seen:i1
""",
    "start_ns reset_ns capture version",
)
"""One connection; ``addr_lo`` and ``port_lo`` are the end that sorts first. Most packets need its first line alone."""

_COUNTERS = """
packets data_segments payload_bytes unique_payload_bytes zero_windows retransmits_timeout
retransmits_fast retransmits_tail_loss_probe retransmits_syn retransmits_syn_ack retransmits_fin
spurious_retransmits window_probes keepalives out_of_order_segments duplicate_acks sack_blocks
max_window_bytes mss_used_bytes resets super_segments jumbo_segments tcp_options
"""

_OF_BOTH_ENDS = (
    """
nxt una sack_blocks last_window:i4 max_window_bytes:i4 isn:u4 packets:u4 dupacks:u4 sacked_count:u4 tcp_options:u2
isn_known:i1 syn_sent:i1 syn_ack_sent:i1 syn_retransmitted:i1 wscale:i1 sack_permitted:i1 synced:i1 ca_state:i1
ack_seen:i1 provoked:i1 last_probe_kind:i1 frto:i1 reordered:i1 reset_kind:i1
""",
    "cwr_high retrans_stamp timer_base_ns tlp_high last_ack_ns min_rtt_ns srtt_ns mss_announced:i4 mss_used_bytes:i4",
)
_OF_DATA = (
    """
ring_base:i4 ring_capacity:i4 ring_head:i4 ring_count:i4 payload_bytes unique_payload_bytes last_data_ns last_send_ns
ts_val ip_id:i4 data_segments:u4
""",
    "mdev_ns mdev_max_ns rttvar_ns rtt_seq ts_start rack_ns"
    " ip_ids_counted:u4 ip_ids_other:u4 backoff:u4 retrans_last:i4",
)
_OF_ACKS = "rack_end rack_rtt_ns highest_sacked high_seq prompt_rtt_ns unseen_from unseen_ns first_data_ns"
BOTH_LINES, DATA_LINES, ACK_LINES = 2, 4, 5
"""How many lines of memory of a flow a packet needs: of the flow that sends it and the one that it acknowledges; of
one that sends data; of one whose data is acknowledged."""

FLOW = in_lines(
    *_OF_BOTH_ENDS,
    *_OF_DATA,
    _OF_ACKS,
    """
zero_windows retransmits_timeout retransmits_fast retransmits_tail_loss_probe retransmits_syn
retransmits_syn_ack retransmits_fin spurious_retransmits window_probes keepalives out_of_order_segments duplicate_acks
resets super_segments jumbo_segments syn_ns syn_ts_val syn_ip_id loss_ns undo_events undo_marker turn_ns
reo_newest_ns reo_since_ns reo_steps reo_persist reo_dsack
pmtu_icmp syn_row fin_end retrans_end sack_0_start sack_0_end
sack_1_start sack_1_end sack_2_start sack_2_end sack_3_start sack_3_end syn_asked
""",
)
"""One direction of a connection, as its sender; flow ``2 * connection + direction``.

``syn_asked``: a SYN of the other end passed since this one answered one.
"""

COUNTERS = tuple(_COUNTERS.split())

SEGMENT = words("start end first_ns sent_ns ts_val ip_id row:u4 event:i4 retransmitted:u4 sacked:i1 gap:i1")
"""Sent and not yet acknowledged sequence space; ``gap`` is space that this capture has not shown: it has no ``row``."""

EVENT = words("""
flow start end row sent_ns kind ts_val spurious previous
state rto_ns waited_ns last_row silence_ns backoff dupacks sacked_count rack
""")
"""One retransmission; a flow's events are linked by ``previous``. The second line is the evidence at that time."""

RTT_SAMPLE = words("""
connection direction t_ns rtt_ns srtt_ns rto_ns capture:i4 number:i4
""")
"""One RTT sample, and the sender's estimates once it is taken in; ``number`` is the connection's within its capture."""
SACK_BLOCK = words("""
frame connection direction t_ns start end capture:i4 number:i4
""")
ICMP_ERROR = words("""
capture frame t_ns version type code mtu src_hi src_lo connection direction
""")

OTHER = words("""
capture frame t_ns version protocol src_hi src_lo dst_hi dst_lo sport dport ip_bytes header_bytes payload
dont_fragment fragment ip_id fragment_offset more_fragments icmp_type icmp_code words_read word_0 word_1 word_2
""")
"""What is told apart only for packets other than whole TCP segments: UDP, ICMP, fragments. ``word_0`` and on are the
first three big-endian words of 64 bits of a UDP datagram, as far as ``words_read``; of an ICMP echo the first is
identifier and sequence number (RFC 792)."""

MAX_SACK_BLOCKS = 4
BATCH = 64
"""Packets that are read before the first of them is classified: what they need of memory is on its way meanwhile."""
MAX_RING = 1 << 16
"""Segments kept in flight per direction; the oldest are forgotten beyond this."""

FIELDS = (
    ("frame", np.uint32, "frame"),
    ("capture", np.uint16, "capture"),
    ("t_ns", np.int64, "t_ns"),
    ("flow", np.int32, "flow"),
    ("connection", np.int32, "number"),
    ("direction", np.int8, "direction"),
    ("ip_version", np.uint8, "ip_version"),
    ("protocol", np.uint8, "protocol"),
    ("ip_bytes", np.int32, "ip_bytes"),
    ("ttl", np.uint8, "ttl"),
    ("ecn", np.uint8, "ecn"),
    ("ip_id", np.uint16, "ipv4_id"),
    ("dont_fragment", np.uint8, "dont_fragment"),
    ("fragment", np.uint8, "fragment"),
    ("flags", np.uint16, "flags"),
    ("seq", np.uint32, "seq"),
    ("ack", np.uint32, "ack"),
    ("seq_offset_bytes", np.int64, "seq_offset"),
    ("ack_offset_bytes", np.int64, "ack_offset"),
    ("payload_bytes", np.int32, "payload"),
    ("window_bytes", np.int64, "window_bytes"),
    ("ts_val", np.int64, "ts_val"),
    ("ts_ecr", np.int64, "ts_ecr"),
    ("sack_blocks", np.uint8, "sack_count"),
    ("tcp_options", np.uint16, "tcp_options"),
    ("dsack", np.uint8, "dsack"),
    ("kind", np.uint8, "kind"),
    ("spurious_by", np.uint8, "spurious"),
    ("out_of_order", np.uint8, "out_of_order"),
    ("ack_kind", np.uint8, "ack_kind"),
    ("duplicate_ack", np.uint8, "duplicate_ack"),
    ("acked_bytes", np.int32, "acked"),
    ("ack_rtt_ns", np.int64, "ack_rtt_ns"),
    ("zero_window", np.uint8, "zero_window"),
    ("window_full", np.uint8, "window_full"),
    ("ca_state", np.uint8, "ca_state"),
    ("flight_bytes", np.int64, "flight"),
    ("network_duplicate", np.uint8, "network_duplicate"),
)
"""Columns that a chunk of packets gives: name, type, and the word of the scratch packet it holds.

They have the order of :data:`netemu.recording.tables.PACKETS`.

``flow`` is for observers and in no table: twice the connection's number in the file, plus the direction; -1 none.
"""

PACKET = Batch(_PACKET_ZERO + _PACKET_UNKNOWN + _PACKET_OTHERS, BATCH)
"""Scratch packets: first what is 0 in a new one, then what is -1, then what nobody reads before it is written.

``sack`` is the address of its SACK blocks' edges; ``low`` and ``hash`` are the key that its connection is looked up by,
``expected`` the one that is probably found.
``spurious`` is a code of SPURIOUS_BY; ``before_*`` is the evidence for a retransmission (:mod:`netemu.trace.evidence`).
``inner`` is not the packet's: whether to look into tunnels. ``tunnels`` is how many it was found in, or carries.
"""


SCAN = words("""
position base format little record_header swapped interface_base interface_count value
untimed unclear_times unclear_at packet_comments
""")
"""Where the reader stands in the window and the window in the file, format, byte order, bytes of a pcap record's
header and whether its lengths are swapped, the section's first interface and how many it has, the offending value
after a BAD status; then packets without a time, with one that cannot be (and where the first of them is), and
comments of packets."""

INTERFACE = words("""
link unit value offset_ns capture snap packets
""")
"""One interface: link type, unit of its times and its value, their offset, capture number, snap length; packets."""

FRAGMENT_COVER_WORDS = 128
"""A bit for every 8 bytes of the longest IP packet: fragments begin at multiples of 8 (RFC 791 section 3.1)."""
FRAGMENT = words(
    """
used capture version src_hi src_lo dst_hi dst_lo ip_id got total header sport dport seq ack flags window
options ts_val ts_ecr t_ns tcp_options
""",
    FRAGMENT_COVER_WORDS,
)
"""A TCP segment of which some fragments have been seen; the bits of what was seen stand behind the names."""
FRAGMENT_ROWS = 64

STATE = words("""
packet sack blocks table connections flows segments free events patches rtt sacks icmp captures
others fragments table_size connection_capacity segment_capacity event_capacity rtt_capacity sack_capacity
icmp_capacity connection_count segment_count event_count patch_count rtt_count sack_count icmp_count other_count
frame_count row_count batch_count batch_next malformed truncated clock_backwards malformed_at truncated_at
clock_backwards_at connection_limit not_ip super_segments tunnelled unseen stray last_ns
max_ring segment_limit free_segments forgotten
""")
"""Addresses of the tables, how many rows each can hold, how many it holds, and counts for the warnings.

``free_segments`` are in rings that were given back; ``forgotten`` counts those that left a ring unacknowledged."""

packet_at, connection_at, flow_at = PACKET.at, record_at(CONNECTION), record_at(FLOW)
segment_at, event_at, fragment_at = record_at(SEGMENT), record_at(EVENT), record_at(FRAGMENT)
rtt_at, sack_at, icmp_at = record_at(RTT_SAMPLE), record_at(SACK_BLOCK), record_at(ICMP_ERROR)
other_at = record_at(OTHER)
interface_at, state_at, scan_at = record_at(INTERFACE), record_at(STATE), record_at(SCAN)


PACKET_ZERO_WORDS = PACKET.column_words * len(_PACKET_ZERO.split())
"""Words of the columns that are 0 in a new packet; behind them are those that are -1."""
PACKET_UNKNOWN_WORDS = PACKET.column_words * len(_PACKET_UNKNOWN.split())
"""Words of those."""


class Columns(NamedTuple):
    """Output of one chunk: one array per column."""

    frame: Any
    capture: Any
    t_ns: Any
    flow: Any
    connection: Any
    direction: Any
    ip_version: Any
    protocol: Any
    ip_bytes: Any
    ttl: Any
    ecn: Any
    ip_id: Any
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
    tcp_options: Any
    dsack: Any
    kind: Any
    spurious_by: Any
    out_of_order: Any
    ack_kind: Any
    duplicate_ack: Any
    acked_bytes: Any
    ack_rtt_ns: Any
    zero_window: Any
    window_full: Any
    ca_state: Any
    flight_bytes: Any
    network_duplicate: Any


COLUMN = words("""
address word bytes
""")
"""Where a column lies in memory, the word of the scratch packet it holds, and the bytes of a value."""
column_at = record_at(COLUMN)


def new_columns(rows: int) -> Columns:
    """Columns for ``rows`` packets in one piece of memory."""
    sizes = [-(-rows * np.dtype(kind).itemsize // LINE_BYTES) * LINE_BYTES for _, kind, _ in FIELDS]
    memory = reserved(sum(sizes), np.uint8)
    starts = np.cumsum([0, *sizes])
    return Columns(
        *(
            memory[start : start + rows * np.dtype(kind).itemsize].view(kind)
            for (_, kind, _), start in zip(FIELDS, starts, strict=False)
        )
    )


def column_table(columns: Columns) -> Any:
    """``columns`` as compiled code takes them: one :data:`COLUMN` each."""
    rows = [
        (column.ctypes.data, PACKET.place(word), column.itemsize)
        for column, (_, _, word) in zip(columns, FIELDS, strict=True)
    ]
    return np.array(rows, COLUMN)
