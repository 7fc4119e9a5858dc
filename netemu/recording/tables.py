"""The schema of every table of a run: column -> (type, meaning). Units stand in the names.

``t_ns`` is nanoseconds since the run's start on the monotonic clock; for a capture from elsewhere, since its first
packet. ``direction`` is 0 for a_to_b and 1 for b_to_a, where a is the client. ``*_offset_bytes`` are sequence
numbers unwrapped to 64 bits and relative to the direction's initial sequence number (its SYN is 0, its first
payload byte 1); where the SYN was not captured, relative to the first sequence number seen minus one.
"""
# ruff: noqa: PLC0414 (the closed lists are part of the schemas: they can be had from here too)

from __future__ import annotations

from netemu.recording.kinds import (
    ACK_KINDS as ACK_KINDS,
)
from netemu.recording.kinds import (
    CA_STATES as CA_STATES,
)
from netemu.recording.kinds import (
    ENUMS as ENUMS,
)
from netemu.recording.kinds import (
    PATH_MTU_CAUSES as PATH_MTU_CAUSES,
)
from netemu.recording.kinds import (
    RETRANSMISSION_KINDS as RETRANSMISSION_KINDS,
)
from netemu.recording.kinds import (
    SEGMENT_KINDS as SEGMENT_KINDS,
)
from netemu.recording.kinds import (
    SPURIOUS_BY as SPURIOUS_BY,
)
from netemu.recording.kinds import (
    TRANSIT_FATES as TRANSIT_FATES,
)
from netemu.recording.path_tables import (
    DATAGRAM_GAPS,
    DATAGRAMS,
    FRAGMENTS,
    ICMP_MESSAGES,
    PATH_MTU,
    RATES,
    WINDOWS,
)
from netemu.recording.sender_tables import EPISODES, SENDER

Schema = dict[str, tuple[str, str]]

PACKETS: Schema = {
    "capture": ("str", "name of the capture: file's stem, or interface name where the file has several"),
    "frame": ("u32", "number of the packet in its file, from 1, as Wireshark counts"),
    "t_ns": ("i64", "capture time"),
    "connection": ("i32", "row of `connections` with the same capture; -1 for packets of none"),
    "direction": ("i8", "0 a_to_b, 1 b_to_a, -1 none"),
    "ip_version": ("u8", "4 or 6; 0 for what is not IP"),
    "protocol": ("u8", "IP protocol number of the upper layer"),
    "ip_bytes": ("i32", "length of the IP packet from its header, not the captured part"),
    "ttl": ("u8", "TTL or hop limit"),
    "ecn": ("u8", "ECN field of the IP header"),
    "ip_id": ("u16", "identification of an IPv4 packet; 0 for IPv6"),
    "dont_fragment": ("bool", "IPv4 DF; True for IPv6"),
    "fragment": ("bool", "part of a fragmented IP packet"),
    "flags": ("u16", "TCP flags, FIN=1 SYN=2 RST=4 PSH=8 ACK=16 URG=32 ECE=64 CWR=128"),
    "seq": ("u32", "sequence number as sent"),
    "ack": ("u32", "acknowledgement number as sent"),
    "seq_offset_bytes": ("i64", "see module docstring"),
    "ack_offset_bytes": ("i64", "relative to the other direction's initial sequence number"),
    "payload_bytes": ("i32", "TCP or UDP payload from the IP length"),
    "window_bytes": ("i64", "advertised window, scaled when both SYNs were seen"),
    "ts_val": ("i64", "TSval or -1"),
    "ts_ecr": ("i64", "TSecr or -1"),
    "sack_blocks": ("u8", "number of SACK blocks"),
    "tcp_options": ("u16", "TCP options present: the sum of their values in TCP_OPTIONS"),
    "dsack": ("bool", "the first SACK block reports a duplicate (RFC 2883)"),
    "kind": ("segment_kind", "what its sequence space is to its sender"),
    "spurious": ("bool", "a retransmission of bytes that had arrived"),
    "spurious_by": ("spurious_by", "what proves that it was needless"),
    "out_of_order": ("bool", "arrived below the highest sequence seen and is not a retransmission"),
    "ack_kind": ("ack_kind", "what its acknowledgement is, and why it was sent"),
    "duplicate_ack": ("bool", "duplicate ACK by RFC 5681 section 2"),
    "acked_bytes": ("i32", "sequence space that it acknowledges first"),
    "ack_rtt_ns": (
        "i64",
        "since the newest transmission that it acknowledges first; at the receiver its own delay; -1 none",
    ),
    "zero_window": ("bool", "its window is zero (not SYN, FIN or RST)"),
    "window_full": ("bool", "its payload ends where the window that the other side announced last ends"),
    "ca_state": ("ca_state", "congestion state of its sender after it, as rebuilt from the packets"),
    "flight_bytes": (
        "i64",
        "after this packet: highest sequence sent minus highest ACK seen, its direction; -1 none",
    ),
    "network_duplicate": ("bool", "a second copy made by the network: the same IP identification and timestamp"),
}

CONNECTION_SIDE: Schema = {
    "packets": ("i64", "packets sent in this direction"),
    "data_segments": ("i64", "segments with payload"),
    "payload_bytes": ("i64", "payload, retransmissions included"),
    "unique_payload_bytes": ("i64", "distinct bytes of the stream"),
    "acked_bytes": (
        "i64",
        "bytes of this side's stream that the other acknowledged; from the first packet on where the SYN is missing",
    ),
    "isn": ("u32", "initial sequence number; null when no SYN of this side and no answer to it was captured"),
    "mss_announced_bytes": ("i64", "MSS option of this side's SYN; null when absent"),
    "mss_used_bytes": ("i64", "largest payload of one segment this side sent; null when it sent none"),
    "path_mtu_bytes": (
        "i64",
        "path MTU in this direction that the packets prove last; null when nothing proves it",
    ),
    "window_scale": ("i64", "shift of this side's SYN; null when absent"),
    "max_window_bytes": ("i64", "largest window this side advertised after the handshake"),
    "zero_windows": ("i64", "advertisements of a zero window, not counting SYN, RST"),
    "retransmitted_segments": ("i64", "sum of the six retransmission classes"),
    "retransmits_timeout": ("i64", "of class timeout"),
    "retransmits_fast": ("i64", "of class fast"),
    "retransmits_tail_loss_probe": ("i64", "of class tail_loss_probe"),
    "retransmits_syn": ("i64", "of class syn"),
    "retransmits_syn_ack": ("i64", "of class syn_ack"),
    "retransmits_fin": ("i64", "of class fin"),
    "spurious_retransmits": ("i64", "of any class, flagged spurious"),
    "window_probes": ("i64", "probes of a zero window"),
    "keepalives": ("i64", "keepalive probes"),
    "out_of_order_segments": ("i64", "see packets"),
    "duplicate_acks": ("i64", "duplicate ACKs this side sent"),
    "sack_blocks": ("i64", "SACK blocks this side sent"),
    "tcp_options": ("i64", "options in any packet this side sent: the sum of their values in TCP_OPTIONS"),
    "super_segments": (
        "i64",
        "packets with more payload than the other side's MSS: several segments (offload)",
    ),
    "jumbo_segments": ("i64", "packets of more than 1500 bytes that the other side's MSS allows: jumbo frames"),
    "resets": ("i64", "RSTs this side sent"),
    "reset_kind": ("reset_kind", "what the first of them was to the other end"),
    "rtt_min_ns": ("i64", "smallest RTT sample of this side's data; null when none"),
    "rtt_median_ns": ("i64", "median of them; null when none"),
    "goodput_bps": (
        "f64",
        "unique payload bits over the time from first to last data segment; null when < 2",
    ),
}

CONNECTIONS: Schema = {
    "capture": ("str", "as in packets"),
    "connection": ("i32", "index within the capture"),
    "client": ("str", "ip:port, IPv6 in brackets"),
    "server": ("str", "ip:port"),
    "start_ns": ("i64", "t_ns of the first packet"),
    "duration_ns": ("i64", "first to last packet"),
    "captured": ("captured", "whose packets the capture holds"),
    "opening": ("opening", "what it holds of the beginning"),
    "end": ("end", "how the connection stood at the capture's end"),
    "complete": ("bool", "handshake and an end (FIN both ways or RST) were seen"),
    **{f"a_{name}": column for name, column in CONNECTION_SIDE.items()},
    **{f"b_{name}": column for name, column in CONNECTION_SIDE.items()},
}

RTT: Schema = {
    "capture": ("str", "as in packets"),
    "connection": ("i32", "as in packets"),
    "direction": ("i8", "direction of the data that was timed"),
    "t_ns": ("i64", "when the ACK was captured"),
    "rtt_ns": ("i64", "ACK minus data, retransmitted data excluded (Karn)"),
}

SACKS: Schema = {
    "capture": ("str", "as in packets"),
    "frame": ("u32", "as in packets"),
    "connection": ("i32", "as in packets"),
    "direction": ("i8", "direction of the packet that carries the block"),
    "t_ns": ("i64", "capture time"),
    "start_offset_bytes": ("i64", "first byte reported, in the offsets of the other direction"),
    "end_offset_bytes": ("i64", "first byte not reported"),
}

ICMP: Schema = {
    "capture": ("str", "as in packets"),
    "frame": ("u32", "as in packets"),
    "t_ns": ("i64", "capture time"),
    "kind": ("str", "'fragmentation_needed', 'packet_too_big', or 'type/code'"),
    "reporter": ("str", "address of the router that sent it"),
    "mtu_bytes": ("i64", "MTU it reports; null when none"),
    "connection": ("i32", "the connection whose packet it quotes; -1 when not found"),
    "direction": ("i8", "direction of the quoted packet; -1 when not found"),
}

RETRANSMISSIONS: Schema = {
    "capture": ("str", "as in packets"),
    "frame": ("u32", "as in packets"),
    "connection": ("i32", "as in packets"),
    "direction": ("i8", "as in packets"),
    "t_ns": ("i64", "capture time"),
    "kind": ("segment_kind", "as in packets"),
    "spurious_by": ("spurious_by", "as in packets, also where the proof came too late for them"),
    "start_offset_bytes": ("i64", "first byte sent again"),
    "end_offset_bytes": ("i64", "first byte not sent again; a FIN counts as one"),
    "last_frame": ("u32", "the packet that had sent its first byte last; null when the capture does not hold it"),
    "waited_ns": ("i64", "since that packet; null when the capture does not hold it"),
    "silence_ns": ("i64", "since the last ACK of the other side; null when there was none"),
    "rto_ns": ("i64", "estimated retransmission timeout at that time, back-off included"),
    "backoff": ("i64", "timeouts in a row before it"),
    "ca_state": ("ca_state", "estimated congestion state of its sender before it"),
    "duplicate_acks": ("i64", "duplicate ACKs in a row before it"),
    "sacked_segments": ("i64", "outstanding segments that the receiver had reported then"),
    "sent_after_arrived": ("bool", "a segment sent after its last transmission had been delivered (RACK)"),
}

SOCKETS: Schema = {
    "t_ns": ("i64", "time of the sample"),
    "host": ("str", "node"),
    "local": ("str", "ip:port"),
    "remote": ("str", "ip:port"),
    "cookie": ("i64", "the kernel's socket cookie"),
    "state": ("str", "TCP state by the kernel's name, without TCP_"),
    "ca_state": ("str", "Open, Disorder, CWR, Recovery, Loss"),
    "snd_cwnd_segments": ("i64", "tcpi_snd_cwnd"),
    "snd_ssthresh_segments": ("i64", "tcpi_snd_ssthresh; null while infinite"),
    "snd_mss_bytes": ("i64", "tcpi_snd_mss"),
    "pmtu_bytes": ("i64", "tcpi_pmtu"),
    "rto_ns": ("i64", "tcpi_rto"),
    "srtt_ns": ("i64", "tcpi_rtt"),
    "rttvar_ns": ("i64", "tcpi_rttvar"),
    "total_retrans": ("i64", "tcpi_total_retrans"),
    "unacked_segments": ("i64", "tcpi_unacked"),
    "notsent_bytes": ("i64", "tcpi_notsent_bytes"),
    "busy_ns": ("i64", "tcpi_busy_time"),
    "rwnd_limited_ns": ("i64", "tcpi_rwnd_limited"),
    "sndbuf_limited_ns": ("i64", "tcpi_sndbuf_limited"),
    "rcv_space_bytes": ("i64", "tcpi_rcv_space"),
    "snd_wnd_bytes": ("i64", "tcpi_snd_wnd; null on kernels before 5.4"),
    "rmem_alloc_bytes": ("i64", "skmem: r"),
    "rcvbuf_bytes": ("i64", "skmem: rb"),
    "wmem_alloc_bytes": ("i64", "skmem: t, memory of packets handed to the device and not yet freed"),
    "sndbuf_bytes": ("i64", "skmem: tb"),
    "fwd_alloc_bytes": ("i64", "skmem: f"),
    "wmem_queued_bytes": ("i64", "skmem: w"),
    "backlog_bytes": ("i64", "skmem: bl"),
    "drops": ("i64", "skmem: d"),
    "congestion": ("str", "name of the congestion control"),
}

WIRES: Schema = {
    "link": ("str", "name of the link"),
    "direction": ("str", "a_to_b or b_to_a"),
    "t_ns": ("i64", "arrival at the wire"),
    "action": ("str", "forward, drop_list, drop_loss, drop_queue; duplicate for the copy made"),
    "due_ns": ("i64", "when the model lets it leave; null when dropped"),
    "sent_ns": ("i64", "when it left; null when dropped"),
    "ip_bytes": ("i64", "length of the IP packet"),
    "queue_packets": ("i64", "packets it found waiting"),
    "queue_bytes": ("i64", "IP bytes it found waiting"),
    "marked": ("bool", "CE set by this wire"),
    "corrupted": ("bool", "a bit was flipped by this wire"),
    "reordered": ("bool", "it skipped the delay"),
    "probe": ("bool", "it belongs to the lab's own probing"),
    "source": ("str", "address, with :port for TCP and UDP"),
    "destination": ("str", "address, with :port for TCP and UDP"),
    "protocol": ("i64", "IP protocol number"),
    "seq": ("i64", "TCP sequence number; null otherwise"),
    "ack": ("i64", "TCP acknowledgement number; null otherwise"),
    "payload_bytes": ("i64", "TCP or UDP payload"),
    "flags": ("i64", "TCP flags; null otherwise"),
}

CALLS: Schema = {
    "agent": ("str", "name of the agent"),
    "host": ("str", "node"),
    "t_ns": ("i64", "when the call was made"),
    "call": ("str", "system call: send, recv, connect, accept, close, shutdown, setsockopt, epoll_wait ..."),
    "asked_bytes": ("i64", "bytes asked; null where none"),
    "done_bytes": ("i64", "bytes done; null where none or failed"),
    "errno": ("str", "name of the error, null on success"),
    "blocked_ns": ("i64", "time spent in the call"),
    "connection": ("str", "local>remote; null before there is one"),
}

COUNTERS: Schema = {
    "host": ("str", "node"),
    "counter": ("str", "nstat's name, such as TcpRetransSegs"),
    "before": ("i64", "value before traffic"),
    "after": ("i64", "value after traffic"),
}

TRANSITS: Schema = {
    "capture": ("str", "the first capture on the way of this direction"),
    "connection": ("i32", "as in packets of this capture"),
    "direction": ("i8", "as in packets of this capture"),
    "frame": ("u32", "the packet there; null for what was not seen to be sent"),
    "t_ns": ("i64", "when it was captured there"),
    "arrival_capture": ("str", "the last capture on the way"),
    "arrival_frame": ("u32", "the packet there; the fragment that completes it; null when it did not come"),
    "arrival_ns": ("i64", "when it was captured there, by that capture's clock"),
    "seq_offset_bytes": ("i64", "first byte; of a super-segment each stretch that the other end shows has its row"),
    "payload_bytes": ("i32", "payload of the packet or stretch"),
    "fate": ("transit_fate", "what became of it"),
    "one_way_delay_ns": (
        "i64",
        "arrival minus sending on one clock (see clocks); null where clocks cannot be compared",
    ),
    "reordering_extent": (
        "i64",
        "RFC 4737 section 4.2.2: arrivals since the first packet sent later; 0 in order, null when it did not arrive",
    ),
    "late_ns": ("i64", "RFC 4737 section 4.2.3: time since that packet came; 0 in order, null when it did not arrive"),
    "last_seen": ("str", "the last capture on the way that saw it"),
    "link": ("str", "link whose wire dropped it; null when none did or no account is there"),
    "action": ("str", "why: drop_list, drop_loss, drop_queue"),
}

CLOCKS: Schema = {
    "capture": ("str", "capture whose clock is taken for right: the first on the way"),
    "other_capture": ("str", "capture at the end of the way"),
    "shared": ("bool", "both have one clock; nothing is estimated and delays are as measured"),
    "at_ns": ("i64", "time of `capture` at which offset_ns holds; null where clocks cannot be compared"),
    "offset_ns": ("i64", "estimated: how far the other clock is ahead, from the shortest delays of both directions"),
    "offset_bound_ns": ("i64", "the most by which offset_ns is off: half the shortest round trip"),
    "skew_ppb": ("i64", "estimated: how much faster the other clock runs; null (taken for 0) below 10 s or 20 packets"),
}

SENDS: Schema = {
    "agent": ("str", "name of the agent that called send()"),
    "host": ("str", "its node"),
    "socket": ("str", "local>remote, `connection` of calls"),
    "t_ns": ("i64", "when the call was made"),
    "blocked_ns": ("i64", "time spent in the call"),
    "done_bytes": ("i64", "bytes it took"),
    "capture": ("str", "capture on the sender's node; null when there is none, and with it all that packets tell"),
    "connection": ("i32", "as in packets of this capture"),
    "direction": ("i8", "as in packets of this capture"),
    "start_offset_bytes": ("i64", "sequence offset of its first byte"),
    "end_offset_bytes": ("i64", "sequence offset behind its last byte"),
    "first_sent_ns": ("i64", "when its first byte was first sent"),
    "last_sent_ns": ("i64", "when its last byte was first sent"),
    "buffered_ns": (
        "i64",
        "from the call to the first sending of its last byte: waiting for room and in the send buffer",
    ),
    "segments": ("i64", "new packets that carried any of its bytes"),
    "retransmits_timeout": ("i64", "packets of class timeout that carried any of its bytes"),
    "retransmits_fast": ("i64", "of class fast"),
    "retransmits_tail_loss_probe": ("i64", "of class tail_loss_probe"),
    "dropped_segments": ("i64", "packets with any of its bytes that wires dropped; null without their account"),
    "dropped_by": ("str", "link and action of those drops, each once; null when there were none"),
    "arrived_ns": ("i64", "when its last byte first came to the capture on the receiver's node"),
    "in_order_ns": ("i64", "when all bytes up to its last had come there"),
    "read_ns": ("i64", "when the recv() returned that took its last byte"),
    "acked_ns": ("i64", "when all its bytes were acknowledged, as seen in `capture`"),
}

TRACE: Schema = {
    "t_ns": ("i64", "time of the event, in steps of 1000"),
    "event": ("str", "tracepoint: tcp_probe, tcp_retransmit_skb, inet_sock_set_state ..."),
    "host": ("str", "node whose socket it is; null when unknown"),
    "local": ("str", "ip:port"),
    "remote": ("str", "ip:port"),
    "attribution": ("str", "how the node was found: cookie, address"),
}
"""What every event has; each further field of the kernel's events is a column of its own name, null in others."""

TABLES: dict[str, Schema] = {
    "packets": PACKETS,
    "connections": CONNECTIONS,
    "rtt": RTT,
    "sacks": SACKS,
    "icmp": ICMP,
    "retransmissions": RETRANSMISSIONS,
    "sockets": SOCKETS,
    "wires": WIRES,
    "calls": CALLS,
    "counters": COUNTERS,
    "transits": TRANSITS,
    "clocks": CLOCKS,
    "path_mtu": PATH_MTU,
    "windows": WINDOWS,
    "datagrams": DATAGRAMS,
    "datagram_gaps": DATAGRAM_GAPS,
    "icmp_messages": ICMP_MESSAGES,
    "rates": RATES,
    "fragments": FRAGMENTS,
    "sends": SENDS,
    "trace": TRACE,
    "sender": SENDER,
    "episodes": EPISODES,
}

PACKET_TABLES = (
    *("connections", "rtt", "sacks", "icmp", "retransmissions", "path_mtu", "sender", "episodes"),
    *("windows", "datagrams", "datagram_gaps", "icmp_messages", "rates", "fragments"),
)
"""The tables beside ``packets`` that packets alone give, of a run and of any capture."""
